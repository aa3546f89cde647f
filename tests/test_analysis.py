"""The meta model of meta models: slow references, known truths, and what breaks it."""

import warnings

import analysis_reference as slow
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from sklearn.utils import Bunch

from benchmarks.coverage import overlapping
from skbench import EraRankGauss
from skbench.analysis import (
    Analysis,
    analyze,
    compare,
    implied_weights,
    marginal_contribution,
    synergy,
    underweight,
)
from skbench.analysis._intervals import Intervals
from skbench.analysis._sentences import about_underweight
from skbench.analysis._words import decimals, until_told
from skbench.datasets import load_benchmark_models, make_benchmark_models
from skbench.kernels.moments import era_moments
from skbench.metrics import correlation_contribution, numerai_corr, summarize
from skbench.report import ImpliedWeightsDisplay, SynergyDisplay
from skbench.solvers import relations
from skbench.solvers.pairs import Pairs, best_blend

MODELS = ["a", "b", "c"]
NAN = np.nan


def assert_close(got, expected, tolerance=1e-10):
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)


def tournament(n_eras=8, n_rows=40, seed=0, skills=(0.2, 0.1, 0.15), shuffle=True):
    """Three models that are alike, a Meta Model of the first two, a binned target."""
    rng = np.random.default_rng(seed)
    sizes = n_rows + rng.integers(0, 10, n_eras)
    n = sizes.sum()
    X = rng.normal(size=(n, 3)) + 0.5 * rng.normal(size=(n, 1))
    y = X @ np.array(skills) + rng.normal(size=n)
    frame = pd.DataFrame(X, columns=MODELS)
    frame["meta"] = 0.7 * X[:, 0] + 0.3 * X[:, 1] + 0.5 * rng.normal(size=n)
    frame["y"] = np.clip(np.round(y + 2), 0, 4) / 4
    frame["era"] = np.repeat([f"{i + 1:04d}" for i in range(n_eras)], sizes)
    frame.index = pd.Index([f"n{i:05d}" for i in range(n)], name="id")
    return frame.iloc[rng.permutation(n)] if shuffle else frame


def calls(frame, **options):
    """Every function on the same rows, with a short horizon."""
    kw = {"era": frame["era"], "horizon": 2}
    kw |= options
    X, y, meta = frame[MODELS], frame["y"], frame["meta"]
    both = synergy(X, y, **kw)
    return {
        "implied": implied_weights(meta, X, era=kw["era"]),
        "window": implied_weights(meta, X, era=kw["era"], window=3),
        "underweight": underweight(meta, X, y, **kw),
        "gain": both.gain,
        "tilt": both.tilt,
        "tilt_low": both.tilt_low,
        "sharpe": synergy(X, y, objective="sharpe", **kw).tilt_high,
        "weights": marginal_contribution({"a": 0.5, "b": -0.2}, X, y, **kw),
        "column": marginal_contribution(meta, X, y, **kw),
        "compare": compare(meta, X, y, window=3, **kw),
    }


class TestSlowReferences:
    def test_implied_weights(self):
        frame = tournament()
        got = implied_weights(frame["meta"], frame[MODELS], era=frame["era"])
        assert list(got.columns) == [*MODELS, "r2"]
        assert list(got.index) == sorted(frame["era"].unique())
        assert_close(got, slow.implied(frame, MODELS))
        assert_close(got[MODELS].sum(axis=1), 1)

    def test_windows(self):
        frame = tournament()
        got = implied_weights(frame["meta"], frame[MODELS], era=frame["era"], window=4)
        assert_close(got, slow.implied(frame, MODELS, window=4))
        assert list(got.index) == sorted(frame["era"].unique())[3:]

    def test_eras_of_a_window_weigh_the_same_whatever_their_size(self):
        rng = np.random.default_rng(0)
        parts = []
        for era, n, share in [("0001", 50, 0.9), ("0002", 500, 0.1)]:
            a, b = rng.normal(size=(2, n))
            meta = share * a + (1 - share) * b + 0.3 * rng.normal(size=n)
            parts.append(pd.DataFrame({"era": era, "a": a, "b": b, "meta": meta}))
        frame = pd.concat(parts, ignore_index=True)
        models = frame[["a", "b"]]
        got = implied_weights(frame["meta"], models, era=frame["era"], window=2)
        normal = frame.groupby("era")[["meta", "a", "b"]].transform(slow.gaussianize)
        root = np.sqrt(frame.groupby("era")["a"].transform("size").to_numpy())
        rows = normal.to_numpy() / root[:, None]
        v, residual = nnls(rows[:, 1:], rows[:, 0])
        explained = 1 - residual**2 / (rows[:, 0] @ rows[:, 0])
        assert_close(got, [[*v / v.sum(), explained]])
        pooled, _ = nnls(normal[["a", "b"]].to_numpy(), normal["meta"].to_numpy())
        assert got["a"].iloc[0] > pooled[0] / pooled.sum() + 0.2

    @pytest.mark.parametrize("model", MODELS)
    def test_the_derivative_is_a_finite_difference(self, model):
        frame = tournament()
        got = underweight(frame["meta"], frame[MODELS], frame["y"], era=frame["era"])
        expected = slow.derivative(
            frame, lambda rows: slow.gaussianize(rows["meta"]), model
        )
        assert_close(got.loc[model, "derivative"], expected, 1e-8)
        assert expected != pytest.approx(0, abs=1e-4)

    @pytest.mark.parametrize("model", MODELS)
    def test_the_derivative_of_a_portfolio(self, model):
        frame = tournament()
        weights = {"a": 0.6, "c": 0.4}

        def base(rows):
            blend = sum(w * slow.gaussianize(rows[m]) for m, w in weights.items())
            return blend / blend.std(ddof=1)

        got = marginal_contribution(
            weights, frame[MODELS], frame["y"], era=frame["era"]
        )
        expected = slow.derivative(frame, base, model)
        assert_close(got.loc[model, "derivative"], expected, 1e-8)

    def test_a_portfolio_in_a_column_is_the_meta_model_of_underweight(self):
        frame = tournament()
        args = frame[MODELS], frame["y"]
        options = {"era": frame["era"], "horizon": 2}
        one = underweight(frame["meta"], *args, **options)
        two = marginal_contribution(frame["meta"], *args, **options)
        assert list(one.index) == list(two.index)
        names = ["derivative", "derivative_low", "derivative_high"]
        assert_close(one[names], two[names])

    @pytest.mark.parametrize("objective", ["corr", "sharpe"])
    @pytest.mark.parametrize("skills", [(0.2, 0.1, 0.15), (-0.1, 0.2, -0.2)])
    def test_synergy_is_the_best_of_very_many_blends(self, objective, skills):
        frame = tournament(skills=skills)
        got = synergy(
            frame[MODELS], frame["y"], era=frame["era"], objective=objective
        ).gain
        expected = [
            [slow.synergy(frame, i, j, objective) if i != j else 0 for j in MODELS]
            for i in MODELS
        ]
        assert_close(got, expected, 1e-7)

    def test_the_gain_of_a_mix_is_above_the_portfolio(self):
        frame = tournament()
        board = marginal_contribution(
            {"b": 2.0}, frame[MODELS], frame["y"], era=frame["era"]
        )
        gains = synergy(frame[MODELS], frame["y"], era=frame["era"]).gain
        corr = {}
        for m in MODELS:
            corr[m] = np.mean(
                [
                    np.corrcoef(slow.gaussianize(rows[m]), rows["y"])[0, 1]
                    for rows in slow.eras(frame)
                ]
            )
        for m in ("a", "c"):
            best = gains.loc["b", m] + max(corr["b"], corr[m])
            assert_close(board.loc[m, "gain"], best - corr["b"])
        assert_close(board["score"], corr["b"])
        assert board.loc["b", "gain"] == 0
        assert board.loc["b", "mix"] == 0
        assert_close(board.loc["b", "derivative"], 0)

    def test_scores_beside_the_derivative_are_those_of_metrics(self):
        frame = tournament()
        board = underweight(frame["meta"], frame[MODELS], frame["y"], era=frame["era"])
        corr = numerai_corr(frame["y"], frame[MODELS], era=frame["era"])
        mmc = correlation_contribution(
            frame["y"], frame[MODELS], frame["meta"], era=frame["era"]
        )
        assert_close(board["corr"], corr.mean()[board.index])
        assert_close(board["contribution"], mmc.mean()[board.index])
        implied = implied_weights(frame["meta"], frame[MODELS], era=frame["era"])
        assert_close(board["implied_weight"], implied.mean()[board.index])

    def test_intervals_are_those_of_summarize(self):
        frame = tournament(30)
        options = {"horizon": 3, "confidence": 0.9}
        board = underweight(
            frame["meta"], frame[MODELS], frame["y"], era=frame["era"], **options
        )
        implied = implied_weights(frame["meta"], frame[MODELS], era=frame["era"])
        summary = summarize(implied, **options).loc[board.index]
        assert_close(board["implied_weight_low"], summary["low"])
        assert_close(board["implied_weight_high"], summary["high"])

    def test_compare_is_summarize_of_the_differences(self):
        frame = tournament(40)
        got = compare(
            frame["meta"], frame[MODELS], frame["y"], era=frame["era"],
            horizon=3, recent=20, window=4,
        )  # fmt: skip
        names = ["meta", *MODELS]
        scores = numerai_corr(frame["y"], frame[names], era=frame["era"])
        difference = (scores[["meta"]].to_numpy() - scores[MODELS]).rename_axis("era")
        summary = summarize(difference, horizon=3)
        assert_close(got["difference"], summary["mean"])
        assert_close(got["difference_low"], summary["low"])
        assert_close(got["difference_high"], summary["high"])
        assert_close(got["corr"], scores["meta"].mean())
        assert_close(got["benchmark_corr"], scores[MODELS].mean())
        for m in MODELS:
            won = slow.share_won(difference[m], 20, 4)
            assert got.loc[m, "share_won"] == won
            r = [
                np.corrcoef(slow.gaussianize(p["meta"]), slow.gaussianize(p[m]))[0, 1]
                for p in slow.eras(frame)
            ]
            assert_close(got.loc[m, "correlation"], np.mean(r))

    @given(
        numbers=st.lists(st.floats(-1, 1), min_size=2, max_size=2),
        roots=st.lists(st.floats(0.1, 3), min_size=2, max_size=2),
        r=st.floats(-0.999, 0.999),
    )
    @settings(deadline=None, max_examples=60)
    def test_best_blend(self, numbers, roots, r):
        (a, b), (s, t) = numbers, roots
        p, q = s * s, t * t
        blends = best_blend(*(np.array([x]) for x in (a, b, p, q, r * s * t)))
        # Weights of the models at unit size, which spread evenly over an angle.
        angle = np.linspace(0, np.pi / 2, 20001)
        u, v = np.cos(angle), np.sin(angle)
        scores = (u * a / s + v * b / t) / np.sqrt(u * u + 2 * u * v * r + v * v)
        near = 1e-4 * max(1.0, scores.max())  # some blends hardly vary at all
        assert_close(blends.over_first, scores.max() - a / s, near)
        assert_close(blends.over_better, scores.max() - max(a / s, b / t), near)
        assert blends.over_better >= 0
        share = blends.share[0]
        assert 0 <= share <= 1
        u, v = 1 - share, share
        score = (u * a + v * b) / np.sqrt(u * u * p + 2 * u * v * r * s * t + v * v * q)
        assert_close(score, a / s + blends.over_first[0], 1e-6)


class TestKnownTruths:
    @pytest.mark.parametrize("seed", [0, 1])
    def test_implied_weights_are_recovered(self, seed):
        data = make_benchmark_models(90, 500, 6, meta_model_eras=90, random_state=seed)
        frame = data.frame
        found = implied_weights(
            frame[data.meta_model], frame[data.models], era=frame["era"]
        )
        truth = pd.Series(data.meta_weights)
        assert_close(found[data.models].mean(), truth, 0.03)
        pooled = implied_weights(
            frame[data.meta_model], frame[data.models], era=frame["era"], window=90
        )
        assert_close(pooled[data.models].iloc[0], truth, 0.03)
        assert_close(found["r2"].mean(), 0.8, 0.02)

    def test_a_good_model_left_out_comes_first(self):
        # Every model scores alike; only the last is not in the Meta Model.
        rng = np.random.default_rng(3)
        n_eras, n_rows, k = 60, 400, 5
        z = rng.normal(size=(n_eras * n_rows, k))
        frame = pd.DataFrame(z, columns=list("abcde"))
        era = np.repeat(np.arange(n_eras), n_rows)
        meta = z[:, :4].sum(axis=1) + rng.normal(size=len(z))
        y = 0.05 * z.sum(axis=1) + rng.normal(size=len(z))
        board = underweight(meta, frame, y, era=era, horizon=3)
        assert board.index[0] == "e"
        first = board.iloc[0]
        assert first["derivative_low"] > board["derivative"].iloc[1:].max()
        assert_close(first["derivative"], 0.05 / np.sqrt(1 + 5 * 0.0025), 0.01)
        assert first["implied_weight"] < 0.03
        # Its own likeness to the Meta Model explains all that each of the others has.
        expected = 0.05 - (0.05 * 4 / np.sqrt(5)) * (1 / np.sqrt(5))
        assert_close(board["derivative"].iloc[1:], expected, 0.01)

    def test_independent_models_gain_what_theory_says(self):
        rng = np.random.default_rng(0)
        z = rng.normal(size=(200 * 500, 2))
        y = 0.1 * z.sum(axis=1) + rng.normal(size=len(z))
        frame = pd.DataFrame(z, columns=["a", "b"])
        found = synergy(frame, y, era=np.repeat(np.arange(200), 500))
        truth = (np.sqrt(2) - 1) * 0.1 / np.sqrt(1.02)
        assert_close(found.gain.loc["a", "b"], truth, 0.005)
        tilt = found.tilt.loc["a", "b"]
        assert_close(tilt, 0.1 / np.sqrt(1.02), 0.01)
        assert 0 < tilt - found.tilt_low.loc["a", "b"] < 0.01
        assert found.jointly_clear.loc["a", "b"]

    @pytest.mark.parametrize("objective", ["corr", "sharpe"])
    def test_a_copy_gains_exactly_nothing(self, objective):
        frame = tournament(20)
        X = frame[MODELS].assign(copy=np.exp(frame["a"]))
        found = synergy(X, frame["y"], era=frame["era"], objective=objective, horizon=2)
        assert found.gain.loc["a", "copy"] == 0
        assert_close(found.tilt.loc["a", "copy"], 0)
        assert not found.clear.loc["a", "copy"]
        assert found.gain.loc["a", "b"] > 0
        assert found.tilt_low.loc["a", "b"] < found.tilt_high.loc["a", "b"]
        for name in ("gain", "tilt", "tilt_low", "tilt_high", "tilt_joint_low"):
            assert (np.diag(getattr(found, name)) == 0).all()
        assert not np.diag(found.clear).any()
        assert (np.diag(found.n_eras) == 0).all()

    def test_a_model_compared_with_itself(self):
        frame = tournament(20)
        got = compare(
            frame["a"], frame[MODELS], frame["y"], era=frame["era"], horizon=2
        )
        names = ["difference", "difference_low", "difference_high", "share_won"]
        assert (got.loc["a", names] == 0).all()
        assert_close(got.loc["a", "correlation"], 1)
        assert got.loc["a", "ahead"] is None
        assert got.loc["a", "verdict"].startswith("Cannot tell whether a or a is")
        assert got.loc["b", "difference_low"] < got.loc["b", "difference_high"]

    def test_the_portfolio_of_one_model_gains_from_what_it_lacks(self):
        rng = np.random.default_rng(1)
        z = rng.normal(size=(100 * 300, 3))
        y = z @ [0.1, 0.1, 0.0] + rng.normal(size=len(z))
        board = marginal_contribution(
            {"a": 1}, pd.DataFrame(z, columns=MODELS), pd.Series(y, name="y_20"),
            era=np.repeat(np.arange(100), 300),
        )  # fmt: skip
        assert board.index[0] == "b"
        assert_close(board.loc["b", "mix"], 0.5, 0.1)
        assert board.loc["b", "derivative_low"] > 0.05
        assert board.loc["c", "derivative_low"] < 0.01
        assert_close(board.loc["c", "gain"], 0, 0.003)

    def test_groups_average_pairs(self):
        frame = tournament(20)
        X = frame[MODELS].assign(d=frame["meta"])
        kw = {"era": frame["era"], "horizon": 2}
        single = synergy(X, frame["y"], **kw)
        groups = {"a": "g", "b": "h", "c": "g", "d": "g"}
        found = synergy(X, frame["y"], groups=groups, **kw)
        assert list(found.gain) == ["g", "h"]
        for name in ("gain", "tilt"):
            pairs, cells = getattr(single, name), getattr(found, name)
            cross = pairs.loc["b", ["a", "c", "d"]].mean()
            assert_close(cells.loc["g", "h"], cross)
            assert cells.loc["g", "h"] == cells.loc["h", "g"]
            within = [pairs.loc[p] for p in [("a", "c"), ("a", "d"), ("c", "d")]]
            assert_close(cells.loc["g", "g"], np.mean(within))
            assert np.isnan(cells.loc["h", "h"])
        assert np.isnan(found.tilt_low.loc["h", "h"])
        assert found.n_eras.loc["h", "h"] == 0
        assert not found.clear.loc["h", "h"]
        series = np.mean([slow.tilt(frame.assign(d=frame["meta"]), "b", m)
                          for m in "acd"], axis=0)  # fmt: skip
        summary = summarize(pd.DataFrame({"x": series}, range(1, 21)), horizon=2)
        assert_close(found.tilt_low.loc["g", "h"], summary["low"])
        assert_close(found.tilt_high.loc["g", "h"], summary["high"])


class TestIntervals:
    def test_they_widen_with_fewer_eras(self):
        frame = tournament(120, 20)
        fewer = frame[frame["era"] <= "0030"]
        many, few = (calls(f) for f in (frame, fewer))
        for name, column in {
            "underweight": "derivative",
            "weights": "derivative",
            "column": "derivative",
            "compare": "difference",
        }.items():
            wide, narrow = (
                (t[name][f"{column}_high"] - t[name][f"{column}_low"]).loc[["b", "c"]]
                for t in (few, many)
            )
            # A quarter of the eras: twice as wide, give or take.
            assert (wide > 1.3 * narrow).all(), name
        wide, narrow = (
            (found["tilt"] - found["tilt_low"]).loc["a", "c"] for found in (few, many)
        )
        assert wide > 1.3 * narrow

    def test_they_widen_with_confidence_and_hold_the_mean(self):
        frame = tournament(40)
        narrow, wide = (calls(frame, confidence=c)["underweight"] for c in (0.5, 0.99))
        assert (wide["derivative_low"] < narrow["derivative_low"]).all()
        assert (wide["derivative_low"] < wide["derivative"]).all()
        assert (wide["derivative"] < wide["derivative_high"]).all()

    def test_none_without_two_horizons(self):
        found = calls(tournament(5), horizon=3)
        for name in ("underweight", "weights", "compare"):
            ends = [c for c in found[name] if c.endswith(("_low", "_high"))]
            assert found[name][ends].isna().all(axis=None)
        assert np.isnan(found["tilt_low"].loc["a", "b"])
        assert not np.isnan(found["tilt"].loc["a", "b"])
        verdicts = found["compare"]["verdict"]
        told = "5 eras, too few for an interval, which takes 6"
        assert verdicts.str.contains(told, regex=False).all()
        assert verdicts.str.startswith("Cannot tell").all()

    def test_the_horizon_is_that_of_the_target(self):
        frame = tournament(20)
        args = frame["meta"], frame[MODELS]
        for name, horizon in {"x_20": 5, "x_40": 9, "target": 13}.items():
            y = frame["y"].rename(name)
            board = underweight(*args, y, era=frame["era"])
            given = underweight(*args, y, era=frame["era"], horizon=horizon)
            pd.testing.assert_frame_equal(board, given)
            assert board["derivative_low"].isna().all() == (horizon == 13)

    def test_eras_further_apart_need_fewer(self):
        frame = tournament(10)
        every = frame.assign(era=(4 * frame["era"].astype(int)).astype(str))
        for rows, known in ((frame, False), (every, True)):
            for name in ("underweight", "weights", "compare"):
                found = calls(rows, horizon=13)[name].filter(like="_low")
                assert found.notna().all(axis=None) == known

    def test_the_joint_interval_is_sidak_s(self):
        frame = tournament(20)
        options = {"era": frame["era"], "horizon": 2}
        args = frame["meta"], frame[MODELS], frame["y"]
        board = underweight(*args, **options)
        alone = underweight(*args, **options, confidence=0.95 ** (1 / 3))
        for end in ("low", "high"):
            assert_close(board[f"derivative_joint_{end}"], alone[f"derivative_{end}"])
        pairs = synergy(*args[1:], **options)
        alone = synergy(*args[1:], **options, confidence=0.95 ** (1 / 3))
        assert_close(pairs.tilt_joint_low, alone.tilt_low)
        assert_close(pairs.tilt_joint_high, alone.tilt_high)


class TestTilt:
    """Whether a little of the worse model helps, told by a mean over eras."""

    @pytest.mark.parametrize("skills", [(0.2, 0.1, 0.15), (-0.1, 0.2, -0.2)])
    def test_is_that_of_the_slow_computation(self, skills):
        frame = tournament(30, skills=skills)
        found = synergy(frame[MODELS], frame["y"], era=frame["era"], horizon=3)
        for i, one in enumerate(MODELS):
            for other in MODELS[i + 1 :]:
                series = slow.tilt(frame, one, other)
                summary = summarize(
                    pd.DataFrame({"x": series}, range(1, 31)), horizon=3
                )
                for name in ("tilt", "tilt_low", "tilt_high"):
                    got = getattr(found, name)
                    end = name.removeprefix("tilt").strip("_") or "mean"
                    assert_close(got.loc[one, other], summary[end])
                    assert got.loc[one, other] == got.loc[other, one]

    def test_is_the_derivative_of_the_mean_correlation(self):
        frame = tournament(20)
        found = synergy(frame[MODELS], frame["y"], era=frame["era"]).tilt
        # The first model is the best of the three.
        for other in ("b", "c"):
            expected = slow.derivative(
                frame, lambda rows: slow.gaussianize(rows["a"]), other
            )
            assert_close(found.loc["a", other], expected, 1e-8)

    def test_of_sharpe_is_its_derivative(self):
        a, b, pairs = self.pair(n_eras=60)
        ratio, step = a.mean() / a.std(), 1e-7
        moved = a + step * b
        derivative = (moved.mean() / moved.std() - ratio) / step
        tilts = pairs.tilts("sharpe")[0]
        assert_close(tilts.mean(), derivative, 1e-6)
        _, intercept = np.polyfit(a, b, 1)
        assert_close(tilts.mean(), intercept / a.std())

    def test_of_sharpe_varies_as_the_derivative_does(self):
        a, b, pairs = self.pair(n_eras=60)
        tilts, step = pairs.tilts("sharpe")[0], 1e-6
        for i in (0, 17, 59):
            w = np.full(60, (1 - step) / 60)
            w[i] += step
            _, intercept = np.polyfit(a, b, 1, w=np.sqrt(w))
            spread = np.sqrt(w @ (a - w @ a) ** 2)
            moved = (intercept / spread - tilts.mean()) / step
            assert_close(tilts[i] - tilts.mean(), moved, 1e-4)

    def pair(self, n_eras):
        """Scores of two models, the better one first."""
        rng = np.random.default_rng(0)
        a = rng.normal(0.03, 0.02, n_eras)
        b = 0.5 * a + rng.normal(0.005, 0.02, n_eras)
        return a, b, Pairs(b[None], a[None], np.full((1, n_eras), 0.5))

    def test_of_a_better_model_that_does_not_vary_is_unknown(self):
        steady = Pairs(*np.full((2, 1, 30), [[[0.1]], [[0.2]]]), np.zeros((1, 30)))
        assert np.isnan(steady.tilts("sharpe")).all()
        assert_close(steady.tilts(), 0.1)


def worlds(n_worlds, n_eras, horizon, loadings, seed=0):
    """Scores of two models that overlap as targets do: (2, n_worlds, n_eras)."""
    rng = np.random.default_rng([seed, n_eras, horizon])
    parts = np.stack([overlapping(n_worlds, n_eras, horizon, rng) for _ in range(2)])
    return np.tensordot(np.asarray(loadings), parts, 1)


EXTENTS = [(n, h) for n in (41, 87) for h in (5, 13)]


@pytest.mark.slow
@pytest.mark.parametrize(("n_eras", "horizon"), EXTENTS)
class TestCoverage:
    """How many intervals of 95 % hold the truth, of series as the functions make them.

    Scores of eras are simulated, not rows: what is made of rows within an era is held
    by the slow references above.
    """

    def held(self, series, truth, horizon):
        intervals = Intervals(horizon, 0.95)
        found = intervals.of_means("x", series.T, np.arange(float(series.shape[1])))
        return np.mean((found["x_low"] <= truth) & (truth <= found["x_high"]))

    def test_of_a_difference_in_compare(self, n_eras, horizon):
        one, other = 0.02 * worlds(4000, n_eras, horizon, [[1, 0], [0.8, 0.6]])
        held = self.held(one - other + 0.003, 0.003, horizon)
        assert 0.93 <= held <= 0.975

    def test_of_a_derivative(self, n_eras, horizon):
        """That of `underweight` and of `marginal_contribution`: b - r a in each era."""
        base, model = 0.02 * worlds(4000, n_eras, horizon, [[1, 0], [0.8, 0.6]]) + 0.02
        rng = np.random.default_rng([n_eras, horizon])
        likeness = 0.8 + 0.03 * rng.normal(size=base.shape)
        held = self.held(model - likeness * base, 0.2 * 0.02, horizon)
        assert 0.93 <= held <= 0.975

    @pytest.mark.parametrize("objective", ["corr", "sharpe"])
    def test_worthless_partners_are_rarely_called_clear(
        self, n_eras, horizon, objective
    ):
        for likeness in (0.0, 0.5, 0.9):
            own = np.sqrt(1 - likeness**2)
            a, b = 0.02 * worlds(4000, n_eras, horizon, [[1, 0], [likeness, own]])
            # What the partner predicts, its likeness to the better model explains.
            a, b = a + 0.02, b + likeness * 0.02
            pairs = Pairs(a, b, np.full(a.shape, likeness))
            found = Intervals(horizon, 0.95).of(
                pairs.tilts(objective), np.arange(float(n_eras))
            )
            claimed = (found.low > 0) & (pairs.best(objective).over_better > 0)
            # 2.5 % by chance; an influence function is exact for many eras only.
            assert claimed.mean() <= 0.04


class TestRows:
    def test_order_means_nothing(self):
        frame = tournament(shuffle=False)
        expected = calls(frame)
        shuffled = calls(frame.sample(frac=1, random_state=1))
        for name, table in expected.items():
            pd.testing.assert_frame_equal(shuffled[name], table, rtol=1e-9)

    def test_scales_mean_nothing(self):
        frame = tournament()
        other = frame.assign(a=np.exp(frame["a"]), meta=frame["meta"].rank())
        expected, got = calls(frame), calls(other)
        for name, table in expected.items():
            pd.testing.assert_frame_equal(got[name], table, rtol=1e-9)

    @pytest.mark.parametrize("kind", ["polars", "pyarrow", "arrays", "float32"])
    def test_containers(self, kind):
        frame = tournament().reset_index(drop=True)
        expected = calls(frame)
        columns = frame[[*MODELS, "meta", "y"]].copy()
        options = {"era": frame["era"], "horizon": 2}
        X, y, meta = columns[MODELS], columns["y"], columns["meta"]
        if kind == "polars":
            table = pl.from_pandas(frame)
            X, y, meta = table[MODELS], table["y"], table["meta"]
            options["era"] = table["era"]
        elif kind == "pyarrow":
            table = pa.Table.from_pandas(frame)
            X, y, meta = table.select(MODELS), table["y"], table["meta"]
        elif kind == "arrays":
            X, y, meta = X.to_numpy(), y.to_numpy(), meta.to_numpy()
            options["era"] = frame["era"].to_numpy()
        else:
            X = X.astype(np.float32)
        tolerance = 1e-3 if kind == "float32" else 1e-10
        board = underweight(meta, X, y, **options)
        assert_close(board, expected["underweight"], tolerance)
        implied = implied_weights(meta, X, era=options["era"])
        assert_close(implied, expected["implied"], tolerance)
        gain = synergy(X, y, **options).gain
        assert_close(gain, expected["gain"], tolerance)
        got = compare(meta, X, y, window=3, **options)
        wanted = expected["compare"]["difference"]
        assert_close(got["difference"], wanted, tolerance)
        if kind != "arrays":
            got = marginal_contribution({"a": 0.5, "b": -0.2}, X, y, **options)
            assert_close(
                got["derivative"], expected["weights"]["derivative"], tolerance
            )

    def test_inputs_stay_as_they_are(self):
        frame = tournament()
        before = frame.copy(deep=True)
        calls(frame)
        pd.testing.assert_frame_equal(frame, before)

    def test_eras_without_the_meta_model_or_targets_do_not_count(self):
        frame = tournament(12)
        middle = frame[frame["era"].between("0004", "0009")]
        gaps = frame.copy()
        gaps.loc[gaps["era"] < "0004", "meta"] = NAN
        gaps.loc[gaps["era"] > "0009", "y"] = NAN
        args = {"horizon": 2}
        got = underweight(
            gaps["meta"], gaps[MODELS], gaps["y"], era=gaps["era"], **args
        )
        expected = underweight(
            middle["meta"], middle[MODELS], middle["y"], era=middle["era"], **args
        )
        pd.testing.assert_frame_equal(got, expected)
        assert (got["n_eras"] == 6).all()
        implied = implied_weights(gaps["meta"], gaps[MODELS], era=gaps["era"])
        assert list(implied.index) == [f"{i:04d}" for i in range(4, 13)]

    def test_rows_without_some_value_are_left_out(self):
        frame = tournament(8)
        gaps = frame.copy()
        gaps.iloc[::17, 0] = NAN  # of the first model
        gaps.iloc[5::29, frame.columns.get_loc("meta")] = NAN
        got = implied_weights(gaps["meta"], gaps[MODELS], era=gaps["era"])
        for era, rows in gaps.groupby("era"):
            # Ranked among the rows that have the value, then cut to common rows.
            z = EraRankGauss(columns=[*MODELS, "meta"]).fit_transform(rows)
            z = z[[*MODELS, "meta"]].dropna()
            z = z - z.mean()
            found = got.loc[era]
            fit = z[MODELS] @ found[MODELS]
            scale = fit @ z["meta"] / (fit @ fit)
            residual = z["meta"] - scale * fit
            assert_close(1 - residual @ residual / (z["meta"] @ z["meta"]), found["r2"])
            slopes = z[MODELS].T @ residual / len(z)
            assert (slopes < 1e-10).all()

    def test_many_lost_rows_draw_a_warning_that_names_the_model(self):
        frame = tournament(8)
        frame.iloc[::2, 1] = NAN
        with pytest.warns(UserWarning, match=r"5\d% of the rows are left out.*'b'"):
            synergy(frame[MODELS], frame["y"], era=frame["era"])

    def test_a_model_that_starts_later(self):
        frame = tournament(20)
        frame.loc[frame["era"] <= "0008", "c"] = NAN
        late = frame[frame["era"] > "0008"]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got, later = calls(frame), calls(late)
        assert got["implied"]["c"].isna().sum() == 8
        assert_close(got["implied"][["a", "b"]].iloc[:8].sum(axis=1), 1)
        # A window has a weight for it from its third era on.
        assert got["window"]["c"].isna().sum() == 8
        for name in ("underweight", "weights", "column", "compare"):
            number = got[name].select_dtypes("number")
            n_eras = number["n_eras"]
            assert n_eras["c"] == 12
            assert n_eras["a"] == 20
            pd.testing.assert_series_equal(
                number.loc["c"], later[name].select_dtypes("number").loc["c"]
            )
        assert_close(got["gain"].loc["a", "c"], later["gain"].loc["a", "c"])
        assert_close(got["tilt_low"].loc["a", "c"], later["tilt_low"].loc["a", "c"])
        assert got["gain"].loc["a", "b"] != later["gain"].loc["a", "b"]

    def test_infinite_predictions_are_extremes(self):
        frame = tournament()
        top = frame.groupby("era")["a"].transform("max") == frame["a"]
        other = frame.assign(a=frame["a"].where(~top, np.inf))
        expected, got = calls(frame), calls(other)
        for name, table in expected.items():
            pd.testing.assert_frame_equal(got[name], table)

    def test_no_model_that_helps(self):
        rng = np.random.default_rng(0)
        X = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a", "b"])
        era = np.repeat([1, 2, 3], 100)
        got = implied_weights(-X.sum(axis=1).to_numpy(), X, era=era)
        assert got[["a", "b"]].isna().all(axis=None)
        assert (got["r2"] == 0).all()

    def test_no_model_that_helps_in_a_sentence(self):
        data = make_benchmark_models(40, 60, 2, meta_model_eras=40, random_state=0)
        data.frame[data.meta_model] = -data.frame[data.models].mean(axis=1)
        sentence = analyze(data).sentences[0]
        assert sentence.startswith("No blend of the models explains anything")

    def test_names_of_any_kind(self):
        frame = tournament()
        X = frame[MODELS].set_axis([("x", 1), "$a_b", 3], axis=1)
        options = {"era": frame["era"], "horizon": 2}
        gain = synergy(X, frame["y"], **options).gain
        assert list(gain) == [("x", 1), "$a_b", 3]
        got = compare(frame["a"], X, frame["y"], **options)
        assert_close(got["difference"].iloc[0], 0)
        assert got.shape == (3, 10)
        board = marginal_contribution({3: 1.0}, X, frame["y"], **options)
        assert set(board.index) == {("x", 1), "$a_b", 3}


def check(function, frame, **changes):
    """Call a function on a tournament with some of its arguments changed."""
    args = {"models": frame[MODELS], "y": frame["y"], "meta_model": frame["meta"]}
    own = {"era": frame["era"]}
    if function is implied_weights:
        del args["y"]
    elif function is synergy:
        del args["meta_model"]
    elif function is marginal_contribution:
        args["portfolio"] = args.pop("meta_model")
    elif function is compare:
        args["model"] = args.pop("meta_model")
        args["benchmarks"] = args.pop("models")
    return function(**{**args, **own, **changes})


FUNCTIONS = [implied_weights, underweight, synergy, marginal_contribution, compare]
OF_META = [implied_weights, underweight]
OF_TARGET = FUNCTIONS[1:]


class TestErrors:
    @pytest.mark.parametrize("function", OF_TARGET)
    def test_one_era(self, function):
        frame = tournament(1)
        with pytest.raises(ValueError, match=r"2 or more eras with `y`.* got 1: "):
            check(function, frame)

    @pytest.mark.parametrize("names", ["columns of two levels", "tuples as names"])
    def test_names_that_are_tuples(self, names):
        frame = tournament()
        pairs = pd.Index([("new", name) for name in MODELS], tupleize_cols=False)
        if names == "columns of two levels":
            pairs = pd.MultiIndex.from_tuples(list(pairs))
        got = check(
            implied_weights, frame, models=frame[MODELS].set_axis(pairs, axis=1)
        )
        assert got.columns.tolist() == [*pairs, "r2"]
        assert_close(got, check(implied_weights, frame))

    def test_one_era_has_implied_weights(self):
        frame = tournament(1)
        assert check(implied_weights, frame).shape == (1, 4)

    @pytest.mark.parametrize("function", OF_META)
    def test_a_meta_model_without_values(self, function):
        frame = tournament()
        with pytest.raises(ValueError, match="`meta_model` has no era with 3 or more"):
            check(function, frame, meta_model=frame["meta"] * NAN)

    @pytest.mark.parametrize("function", OF_TARGET)
    def test_no_target(self, function):
        frame = tournament()
        with pytest.raises(ValueError, match="`y` has no era with 3 or more"):
            check(function, frame, y=frame["y"] * NAN)

    @pytest.mark.parametrize("function", OF_TARGET)
    def test_a_constant_target(self, function):
        frame = tournament()
        with pytest.raises(ValueError, match=r"`y` has no era.*constant"):
            check(function, frame, y=frame["y"] * 0)

    def test_no_overlap(self):
        frame = tournament(10)
        meta = frame["meta"].where(frame["era"] > "0006")
        y = frame["y"].where(frame["era"] <= "0006")
        message = (
            r"2 or more eras with `y` and `meta_model` are needed; got 0: `y` has 6, "
            r"from '0001' to '0006', `meta_model` has 4, from '0007' to '0010'"
        )
        with pytest.raises(ValueError, match=message):
            check(underweight, frame, meta_model=meta, y=y)

    @pytest.mark.parametrize("function", FUNCTIONS)
    @pytest.mark.parametrize("value", [1.0, NAN])
    def test_a_model_that_says_nothing(self, function, value):
        frame = tournament()
        name = "benchmarks" if function is compare else "models"
        X = frame[MODELS].assign(b=value)
        with pytest.raises(
            ValueError, match=f"`{name}` must vary.*'b' constant or mis"
        ):
            check(function, frame, **{name: X})

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_lengths(self, function):
        frame = tournament()
        with pytest.raises(ValueError, match=r"`era` has .* rows and"):
            check(function, frame, era=frame["era"].iloc[1:])

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_another_index(self, function):
        frame = tournament()
        with pytest.raises(ValueError, match="another index than"):
            check(function, frame, era=frame["era"].iloc[::-1])

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_missing_labels(self, function):
        frame = tournament()
        era = frame["era"].where(frame["era"] != "0002")
        with pytest.raises(ValueError, match="missing labels"):
            check(function, frame, era=era)

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_names_in_place_of_values(self, function):
        with pytest.raises(ValueError, match="`era` must hold one value a row; got 'e"):
            check(function, tournament(), era="era")

    @pytest.mark.parametrize("function", OF_TARGET)
    def test_infinite_targets(self, function):
        frame = tournament()
        y = frame["y"].copy()
        y.iloc[3] = np.inf
        with pytest.raises(ValueError, match="`y` has 1 infinite"):
            check(function, frame, y=y)

    @pytest.mark.parametrize("function", [f for f in OF_TARGET if f != synergy])
    def test_several_targets(self, function):
        frame = tournament()
        with pytest.raises(ValueError, match="`y` must be one column; got 'y', 'meta'"):
            check(function, frame, y=frame[["y", "meta"]])

    def test_words(self):
        frame = tournament()
        with pytest.raises(ValueError, match="column 'a' must hold numbers"):
            check(synergy, frame, models=frame[MODELS].assign(a="x"))

    @pytest.mark.parametrize("function", OF_TARGET)
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"horizon": 0}, "`horizon` must be a whole number of at least 1"),
            ({"horizon": 1.5}, "`horizon` must be a whole number of at least 1"),
            ({"confidence": 1.0}, "`confidence` must be above 0 and below 1; got 1.0"),
            ({"confidence": "95"}, "`confidence` must be above 0 and below 1"),
        ],
    )
    def test_options(self, function, options, message):
        with pytest.raises(ValueError, match=message):
            check(function, tournament(3), **options)

    def test_windows(self):
        frame = tournament(5)
        with pytest.raises(ValueError, match="`window` must be a whole number"):
            check(implied_weights, frame, window=0)
        for window in (6, 10**400):
            with pytest.raises(ValueError, match=r"`window` must be at most .* for 5"):
                check(implied_weights, frame, window=window)
        with pytest.raises(ValueError, match="`recent` must be"):
            check(compare, frame, recent=0)
        with pytest.raises(ValueError, match="`window` must be"):
            check(compare, frame, window=1.5)

    def test_names(self):
        frame = tournament()
        with pytest.raises(ValueError, match=r"`portfolio` names 'z'.*it has 'a', 'b'"):
            check(marginal_contribution, frame, portfolio={"a": 1, "z": 1})
        for weights in ({"a": 0.0}, {"a": NAN}, {"a": "x"}, {}):
            with pytest.raises(
                ValueError, match="`portfolio` must hold finite weights"
            ):
                check(marginal_contribution, frame, portfolio=weights)
        for groups in ({"a": 1}, dict.fromkeys("abcd", 1), "x"):
            with pytest.raises(
                ValueError, match="`groups` must map each of the models"
            ):
                check(synergy, frame, groups=groups)
        with pytest.raises(ValueError, match="`objective` must be 'corr' or 'sharpe'"):
            check(synergy, frame, objective="mse")
        with pytest.raises(ValueError, match="2 models or more; got 'a'"):
            check(synergy, frame, models=frame[["a"]])
        with pytest.raises(ValueError, match="column 'r2'"):
            check(implied_weights, frame, models=frame[MODELS].assign(r2=frame["a"]))

    def test_a_portfolio_that_cancels(self):
        frame = tournament()
        X = frame[MODELS].assign(b=frame["a"])
        with pytest.raises(ValueError, match="`portfolio` must vary"):
            check(marginal_contribution, frame, models=X, portfolio={"a": 1, "b": -1})


class TestAnalyze:
    @pytest.fixture
    def data(self):
        return make_benchmark_models(
            60, 100, 4, meta_model_eras=50, mean_corr=0.03, random_state=2
        )

    def test_frames_are_those_of_the_functions(self, data):
        own = data.models[1]
        target = "target_cyrus_20"
        got = analyze(data, model=own, target=target)
        frame = data.frame
        X, y = frame[[m for m in data.models if m != own]], frame[target]
        options = {"era": frame["era"]}
        meta = frame[data.meta_model]
        assert isinstance(got, Analysis)
        pd.testing.assert_frame_equal(
            got.implied_weights, implied_weights(meta, X, era=frame["era"])
        )
        pd.testing.assert_frame_equal(
            got.underweight, underweight(meta, X, y, **options)
        )
        pd.testing.assert_frame_equal(got.synergy.gain, synergy(X, y, **options).gain)
        expected = compare(frame[own], X, y, **options)
        pd.testing.assert_frame_equal(got.comparison, expected)
        assert set(expected["verdict"]) <= set(got.sentences)
        assert len(got.sentences) == 3 + 1 + 3

    def test_without_an_own_model(self, data):
        got = analyze(data)
        assert got.comparison is None
        assert len(got.sentences) == 3
        assert got.sentences[0].startswith("The models explain ")

    def test_predictions_are_matched_by_id(self, data):
        own = data.models[0]
        frame = data.frame
        column = frame[own].sample(frac=0.9, random_state=0)
        got = analyze(data, model=column)
        again = analyze(data, model=column.reindex(frame.index))
        pd.testing.assert_frame_equal(got.comparison, again.comparison)
        assert len(got.comparison) == len(data.models)
        assert own in got.sentences[-1]
        with pytest.raises(ValueError, match="`model` has no value for any of"):
            analyze(data, model=column.set_axis(range(len(column))))

    def test_it_says_what_is_clear(self):
        # Two independent models of equal, high and steady score; one is left out.
        rng = np.random.default_rng(0)
        n_eras, n_rows = 60, 500
        frame = pd.DataFrame(rng.normal(size=(n_eras * n_rows, 3)), columns=MODELS)
        frame["numerai_meta_model"] = frame["a"] + 0.05 * rng.normal(size=len(frame))
        noise = rng.normal(size=len(frame))
        frame["target_x_20"] = 0.1 * (frame["a"] + frame["b"]) + noise
        frame["era"] = np.repeat(np.arange(n_eras), n_rows)
        data = make_benchmark_models(20, 50, 2, random_state=0)
        data.update(frame=frame, models=MODELS, targets=["target_x_20"])
        got = analyze(data, model="c").sentences
        assert "a has the largest implied weight, 99.9 %" in got[0]
        assert got[1].startswith("The Meta Model underweights b: 1 % of b added to it")
        assert got[2].startswith("a and b ensemble well: the best blend scores ")
        assert got[3].startswith("Of 2 benchmarks c beats 0 and is behind 2 in CORR")
        assert got[4].startswith("c is behind ")
        got = analyze(data, model="a", groups={"b": "x", "c": "y"}).sentences
        assert got[-1].startswith(("a beats c", "Cannot tell whether a or b"))

    def test_it_says_what_nobody_can_tell(self):
        rng = np.random.default_rng(4)
        data = make_benchmark_models(90, 50, 3, meta_model_eras=90, random_state=0)
        data.frame["target"] = rng.random(len(data.frame))
        got = analyze(data, model=data.models[0], horizon=3)
        cannot = [s for s in got.sentences if s.startswith("Cannot tell")]
        assert len(cannot) == 4
        assert "for 2 the data cannot tell" in got.sentences[3]

    def test_few_eras(self):
        data = make_benchmark_models(14, 50, 3, meta_model_eras=9, random_state=0)
        got = analyze(data, model=data.models[0])
        assert sum("too few" in s for s in got.sentences) == 3 + 2
        assert not any("nan" in s for s in got.sentences)

    def test_what_the_data_lack(self, data):
        lacking = Bunch(**data)
        lacking.frame = data.frame.assign(**{data.meta_model: NAN})
        got = analyze(lacking)
        assert got.implied_weights is None
        assert got.underweight is None
        assert "the data lack it" in got.sentences[0]
        later = data.frame["era"] > "0050"
        lacking.frame = data.frame.assign(
            target=data.frame["target"].where(~later),
            **{data.meta_model: data.frame[data.meta_model].where(later)},
        )
        got = analyze(lacking)
        assert got.implied_weights is not None
        assert got.underweight is None
        assert "0 eras have both it and target" in got.sentences[1]
        lacking.meta_model = None
        assert analyze(lacking).implied_weights is None
        lacking.models = data.models[:1]
        got = analyze(lacking)
        assert got.synergy is None
        assert "only one" in got.sentences[-1]

    def test_errors(self, data):
        with pytest.raises(ValueError, match=r"`target` must be one of.*got 'x'"):
            analyze(data, target="x")
        with pytest.raises(ValueError, match=r"`model` must be a column.*got 'x'"):
            analyze(data, model="x")
        with pytest.raises(ValueError, match="`horizon`"):
            analyze(data, horizon=0)
        with pytest.raises(ValueError, match="`confidence`"):
            analyze(data, confidence=1)
        lacking = Bunch(**data)
        lacking.models = data.models[:1]
        with pytest.raises(ValueError, match="`data` must hold a model beside `model`"):
            analyze(lacking, model=data.models[0])
        lacking.targets = []
        with pytest.raises(ValueError, match="`target` must be one of the targets"):
            analyze(lacking)


class TestDisplays:
    @pytest.fixture(autouse=True)
    def closed_figures(self):
        plt = pytest.importorskip("matplotlib.pyplot")
        plt.switch_backend("agg")
        yield
        plt.close("all")

    def test_weights_are_stacked(self):
        frame = tournament(6)
        frame = frame[frame["era"] != "0003"]
        weights = implied_weights(frame["meta"], frame[MODELS], era=frame["era"])
        display = ImpliedWeightsDisplay.from_weights(weights, n_models=2)
        order = weights[MODELS].mean().sort_values(ascending=False).index
        assert list(display.weights) == list(order[:2])
        assert display.others.name == "1 others"
        tops = [bar.get_y() + bar.get_height() for bar in display.bars_[-1]]
        assert_close(tops, 1)
        assert len(display.bars_) == 3
        heights = [bar.get_height() for bar in display.bars_[1]]
        assert_close(heights, weights[order[1]])
        # A gap where there is no era.
        assert np.isnan(display.line_.get_ydata()).sum() == 1
        display.figure_.canvas.draw()

    def test_weights_that_are_missing(self):
        weights = pd.DataFrame(
            {"$a_b$": [NAN, 0.4], "_c": [NAN, 0.6], "r2": [0.0, 0.5]}, index=[1, 2]
        )
        display = ImpliedWeightsDisplay.from_weights(weights)
        assert len(display.bars_) == 2
        assert_close([bar.get_height() for bar in display.bars_[0]], [0, 0.6])
        texts = [t.get_text() for t in display.ax_.get_legend().get_texts()]
        assert texts == ["$a_b$", "_c", "share explained (r2)"]
        display.figure_.canvas.draw()

    def test_no_weights(self):
        for frame in (pd.DataFrame({"a": [1.0]}), pd.DataFrame({"r2": [1.0]})):
            with pytest.raises(ValueError, match="`weights` must be a frame of `impl"):
                ImpliedWeightsDisplay.from_weights(frame)
        with pytest.raises(ValueError, match="`n_models` must be a whole number"):
            ImpliedWeightsDisplay.from_weights(frame, n_models=0)

    def test_synergy(self):
        frame = tournament(20)
        found = synergy(frame[MODELS], frame["y"], era=frame["era"], horizon=2)
        display = SynergyDisplay.from_synergy(found)
        assert_close(display.image_.get_array(), found.gain)
        assert len(display.texts_) == 6
        first, bold = display.texts_[0], {"bold": True, "normal": False}
        assert first.get_text().startswith(
            f"{1000 * found.gain.loc['a', 'b']:.1f}\n"
            f"{1000 * found.tilt.loc['a', 'b']:.1f} ±"
        )
        clear = found.clear.loc["a", "b"]
        assert bold[first.get_fontweight()] == clear
        display.figure_.canvas.draw()
        with pytest.raises(TypeError, match="`synergy` must be what"):
            SynergyDisplay.from_synergy(found.gain)

    def test_synergy_without_intervals_and_of_groups(self):
        frame = tournament(4)
        found = synergy(
            frame[MODELS],
            frame["y"],
            era=frame["era"],
            groups=dict(zip("abc", "$$g", strict=True)),
        )
        display = SynergyDisplay.from_synergy(found)
        # Two in the first group, one in the other: no pair within that.
        assert len(display.texts_) == 3
        assert not any("±" in text.get_text() for text in display.texts_)
        display.figure_.canvas.draw()


class TestRealRows:
    def test_every_function(self, real_folder):
        data = load_benchmark_models(real_folder, targets=("target_bernie_30",))
        got = analyze(data, model=data.models[0])
        k = len(data.models) - 1
        assert got.implied_weights.shape == (42, k + 1)
        assert_close(got.implied_weights.iloc[:, :-1].sum(axis=1), 1)
        assert got.implied_weights["r2"].between(0, 1).all()
        assert got.underweight["n_eras"].eq(42).all()
        assert got.underweight.notna().all(axis=None)
        assert got.synergy.gain.shape == (k, k)
        assert (got.synergy.gain >= 0).all(axis=None)
        assert got.comparison["n_eras"].eq(102).all()
        frame = data.frame
        board = marginal_contribution(
            {data.models[0]: 1.0}, frame[data.models], frame["target_bernie_30"],
            era=frame["era"],
        )  # fmt: skip
        assert board.notna().all(axis=None)
        assert not any("nan" in sentence for sentence in got.sentences)


def test_models_that_share_no_era_have_no_gain():
    frame = tournament(8)
    early = frame["era"].isin(sorted(frame["era"].unique())[:4])
    models = pd.DataFrame(
        {"early": frame["a"].where(early), "late": frame["a"].where(~early)}
    )
    found = synergy(models, frame["y"], era=frame["era"])
    assert np.isnan(found.gain.loc["early", "late"])
    assert np.isnan(found.tilt.loc["early", "late"])
    assert np.isnan(found.tilt_joint_low.loc["early", "late"])
    assert found.n_eras.loc["early", "late"] == 0


class TestPairsKernel:
    def test_a_model_without_a_denominator_scores_zero(self):
        a, b, p, q = (
            np.array(x) for x in ([2.0, 3, 2], [3.0, 2, 3], [0, 1.0, 0], [1.0, 0, 0])
        )
        blends = best_blend(a, b, p, q, np.zeros(3))
        assert_close(blends.share, [1, 0, 0])
        assert_close(blends.over_first, [3, 0, 0])
        assert_close(blends.over_better, [0, 0, 0])

    @pytest.mark.parametrize("score", [0.1, -0.1, 0.0])
    def test_what_differs_by_rounding_gains_exactly_nothing(self, score):
        one, above = np.array([score]), np.array([score + abs(score) * 2.0**-52])
        alike = np.ones(1)
        for a, b in ((one, above), (above, one), (one, one)):
            blends = best_blend(a, b, alike, alike, alike)
            np.testing.assert_array_equal(np.ravel(blends), [0, 0, 0])

    @pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
    def test_the_scale_of_almost_equal_models_does_not_matter(self, scale):
        a, p = np.array([0.1]) * scale, np.array([1.0]) * scale**2
        blends = best_blend(a, a, p, p, p * (1 - 1e-6))
        assert_close(blends.share, 0.5, 1e-9)
        assert_close(blends.over_better, 0.1 / np.sqrt(1 - 5e-7) - 0.1, 1e-12)

    @pytest.mark.parametrize("objective", ["corr", "sharpe"])
    def test_a_pair_does_not_depend_on_others(self, objective):
        rng = np.random.default_rng(0)
        parts = rng.normal(0.02, 0.01, (3, 5, 30))
        parts[:, 1, :7] = parts[:, 3] = NAN
        pairs = Pairs(*parts)
        got, tilts = pairs.best(objective), pairs.tilts(objective)
        for i, kept in ((0, slice(None)), (1, slice(7, None)), (4, slice(None))):
            alone = Pairs(*parts[:, i : i + 1, kept])
            for whole, part in zip(got, alone.best(objective), strict=True):
                assert_close(whole[i], part[0])
            assert_close(tilts[i, kept], alone.tilts(objective)[0])
        assert np.isnan([part[3] for part in got]).all()
        assert np.isnan(tilts[3]).all()
        assert np.isnan(tilts[1, :7]).all()

    def test_scores_that_do_not_vary_have_no_sharpe_ratio(self):
        varying = np.tile([0.0005, 0.0015], (1, 25))
        pairs = Pairs(np.full((1, 50), 0.1), varying, np.zeros((1, 50)))
        assert_close(np.ravel(pairs.best("sharpe")), [1, 2, 0], 1e-9)


def test_a_constant_target_goes_with_no_column():
    columns = np.random.default_rng(0).normal(size=(3, 40))
    moments = era_moments(columns, np.full(40, 0.5))
    moments = {name: np.asarray(value)[None] for name, value in moments.items()}
    np.testing.assert_array_equal(relations.slopes(moments, 1), np.zeros((1, 3)))
    with_target, between = relations.correlations(moments)
    np.testing.assert_array_equal(with_target, np.zeros((1, 3)))
    assert_close(between[0], np.corrcoef(columns))


def test_a_window_of_more_eras_than_count_is_refused():
    frame = tournament(4)
    newest = frame["era"] == max(frame["era"])
    models = frame[MODELS].where(~newest)
    with pytest.raises(ValueError, match=r"`window` must be .* got 4 for 3"):
        implied_weights(frame["meta"], models, era=frame["era"], window=4)


def test_of_many_underweighted_models_the_first_are_named():
    names = [f"model {i}" for i in range(7)]
    ends = {"derivative_joint_low": 0.01, "derivative_joint_high": 0.03}
    board = pd.DataFrame({"derivative": 0.02, **ends, "n_eras": 90}, index=names)
    said = about_underweight(board, 0.95, "target", 26)
    assert "underweights model 0, model 1, model 2, model 3, model 4 and 2 more" in said


def test_a_chart_of_many_pairs_has_no_numbers():
    frame = tournament(4)
    noise = np.random.default_rng(0).normal(size=(len(frame), 13))
    models = pd.DataFrame(noise, index=frame.index).add_prefix("model_")
    options = {"era": frame["era"]}
    many = synergy(models, frame["y"], **options)
    few = synergy(models.iloc[:, :12], frame["y"], **options)
    assert SynergyDisplay.from_synergy(many).texts_ == []
    assert len(SynergyDisplay.from_synergy(few).texts_) == 12 * 11


def test_what_is_said_of_a_clear_model_is_its_own():
    board = pd.DataFrame(
        {
            "derivative": [0.5, 0.02, 0.01],
            "derivative_joint_low": [NAN, 0.015, -0.01],
            "derivative_joint_high": [NAN, 0.025, 0.03],
            "n_eras": [1, 90, 91],
        },
        index=["short", "steady", "loose"],
    )
    said = about_underweight(board, 0.95, "target", 26)
    assert said.startswith("The Meta Model underweights steady: 1 % of steady added")
    assert "by +0.00020 (95 % interval +0.0001" in said
    assert "for the best of 3, 90 eras)." in said
    unclear = about_underweight(board.drop(index="steady"), 0.95, "target", 26)
    assert "1 % of short added" in unclear
    assert "1 era, too few for an interval, which takes 26" in unclear
    unclear = about_underweight(board.loc[["loose"]], 0.95, "target", 26)
    assert "95 % interval -0.00010 to +0.00030, 91 eras), the most of all." in unclear
    # Half of the interval is 0.02, twice the derivative: four times as many eras.
    assert unclear.endswith("would take some 370 eras in all, if it stays as it is.")


def test_one_era_is_no_largest_weight():
    data = make_benchmark_models(60, 300, 3, meta_model_eras=60, random_state=0)
    frame, lucky = data.frame, data.models[2]
    frame[lucky] = frame[data.meta_model].where(frame["era"] == "0031")
    weights = implied_weights(
        frame[data.meta_model], frame[data.models], era=frame["era"]
    )
    assert weights[data.models].mean().idxmax() == lucky
    said = analyze(data).sentences[0]
    told = said.partition("; ")[2]
    assert not told.startswith(lucky)
    assert told.endswith(" %, 60 eras).")
    # Without any interval, the models of most eras count.
    said = analyze(data, horizon=50).sentences[0]
    told = said.partition("; ")[2]
    assert not told.startswith(lucky)
    assert told.endswith("(60 eras, too few for an interval, which takes 100).")


def noise(seed, k, n_eras=60, n_rows=60):
    """A tournament of models that have nothing to do with the target."""
    rng = np.random.default_rng(seed)
    models = [f"m{i}" for i in range(k)]
    frame = pd.DataFrame(rng.normal(size=(n_eras * n_rows, k)), columns=models)
    frame["target_x_20"] = rng.normal(size=len(frame))
    frame["era"] = np.repeat([f"{e:04d}" for e in range(1, n_eras + 1)], n_rows)
    return Bunch(
        frame=frame, era="era", models=models, targets=["target_x_20"],
        meta_model=None, features=[],
    )  # fmt: skip


class TestWords:
    """What sentences say follows from numbers."""

    @pytest.mark.parametrize(
        ("low", "high", "digits"),
        [
            (79.6, 80.4, 1),
            (79.9, 80.2, 1),
            (79.99, 80.01, 2),
            (70, 90, 0),
            (80, 80, 0),
            (0.001, 0.0011, 3),
        ],
    )
    def test_the_ends_of_an_interval_differ(self, low, high, digits):
        assert decimals(low, high, 0) == digits

    @pytest.mark.parametrize(
        ("value", "half", "eras"),
        [
            (0.01, 0.02, "some 400 eras"),
            (-0.01, 0.02, "some 400 eras"),
            (0.01, 0.0101, "some 110 eras"),
            (0.01, 0.03162, "some 1000 eras"),
            (0.01, 0.0317, "more than 1,000 eras"),
            (1e-300, 1.0, "more than 1,000 eras"),
        ],
    )
    def test_four_times_the_eras_halve_an_interval(self, value, half, eras):
        said = until_told(value, half, 100)
        assert said == (
            f" To tell it from 0 would take {eras} in all, if it stays as it is."
        )

    def test_no_number_of_eras_tells_nothing_from_nothing(self):
        assert until_told(0.0, 0.1, 100) == ""

    def test_worthless_models_claim_little(self):
        told = [analyze(noise(seed, 6)).sentences[-1] for seed in range(8)]
        assert sum("ensemble well: of" in said for said in told) >= 7

    def test_the_best_of_many_pairs(self):
        # Two models of equal score, and enough others for 91 pairs.
        data = noise(0, 14, n_rows=300)
        y = data.frame["target_x_20"]
        for name in ("m0", "m1"):
            data.frame[name] += 0.3 * y
        got = analyze(data)
        pairs, said = got.synergy, got.sentences[-1]
        assert said.startswith("m0 and m1 ensemble well: the best blend scores +")
        assert "correlation with target_x_20 by +" in said
        low = pairs.tilt_joint_low.loc["m0", "m1"] / 100
        assert f"95 % interval {low:+.5f} to" in said
        assert "for the best of 91, 60 eras)" in said
        others = np.triu(pairs.jointly_clear).sum() - 1
        assert others == 0 or f"so do {others} other" in said or others == 1

    def test_groups_are_the_mean_of_their_pairs(self):
        data = noise(0, 4, n_rows=300)
        for name in ("m0", "m2"):
            data.frame[name] += 0.3 * data.frame["target_x_20"]
        groups = dict(zip(data.models, "xxyy", strict=True))
        got = analyze(data, groups=groups)
        assert got.synergy.gain.loc["x", "y"] == np.nanmax(got.synergy.gain)
        said = got.sentences[-1]
        assert said.startswith("x and y ensemble well: on average over their pairs, ")

    def test_too_few_eras_know_nothing(self):
        frame = tournament(8)
        found = synergy(frame[MODELS], frame["y"], era=frame["era"], horizon=5)
        assert found.tilt.notna().all(axis=None)
        assert not found.clear.any(axis=None)
        assert not found.jointly_clear.any(axis=None)


@pytest.mark.parametrize("groups", [None, {"m0": "x", "m1": "y"}])
def test_models_without_an_era_in_common_get_an_answer(groups):
    data = noise(3, 2)
    early = data.frame["era"] <= "0030"
    data.frame["m0"] = data.frame["m0"].where(early)
    data.frame["m1"] = data.frame["m1"].where(~early)
    got = analyze(data, groups=groups)
    what = "models" if groups is None else "groups"
    assert got.sentences[-1].startswith(f"Cannot tell which {what} ensemble well: ")
    assert "in common." in got.sentences[-1]
    assert not got.synergy.jointly_clear.any(axis=None)


def test_an_analysis_keeps_what_its_numbers_are_of():
    data = make_benchmark_models(60, 100, 3, meta_model_eras=50, random_state=2)
    target = "target_cyrus_20"
    got = analyze(data, model=data.models[0], target=target, confidence=0.8)
    known = data.frame.loc[data.frame[target].notna(), "era"].nunique()
    assert (got.confidence, got.target, got.n_eras) == (0.8, target, known)
    assert got.horizon == 5
    assert got.synergy.confidence == 0.8
    assert all("80 %" in said for said in got.sentences)
    assert all(target in said for said in got.sentences[1:4])
