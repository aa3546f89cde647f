"""The same weeks, however they are spelled, give the same weights and stakes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbench import EraRankGauss, StackingWeights
from skbench.datasets import load_benchmark_models
from skbench.metrics import leaderboard, numerai_corr, summarize
from skbench.model_selection import WalkForwardEraSplit
from skbench.recipes import riskiest_features
from skbench.report import CumulativeScoreDisplay
from skbench.staking import PayoutRule, simulate
from skbench.streaming import sort_parquet

FIRST = pd.Timestamp("2013-01-04")  # a Friday
SPELLINGS = {
    "padded": lambda n: f"{n:04d}",
    "era12": lambda n: f"era{n}",
    "number": lambda n: n,
    "float": float,
    "ISO text": lambda n: str(day(n).date()),
    "timestamp": lambda n: day(n),
    "date": lambda n: day(n).date(),
    "digits": lambda n: day(n).strftime("%Y%m%d"),
    "integer": lambda n: int(day(n).strftime("%Y%m%d")),
    "text with a time": lambda n: f"{day(n):%Y-%m-%d} 00:00:00",
    "ISO week": lambda n: day(n).strftime("%G-W%V"),
    "period": lambda n: day(n).to_period("W"),
}
spellings = pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)


def day(n):
    return FIRST + pd.Timedelta(weeks=n - 1)


def predictions(numbers, seed=0, rows=30):
    """Two models, of which the second gets better with time, in shuffled rows."""
    rng = np.random.default_rng(seed)
    n = np.repeat(numbers, rows)
    y = rng.normal(size=n.size)
    X = pd.DataFrame(
        {
            "number": n,
            "a": 0.3 * y + rng.normal(size=n.size),
            "b": 0.004 * n * y + rng.normal(size=n.size),
        }
    )
    order = rng.permutation(n.size)
    return X.iloc[order].reset_index(drop=True), y[order]


def labelled(X, spell):
    labels = {n: spell(int(n)) for n in X["number"].unique()}
    return X.drop(columns="number").assign(era=X["number"].map(labels))


WEEKS = [*range(1, 40), *range(48, 70), *range(72, 120, 2)]  # with gaps


@pytest.fixture(scope="module")
def gauss():
    X, y = predictions(WEEKS)
    return EraRankGauss(["a", "b"], era="number").fit_transform(X), y


@spellings
class TestStackingWeights:
    @pytest.mark.parametrize(
        "options",
        [
            {"halflife": 26},
            {"objective": "sharpe", "halflife": 13.5},
            {"shrinkage": "auto", "horizon": 4},
            {"halflife": 26, "horizon": 4},
        ],
        ids=str,
    )
    def test_have_the_weights_of_the_numbers(self, gauss, spell, options):
        X, y = gauss
        expected = StackingWeights(**options).fit(labelled(X, int), y)
        found = StackingWeights(**options).fit(labelled(X, spell), y)
        assert found.shrinkage_ == expected.shrinkage_
        for name, weight in expected.weights_.items():
            assert found.weights_[name] == pytest.approx(weight, abs=1e-6)
        for name, ends in expected.weights_interval_.items():
            assert found.weights_interval_[name] == pytest.approx(ends, abs=1e-4)

    def test_batches_and_merges_are_one_fit_to_the_bit(self, gauss, spell):
        X, y = gauss
        X = labelled(X, spell)
        whole = StackingWeights(halflife=26).fit(X, y)
        parts = []
        for part in range(3):
            inside = (gauss[0]["number"] % 3 == part).to_numpy()
            parts.append(StackingWeights(halflife=26).fit(X[inside], y[inside]))
        merged = parts[2].merge(parts[0]).merge(parts[1])
        assert merged.weights_ == whole.weights_


def test_decay_halves_by_the_week():
    """Two eras 26 weeks apart, with a half-life of 26, weigh 1 and 2."""
    X, y = predictions([1, 27])
    X = EraRankGauss(["a", "b"], era="number").fit_transform(X)
    for spell in SPELLINGS.values():
        learned = StackingWeights(halflife=26).fit(labelled(X, spell), y)
        scores = []
        for n in (1, 27):
            rows = X["number"] == n
            blend = sum(w * X.loc[rows, c] for c, w in learned.weights_.items())
            scores.append(np.corrcoef(blend, y[rows])[0, 1])
        expected = (scores[0] + 2 * scores[1]) / 3
        assert learned.train_score_["optimised"] == pytest.approx(expected, abs=1e-12)


def settled(numbers, rates, stake, duration, parts):
    """Play a ledger round by round, the slow way: what is left at the end."""
    at_risk, done = {}, set()

    def resolve(until):
        nonlocal stake
        for n, rate in zip(numbers, rates, strict=True):
            if n not in done and n in at_risk and n <= until:
                done.add(n)
                stake += max(at_risk[n] * rate, -stake)

    for n in numbers:
        resolve(n - duration)
        at_risk[n] = stake / parts
    resolve(float("inf"))
    return stake


@spellings
class TestLedger:
    @settings(max_examples=20, deadline=None)
    @given(
        weeks=st.sets(st.integers(1, 60), min_size=1, max_size=40),
        duration=st.integers(1, 14),
        seed=st.integers(0, 99),
    )
    def test_has_the_stakes_of_the_numbers(self, spell, weeks, duration, seed):
        numbers = sorted(weeks)
        rates = np.random.default_rng(seed).uniform(-0.5, 0.5, len(numbers))
        scores = pd.DataFrame({"m": rates}, index=[spell(n) for n in numbers])
        rule = PayoutRule("half", {"corr": 1.0}, clip=1.0, concurrent_rounds=4)
        simulation = simulate({"corr": scores}, 100.0, rule, duration=duration)
        expected = settled(numbers, rates, 100.0, duration, 4)
        assert simulation.totals.loc["m", "final"] == pytest.approx(expected, abs=1e-9)


@spellings
class TestScores:
    @pytest.fixture
    def scores(self, spell):
        X, y = predictions(WEEKS)
        X = labelled(X, spell)
        return numerai_corr(y, X[["a", "b"]], era=X["era"])

    def test_are_in_the_order_of_time(self, scores, spell):
        assert list(scores.index) == [spell(n) for n in WEEKS]

    def test_have_one_summary(self, scores):
        plain = scores.set_axis(WEEKS)
        pd.testing.assert_frame_equal(
            summarize(scores, "a"),
            summarize(plain, "a"),
        )
        pd.testing.assert_frame_equal(
            leaderboard(scores.iloc[::-1], recent=20), leaderboard(plain, recent=20)
        )

    def test_are_drawn_a_week_apart(self, scores):
        plt = pytest.importorskip("matplotlib.pyplot")
        display = CumulativeScoreDisplay.from_scores(scores)
        plt.close(display.figure_)
        x = display.ax_.lines[1].get_xdata()
        shift = x[0] - WEEKS[0]
        gaps = np.flatnonzero(np.diff(WEEKS) > 1)
        assert np.isnan(x).sum() == gaps.size  # no line bridges what is missing
        np.testing.assert_allclose(x[~np.isnan(x)] - shift, WEEKS, atol=1e-6)


def test_riskiest_features_compare_the_halves_of_time():
    rng = np.random.default_rng(0)
    numbers = np.repeat([1, 2, 9, 10], 50)
    y = rng.normal(size=numbers.size)
    turned = y * np.where(numbers > 5, -1, 1) + rng.normal(size=y.size)
    X = pd.DataFrame({"feature_a": y + rng.normal(size=y.size), "feature_b": turned})
    for spell in SPELLINGS.values():
        # As text, "era10" and "9" would be out of order.
        frame = X.assign(era=[spell(int(n)) for n in numbers]).iloc[::-1]
        assert riskiest_features(frame, y[::-1], 1) == ["feature_b"]


class TestFiles:
    """Eras that are dates in one file and text in the other."""

    @pytest.mark.parametrize("kind", ["timestamp", "date", "integer", "digits"])
    def test_are_joined(self, tmp_path, kind):
        ids = pd.Index([f"n{i}" for i in range(6)], name="id")
        eras = [1, 1, 2, 2, 3, 3]
        text = [SPELLINGS["ISO text"](n) for n in eras]
        pd.DataFrame({"era": text, "target": 0.5, "feature_a": 1.0}, ids).to_parquet(
            tmp_path / "validation.parquet"
        )
        other = [SPELLINGS[kind](n) for n in eras]
        models = pd.DataFrame({"era": other, "m": np.arange(6) / 6}, ids)
        models.iloc[::-1].to_parquet(tmp_path / "validation_benchmark_models.parquet")
        loaded = load_benchmark_models(tmp_path, meta_model=False)
        assert loaded.frame["m"].to_dict() == models["m"].to_dict()
        one = load_benchmark_models(
            tmp_path, meta_model=False, eras=[SPELLINGS["ISO text"](2)]
        )
        assert set(one.frame.index) == {"n2", "n3"}

    def test_are_sorted_by_time_or_else_by_text(self, tmp_path):
        for labels, expected in [
            (["2024-01-12", "2023-12-29"], ["2023-12-29", "2024-01-12"]),
            (["20240112", "20231229"], ["20231229", "20240112"]),
            (["Q2 2018", "Q1 2018", "Q1 2019"], ["Q1 2018", "Q1 2019", "Q2 2018"]),
        ]:
            frame = pd.DataFrame({"era": labels, "x": 1.0})
            frame.to_parquet(tmp_path / "mixed.parquet")
            sort_parquet(tmp_path / "mixed.parquet", tmp_path / "sorted.parquet")
            found = pd.read_parquet(tmp_path / "sorted.parquet")["era"]
            assert found.tolist() == expected


class TestNoOrder:
    """Labels that do not say which comes first."""

    LABELS = ("Q2 2018", "Q1 2018", "Q1 2019")

    @pytest.fixture
    def rows(self):
        X, y = predictions([1, 2, 3])
        X = EraRankGauss(["a", "b"], era="number").fit_transform(X)
        labels = dict(zip([1, 2, 3], self.LABELS, strict=True))
        return labelled(X, labels.__getitem__), y, X

    def test_no_error_where_none_is_needed(self, rows):
        X, y, plain = rows
        found = StackingWeights().fit(X, y)
        expected = StackingWeights().fit(labelled(plain, int), y)
        assert found.era_statistics_["era"].tolist() == sorted(self.LABELS)
        for name, weight in expected.weights_.items():
            assert found.weights_[name] == pytest.approx(weight, abs=1e-9)
        scores = numerai_corr(y, X[["a", "b"]], era=X["era"])
        assert scores.index.tolist() == sorted(self.LABELS)

    @pytest.mark.parametrize("options", [{"halflife": 2}, {"shrinkage": "auto"}])
    def test_an_error_where_one_is(self, rows, options):
        X, y, _ = rows
        message = "'Q1 2018' and 'Q1 2019' do not say which comes first. Label all"
        with pytest.raises(ValueError, match=message):
            StackingWeights(**options).fit(X, y)
        with pytest.raises(ValueError, match=message):
            StackingWeights().fit(X, y).refit(**options)

    def test_intervals_of_weights_need_it(self, rows):
        X, y, _ = rows
        found = StackingWeights().fit(X, y)
        with pytest.raises(ValueError, match="do not say which comes first"):
            _ = found.weights_interval_

    def test_scores_are_not_summed_up(self, rows):
        X, y, _ = rows
        scores = numerai_corr(y, X[["a", "b"]], era=X["era"])
        rule = PayoutRule("half", {"corr": 1.0}, clip=1.0, concurrent_rounds=4)
        for need_order in (
            summarize,
            leaderboard,
            lambda scores: simulate({"corr": scores}, 1.0, rule, duration=1),
            CumulativeScoreDisplay.from_scores,
            lambda scores: WalkForwardEraSplit(1, 0).windows(scores.index),
        ):
            with pytest.raises(ValueError, match="do not say which comes first"):
                need_order(scores)

    def test_live_eras_without_targets_take_no_order_from_the_others(self):
        X, y = predictions([9, 10, 11])
        X = EraRankGauss(["a", "b"], era="number").fit_transform(X)
        expected = StackingWeights(halflife=1).fit(labelled(X, int), y)
        live = pd.concat([labelled(X, str)] * 2)
        live["era"] = [*live["era"][: len(X)], *(["X", "live"] * len(X))[: len(X)]]
        found = StackingWeights(halflife=1).fit(
            live.reset_index(drop=True), np.append(y, np.full(len(X), np.nan))
        )
        assert found.weights_ == pytest.approx(expected.weights_, abs=1e-9)
