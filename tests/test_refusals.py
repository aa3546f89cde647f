"""What once broke with an error of numpy, pandas or Python is refused by its name."""

from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from tournament_files import write_tournament

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
    analysis,
    demo,
    folders,
    metrics,
    neutralization_path,
    rank_gauss,
    recipes,
    streaming,
)
from skbench.datasets import (
    fetch_benchmark_models,
    load_benchmark_models,
    make_benchmark_models,
)
from skbench.deploy import export_predict, find_duplicates, validate_submission
from skbench.model_selection import (
    WalkForwardEraSplit,
    walk_forward_predict,
    weight_grid,
)
from skbench.report import (
    CumulativeScoreDisplay,
    EraScoreDisplay,
    FeatureExposureDisplay,
    ImpliedWeightsDisplay,
    NeutralizationPathDisplay,
    PerformanceReport,
    WeightsDisplay,
)
from skbench.staking import PayoutRule, allocate, simulate

DATA = make_benchmark_models(12, 20, 2, 3, meta_model_eras=12, random_state=0)
X = DATA.frame
MODELS, FEATURES = X[DATA.models], X[DATA.features]
Y, ERA = X["target"].fillna(0.25), X["era"]
SCORES = metrics.numerai_corr(Y + FEATURES.iloc[:, 0], MODELS, era=ERA)
RULE = PayoutRule("half", {"corr": 1.0})
SERVER = SimpleNamespace(list_datasets=lambda: ["v5.3/validation.parquet"])
HUGE, CUBE = 10**400, np.zeros((2, 2, 2))
ROWS = {"models": MODELS, "y": Y + FEATURES.iloc[:, 0], "era": ERA}
FOLLOWED = dict.fromkeys(DATA.models)


def huge(column):
    return column.mask(np.arange(len(column)) == 3, 1e308)


def exposures():
    return metrics.feature_exposure(X[DATA.models[0]], FEATURES, era=ERA)


REFUSED = {
    # paths
    "a path that is none": (lambda: load_benchmark_models(object()), "`path`"),
    "an empty path": (lambda: load_benchmark_models(""), "`path`.*empty"),
    "a path to analyze": (lambda: folders.analyze_folder(1), "`path`"),
    "a path of feature sets": (
        lambda: folders.ensemble_pipeline({}, neutralize="small"), "`path`"),
    "a path of a demo": (lambda: demo.run_demo(()), "`data`"),
    "a path to write": (lambda: export_predict(None, [1]), "`path`"),
    # eras and threads
    "era: an array": (lambda: EraRank(era=CUBE).fit(X), "`era`"),
    "era: a frame": (lambda: EraRank(era=pd.DataFrame()).fit(X), "`era`"),
    "era: missing": (lambda: EraRank(era=pd.NA).fit(X), "`era`"),
    "era of duplicates": (
        lambda: find_duplicates(MODELS, era=pl.DataFrame({"a": [1.0]})), "`era`"),
    "era that cannot be a label": (
        lambda: EraRank().fit(X.assign(era=[[1]] * len(X))), "'era' must hold labels"),
    "n_jobs: complex": (lambda: EraRank(n_jobs=1j).fit_transform(X), "`n_jobs`"),
    "n_jobs: 0": (lambda: neutralization_path(X, [1.0], n_jobs=0), "`n_jobs`"),
    # columns
    "columns: a number in an array": (
        lambda: EraRank(np.array("nowhere")).fit(X), "`columns`"),
    "columns: a list in a list": (lambda: EraRank([["era"]]).fit(X), "`columns`"),
    "proportions: a number": (
        lambda: neutralization_path(X, 0.5), "`proportions`.*0.5"),
    "columns: missing": (
        lambda: neutralization_path(X, [1.0], neutralizers=pd.NA), "`neutralizers`"),
    "names for the output, ragged": (
        lambda: EraRank().fit(X).get_feature_names_out([["a", "b"], ["c"]]),
        "`input_features`"),
    "names for the output": (
        lambda: EraRank().fit(X).get_feature_names_out(1j), "`input_features`"),
    "a container": (lambda: EraRank().set_output(transform=X), "`transform`"),
    # targets
    "y: a number": (lambda: WeightedEnsemble().fit(X).score(X, 0.5), "y must hold"),
    "y: beyond floats": (
        lambda: StackingWeights().fit(X, [HUGE] * len(X)), "y must hold numbers"),
    "y: huge": (
        lambda: WeightedEnsemble().fit(X).score(X, huge(Y)), "y has 1 infinite or h"),
    "y: complex": (
        lambda: StackingWeights().fit(X, Y * 1j), "y must hold numbers: .*complex"),
    "columns to learn from: huge": (
        lambda: StackingWeights().fit(X.assign(**dict.fromkeys(DATA.models, 1e308)), Y),
        "prediction column .* huge"),
    "features to train on: huge": (
        lambda: recipes.FeatureRegressor(LinearRegression()).fit(
            X.assign(**{DATA.features[0]: 1e308}), Y), "infinite or huge"),
    "features to train on: infinite": (
        lambda: recipes.FeatureRegressor(LinearRegression()).fit(
            X.assign(**{DATA.features[0]: np.float32("inf")}), Y), "infinite or huge"),
    "y_true: huge": (
        lambda: metrics.numerai_corr(huge(Y), MODELS, era=ERA), "`y_true` has 1 inf"),
    "features: huge": (
        lambda: metrics.feature_exposure(huge(X[DATA.models[0]]), FEATURES, era=ERA),
        "`y_pred` has 1 infinite or huge"),
    "y of synergy: huge": (
        lambda: analysis.synergy(**(ROWS | {"y": huge(Y)})), "`y` has 1 infinite or"),
    "submission: huge": (
        lambda: validate_submission(
            pd.DataFrame({"id": ["a", "b"], "prediction": [1e308, -1e308]}),
            ["a", "b"]), "outside"),
    # inputs by name
    "one number": (lambda: metrics.summarize(0.5), "`scores` must be one column"),
    "rows of several lengths": (
        lambda: metrics.numerai_corr([[1], [1, 2]], MODELS, era=ERA), "`y_true`"),
    "complex": (
        lambda: metrics.numerai_corr(Y, MODELS.to_numpy() * 1j, era=ERA), "`y_pred`"),
    "records": (lambda: metrics.summarize(SCORES.to_records()), "`scores`"),
    "models: none": (
        lambda: analysis.implied_weights(Y, pd.NA, era=ERA), "`models`"),
    "no rows": (lambda: analysis.synergy(**(ROWS | {"y": ()})), "`y` has 0 rows"),
    # parameters
    "shrinkage": (lambda: StackingWeights(shrinkage=pd.NA).fit(X, Y), "`shrinkage`"),
    "meta_model": (
        lambda: StackingWeights(meta_model=CUBE).fit(X, Y), "`meta_model`"),
    "meta_model beyond an array": (
        lambda: StackingWeights(meta_model=99, era=None).fit(MODELS.to_numpy(), Y),
        "`meta_model` has position 99"),
    "missing": (
        lambda: FeatureNeutralizer(missing=np.array([None, 1])).fit(X), "`missing`"),
    "benchmark": (lambda: metrics.summarize(SCORES, [[1], [1, 2]]), "`benchmark`"),
    "predictions beyond floats": (
        lambda: metrics.correlation_with([HUGE, 0.5], [1, 2], era=[1, 1]),
        "must hold numbers"),
    "predictions beyond floats, in an array": (
        lambda: metrics.correlation_with(
            np.array([HUGE, 0.5], dtype=object), [1, 2], era=[1, 1]),
        "must hold numbers"),
    "benchmark: missing": (
        lambda: metrics.summarize(SCORES, pd.NA), "`benchmark` must name"),
    "benchmark of rows: missing": (
        lambda: metrics.score_models(Y, MODELS, era=ERA, benchmark=pd.NA),
        "`benchmark` must be one"),
    "benchmark: a tuple with a list": (
        lambda: metrics.summarize(SCORES, ("a", [1])), "`benchmark` must name"),
    "portfolio": (
        lambda: analysis.marginal_contribution({pd.NA: 1.0}, **ROWS), "`portfolio`"),
    "benchmark of rows": (
        lambda: metrics.score_models(Y, MODELS, era=ERA, benchmark=CUBE), "`benchm"),
    "scores of a board": (lambda: metrics.leaderboard([1.0]), "`scores`.*list"),
    "names": (lambda: weight_grid([["a"], "b"]), "`names`.*'a'"),
    "names: an array of one": (lambda: weight_grid(np.array(5.0)), "`names`"),
    "progress": (
        lambda: walk_forward_predict(EraRank(), X, progress=MODELS), "`progress`"),
    "cv that is no pairs": (
        lambda: walk_forward_predict(EraRank(), X, cv={"corr": 1.0}), "`cv` must be"),
    "cv": (
        lambda: walk_forward_predict(EraRank(), X, cv=(1, "a")), "`cv` must be"),
    "groups": (
        lambda: list(WalkForwardEraSplit(2).split(X, groups="a")), "`groups`"),
    "X beside groups": (
        lambda: list(WalkForwardEraSplit(2).split(1.5, groups=ERA)), "X must hold"),
    "groups of synergy": (
        lambda: analysis.synergy(**ROWS, groups=FOLLOWED | {DATA.models[0]: set()}),
        "`groups`"),
    "target": (lambda: analysis.analyze(DATA, target=set()), "`target`"),
    "unscored": (lambda: make_benchmark_models(unscored=SCORES), "`unscored`"),
    "features of a recipe": (
        lambda: recipes.riskiest_features(X, Y, 1, features=[CUBE]), "`features`"),
    "version": (lambda: fetch_benchmark_models(X, api=SERVER), "`version`"),
    # folders and files
    "features of a folder": (
        lambda: load_benchmark_models("/", features=np.array(5.0)), "`features`"),
    "pipeline": (
        lambda: folders.ensemble_folder("/", "a.parquet", [None]), "`pipeline`"),
    "pipeline of positions": (
        lambda: folders.ensemble_folder(
            "/", "a.parquet", make_pipeline(FeatureNeutralizer(5))), "`pipeline`"),
    "rule": (lambda: folders.stake_folder("/", {"corr": 1.0}), "`rule`"),
    "account": (lambda: folders.report_account(5), "`account`"),
    "against": (lambda: folders.report_account("a", against=True), "`against`"),
    "progress of scores": (
        lambda: folders.score_folder("/", progress=SCORES), "`progress`"),
    "progress of a fit": (
        lambda: streaming.fit_parquet(None, "a", progress=SCORES), "`progress`"),
    "progress of a transform": (
        lambda: streaming.transform_parquet(None, "a", "b", progress=SCORES),
        "`progress`"),
    "progress of a sort": (
        lambda: streaming.sort_parquet("a", "b", progress=SCORES), "`progress`"),
    "y of a file": (lambda: streaming.fit_parquet(None, "a", X), "`y`"),
    # scores
    "a reduction to no number": (
        lambda: metrics.era_scorer(metrics.numerai_corr, reduce=lambda *_: None)(
            WeightedEnsemble().fit(X), X, ROWS["y"]), "`reduce` must return a number"),
    "an era twice on a board": (
        lambda: metrics.leaderboard({"corr": SCORES.set_axis(["a"] * 12)}),
        r"the rows of `scores\['corr'\]` must differ"),
    "no eras on a board": (
        lambda: metrics.leaderboard({"corr": SCORES.set_axis([np.nan] * 12)}),
        r"the rows of `scores\['corr'\]` .*missing are 12 of 12"),
    "no eras of scores": (
        lambda: metrics.summarize(SCORES.set_axis([*SCORES.index[1:], pd.NA])),
        "the rows of `scores` .*missing are 1 of 12"),
    "target of a column of text": (
        lambda: analysis.analyze(DATA, target="era"), "`target` must be a column of n"),
    "model of a column of text": (
        lambda: analysis.analyze(DATA, model="era"), "`model` must be a column of num"),
    "window of more eras than there are": (
        lambda: analysis.implied_weights(
            X["numerai_meta_model"], MODELS, era=ERA, window=HUGE), "`window` must be"),
    "eras that no label is made of": (
        lambda: EraRank().fit(pa.table({"era": [[1]], "a": [0.5]})),
        "'era' must hold labels"),
    # stakes
    "threshold": (lambda: PayoutRule("a", {"b": 1.0}, threshold=HUGE), "`threshold`"),
    "source": (lambda: PayoutRule("a", {"b": 1.0}, source={}), "`source`"),
    "renamed": (lambda: RULE.renamed(5), "`names`"),
    "scores as text": (
        lambda: RULE.payout({"corr": SCORES.assign(new="text")}), "'corr' must hold"),
    "stakes": (
        lambda: simulate({"corr": SCORES}, 1e308, RULE, duration=1), "`stakes`"),
    "risk_aversion": (
        lambda: allocate({"corr": SCORES}, RULE, risk_aversion=1e308), "`risk_av"),
    # displays and reports
    "axes": (lambda: WeightsDisplay.from_weights({"a": 1.0}, ax="era"), "`ax`"),
    "a pair of axes": (
        lambda: CumulativeScoreDisplay.from_scores(SCORES, ax=(1, 2)), "`ax`"),
    "values to rank": (lambda: rank_gauss(["a", "b"]), "`values` must hold numbers"),
    "values of several lengths to rank": (
        lambda: rank_gauss([[1, 2], [3]]), "`values` must be one column"),
    "complex values to rank": (lambda: rank_gauss([1j]), "`values` must hold numbers"),
    "weights of what is no estimator": (
        lambda: WeightsDisplay.from_estimator((3, 1)), "`estimator` must be"),
    "a model without a name": (
        lambda: PerformanceReport(SCORES.rename(columns={DATA.models[0]: None})),
        "models in `scores` must all have a label"),
    "exposures to missing features": (
        lambda: FeatureExposureDisplay.from_predictions(
            Y, Y, FEATURES * np.nan, era=ERA), "no exposure to any of the features"),
    "intervals": (
        lambda: WeightsDisplay.from_weights({"a": 1.0}, 0.5), "`intervals`"),
    "ends": (
        lambda: WeightsDisplay.from_weights({"a": 1.0}, {"a": 3}), "`intervals`"),
    "implied weights": (
        lambda: ImpliedWeightsDisplay.from_weights(object()), "`weights`"),
    "exposures as text": (
        lambda: FeatureExposureDisplay.from_exposures(
            exposures().astype(str), exposures()), "must hold numbers"),
    "exposures twice": (
        lambda: FeatureExposureDisplay.from_exposures(
            exposures(), pd.concat([exposures()] * 2, axis=1)), "`after`.*duplicate"),
    "predictions of other rows": (
        lambda: FeatureExposureDisplay.from_predictions(
            Y, Y.iloc[:-1], FEATURES, era=ERA), "`after` has"),
    "predictions of another index": (
        lambda: FeatureExposureDisplay.from_predictions(
            Y.set_axis(range(len(Y))), Y, FEATURES, era=ERA), "`before` has another"),
    "predictions by name": (
        lambda: FeatureExposureDisplay.from_predictions(
            "a", Y, FEATURES, era=ERA), "`before`"),
    "proportions": (
        lambda: NeutralizationPathDisplay.from_predictions(X, Y, proportions="era"),
        "`proportions`"),
    "proportions: an array of one": (
        lambda: NeutralizationPathDisplay.from_predictions(
            X, Y, proportions=np.array(0.5)), "`proportions`"),
    "targets of another index than the predictions": (
        lambda: NeutralizationPathDisplay.from_predictions(
            X, Y.set_axis(range(len(Y)))), "y has another index than X"),
    "columns that are no proportions": (
        lambda: NeutralizationPathDisplay.from_scores(np.zeros((12, 3))),
        "`scores` must have columns .* between 0 and 1.*got 2"),
    "benchmark of a page: a set": (
        lambda: PerformanceReport(SCORES, benchmark={"a"}), "`benchmark` must name"),
    "benchmark of a page: ragged": (
        lambda: PerformanceReport(SCORES, benchmark=[[1, 2], [3]]), "`benchmark` must"),
    "benchmark of a page: an array of one": (
        lambda: PerformanceReport(SCORES, benchmark=np.array(5.0)), "`benchmark` must"),
    "model": (
        lambda: EraScoreDisplay.from_scores(SCORES, model=CUBE), "`model`"),
    "huge scores": (
        lambda: metrics.summarize(SCORES * 1e308 * 10), "`scores` must not be inf"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_by_name(case):
    call, message = REFUSED[case]
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        call()
    assert type(caught.value) in (TypeError, ValueError)


def transform(folder, **options):
    rank = EraRank(DATA.models[0]).fit(X)
    source = folder / "validation_benchmark_models.parquet"
    streaming.transform_parquet(rank, source, folder / "new.parquet", **options)


IN_A_FOLDER = {
    "eras": (
        lambda path: load_benchmark_models(path, eras=np.array(5.0)), "`eras`"),
    "columns twice": (
        lambda path: load_benchmark_models(path, models="era"), "`models`"),
    "neutralize": (
        lambda path: folders.ensemble_pipeline(path, neutralize=SCORES), "`neutr"),
    "neutralize: unknown": (
        lambda path: folders.ensemble_pipeline(path, neutralize=""), "`neutralize`"),
    "columns to keep": (lambda path: transform(path, columns=...), "`columns`"),
    "columns to keep, by number": (
        lambda path: transform(path, columns=[1]), "`columns`"),
}  # fmt: skip


@pytest.mark.parametrize("frame", [pl.DataFrame, pa.table])
def test_decimals_are_numbers(frame):
    decimals = [Decimal(i) for i in (3, 1, 2)]
    rows = frame({"a": decimals, "b": [1, 2, 3]})
    got = EraRank(["a", "b"], era=None).fit(rows).predict(rows)
    np.testing.assert_allclose(got.T, [[5 / 6, 1 / 6, 0.5], [1 / 6, 0.5, 5 / 6]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tournament(tmp_path_factory.mktemp("folder"), DATA)


@pytest.mark.parametrize("case", IN_A_FOLDER)
def test_refused_by_name_in_a_folder(case, folder):
    call, message = IN_A_FOLDER[case]
    before = sorted(folder.iterdir())
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        call(folder)
    assert type(caught.value) in (TypeError, ValueError)
    assert sorted(folder.iterdir()) == before


def test_numbers_of_any_kind_are_numbers():
    half = Fraction(1, 2)
    exact = {"shrinkage": half, "max_weight": half * 2, "halflife": half * 6}
    floats = {name: float(value) for name, value in exact.items()}
    exact |= {"payout": {"corr": half}, "prior": {DATA.models[0]: half}}
    floats |= {"payout": {"corr": 0.5}, "prior": {DATA.models[0]: 0.5}}
    gauss = EraRankGauss().fit_transform(X)
    found = [
        StackingWeights("payout", **given).fit(gauss, Y).weights_
        for given in (exact, floats)
    ]
    assert found[0] == found[1]


def test_a_neutralizer_may_be_one_name(folder, tmp_path):
    one = make_pipeline(WeightedEnsemble(), FeatureNeutralizer(DATA.features[0]))
    made = folders.ensemble_folder(folder, tmp_path / "one.parquet", one)
    assert made.pipeline[-1].neutralizers_ == [DATA.features[0]]


@pytest.mark.parametrize("label", ["9" * 5000, "1" + "0" * 400])
def test_an_era_of_too_many_digits_has_no_number(label):
    era = ["2", "2", "2", label, label, label]
    got = metrics.numerai_corr([0, 1, 2] * 2, [0, 2, 1] * 2, era=era)
    assert got.index.tolist() == ["2", label]


def test_eras_that_are_tuples_are_labels():
    era = pd.Series([(1, "a")] * 5, dtype=object)
    got = metrics.numerai_corr([0, 1, 2, 3, 4], [0, 1, 3, 2, 4], era=era)
    assert got.index.tolist() == [(1, "a")]
    assert got.index.name == "era"


def test_a_page_of_half_a_character_is_written(tmp_path):
    PerformanceReport(SCORES, title="\ud800!").write_html(tmp_path / "page.html")
    assert "?!" in (tmp_path / "page.html").read_text()
