"""`BlendExplorer`: scores of blends from moments, and the numbers of its page."""

import json
import subprocess
import sys
import warnings
from functools import cache
from math import inf

import numpy as np
import pandas as pd
import pytest
from pages import HOSTILE, Page
from scipy import integrate, stats
from sklearn.pipeline import make_pipeline
from tournament_files import write_tournament

from skbench import (
    EraRank,
    EraRankGauss,
    FeatureNeutralizer,
    StackingWeights,
    WeightedEnsemble,
)
from skbench.analysis import implied_weights
from skbench.cli import main
from skbench.datasets import make_benchmark_models
from skbench.folders import explore_folder
from skbench.kernels.forms import STRETCHED
from skbench.metrics import correlation_contribution, numerai_corr, summarize
from skbench.model_selection import WalkForwardEraSplit, walk_forward_weights
from skbench.report import BlendExplorer
from skbench.report._presets import _BY_DEFAULT

HORIZON = 5
N_FEATURES = 6


@cache
def tournament(n_eras=60, n_rows=80, n_models=4, mm_eras=40):
    """Models, a target, the Meta Model in the last eras, features that explain some."""
    data = make_benchmark_models(
        n_eras, n_rows, n_models, N_FEATURES, meta_model_eras=mm_eras, random_state=3
    )
    frame = data.frame
    rng = np.random.default_rng(4)
    for i, name in enumerate(data.features):
        mixed = frame[data.models[i % n_models]].rank() / len(frame) + rng.random(
            len(frame)
        )
        frame[name] = pd.qcut(mixed, 5, labels=False).astype("int8")
    return frame, data.models, data.features


def explorer(frame=None, n_eras=60, **options):
    known, models, features = tournament(n_eras)
    frame = known if frame is None else frame
    given = {
        "meta_model": frame["numerai_meta_model"],
        "neutralizers": frame[features],
        "horizon": HORIZON,
        "n_exact_eras": 60,
    }
    return BlendExplorer(
        frame[models], frame["target"], era=frame["era"], **{**given, **options}
    )


@cache
def made():
    return explorer()


def weights_like(seed, models, signed=False):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=len(models)) if signed else rng.random(len(models))
    return dict(zip(models, values.tolist(), strict=True))


# What the scores of a blend are, the slow way


def gauss(values):
    z = stats.norm.ppf((stats.rankdata(values) - 0.5) / len(values))
    return z / z.std(ddof=1)


def slow_scores(era, weights, proportion, models, features):
    """The two scores of a blend in one era without gaps: the rows written out."""
    z = np.column_stack([gauss(era[name]) for name in models])
    design = np.column_stack([np.ones(len(era)), era[features]])
    projected = design @ np.linalg.lstsq(design, z, rcond=None)[0]
    blend = (z - proportion * projected) @ [weights[name] for name in models]
    blend = blend - blend.mean()
    target = era["target"].to_numpy()
    centred = target - target.mean()
    stretched = np.sign(centred) * np.abs(centred) ** 1.5
    corr = STRETCHED * np.corrcoef(blend, stretched)[0, 1]
    if era["numerai_meta_model"].isna().all():
        return corr, np.nan
    m = stats.norm.ppf((stats.rankdata(era["numerai_meta_model"]) - 0.5) / len(era))
    added = blend / blend.std()
    added = added - (added @ m) / (m @ m) * m
    return corr, np.mean(added * 4 * centred)


class TestScores:
    def test_what_stretching_costs_a_normal_variable(self):
        def moment(power):
            def weighed(x):
                return np.abs(x) ** power * stats.norm.pdf(x)

            return integrate.quad(weighed, -inf, inf)[0]

        np.testing.assert_allclose(STRETCHED, moment(2.5) / np.sqrt(moment(3)))
        assert round(STRETCHED, 3) == 0.976

    @pytest.mark.parametrize("proportion", [0.0, 0.3, 1.0])
    def test_are_those_of_the_rows(self, proportion):
        frame, models, features = tournament()
        weights = weights_like(0, models, signed=True)
        found = made().blend(weights, proportion)
        scored = frame[frame["target"].notna()]
        slow = [
            slow_scores(era, weights, proportion, models, features)
            for _, era in scored.groupby("era")
        ]
        assert len(slow) == len(made().to_dict()["eras"])
        for name, column in zip(("corr", "mmc"), np.transpose(slow), strict=True):
            np.testing.assert_allclose(found[name]["by_era"], column, atol=1e-5)

    def test_are_near_the_exact_ones_in_eras_of_real_size(self):
        frame, models, features = tournament(24, 5000, 4, 24)
        found = BlendExplorer(
            frame[models],
            frame["target"],
            era=frame["era"],
            meta_model=frame["numerai_meta_model"],
            neutralizers=frame[features],
            horizon=HORIZON,
        ).to_dict()["exact"]
        # What stretching adds to a normal variable is noise to the target.
        noise = np.sqrt((1 - STRETCHED**2) / 5000)
        rows = pd.DataFrame(found["rows"])
        plain = rows[rows["proportion"] == 0]
        assert found["n_eras"] == 19
        assert rows["corr_apart"].max() < 4 * noise
        assert (rows["corr_page"] - rows["corr"]).abs().max() < 4 * noise / 19**0.5
        assert (plain["mmc_page"] - plain["mmc"]).abs().max() < 1e-4
        assert (rows["mmc_page"] - rows["mmc"]).abs().max() < 1e-3

    def test_the_numbers_are_those_of_summarize(self):
        _, models, _ = tournament()
        eras = made().to_dict()["eras"]
        found = made().blend(weights_like(1, models), 0.5, (eras[3], eras[40]))
        series = pd.Series(found["corr"]["by_era"], eras[3:41])
        row = summarize(series, horizon=HORIZON).iloc[0]
        for name in ("mean", "sharpe", "low", "high", "max_drawdown"):
            assert found["corr"][name] == row[name]

    def test_only_the_proportions_of_weights_count(self):
        _, models, _ = tournament()
        weights = weights_like(2, models)
        twice = {name: 2 * weight for name, weight in weights.items()}
        one, other = made().blend(weights, 0.4), made().blend(twice, 0.4)
        np.testing.assert_allclose(one["corr"]["by_era"], other["corr"]["by_era"])

    def test_gaps_of_models_and_of_the_meta_model(self):
        frame, models, features = tournament()
        eras = sorted(frame["era"].unique())
        frame = frame.copy()
        first = models[0]
        frame.loc[frame["era"] == eras[30], first] = np.nan
        some = np.flatnonzero((frame["era"] == eras[35]).to_numpy())
        frame.iloc[some[:20], frame.columns.get_loc("numerai_meta_model")] = np.nan
        report = explorer(frame)
        by_era = report.blend({first: 1.0})["corr"]["by_era"]
        assert np.flatnonzero(np.isnan(by_era)).tolist() == [30]
        by_era = report.blend({models[1]: 1.0})["corr"]["by_era"]
        assert not np.isnan(by_era).any()
        # With other rows for the Meta Model the era has forms of its own for it.
        assert report.to_dict()["layout"]["n_forms"] == len(by_era) + 1
        weights = weights_like(3, models)
        found = report.blend(weights, 0.5)
        era = frame.iloc[some]
        kept = era[era["numerai_meta_model"].notna()]
        z = np.column_stack([gauss(era[name]) for name in models])
        z = z[era["numerai_meta_model"].notna()]
        design = np.column_stack([np.ones(len(kept)), kept[features]])
        projected = design @ np.linalg.lstsq(design, z, rcond=None)[0]
        blend = (z - z.mean(axis=0) - 0.5 * (projected - z.mean(axis=0))) @ [
            weights[name] for name in models
        ]
        meta = kept["numerai_meta_model"]
        m = stats.norm.ppf((stats.rankdata(meta) - 0.5) / len(kept))
        added = (blend - blend.mean()) / blend.std()
        added -= (added @ m) / (m @ m) * m
        centred = kept["target"] - kept["target"].mean()
        expected = np.mean(added * 4 * centred)
        np.testing.assert_allclose(found["mmc"]["by_era"][35], expected, atol=1e-5)

    def test_what_the_features_explain_wholly_scores_nothing(self):
        frame, models, _ = tournament()
        alone = frame[["era"]].assign(
            x=EraRankGauss().fit_transform(frame[["era", *models]])[models[0]]
        )
        report = explorer(neutralizers=alone[["x"]])
        assert set(report.blend({models[0]: 1.0}, 1.0)["corr"]["by_era"]) == {0.0}
        assert report.blend({models[0]: 1.0}, 0.5)["corr"]["mean"] != 0

    def test_without_a_meta_model_or_features(self):
        report = explorer(meta_model=None, neutralizers=None)
        found = report.blend({tournament()[1][0]: 1.0})
        assert found["mmc"] is None
        assert len(found["corr"]["by_era"]) == len(report.to_dict()["eras"])
        names = [preset["name"] for preset in report.to_dict()["presets"]]
        assert names == ["equal weights", "corr", "sharpe", "mse"]


class TestPresets:
    def presets(self):
        return {preset["name"]: preset for preset in made().to_dict()["presets"]}

    def weights(self, preset):
        _, models, _ = tournament()
        return dict(zip(models, preset["weights"], strict=True))

    def stacking(self, **options):
        frame, models, _ = tournament()
        ranked = EraRankGauss().fit_transform(frame)
        stacking = StackingWeights(columns=models, horizon=HORIZON, **options)
        return stacking.fit(ranked, frame["target"])

    @pytest.mark.parametrize("objective", ["corr", "sharpe", "mse", "contribution"])
    def test_learned_weights_are_those_of_stacking(self, objective):
        by_scores = objective in ("corr", "contribution")
        learned = self.stacking(
            objective=objective, shrinkage="bayes" if by_scores else 0.0
        )
        preset = self.presets()[objective]
        assert self.weights(preset) == pytest.approx(learned.weights_, abs=1e-9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # windows with few eras
            windows = WalkForwardEraSplit(26, HORIZON)
            path = walk_forward_weights(learned, windows)
        assert [one["first"] for one in preset["windows"]] == path.index.tolist()
        values = [one["weights"] for one in preset["windows"]]
        np.testing.assert_allclose(values, path, atol=1e-9)

    def test_are_asked_for_as_stacking_does_by_default(self):
        by_default = StackingWeights().get_params()
        assert {name: by_default[name] for name in _BY_DEFAULT} == _BY_DEFAULT

    def test_what_the_meta_model_implies(self):
        frame, models, _ = tournament()
        scored = frame[frame["target"].notna()]
        n_eras = scored.loc[scored["numerai_meta_model"].notna(), "era"].nunique()
        expected = implied_weights(
            scored["numerai_meta_model"],
            scored[models],
            era=scored["era"],
            window=n_eras,
        ).iloc[-1]
        found = self.weights(self.presets()["weights implied by the Meta Model"])
        assert found == pytest.approx(expected[models].to_dict(), abs=1e-4)

    def test_exact_scores_are_those_of_the_pipeline(self):
        frame, models, features = tournament()
        exact = pd.DataFrame(made().to_dict()["exact"]["rows"])
        scored = frame["target"].notna().to_numpy()
        for name, proportion in (("corr", 0.0), ("equal weights", 0.5), ("mse", 1.0)):
            pipeline = make_pipeline(
                EraRankGauss(columns=models),
                WeightedEnsemble(self.weights(self.presets()[name])),
                EraRankGauss(columns="prediction"),
                FeatureNeutralizer(
                    features, columns="prediction", proportion=proportion
                ),
                EraRank(columns="prediction"),
            )
            predicted = pd.Series(
                pipeline.fit(frame).predict(frame), frame.index, name="p"
            )[scored]
            known = frame[scored]
            corr = numerai_corr(known["target"], predicted, era=known["era"])
            mmc = correlation_contribution(
                known["target"],
                predicted,
                known["numerai_meta_model"],
                era=known["era"],
            )
            row = exact[(exact["name"] == name) & (exact["proportion"] == proportion)]
            assert row["corr"].item() == pytest.approx(corr["p"].mean(), abs=1e-9)
            assert row["mmc"].item() == pytest.approx(mmc["p"].mean(), abs=1e-9)
            page = made().blend(self.weights(self.presets()[name]), proportion)
            assert row["corr_page"].item() == pytest.approx(page["corr"]["mean"])

    def test_given_ones_have_their_proportion(self):
        _, models, _ = tournament()
        report = explorer(
            presets={"mine": {models[0]: 1, models[1]: 3}}, proportions={"mine": 0.25}
        )
        (mine,) = [p for p in report.to_dict()["presets"] if p["name"] == "mine"]
        assert mine["proportion"] == 0.25
        assert mine["weights"] == [1.0, 3.0, 0.0, 0.0]
        assert mine["kind"] == "published"

    def test_none_is_learned_from_too_few_eras_to_tell_models_apart(self):
        frame, _, _ = tournament()
        late = sorted(frame["era"].unique())[-8:]  # less than two horizons
        reference = frame["numerai_meta_model"].where(frame["era"].isin(late))
        presets = explorer(meta_model=reference).to_dict()["presets"]
        learned = [one["name"] for one in presets if one["kind"] == "learned"]
        assert learned == ["corr", "sharpe", "mse"]

    def test_objectives_may_be_chosen(self):
        report = explorer(objectives=["mse"])
        kinds = [p["name"] for p in report.to_dict()["presets"] if p["windows"]]
        assert kinds == ["mse"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"objectives": "corr"}, "`objectives` must list objectives"),
            ({"objectives": ["best"]}, "`objectives` must be 'corr' or"),
            ({"presets": {"a": {"x": 1.0}}}, "names 'x', which is not among"),
            ({"presets": {"a": {}}}, "must give some model a weight"),
            ({"proportions": {"a": 0.5}}, "`proportions` must name some of `presets`"),
            ({"n_exact_eras": 0}, "`n_exact_eras` must be"),
            ({"title": " "}, "`title` must be a text"),
            ({"confidence": 2}, "`confidence` must be"),
        ],
    )
    def test_of_options(self, options, says):
        with pytest.raises(ValueError, match=says):
            explorer(**options)

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (({"x": 1.0},), "names 'x', which is not among"),
            (({},), "must give some model a weight"),
            (({"v53_lgbm_cyrus20": 1.0}, 2.0), "`proportion` must be between"),
            (({"v53_lgbm_cyrus20": 1.0}, 0.0, ("0001",)), "the first and the last"),
            (({"v53_lgbm_cyrus20": 1.0}, 0.0, ("0001", "x")), "`eras` names 'x'"),
            (({"v53_lgbm_cyrus20": 1.0}, 0.0, ("0009", "0001")), "the order of time"),
        ],
    )
    def test_of_blends(self, arguments, says):
        with pytest.raises(ValueError, match=says):
            made().blend(*arguments)

    def test_of_a_proportion_without_features(self):
        report = explorer(neutralizers=None)
        with pytest.raises(ValueError, match="`proportion` needs `neutralizers`"):
            report.blend({tournament()[1][0]: 1.0}, 0.5)

    def test_of_too_many_models(self):
        frame, models, _ = tournament()
        many = pd.concat([frame[models[0]].rename(f"m{i}") for i in range(61)], axis=1)
        with pytest.raises(ValueError, match="`models` must be 60 at most"):
            BlendExplorer(many, frame["target"], era=frame["era"])

    def test_of_targets_that_are_all_missing(self):
        frame, models, _ = tournament()
        with pytest.raises(ValueError, match="no era in common"):
            BlendExplorer(frame[models], frame["target"] * np.nan, era=frame["era"])


class TestFile:
    @pytest.fixture(autouse=True)
    def _needs_the_extra(self):
        pytest.importorskip("plotly", reason="a page needs plotly")
        pytest.importorskip("jinja2", reason="a page needs jinja2")

    def test_hostile_names_stay_text(self, tmp_path):
        frame, models, _ = tournament()
        renamed = frame.rename(columns={models[0]: HOSTILE})
        report = BlendExplorer(
            renamed[[HOSTILE, *models[1:]]],
            renamed["target"],
            era=renamed["era"],
            title=HOSTILE,
            presets={HOSTILE: {HOSTILE: 1.0}},
        )
        report.write_html(tmp_path / "page.html")
        page = Page((tmp_path / "page.html").read_text())
        assert HOSTILE in page.text
        assert all(
            "alert(1)" not in script or "\\u003c" in script for script in page.script
        )
        data = next(s for s in page.script if s.startswith('{"title"'))
        assert json.loads(data)["models"][0] == HOSTILE

    def test_the_same_data_give_the_same_file(self, tmp_path):
        for name in ("a", "b"):
            explorer().write_html(tmp_path / name)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    @pytest.mark.slow
    def test_60_models_in_700_eras_fit_12_megabytes(self, tmp_path):
        rng = np.random.default_rng(0)
        n_rows, n_eras = 1000, 700
        common = rng.normal(size=(n_eras * n_rows, 1))
        models = pd.DataFrame(
            common + rng.normal(size=(n_eras * n_rows, 60))
        ).add_prefix("model_")
        era = np.repeat([f"{i:04d}" for i in range(1, n_eras + 1)], n_rows)
        features = rng.integers(0, 5, (len(models), 8)).astype("int8")
        target = rng.choice([0.0, 0.25, 0.5, 0.75, 1.0], len(models))
        report = BlendExplorer(
            models,
            target,
            era=era,
            meta_model=common[:, 0],
            neutralizers=features,
            objectives=[],
        )
        report.write_html(tmp_path / "page.html")
        assert (tmp_path / "page.html").stat().st_size <= 12_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    data = make_benchmark_models(
        60, 100, 4, N_FEATURES, meta_model_eras=50, random_state=0
    )
    return write_tournament(tmp_path_factory.mktemp("v5.3"), data)


class TestFolder:
    def test_is_the_same_as_from_a_frame(self, folder):
        report = explore_folder(folder, neutralize="small")
        numbers = report.to_dict()
        assert numbers["neutralize"] == "small"
        assert numbers["folder"] == str(folder)
        assert numbers["layout"]["n_ways"] == 2
        assert len(numbers["models"]) == 4

    def test_the_command(self, folder, tmp_path, capsys):
        pytest.importorskip("plotly", reason="a page needs plotly")
        output = tmp_path / "page.html"
        main(["explore", str(folder), "-o", str(output)])
        told = capsys.readouterr().out.splitlines()
        assert told[-1] == str(output)
        assert told[0].startswith("BlendExplorer('Blends of v5.3")
        assert output.stat().st_size > 1_000_000

    def test_needs_no_scikit_learn(self, folder):
        code = (
            "import sys; from skbench.folders import explore_folder; "
            f"explore_folder({str(folder)!r}); print('sklearn' in sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "False\n"

    def test_models_of_a_file_stand_beside_them(self, folder, tmp_path):
        main(["ensemble", str(folder), "-o", str(tmp_path / "mine.parquet")])
        report = explore_folder(folder, predictions=[tmp_path / "mine.parquet"])
        numbers = report.to_dict()
        assert numbers["models"][-1] == "mine"
        assert numbers["elsewhere"] == {"mine": str(tmp_path / "mine.parquet")}

    def test_models_of_a_mapping_have_no_file(self, folder, tmp_path):
        main(["ensemble", str(folder), "-o", str(tmp_path / "mine.parquet")])
        report = explore_folder(folder, predictions={"x": tmp_path / "mine.parquet"})
        assert report.to_dict()["elsewhere"] == {"x": None}

    def test_the_command_spares_what_it_reads(self, folder, capsys):
        with pytest.raises(SystemExit):
            main(["explore", str(folder), "-o", str(folder / "meta_model.parquet")])
        assert "--output" in capsys.readouterr().err
