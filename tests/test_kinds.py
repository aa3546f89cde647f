"""The kind of frame that comes in comes out: of metrics, and of `submission`."""

import inspect
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from helpers import long_tournament, to_kind, to_pandas

from skbench import EraRank, EraRankGauss, WeightedEnsemble, metrics
from skbench.deploy import submission
from skbench.metrics import (
    feature_exposure,
    leaderboard,
    numerai_corr,
    numerai_corr_scorer,
    score_models,
    summarize,
)
from skbench.report import (
    CumulativeScoreDisplay,
    FeatureExposureDisplay,
    NeutralizationPathDisplay,
    PerformanceReport,
)
from skbench.staking import PayoutRule, allocate

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
TYPES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.Table}
each_kind = pytest.mark.parametrize("kind", TYPES)
each_other = pytest.mark.parametrize("kind", ["polars", "pyarrow"])
SCORED = {
    "numerai_corr": ["y_true"],
    "correlation_contribution": ["y_true", "meta_model"],
    "feature_neutral_corr": ["y_true", "features"],
    "neutral_contribution": ["y_true", "meta_model", "neutralizers"],
    "neutral_correlation": ["y_true", "neutralizers"],
    "correlation_with": ["reference"],
    "feature_exposure": ["features"],
    "max_feature_exposure": ["features"],
    "mean_target_by_quantile": ["y_true"],
}


def inputs(kind, parameters=("y_true", "meta_model", "features")):
    """What metrics take, in a kind; the Meta Model is there in few eras."""
    data = long_tournament()
    frame = to_kind(data.frame, kind)

    def columns(names):
        return frame[names] if kind != "pyarrow" else frame.select(names)

    every = {
        "y_true": frame["target"],
        "meta_model": frame[data.meta_model],
        "reference": frame[data.meta_model],
        "features": columns(data.features),
        "neutralizers": columns(data.features[:3]),
    }
    given = {name: every[name] for name in parameters}
    return given | {"y_pred": columns(data.models), "era": frame["era"]}


def scored(name, kind):
    return getattr(metrics, name)(**inputs(kind, SCORED[name]))


def same(got, expected, index=None):
    """Compare with what pandas gives, to the bit."""
    got = to_pandas(got, index)
    pd.testing.assert_frame_equal(
        got, expected, check_exact=True, check_index_type=False, check_dtype=False
    )


@each_kind
@pytest.mark.parametrize("name", SCORED)
def test_scores(name, kind):
    got, expected = scored(name, kind), scored(name, "pandas")
    assert type(got) is TYPES[kind]
    if kind != "pandas":
        names = [
            " / ".join(map(str, column)) if isinstance(column, tuple) else column
            for column in expected
        ]
        expected = expected.set_axis(names, axis=1)
        wanted = ["era", *names]
        assert list(got.columns if kind == "polars" else got.column_names) == wanted
    same(got, expected, "era")


def test_pandas_is_as_it_was():
    got = scored("correlation_contribution", "pandas")
    assert got.index.name == "era"
    assert got.isna().any(axis=None)  # and no null


@each_other
def test_what_is_missing_is_null(kind):
    got = scored("correlation_contribution", kind)
    column = got[long_tournament().models[0]]
    if kind == "polars":
        assert column.is_nan().sum() == 0
        missing = column.null_count()
    else:
        missing = column.null_count
    # Forty eras lack the Meta Model, and five have no target yet.
    assert missing == 45


@each_other
def test_tables_of_scores_go_from_one_to_the_other(kind):
    data = long_tournament()
    scores = score_models(**inputs(kind), benchmark=data.models[1])
    expected = score_models(**inputs("pandas"), benchmark=data.models[1])
    assert list(scores) == list(expected) == ["corr", "mmc", "bmc", "fnc"]
    for name, frame in scores.items():
        assert type(frame) is TYPES[kind]
        same(frame, expected[name], "era")
    board = leaderboard(scores)
    assert type(board) is TYPES[kind]
    same(board, leaderboard(expected))
    model = data.models[0]
    rival = expected["corr"][[model]]
    for benchmark in (None, model, to_kind(rival.reset_index(), kind)):
        alike = rival if benchmark is not None and benchmark is not model else benchmark
        summary = summarize(scores["corr"], benchmark, horizon=5)
        assert type(summary) is TYPES[kind]
        same(summary, summarize(expected["corr"], alike, horizon=5), "model")


@each_other
def test_scores_of_any_order_are_matched_by_their_eras(kind):
    expected = scored("numerai_corr", "pandas")
    backwards = to_kind(expected.iloc[::-1].reset_index(), kind)
    got = summarize(
        expected, backwards[:, [0, 1]] if kind == "polars" else backwards.select([0, 1])
    )
    assert got["difference"].iloc[0] == 0.0


@each_other
def test_what_reads_scores_reads_these(kind):
    scores, expected = score_models(**inputs(kind)), score_models(**inputs("pandas"))
    report = PerformanceReport(scores)
    assert report.to_dict() == PerformanceReport(expected).to_dict()
    rule = PayoutRule("half", {"corr": 1.0}, clip=0.5)
    same(allocate(scores, rule).table, allocate(expected, rule).table)
    drawn = CumulativeScoreDisplay.from_scores(scores["corr"])
    assert drawn.cumulative.index[-1] == "0070"
    model = long_tournament().models[:1]
    one = inputs(kind, ["features"])
    one["y_pred"] = one["y_pred"].select(model)
    exposures = feature_exposure(**one)
    shown = FeatureExposureDisplay.from_exposures(exposures, exposures)
    assert set(shown.exposures.index) == set(long_tournament().features)


@each_kind
def test_of_a_scorer_and_a_path_nothing_else_comes(kind):
    data = long_tournament()
    frame = to_kind(data.frame[data.frame["era"] < "0060"], kind)
    ensemble = WeightedEnsemble().fit(frame)
    plain = data.frame[data.frame["era"] < "0060"]
    assert numerai_corr_scorer(ensemble, frame, frame["target"]) == (
        numerai_corr_scorer(ensemble, plain, plain["target"])
    )
    path = NeutralizationPathDisplay.from_predictions(
        frame.select(["era", data.models[0], *data.features])
        if kind != "pandas"
        else frame[["era", data.models[0], *data.features]],
        frame["target"],
        proportions=[0.0, 1.0],
    )
    assert list(path.summary.index) == [0.0, 1.0]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"y_pred": np.asarray}, "polars"),
        ({"y_pred": np.asarray, "y_true": np.asarray}, "polars"),
        ({"y_pred": np.asarray, "y_true": np.asarray, "era": list}, "pandas"),
        ({"y_true": lambda y: pd.Series(y.to_numpy())}, "pandas"),
        ({"y_true": lambda y: y.to_arrow()}, "pyarrow"),
    ],
)
def test_of_several_kinds_the_first_counts(change, kind):
    given = inputs("polars", ["y_true"])
    given |= {name: convert(given[name]) for name, convert in change.items()}
    assert type(numerai_corr(**given)) is TYPES[kind]


def test_a_batch_gives_a_table():
    given = inputs("pyarrow", ["y_true"])
    given["y_true"] = given["y_true"].combine_chunks()
    given["y_pred"] = given["y_pred"].combine_chunks().to_batches()[0]
    assert type(numerai_corr(**given)) is pa.Table


def test_labels_keep_their_type():
    days = pl.date_range(pl.date(2024, 1, 5), pl.date(2024, 1, 19), "1w", eager=True)
    for eras, dtype in (
        (pl.Series("week", [1, 2, 3], dtype=pl.Int32), pl.Int64),
        (days, pl.Date),
        (pl.Series(["a", "b", "c"], dtype=pl.Categorical), pl.String),
    ):
        era = pl.concat([eras] * 4)
        got = numerai_corr(np.arange(12.0), np.arange(12.0), era=era)
        assert got.columns == ["era", "prediction"]
        assert got["era"].dtype == dtype
        assert got["era"].to_list() == eras.cast(dtype).to_list()


def test_a_model_called_era_is_refused_where_it_would_be_taken_for_one():
    given = inputs("polars", ["y_true"])
    given["y_pred"] = given["y_pred"].with_columns(era=pl.lit(0.5))
    with pytest.raises(ValueError, match="a column is called 'era', as the one that"):
        numerai_corr(**given)


@each_kind
def test_a_submission(kind):
    data = long_tournament()
    pipeline = EraRankGauss(), WeightedEnsemble(), EraRank()
    live = data.live
    for step in pipeline:
        live = step.fit(live).transform(live)
    ids = to_kind(data.live.reset_index()[["id", "era"]], kind)
    expected = submission(live["prediction"].to_numpy(), data.live, allow_ties=True)
    got = submission(live["prediction"].to_numpy(), ids, allow_ties=True)
    assert type(got) is TYPES[kind]
    same(got, expected)
    own = to_kind(live.reset_index()[["id", "prediction"]], kind)
    assert type(submission(own, data.live, allow_ties=True)) is TYPES[kind]


SHARED = "of the kind that came in"
KEEP = [*SCORED, "score_models", "leaderboard", "summarize"]


@pytest.mark.parametrize("function", [*(getattr(metrics, n) for n in KEEP), submission])
def test_its_documentation_says_so(function):
    text = re.sub(r"\s+", " ", inspect.getdoc(function))
    assert SHARED in text
    if function.__name__ in SCORED:
        assert (
            "The frame is of the kind that came in, pandas for arrays; polars and "
            "pyarrow have the eras in a first column, `era`, and null for NaN."
        ) in text


def test_every_metric_is_among_them():
    others = {name for name in metrics.__all__ if name.endswith("_scorer")}
    assert set(metrics.__all__) == {*KEEP, *others}
