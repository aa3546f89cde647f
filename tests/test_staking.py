"""Staking: ledgers by hand, shares against slow references, what must be refused."""

import pickle
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import assert_close
from numerai_server import NumeraiServer, make_scores
from scipy.optimize import linprog

from skbench.metrics import correlation_contribution, numerai_corr
from skbench.solvers import shares as kernel
from skbench.solvers.additive import adjusted_means
from skbench.solvers.ledger import settle
from skbench.staking import (
    PAYOUT_2024,
    PAYOUT_2026,
    PAYOUT_ROUND_1343,
    PAYOUT_RULES,
    PayoutRule,
    allocate,
    simulate,
    with_season,
)

NAN = np.nan
CORR = PayoutRule("corr", {"corr": 1.0})


def frame(values, models="abcdefgh", first=1):
    values = np.asarray(values, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    index = [f"{first + i:04}" for i in range(len(values))]
    return pd.DataFrame(values, index=index, columns=list(models[: values.shape[1]]))


def history(n=80, k=4, seed=0):
    """Scores that neighbours share, of models that depend on each other."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n + 4, 1)) + rng.normal(size=(n + 4, k))
    smooth = np.stack([noise[i : i + n] for i in range(5)]).mean(axis=0)
    return frame(0.02 * smooth * np.linspace(0.5, 1.5, k) + rng.normal(0.01, 0.005, k))


def tidy(scores):
    """Lay out frames by name as live scores are."""
    parts = [
        scores[name]
        .rename_axis("round")
        .reset_index()
        .melt("round", var_name="model")
        .assign(score=name)
        for name in scores
    ]
    return pd.concat(parts, ignore_index=True).dropna(subset="value")


def live(rows, model="m"):
    """Lay out resolved rows of (round, day, value) as live scores are."""
    scores = pd.DataFrame(rows, columns=["round", "day", "value"])
    scores = scores.astype({"day": "Int64", "value": float})
    return scores.assign(model=model, score="corr", resolved=True)


class TestPayoutRule:
    @pytest.mark.parametrize(
        ("rule", "scores", "expected"),
        [
            (PAYOUT_2024, {"v2_corr20": 0.02, "mmc": 0.01}, 0.03),
            (PAYOUT_2026, {"v2_corr20": 0.02, "mmc": 0.01}, 0.0375),
            (PAYOUT_2026, {"v2_corr20": 0.04, "mmc": 0.03}, 0.05),
            (PAYOUT_2026, {"v2_corr20": -0.04, "mmc": -0.03}, -0.05),
            (PAYOUT_ROUND_1343, {"corr60": 0.02, "mmc60": 0.01}, 0.21),
            (PAYOUT_ROUND_1343, {"corr60": 0.5, "mmc60": 0.01}, 1.0),
        ],
    )
    def test_published(self, rule, scores, expected):
        total = None if rule.threshold is None else 50_000
        assert_close(rule.payout(scores, total_at_risk=total), expected)

    def test_the_catalog(self):
        assert list(PAYOUT_RULES) == ["2024", "2026", "round 1343"]
        assert all(PAYOUT_RULES[name].name == name for name in PAYOUT_RULES)
        assert {rule.status for rule in PAYOUT_RULES.values()} == {"confirmed"}
        for before, after in pairwise(PAYOUT_RULES.values()):
            assert before.last == after.first[: len(before.last)]
            assert before.first_round < after.first_round

    def test_factor(self):
        scores = {"v2_corr20": 0.02, "mmc": 0.01}
        assert_close(PAYOUT_2024.payout(scores, total_at_risk=144_000), 0.015)
        assert_close(PAYOUT_2024.payout(scores, total_at_risk=10_000), 0.03)
        # The factor comes before the clip.
        high = {"v2_corr20": 0.1, "mmc": 0.05}
        assert_close(PAYOUT_2024.payout(high, total_at_risk=144_000), 0.05)
        half = PayoutRule("half", {"corr": 1.0}, factor=0.5)
        assert_close(half.payout({"corr": 0.02}), 0.01)
        with pytest.raises(ValueError, match="has no threshold; got 5"):
            half.payout({"corr": 0.02}, total_at_risk=5)

    def test_a_threshold_needs_the_total_at_risk(self):
        scores = {"v2_corr20": 0.02, "mmc": 0.01}
        with pytest.raises(ValueError, match=r"`total_at_risk` must be given.*'2024'"):
            PAYOUT_2024.payout(scores)
        tenth = replace(PAYOUT_2024, factor=0.1)
        assert_close(tenth.payout(scores), 0.003)
        assert_close(PAYOUT_2024.payout(scores, total_at_risk=720_000), 0.003)
        # What is at risk says more than a factor that was noted down.
        assert_close(tenth.payout(scores, total_at_risk=144_000), 0.015)
        assert CORR.payout_factor() == 1.0
        assert PAYOUT_ROUND_1343.payout_factor() == 1.0

    def test_kinds(self):
        scores = frame([[0.1, NAN], [0.2, -0.9]])
        rule = PayoutRule("r", {"corr": 2.0, "tc": 0.0}, clip=0.3)
        paid = rule.payout({"corr": scores, "mmc": None})
        pd.testing.assert_frame_equal(paid, frame([[0.2, NAN], [0.3, -0.3]]))
        assert_close(rule.payout({"corr": [0.1, NAN]}), [0.2, NAN])
        assert isinstance(rule.payout({"corr": 1}), float)

    def test_a_missing_score_is_a_missing_payout(self):
        rule = PayoutRule("r", {"corr": 1.0, "mmc": 1.0})
        assert np.isnan(rule.payout({"corr": 0.1, "mmc": NAN}))

    def test_renamed(self):
        rule = PAYOUT_2026.renamed({"v2_corr20": "corr"})
        paid = rule.payout({"corr": 0.02, "mmc": 0.01}, total_at_risk=72_000)
        assert paid == pytest.approx(0.0375)
        with pytest.raises(ValueError, match="'tc', which the rule '2026' does not"):
            PAYOUT_2026.renamed({"tc": "corr"})
        with pytest.raises(ValueError, match="keep the scores apart"):
            PAYOUT_2026.renamed({"v2_corr20": "mmc"})

    @pytest.mark.parametrize("name", [b"corr", 0.5, "", [NAN], np.array(["a", "b"])])
    def test_renamed_to_no_name(self, name):
        with pytest.raises(ValueError, match=r"`names\['mmc'\]` must be a column name"):
            PAYOUT_2026.renamed({"mmc": name})

    def test_for_round(self):
        numbers = [650, 1174, 1175, 1342, 1343, 9999]
        names = [PayoutRule.for_round(number).name for number in numbers]
        assert names == ["2024", "2024", "2026", "2026", "round 1343", "round 1343"]
        with pytest.raises(
            ValueError, match=r"`number` must be at least 650.* got 649"
        ):
            PayoutRule.for_round(649)
        with pytest.raises(ValueError, match=r"`number` .*at least 1; got 0"):
            PayoutRule.for_round(0)
        for rule in PAYOUT_RULES.values():
            assert PayoutRule.for_round(rule.first_round) is rule

    def test_frozen_hashed_and_pickled(self):
        multipliers = {"corr": 1.0}
        rule = PayoutRule("r", multipliers)
        multipliers["corr"] = 9.0
        assert rule.multipliers == {"corr": 1.0}
        with pytest.raises(AttributeError):
            rule.clip = 1.0
        assert pickle.loads(pickle.dumps(rule)) == rule
        assert hash(rule) == hash(PayoutRule("r", {"corr": 1.0}))

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"name": ""}, "`name` must be a string"),
            ({"multipliers": {}}, "one above 0"),
            ({"multipliers": {"corr": 0.0}}, "one above 0"),
            ({"multipliers": ["corr"]}, "must map names of scores"),
            ({"multipliers": {"corr": -1.0}}, "got -1.0 for 'corr'"),
            ({"multipliers": {"corr": NAN}}, "got nan for 'corr'"),
            ({"multipliers": {"corr": "3"}}, "got '3' for 'corr'"),
            ({"multipliers": {3: 1.0}}, "`multipliers`.*got 3"),
            ({"clip": 0.0}, "`clip` must be a number above 0 and at most .*; got 0.0"),
            ({"clip": -0.05}, "`clip`.*got -0.05"),
            ({"threshold": np.inf}, "`threshold`.*got inf"),
            ({"factor": 0}, "`factor`.*got 0"),
            ({"factor": 1e308}, r"`factor`.*at most 1e\+100; got 1e\+308"),
            (
                {"multipliers": {"corr": 1e308}},
                r"`multipliers`.*got 1e\+308 for 'corr'",
            ),
            ({"concurrent_rounds": 0}, "`concurrent_rounds`.*at least 1; got 0"),
            ({"concurrent_rounds": 1.5}, "`concurrent_rounds`.*got 1.5"),
            ({"first": "January"}, "`first` must be a date.*got 'January'"),
            ({"last": "2024-13"}, "`last` must be a date.*got '2024-13'"),
            ({"first": 2024}, "`first`.*got 2024"),
            ({"first": "2025", "last": "2024-12-31"}, "must not be after"),
            ({"status": "sure"}, "`status` must be .*got 'sure'"),
        ],
    )
    def test_refused(self, fields, message):
        with pytest.raises(ValueError, match=message):
            PayoutRule(**{"name": "r", "multipliers": {"corr": 1.0}, **fields})

    @pytest.mark.parametrize(
        ("scores", "error", "message"),
        [
            ({"mmc": 1.0}, ValueError, r"lacks 'corr'.*it has 'mmc'.*rule\.renamed"),
            ({"corr": np.inf}, ValueError, "`scores` must hold .*; got inf for 'corr'"),
            ({"corr": [0, -1e308]}, ValueError, r"`scores`.*got -1e\+308 for 'corr'"),
            ({"corr": np.array([1j])}, ValueError, "'corr' must hold numbers"),
            ({"corr": pd.Series([1j])}, ValueError, "'corr' must hold numbers"),
            ({"corr": "high"}, ValueError, "'corr' must hold numbers; got 'high'"),
            (0.1, TypeError, "must map the names of scores"),
        ],
    )
    def test_scores_refused(self, scores, error, message):
        with pytest.raises(error, match=message):
            CORR.payout(scores)

    @pytest.mark.parametrize(
        "other",
        [
            [],
            [0.1],
            np.zeros((2, 2, 2)),
            pl.DataFrame({"a": [0.1]}),
            frame([[0.1, 0.2]]).set_axis(pd.MultiIndex.from_tuples([(1, 2)])),
        ],
        ids=lambda other: type(other).__name__,
    )
    def test_scores_of_shapes_that_do_not_go_together(self, other):
        eras = frame([[0.1, 0.2], [0.3, 0.4]]).rename_axis("era")
        scores = {"corr": eras, "mmc": other}
        rule = PayoutRule("both", {"corr": 1.0, "mmc": 1.0})
        with pytest.raises(ValueError, match=r"`scores` .* shapes.*'corr': \(2, 2\)"):
            rule.payout(scores)


class FakeApi:
    """Answers `list_rounds` as numerapi does."""

    def __init__(self, *configs, **fields):
        base = {"isPayout": True, "clipThreshold": 0.05, "payoutFactor": None}
        configs = [base | config for config in configs]
        self.rounds = [{"number": 1200, "roundScoreConfigs": configs, **fields}]

    def list_rounds(self, number=None):
        assert number == 0
        return self.rounds


def paying(name, multiplier, **fields):
    return {"displayName": name, "defaultMultiplier": multiplier, **fields}


@pytest.fixture
def server(no_keys):
    with NumeraiServer() as server:
        for current in server.rounds:
            for config, name in zip(
                current["roundScoreConfigs"], ("corr60", "mmc60"), strict=True
            ):
                config["displayName"] = name
        yield server


class TestFromApi:
    def test_against_a_server(self, server):
        rule = PayoutRule.from_api(server.api())
        assert rule.name == "round 1344"
        assert rule.multipliers == {"corr60": 3.0, "mmc60": 15.0}
        assert (rule.clip, rule.factor, rule.threshold) == (1.0, 0.1, None)
        assert (rule.concurrent_rounds, rule.status) == (64, "confirmed")
        assert (rule.mode, rule.target) == ("atomic", "target_ender_60")
        server.fail(503)
        assert PayoutRule.from_api(server.api()) == rule
        server.rounds = []
        with pytest.raises(ValueError, match="no current round"):
            PayoutRule.from_api(server.api())

    def test_a_server_in_trouble(self, server):
        server.fail(500, times=None)
        with pytest.raises(ConnectionError, match="3 of 3 attempts"):
            PayoutRule.from_api(server.api())

    def test_live_scores_go_with_the_rule(self, server):
        rounds = range(1300, 1310)
        scores = pd.DataFrame(make_scores(rounds, [1, 5], [1309], ["corr60", "mmc60"]))
        scores = scores.rename(columns={"roundNumber": "round", "displayName": "score"})
        rule = PayoutRule.from_api(server.api())
        ledger = simulate(scores.assign(model="m"), 1.0, rule, duration=5).ledger
        assert list(ledger["round"]) == list(range(1300, 1310))
        assert list(ledger["pending"]) == [False] * 9 + [True]
        # Day 5: corr60 0.005 and mmc60 0.015 pay 0.1 x (3 x 0.005 + 15 x 0.015).
        assert_close(ledger["payout"].iloc[0], 0.024)

    def test_what_the_scores_tell(self):
        api = FakeApi(
            paying("v2_corr20", 0.75, stakeThreshold=72e3),
            paying("mmc", 2.25),
            paying("tc", 0.0),
            paying("fnc", 1.0, isPayout=False, clipThreshold=0.25),
            payoutFactor=0.5,
        )
        rule = PayoutRule.from_api(api)
        assert rule.multipliers == {"v2_corr20": 0.75, "mmc": 2.25}
        assert (rule.clip, rule.factor, rule.threshold) == (0.05, 0.5, 72e3)
        assert rule.concurrent_rounds == 1
        assert rule.status == "confirmed"

    def test_no_factor_yet(self):
        api = FakeApi(paying("alpha", 1.0), payoutFactor=None)
        rule = PayoutRule.from_api(api, concurrent_rounds=7)
        assert (rule.factor, rule.concurrent_rounds) == (None, 7)
        assert rule.payout_factor() == 1.0
        split = FakeApi(paying("alpha", 1.0, stakeThreshold=72e3))
        rule = PayoutRule.from_api(split, concurrent_rounds=1)
        assert (rule.factor, rule.threshold) == (None, 72e3)
        with pytest.raises(ValueError, match=r"`total_at_risk` must be given"):
            rule.payout({"alpha": 0.1})

    def test_refused(self):
        with pytest.raises(
            ValueError, match=r"`concurrent_rounds` must be given.*alph"
        ):
            PayoutRule.from_api(FakeApi(paying("alpha", 1.0)))
        with pytest.raises(ValueError, match="lists none"):
            PayoutRule.from_api(FakeApi(paying("alpha", 0.0)))
        with pytest.raises(ValueError, match=r"one name each.*'alpha', 'alpha'"):
            PayoutRule.from_api(FakeApi(paying("alpha", 1.0), paying("alpha", 2.0)))
        unlike = FakeApi(paying("a", 1.0), paying("b", 1.0, clipThreshold=1.0))
        with pytest.raises(ValueError, match=r"one `clipThreshold`.*0\.05, 1\.0"):
            PayoutRule.from_api(unlike)

    def test_the_import_takes_no_client_along(self):
        code = "import sys, skbench.staking; print('numerapi' in sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "False"


class TestSimulate:
    def test_ten_rounds_by_hand(self):
        """One concurrent round, a duration of 3, compounding.

        Before round n the payouts up to round n - 3 are in the stake:

        round  rate   resolved  stake   payout            stake after
          1     0.1   -         100      10               110
          2    -0.2   -         100     -20                90
          3     0.1   -         100      10               100
          4     0.0   1         110       0               100
          5     0.5   2          90      45 (0.8 clipped) 145
          6    -0.1   3         100     -10               135
          7     none  4         100     nothing at risk
          8     0.2   5         145      29               164
          9    -0.5   6         135     -67.5 (-0.9)       96.5
         10     0.1   7 (none)  135      13.5             110
        """
        scores = frame([0.1, -0.2, 0.1, 0, 0.8, -0.1, NAN, 0.2, -0.9, 0.1])
        rule = PayoutRule("r", {"corr": 1.0}, clip=0.5)
        simulation = simulate({"corr": scores}, {"a": 100}, rule, duration=3)
        ledger = simulation.ledger
        parts = ["at_risk", "payout", "stake_after", "pending"]
        assert list(ledger) == ["round", "model", *parts]
        assert list(ledger["round"]) == [
            f"{i:04}" for i in (1, 2, 3, 4, 5, 6, 8, 9, 10)
        ]
        assert_close(ledger["at_risk"], [100, 100, 100, 110, 90, 100, 145, 135, 135])
        assert_close(ledger["payout"], [10, -20, 10, 0, 45, -10, 29, -67.5, 13.5])
        after = [110, 90, 100, 100, 145, 135, 164, 96.5, 110]
        assert_close(ledger["stake_after"], after)
        totals = simulation.totals.loc["a"]
        # The sum of the payouts falls from 64 after round 8 to -3.5 after round 9.
        parts = ["stake", "earned", "burned", "pending", "max_drawdown", "n_rounds"]
        assert list(totals.index) == [*parts, "withdrawn", "final", "return"]
        assert_close(
            totals.to_numpy(),
            [100, 107.5, -97.5, 0, 67.5, 9, 0, 110, 0.1],
            tolerance=1e-9,
        )

    def test_ten_split_rounds_by_hand(self):
        """Two concurrent rounds, a duration of 2, earnings withdrawn, a factor of 0.5.

        The rate is clip(0.5 x (2 corr + 4 mmc), -0.4, 0.4), half the stake at risk, and
        before round n the burns up to round n - 2 are taken from the stake:

        round  corr  mmc    rate         stake   at risk  payout   stake after
         11     0.1   0.05   0.2         80      40         8      80
         12     0.2  -0.1    0.0         80      40         0      80
         13    -0.1   0.0   -0.1         80      40        -4      76
         14     0.0   0.1    0.2         80      40         8      76
         15     0.3   0.1    0.4 (0.5)   76      38        15.2    76
         16    -0.4  -0.1   -0.4 (-0.6)  76      38       -15.2    60.8
         17     0.1   0.05   0.2         76      38         7.6    60.8
         18    -0.2   0.0   -0.2         60.8    30.4      -6.08   54.72
         19     0.0  -0.1   -0.2         60.8    30.4      -6.08   48.64
         20     0.2  -0.1    0.0         54.72   27.36      0      48.64
        """
        corr = [0.1, 0.2, -0.1, 0.0, 0.3, -0.4, 0.1, -0.2, 0.0, 0.2]
        mmc = [0.05, -0.1, 0.0, 0.1, 0.1, -0.1, 0.05, 0.0, -0.1, -0.1]
        scores = {"corr": frame(corr, first=11).iloc[::-1], "mmc": frame(mmc, first=11)}
        rule = PayoutRule(
            "r", {"corr": 2, "mmc": 4}, clip=0.4, threshold=50, concurrent_rounds=2
        )
        simulation = simulate(
            scores, 80, rule, duration=2, compound=False, total_at_risk=100
        )
        ledger = simulation.ledger
        assert list(ledger["round"]) == [f"00{i}" for i in range(11, 21)]
        at_risk = [40, 40, 40, 40, 38, 38, 38, 30.4, 30.4, 27.36]
        assert_close(ledger["at_risk"], at_risk)
        paid = [8, 0, -4, 8, 15.2, -15.2, 7.6, -6.08, -6.08, 0]
        assert_close(ledger["payout"], paid)
        after = [80, 80, 76, 76, 76, 60.8, 60.8, 54.72, 48.64, 48.64]
        assert_close(ledger["stake_after"], after)
        totals = simulation.totals.loc["a"]
        assert_close(totals["withdrawn"], 38.8)
        assert_close(totals["burned"], -31.36)
        assert_close(totals["final"], 48.64)
        assert_close(totals["return"], (38.8 - 31.36) / 80)

    def test_models_do_not_depend_on_each_other(self):
        scores = history(30, 3)
        scores.iloc[4:9, 1] = NAN
        stakes = {"c": 3.0, "a": 1.0, "b": 2.0}
        together = simulate({"corr": scores}, stakes, CORR, duration=5)
        assert list(together.totals.index) == ["c", "a", "b"]
        for model, stake in stakes.items():
            alone = simulate({"corr": scores[[model]]}, stake, CORR, duration=5)
            own = together.ledger.query("model == @model").reset_index(drop=True)
            pd.testing.assert_frame_equal(own, alone.ledger)
            pd.testing.assert_frame_equal(together.totals.loc[[model]], alone.totals)

    def test_a_burn_takes_no_more_than_there_is(self):
        simulation = simulate({"corr": frame([-0.5] * 5)}, 100, CORR, duration=4)
        # Four rounds put 100 at risk before the first resolves, the fifth what is left.
        assert_close(simulation.ledger["at_risk"], [100, 100, 100, 100, 50])
        assert_close(simulation.ledger["payout"], [-50, -50, 0, 0, 0])
        assert_close(simulation.totals["final"], 0)
        assert_close(simulation.totals["burned"], -100)

    def test_duration_of_one_compounds(self):
        rates = np.random.default_rng(0).normal(0.01, 0.03, 50)
        simulation = simulate({"corr": frame(rates)}, 7, CORR, duration=1)
        assert_close(simulation.totals["final"], 7 * np.prod(1 + rates), 1e-9)

    def test_rounds_that_are_not_there_take_time_all_the_same(self):
        scores = pd.DataFrame({"a": [0.5, 0.1, 0.1]}, index=[1200, 1201, 1203])
        ledger = simulate({"corr": scores}, 10, CORR, duration=3).ledger
        assert_close(ledger["at_risk"], [10, 10, 15])
        # In weeks, where labels are dates.
        scores.index = pd.to_datetime(["2024-01-05", "2024-01-12", "2024-01-26"])
        ledger = simulate({"corr": scores}, 10, CORR, duration=3).ledger
        assert_close(ledger["at_risk"], [10, 10, 15])
        scores.index = ["x", "y", "z"]
        with pytest.raises(ValueError, match="do not say which comes first"):
            simulate({"corr": scores}, 10, CORR, duration=3)

    def test_rounds_without_any_score_count_too(self):
        scores = pd.DataFrame({"a": [0.5, NAN, 0.1]}, index=[1, 2, 3])
        ledger = simulate({"corr": scores}, 10, CORR, duration=2).ledger
        assert_close(ledger["at_risk"], [10, 15])

    def test_tidy_is_the_same(self):
        scores = {"corr": history(20, 2), "mmc": history(20, 2, seed=1) / 5}
        scores["mmc"].iloc[:5] = NAN
        rule = PayoutRule("r", {"corr": 1, "mmc": 3}, clip=0.05, concurrent_rounds=4)
        expected = simulate(scores, 10.0, rule, duration=4)
        got = simulate(
            tidy(scores).sample(frac=1, random_state=0), 10, rule, duration=4
        )
        columns = ["round", "model"]
        pd.testing.assert_frame_equal(
            got.ledger.sort_values(columns, ignore_index=True),
            expected.ledger.sort_values(columns, ignore_index=True),
            check_dtype=False,
        )
        assert (got.ledger["round"] > "0005").all()

    def test_of_live_scores_the_last_resolved_day_counts(self):
        scores = pd.DataFrame(
            {
                "model": "m",
                "round": [7, 7, 7, 8, 8],
                "score": ["corr", "corr", "tc", "corr", "corr"],
                "day": [20, 19, 20, 4, 5],
                "resolved": [True, True, True, False, False],
                "value": [0.1, 0.9, 0.5, 0.7, 0.8],
            }
        )
        ledger = simulate(scores, 1.0, CORR, duration=1).ledger
        assert_close(ledger["payout"], [0.1, 1.1 * 0.8])
        assert list(ledger["pending"]) == [False, True]
        with pytest.raises(ValueError, match="no resolved round"):
            simulate(scores[scores["round"] == 8], 1.0, CORR, duration=1)
        with pytest.raises(
            ValueError, match=r"several for \{'model': 'm', 'round': 7, "
        ):
            simulate(pd.concat([scores, scores[:1]]), 1.0, CORR, duration=1)
        with pytest.raises(ValueError, match="lacks 'round', 'value'"):
            simulate(scores[["model", "score"]], 1.0, CORR, duration=1)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"model": [[1], [2]]}, "column 'model' must hold labels"),
            ({"score": [{}, {}]}, "column 'score' must hold labels"),
            ({"day": [[1], [2]]}, "numbers in its column 'day'"),
            ({"day": ["first", 2]}, "numbers in its column 'day'"),
            ({"round": [7, None]}, "`scores` has rows without a 'round'"),
            ({"resolved": ["yes", "no"]}, "True or False in its column 'resolved'"),
            ({"resolved": [True, None]}, "`scores` has rows without a 'resolved'"),
            ({"value": ["high", "low"]}, "numbers in its column 'value'"),
            ({"value": [0.1, np.inf]}, r"`scores\['corr'\]` must not be .* got inf"),
        ],
    )
    def test_live_scores_refused(self, change, message):
        scores = live([(7, 20, 0.1), (8, 20, 0.2)]).assign(**change)
        with pytest.raises(ValueError, match=message):
            simulate(scores, 1.0, CORR, duration=9)

    @pytest.mark.parametrize(
        "change",
        [
            {"round": np.array([7, 8], "f2")},
            {"round": pd.Categorical([7, 8])},
            {"value": ["0.1", "0.2"]},
            {"day": ["20", 20.0]},
        ],
        ids=["float16", "categories", "text", "text and floats"],
    )
    def test_live_scores_of_other_dtypes_say_the_same(self, change):
        scores = live([(7, 20, 0.1), (8, 20, 0.2)])
        got, expected = (
            simulate(rows, 1.0, CORR, duration=9).ledger
            for rows in (scores.assign(**change), scores)
        )
        pd.testing.assert_frame_equal(got, expected, check_dtype=False)

    @pytest.mark.parametrize("name", ["model", "round", "resolved", "value"])
    def test_live_scores_with_a_column_twice(self, name):
        scores = live([(7, 20, 0.1), (8, 20, 0.2)])
        scores = pd.concat([scores, scores[[name]]], axis=1)
        with pytest.raises(ValueError, match=f"`scores` has duplicate .*'{name}'"):
            simulate(scores, 1.0, CORR, duration=9)

    def test_a_row_without_a_day_is_never_the_last(self):
        scores = live([(7, 19, 0.1), (7, None, -0.9), (8, 20, 0.2)])
        ledger = simulate(scores, 1.0, CORR, duration=9).ledger
        assert_close(ledger["payout"], [0.1, 0.2])

    def test_a_day_without_a_value_is_never_the_last(self):
        scores = live([(7, 20, 0.1), (7, 21, None), (8, 20, 0.2), (9, 20, None)])
        ledger = simulate(scores, 1.0, CORR, duration=9).ledger
        assert_close(ledger["payout"], [0.1, 0.2])
        # Of what has no value at all nothing is hidden.
        mute = live([(7, 20, None)], model="mute")
        with pytest.raises(ValueError, match="no round that pays 'mute'"):
            simulate(pd.concat([scores, mute]), 1.0, CORR, duration=9)
        with pytest.raises(ValueError, match="no round in which a model has 'corr'"):
            simulate(mute, 1.0, CORR, duration=9)

    def test_what_is_open_on_its_last_day_does_not_pay(self):
        scores = live([(7, 20, 0.1), (8, 20, 0.2), (8, 21, 0.3)])
        scores.loc[scores["day"] == 21, "resolved"] = False
        found = simulate(scores, 1.0, CORR, duration=9)
        assert list(found.ledger["round"]) == [7, 8]
        assert_close(found.ledger["stake_after"], [1.1, 1.1])
        totals = found.totals.loc["m"]
        assert_close(
            [totals["earned"], totals["pending"], totals["final"]], [0.1, 0.3, 1.1]
        )
        assert totals["n_rounds"] == 1

    @pytest.mark.parametrize(
        ("stakes", "message"),
        [
            (-1.0, "got -1.0 for 'a'"),
            ({"a": -5}, "`stakes` must hold numbers from 0 to .*; got -5 for 'a'"),
            ({"a": NAN}, "got nan for 'a'"),
            ({"a": "1"}, "got '1' for 'a'"),
            ({"q": 1.0}, "`stakes` names 'q'.*it has 'a', 'b'"),
            ({}, "`stakes` must map models"),
            ([1.0], "`stakes` must map models"),
            ({"b": 1.0}, "no round that pays 'b'"),
        ],
    )
    def test_stakes_refused(self, stakes, message):
        scores = frame([[0.1, NAN], [0.2, NAN]])
        with pytest.raises(ValueError, match=message):
            simulate({"corr": scores}, stakes, CORR, duration=1)

    def test_series_and_zero_stakes(self):
        scores = frame([[0.1, 0.2], [0.2, 0.1]])
        got = simulate({"corr": scores}, pd.Series({"a": 0.0}), CORR, duration=1)
        assert list(got.totals.index) == ["a"]
        assert np.isnan(got.totals.loc["a", "return"])
        assert got.totals.loc["a", "final"] == 0

    @pytest.mark.parametrize(
        ("scores", "error", "message"),
        [
            ({"mmc": frame([0.1])}, ValueError, "lacks 'corr'.*it has 'mmc'"),
            ({}, ValueError, "lacks 'corr'"),
            ({"corr": [0.1]}, TypeError, r"`scores\['corr'\]` must be a pandas frame"),
            ([0.1], TypeError, "must map the names of scores"),
            ({"corr": frame([NAN, NAN])}, ValueError, "no round in which a model"),
            (
                {"corr": frame([0.1, np.inf])},
                ValueError,
                r"`scores\['corr'\]` must not be .* got inf in column 'a'",
            ),
            ({"corr": frame([0.1]).astype(str)}, ValueError, "must hold numbers"),
            ({"corr": frame([])}, ValueError, "0 rows"),
            (
                {"corr": pd.concat([frame([0.1]), frame([0.2])])},
                ValueError,
                r"rows of `scores\['corr'\]` .*several are '0001'",
            ),
            (
                {"corr": pd.DataFrame([[1.0, 2.0]], columns=["a", "a"])},
                ValueError,
                "duplicate column names",
            ),
            (
                {"corr": pd.DataFrame({"a": [0.1, 0.2]}, index=["1", 1])},
                ValueError,
                r"rows of `scores\['corr'\]` .*several are '1'",
            ),
            (
                {"corr": pd.DataFrame({"a": [0.1, 0.2]}, index=["01", 1])},
                ValueError,
                "same number",
            ),
        ],
    )
    def test_scores_refused(self, scores, error, message):
        with pytest.raises(error, match=message):
            simulate(scores, 1.0, CORR, duration=1)

    def test_options_refused(self):
        scores = {"corr": frame([0.1])}
        with pytest.raises(ValueError, match=r"`duration`.*got 0"):
            simulate(scores, 1.0, CORR, duration=0)
        with pytest.raises(ValueError, match=r"`compound`.*got 1"):
            simulate(scores, 1.0, CORR, duration=1, compound=1)
        with pytest.raises(ValueError, match="`total_at_risk` must be None"):
            simulate(scores, 1.0, CORR, duration=1, total_at_risk=5)
        with pytest.raises(TypeError, match="`rule` must be a PayoutRule; got str"):
            simulate(scores, 1.0, "2026", duration=1)

    def test_a_stake_beyond_any_number_is_refused(self):
        with pytest.raises(ValueError, match=r"`scores` pay up to 1e\+30 of the stake"):
            simulate({"corr": frame([1e30] * 12)}, 1.0, CORR, duration=1)
        paid = simulate({"corr": frame([1e30] * 9)}, 1.0, CORR, duration=1)
        assert np.isfinite(paid.ledger["stake_after"]).all()

    def test_prints_and_leaves_the_scores_alone(self):
        scores = {"corr": history(5, 2)}
        before = scores["corr"].copy()
        text = repr(simulate(scores, 1.0, CORR, duration=1))
        pd.testing.assert_frame_equal(scores["corr"], before)
        assert text.startswith("Simulation of the rule 'corr' (unconfirmed)")
        assert "payout factor 1, in NMR" in text
        assert "max_drawdown" in text


def slow_cvar(values, tail):
    """Least value over a of a + mean(max(-value - a, 0)) / tail, at a kink."""
    losses = -np.asarray(values)
    return min(a + np.maximum(losses - a, 0).mean() / tail for a in losses)


def dual_mean_cvar(scenarios, risk_aversion, tail, max_share):
    """Solve for the worst weighting of the scenarios; the shares are its prices.

    Minimise z + max_share x sum(y) over weights q of the scenarios, at most
    1 / (tail n) each, such that z + y_i >= mean_i + risk_aversion x sum(q x scenario).
    """
    n, k = scenarios.shape
    cost = np.concatenate([np.zeros(n), [1.0], np.full(k, max_share)])
    above = np.hstack([risk_aversion * scenarios.T, -np.ones((k, 1)), -np.eye(k)])
    one = np.concatenate([np.ones(n), np.zeros(1 + k)])[None]
    bounds = [(0, 1 / (tail * n))] * n + [(None, None)] + [(0, None)] * k
    found = linprog(cost, above, -scenarios.mean(axis=0), one, [1.0], bounds)
    assert found.success
    return found.fun, -found.ineqlin.marginals


def slow_min_variance(scenarios, cap):
    """Try which models are at 0, which at the cap, and solve for the others."""
    covariance, k = np.cov(scenarios.T), scenarios.shape[1]
    best, best_variance = None, np.inf
    for state in product((0, 1, 2), repeat=k):
        state = np.array(state)
        free = np.flatnonzero(state == 2)
        shares = np.where(state == 1, cap, 0.0)
        left = 1 - shares.sum()
        if free.size:
            ones = np.ones((free.size, 1))
            square = np.block(
                [[covariance[np.ix_(free, free)], ones], [ones.T, np.zeros((1, 1))]]
            )
            pull = -covariance[free] @ shares
            shares[free] = np.linalg.solve(square, np.append(pull, left))[:-1]
        feasible = abs(shares.sum() - 1) < 1e-9
        feasible &= (shares > -1e-12).all() and (shares < cap + 1e-12).all()
        if feasible and shares @ covariance @ shares < best_variance:
            best, best_variance = shares, shares @ covariance @ shares
    return best


def slow_means(values):
    """Fit a dummy for every model and every round."""
    rows, columns = np.nonzero(~np.isnan(values))
    design = np.zeros((rows.size, sum(values.shape)))
    design[np.arange(rows.size), columns] = 1
    design[np.arange(rows.size), values.shape[1] + rows] = 1
    fitted = np.linalg.lstsq(design, values[rows, columns], rcond=None)[0]
    models, rounds = fitted[: values.shape[1]], fitted[values.shape[1] :]
    return models + rounds.mean()


def quick(scores, rule=CORR, **options):
    options = {"horizon": 5, "prior_rounds": 0} | options
    return allocate({"corr": scores}, rule, **options)


def shares_of(allocation):
    return np.array(list(allocation.shares.values()))


class TestSeason:
    def rows(self, *lines):
        names = ["model", "round", "day", "resolved", "score", "value"]
        return pd.DataFrame(lines, columns=names)

    def test_by_the_multipliers_of_the_rule_of_each_round(self):
        scores = self.rows(
            ("a", 600, 20, True, "mmc", 0.5),  # before all rules that are known
            ("a", 700, 20, True, "v2_corr20", 0.02),
            ("a", 700, 20, True, "mmc", 0.01),
            ("a", 700, 20, True, "fnc_v3", 0.9),
            ("b", 1342, 20, True, "mmc", 0.04),  # CORR counts as 0
            ("b", 1343, 64, True, "corr60", 0.02),
            ("b", 1343, 64, False, "mmc60", -0.01),
            ("b", 1344, 1, False, "corr60", NAN),
            ("b", 1344, 1, False, "mmc60", 0.002),
            ("c", 1344, 1, False, "corr60", NAN),
            ("c", 1344, 1, False, "corr20", 0.9),  # not what is paid
        )
        found = with_season(scores)
        pd.testing.assert_frame_equal(found.iloc[: len(scores)], scores)
        season = found.iloc[len(scores) :].set_index(["model", "round"])
        expected = {
            ("a", 700): 0.5 * 0.02 + 2 * 0.01,
            ("b", 1342): 2.25 * 0.04,
            ("b", 1343): 3 * 0.02 - 15 * 0.01,
            ("b", 1344): 15 * 0.002,
        }
        assert season["value"].to_dict() == pytest.approx(expected)
        assert season["resolved"].tolist() == [True, True, False, False]
        assert set(season["score"]) == {"season"}

    def test_days_stay_apart_and_the_latest_date_counts(self):
        dates = pd.to_datetime(["2026-09-01", "2026-09-02", "2026-09-03"], utc=True)
        scores = self.rows(
            ("a", 1343, 1, False, "corr60", 0.1),
            ("a", 1343, 1, False, "mmc60", 0.1),
            ("a", 1343, 2, False, "corr60", 0.2),
        ).assign(date=dates)
        season = with_season(scores).query("score == 'season'")
        assert season["day"].tolist() == [1, 2]
        assert_close(season["value"], [1.8, 0.6])
        assert season["date"].tolist() == [dates[1], dates[2]]

    def test_it_is_added_once(self):
        scores = self.rows(("a", 1343, 1, True, "corr60", 0.1))
        once = with_season(scores)
        assert len(once) == 2
        pd.testing.assert_frame_equal(with_season(once), once)
        with pytest.raises(ValueError, match="lacks 'day', which live scores have"):
            with_season(scores.drop(columns="day"))


class TestLedgerKernel:
    def test_nothing_is_at_risk_in_a_round_without_a_rate(self):
        rates = np.array([[0.1, NAN], [NAN, -0.5], [0.2, 0.2]])
        at_risk, paid, after = settle(
            rates,
            np.arange(3),
            np.array([100.0, 40.0]),
            duration=1,
            parts=1,
            compound=True,
            final=~np.isnan(rates),
        )
        assert_close(at_risk, [[100, 0], [0, 40], [110, 20]])
        assert_close(paid, [[10, 0], [0, -20], [22, 4]])
        assert_close(after, [[110, 40], [110, 20], [132, 24]])


class TestShares:
    @pytest.mark.parametrize("tail", [0.03, 0.05, 0.2, 0.5, 1.0])
    def test_cvar(self, tail):
        values = np.random.default_rng(0).normal(size=41)
        assert_close(kernel.cvar(values, tail), slow_cvar(values, tail))
        assert_close(kernel.cvar(np.array([-3.0, 1.0, 2.0, -1.0]), 0.5), 2.0)

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize(
        ("risk_aversion", "tail", "max_share"),
        [(1.0, 0.05, 1.0), (0.3, 0.1, 0.4), (10.0, 0.033, 0.7), (0.1, 0.5, 1.0)],
    )
    def test_mean_cvar_is_the_other_program(self, seed, risk_aversion, tail, max_share):
        scores = history(seed=seed, k=6)
        options = {"risk_aversion": risk_aversion, "tail": tail, "max_share": max_share}
        got = shares_of(quick(scores, **options))
        values = scores.to_numpy()
        outcome = values @ got
        reached = outcome.mean() - risk_aversion * slow_cvar(outcome, tail)
        scale = values.std()
        best, prices = dual_mean_cvar(
            values / scale, risk_aversion, tail, max_share=max_share
        )
        assert_close(reached / scale, best, 1e-7)
        assert_close(got, prices, 1e-6)
        assert_close(got.sum(), 1)
        assert got.max() <= max_share + 1e-12

    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("cap", [0.3, 0.6, 1.0])
    def test_min_variance_is_the_slow_reference(self, seed, cap):
        scores = history(seed=seed)
        got = shares_of(quick(scores, method="min_variance", max_share=cap))
        assert_close(got, slow_min_variance(scores.to_numpy(), cap), 1e-9)
        assert got.max() <= cap

    def test_min_variance_of_unlike_models(self):
        scores = history(k=5) * [1.0, 100.0, 0.1, 3.0, 10.0]
        for cap in (0.35, 1.0):
            got = shares_of(quick(scores, method="min_variance", max_share=cap))
            assert_close(got, slow_min_variance(scores.to_numpy(), cap), 1e-9)

    @pytest.mark.parametrize("seed", range(10))
    def test_min_variance_is_optimal_for_many_unlike_models(self, seed):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(150, 35)) * 10 ** rng.uniform(-1.5, 1.5, 35)
        values += 10 * rng.normal(size=(150, 1))
        got = kernel.min_variance(values, 0.4)
        slope = np.cov(values.T) @ got
        # No model with a share is steeper than one that can have more.
        left = slope[got > 0].max() - slope[got < 0.4 - 1e-9].min()
        assert left < 1e-6 * values.var(axis=0).min()

    @pytest.mark.parametrize("method", ["mean_cvar", "min_variance"])
    @pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
    def test_units_do_not_matter(self, method, scale):
        scores = history()
        expected = shares_of(quick(scores, method=method))
        got = shares_of(quick(scale * scores, method=method))
        assert_close(got, expected, 1e-6)

    def test_many_models_few_rounds(self):
        scores = np.random.default_rng(0).normal(size=(20, 60))
        models = [f"m{i}" for i in range(60)]
        for method in ("mean_cvar", "min_variance"):
            got = shares_of(quick(frame(scores, models), method=method, max_share=0.2))
            assert_close(got.sum(), 1)
            assert got.max() <= 0.2


class TestSharesKernel:
    @pytest.fixture
    def scenarios(self):
        return np.random.default_rng(0).normal(0.01, [0.02, 0.03], (80, 2))

    @pytest.mark.parametrize(
        "find",
        [
            lambda rows: kernel.min_variance(rows, 1.0),
            lambda rows: kernel.mean_cvar(rows, 5.0, 0.1, 1.0),
        ],
        ids=["min_variance", "mean_cvar"],
    )
    def test_twins_halve_what_one_of_them_would_have(self, find, scenarios):
        one, other = find(scenarios)
        assert 0.1 < one < 0.9
        expected = [one / 2, other, one / 2]
        assert_close(find(scenarios[:, [0, 1, 0]]), expected, 1e-9)

    @pytest.mark.parametrize(
        "find",
        [
            lambda rows: kernel.min_variance(rows, 0.4),
            lambda rows: kernel.mean_cvar(rows, 5.0, 0.1, 0.4),
        ],
        ids=["min_variance", "mean_cvar"],
    )
    def test_the_largest_share_is_that_of_each_twin(self, find, scenarios):
        steady = scenarios * [1.0, 0.01] + [0.0, 0.05]
        assert_close(find(steady[:, [0, 1, 0]]), [0.3, 0.4, 0.3], 1e-9)
        assert_close(find(steady[:, [1, 0, 1]]), [0.4, 0.2, 0.4], 1e-9)

    def test_largest_shares_below_one_together_have_no_solution(self, scenarios):
        with pytest.raises(RuntimeError, match="the linear program was not solved"):
            kernel.mean_cvar(scenarios, 1.0, 0.1, 0.4)

    def test_shares_of_more_than_the_least_variance_are_refused(self, scenarios):
        deviations = scenarios - scenarios.mean(axis=0)
        with pytest.raises(RuntimeError, match="the least variance was not found"):
            kernel._check_optimal(np.array([0.0, 1.0]), deviations, np.ones(2))
        kernel._check_optimal(np.array([0.0, 1.0]), deviations, np.array([0.0, 1.0]))


class TestMissingRounds:
    @pytest.mark.parametrize("seed", range(3))
    def test_means_are_the_slow_reference(self, seed):
        values = history(seed=seed, k=5).to_numpy(copy=True)
        gaps = np.random.default_rng(seed).random(values.shape) < 0.4
        gaps[gaps.all(axis=1), 0] = False
        values[gaps] = NAN
        assert_close(adjusted_means(values), slow_means(values), 1e-10)

    def test_without_gaps_they_are_plain(self):
        values = history().to_numpy()
        assert_close(adjusted_means(values), values.mean(axis=0), 1e-14)

    def test_a_model_gains_nothing_by_good_times(self):
        rng = np.random.default_rng(0)
        times = np.where(np.arange(100) < 50, -0.05, 0.05)
        values = times[:, None] + rng.normal(0, 0.01, (100, 2)) + [0.01, 0.0]
        values[:50, 1] = NAN
        plain = np.nanmean(values, axis=0)
        assert plain[1] > plain[0] + 0.03
        got = quick(frame(values))
        assert got.table.loc["a", "expected"] > got.table.loc["b", "expected"]
        assert got.shares["a"] > got.shares["b"]

    def test_gaps_are_no_zeros(self):
        scores = history(60, 2) + np.array([0.05, 0.0])
        gaps = scores.copy()
        gaps.iloc[::3, 0] = NAN
        got = quick(gaps).table["expected"]
        assert got["a"] > got["b"] + 0.04
        assert quick(gaps).table.loc["a", "mean"] == pytest.approx(gaps["a"].mean())

    def test_expected_moves_risk_and_mean(self):
        scores = history(80, 3)
        scores.iloc[:40, 2] = NAN
        options = {"risk_aversion": 0.5, "tail": 0.1, "prior_rounds": 20}
        got = quick(scores, **options)
        means = slow_means(scores.to_numpy())
        n = np.array([80, 80, 40])
        expected = means.mean() + n / (n + 20) * (means - means.mean())
        assert_close(got.table["expected"], expected, 1e-12)
        shared = scores.dropna().to_numpy()
        scenarios = shared - shared.mean(axis=0) + expected
        _, prices = dual_mean_cvar(scenarios / scenarios.std(), 0.5, 0.1, 1.0)
        assert_close(shares_of(got), prices, 1e-6)

    def test_a_short_history_counts_for_less(self):
        scores = history(100, 2)
        scores["b"] = scores["a"].to_numpy()[::-1] + 0.01
        scores.iloc[:90, 1] = NAN
        trusting = quick(scores, prior_rounds=0).table["expected"]
        wary = quick(scores, prior_rounds=100).table["expected"]
        assert abs(wary["b"] - wary["a"]) < 0.2 * abs(trusting["b"] - trusting["a"])

    def test_what_a_share_rests_on(self):
        scores = history(50, 3)
        scores.iloc[:10, 1:] = NAN
        scores.iloc[-5:, 2] = NAN
        scores.iloc[20] = NAN
        got = quick(scores)
        assert list(got.table["n_rounds"]) == [49, 39, 34]
        assert list(got.table["n_compared"]) == [39, 39, 34]
        assert got.n_shared == 34
        assert list(got.bands["n_rounds"]) == [34, 34]


class TestAllocate:
    @pytest.mark.parametrize("method", ["mean_cvar", "min_variance"])
    def test_the_better_of_two(self, method):
        rng = np.random.default_rng(0)
        good, bad = rng.normal(0.02, 0.01, 100), rng.normal(-0.02, 0.05, 100)
        got = quick(frame(np.stack([bad, good], axis=1)), method=method)
        assert got.shares["b"] > 0.9

    @pytest.mark.parametrize("method", ["mean_cvar", "min_variance", "equal"])
    @pytest.mark.parametrize("max_share", [1.0, 0.4])
    def test_equals_share_evenly(self, method, max_share):
        one = history(60, 2).to_numpy()
        scores = frame(one[:, [0, 1, 0, 1, 0]])
        got = quick(scores, method=method, max_share=max_share).shares
        assert_close(got["a"], got["c"])
        assert_close(got["a"], got["e"])
        assert_close(got["b"], got["d"])

    def test_equals_share_evenly_where_only_the_mean_counts(self):
        one = history(60, 1).to_numpy()
        got = quick(frame(np.hstack([one, one - 0.1, one])), risk_aversion=0)
        assert_close(shares_of(got), [0.5, 0, 0.5])

    def test_max_share(self):
        scores = history(k=3)
        free = shares_of(quick(scores, risk_aversion=0))
        assert free.max() == 1
        got = shares_of(quick(scores, risk_aversion=0, max_share=0.45))
        assert_close(np.sort(got), [0.1, 0.45, 0.45], 1e-9)
        third = shares_of(quick(scores, max_share=1 / 3))
        assert_close(third, np.full(3, 1 / 3), 1e-9)
        with pytest.raises(ValueError, match=r"at least 1/3 = 0\.3333.*got 0\.33"):
            quick(scores, max_share=0.33)

    def test_one_model(self):
        for method in ("mean_cvar", "min_variance", "equal"):
            assert quick(history(k=1), method=method).shares == {"a": 1.0}

    def test_the_rule_decides(self):
        rng = np.random.default_rng(0)
        corr = frame(rng.normal([0.03, 0.01], 0.01, (60, 2)))
        mmc = frame(rng.normal([-0.005, 0.005], 0.002, (60, 2)))
        scores = {"v2_corr20": corr, "mmc": mmc}
        options = {"risk_aversion": 0.0}
        plain = PayoutRule("corr", {"v2_corr20": 1.0})
        assert allocate(scores, plain, **options).shares["a"] == 1
        options["total_at_risk"] = 72_000
        assert allocate(scores, PAYOUT_2026, **options).shares["b"] == 1

    def test_deterministic(self):
        scores = {"corr": history()}
        first, again = (allocate(scores, CORR) for _ in range(2))
        pd.testing.assert_frame_equal(first.table, again.table)
        pd.testing.assert_frame_equal(first.bands, again.bands)
        assert first.shares == again.shares

    def test_row_order_is_nothing(self):
        scores = history()
        scores.iloc[3:9, 1] = NAN
        shuffled = scores.sample(frac=1, random_state=0)
        first = allocate({"corr": scores}, CORR)
        second = allocate({"corr": shuffled}, CORR)
        pd.testing.assert_frame_equal(first.table, second.table)
        pd.testing.assert_frame_equal(first.bands, second.bands)

    def test_bands(self):
        scores = history()
        got = quick(scores, tail=0.1)
        outcome = scores.to_numpy() @ shares_of(got)
        band = got.bands.loc["allocation"]
        assert_close(band["mean"], outcome.mean())
        assert_close(band["std"], outcome.std())
        assert_close(band["cvar"], slow_cvar(outcome, 0.1))
        assert band["low"] < band["mean"] < band["high"]
        equal = got.bands.loc["equal shares"]
        assert_close(equal["mean"], scores.to_numpy().mean())

    def test_bands_cover(self):
        """Neighbours overlap by 4 of 5 weeks; the true mean is 0.01."""
        rng = np.random.default_rng(0)
        inside = 0
        for _ in range(100):
            noise = rng.normal(0.01, 0.02, size=(154, 2))
            values = np.stack([noise[i : i + 150] for i in range(5)]).mean(axis=0)
            got = quick(frame(values), method="equal", horizon=5).bands.loc[
                "allocation"
            ]
            inside += got["low"] <= 0.01 <= got["high"]
        assert 88 <= inside <= 100

    def test_live_scores_have_a_longer_horizon(self):
        scores = {"corr": history(100, 2)}
        with pytest.warns(UserWarning, match="the 100 rounds .* fewer than 128, twice"):
            live = allocate(tidy(scores), CORR)
        assert np.isnan(live.bands["low"]).all()
        weekly = allocate(scores, CORR)
        assert not weekly.bands["low"].isna().any()

    def test_stakes_go_into_a_simulation(self):
        scores = {"corr": history(k=3)}
        got = allocate(scores, CORR)
        stakes = got.stakes(120)
        assert_close(sum(stakes.values()), 120)
        totals = simulate(scores, stakes, CORR, duration=4).totals
        assert_close(totals["stake"].sum(), 120)
        with pytest.raises(ValueError, match="`total` must be a number above 0; got 0"):
            got.stakes(0)

    def test_stakes_of_an_atomic_rule_are_those_of_a_round(self):
        rule = replace(CORR, mode="atomic", concurrent_rounds=64)
        allocation = quick(history(), rule)
        assert_close(sum(allocation.stakes(640).values()), 10)
        assert_close(sum(allocation.stakes(130, open_rounds=13).values()), 10)
        stakes = allocation.stakes(130, open_rounds=13)
        account = simulate({"corr": history()}, stakes, rule, duration=13).account
        assert_close(account["locked"].iloc[12], 130)
        assert_close(account["idle"].iloc[[0, 12]], [120, 0])
        with pytest.raises(ValueError, match=r"`open_rounds`.*at least 1; got 0"):
            allocation.stakes(1, open_rounds=0)
        with pytest.raises(ValueError, match="'corr' is a legacy one; got 13"):
            quick(history()).stakes(1, open_rounds=13)

    def test_prints_an_aligned_table(self):
        text = str(allocate({"corr": history(k=3)}, CORR))
        lines = text.splitlines()
        assert lines[0].startswith("Allocation by 'mean_cvar', its risk seen in 80")
        table = [line for line in lines if line[:1] in ("a", "b", "c") and "." in line]
        assert len({len(line) for line in table[:3]}) == 1
        assert "no promise" in lines[-1]

    def test_the_total_at_risk_sets_the_factor(self):
        # Paid in full, the best rounds of "b" are clipped, and "a" is the better one.
        rng = np.random.default_rng(1)
        scores = {
            "v2_corr20": frame(rng.normal(0.02, 0.03, (100, 2))),
            "mmc": frame(rng.normal([0.004, 0.02], [0.005, 0.03], (100, 2))),
        }
        with pytest.raises(ValueError, match="`total_at_risk` must be given"):
            allocate(scores, PAYOUT_2024)
        with pytest.raises(ValueError, match="`total_at_risk` must be given"):
            simulate(scores, 1.0, PAYOUT_2024, duration=4)
        tenth = allocate(scores, PAYOUT_2024, total_at_risk=720e3)
        noted = allocate(scores, replace(PAYOUT_2024, factor=0.1))
        full = allocate(scores, PAYOUT_2024, total_at_risk=1e3)
        assert tenth.shares == noted.shares != full.shares
        assert (tenth.payout_factor, full.payout_factor) == (0.1, 1.0)
        means = [found.bands.loc["allocation", "mean"] for found in (tenth, full)]
        assert 3 * means[0] < means[1]
        assert "payout factor 0.1\n" in str(tenth)
        simulation = simulate(scores, 1.0, PAYOUT_2024, duration=4, total_at_risk=720e3)
        assert "payout factor 0.1, in NMR" in str(simulation)

    def test_the_unit_of_the_payouts_is_printed(self):
        whole = str(allocate({"corr": history(k=3)}, CORR))
        assert "Payouts of a round: shares of the stake, all of which is" in whole
        atomic = replace(CORR, concurrent_rounds=64, mode="atomic")
        assert "of the NMR staked on each round, of which 64 are open at once" in repr(
            quick(history(), atomic)
        )
        split = replace(CORR, concurrent_rounds=64)
        split = str(allocate({"corr": history(k=3)}, split))
        assert "at risk in each round, 1/64 of the stake; payout factor 1" in split

    def test_pickled(self):
        got = allocate({"corr": history(k=3)}, CORR)
        assert repr(pickle.loads(pickle.dumps(got))) == repr(got)

    @pytest.mark.parametrize("method", ["mean_cvar", "min_variance", "equal"])
    def test_scores_refused(self, method):
        good = history(40, 2)

        def refused(scores, message):
            with pytest.raises(ValueError, match=message):
                quick(scores, method=method)

        refused(good.iloc[:1], "at least 2 rounds that pay all 2 models; got 1")
        refused(good.assign(c=NAN), "no round that pays 'c'")
        refused(good.assign(c=0.01), "always the same.*'c'")
        refused(good * NAN, "no round in which a model")
        apart = good.copy()
        apart.iloc[:21, 0] = NAN
        apart.iloc[21:, 1] = NAN
        refused(apart, r"got 0\. Leave out.*\{'a': 19, 'b': 21\}")
        short = good.copy()
        short.iloc[2:, 1] = NAN
        short.iloc[1, 1] = short.iloc[0, 1]
        refused(short, "always the same, in the 2 rounds.*'b'")

    def test_a_clipped_model_is_constant(self):
        rule = PayoutRule("r", {"corr": 1.0}, clip=0.001)
        scores = (history(40, 2).abs() + 0.01).assign(c=history(40, 1)["a"])
        with pytest.raises(ValueError, match=r"always the same.*'a', 'b'"):
            quick(scores, rule)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"method": "kelly"}, "`method` must be .*got 'kelly'"),
            ({"max_share": 1.5}, "`max_share` must be between 0 and 1; got 1.5"),
            ({"max_share": -0.5}, "`max_share`.*got -0.5"),
            ({"risk_aversion": -1}, "`risk_aversion`.*from 0 to .*; got -1"),
            ({"risk_aversion": np.inf}, "`risk_aversion`.*got inf"),
            ({"tail": 0}, "`tail` must be above 0 and at most 1; got 0"),
            ({"tail": 5}, "`tail`.*got 5"),
            ({"prior_rounds": -1}, "`prior_rounds`.*got -1"),
            ({"horizon": 0}, "`horizon`.*got 0"),
            ({"confidence": 1}, "`confidence`.*got 1"),
        ],
    )
    def test_options_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            quick(history(), **options)

    @pytest.mark.parametrize(
        ("options", "same"),
        [
            ({"prior_rounds": Fraction(1, 3)}, {"prior_rounds": 1 / 3}),
            ({"horizon": 10**9, "prior_rounds": None}, {"prior_rounds": 1e6}),
            ({"tail": 5e-324}, {"tail": 1 / 80}),
        ],
        ids=["Fraction", "beyond any float", "next to nothing"],
    )
    @pytest.mark.filterwarnings("ignore:the 80 rounds")
    def test_numbers_of_any_kind_and_size(self, options, same):
        got, expected = (quick(history(), **some) for some in (options, same))
        assert got.shares == expected.shares
        columns = ["mean", "std", "cvar"]
        pd.testing.assert_frame_equal(got.bands[columns], expected.bands[columns])

    @pytest.mark.filterwarnings("error")
    def test_payouts_of_next_to_nothing(self):
        few = frame([[5e-324, 0.0], [0.0, 5e-324], [5e-324, 5e-324]])
        got = quick(few, horizon=1)
        assert_close(shares_of(got), [0.5, 0.5])

    def test_unknown_scores_refused(self):
        for name, missing in (("corr", "'mmc'"), ("bmc", "'v2_corr20', 'mmc'")):
            with pytest.raises(
                ValueError, match=f"lacks {missing}, which.*it has '{name}'"
            ):
                allocate({name: history()}, PAYOUT_2026, total_at_risk=1e6)
        with pytest.raises(TypeError, match="`rule` must be a PayoutRule"):
            allocate({"corr": history()}, {"corr": 1.0})


def test_real_rows(real_folder):
    folder = real_folder
    rows = pd.read_parquet(folder / "validation.parquet", columns=["era", "target"])
    models = pd.read_parquet(folder / "validation_benchmark_models.parquet")
    models = models.reindex(rows.index).drop(columns="era")
    meta = pd.read_parquet(folder / "meta_model.parquet")["numerai_meta_model"]
    meta = meta.reindex(rows.index)
    scores = {
        "v2_corr20": numerai_corr(rows["target"], models, era=rows["era"]),
        "mmc": correlation_contribution(rows["target"], models, meta, era=rows["era"]),
    }
    total = 600_000
    got = allocate(scores, PAYOUT_2026, total_at_risk=total, max_share=0.25)
    assert got.n_shared == 42
    assert_close(sum(got.shares.values()), 1)
    assert max(got.shares.values()) <= 0.25
    assert not got.bands.isna().any(axis=None)
    simulation = simulate(
        scores, got.stakes(100), PAYOUT_2026, duration=5, total_at_risk=total
    )
    assert (simulation.totals["n_rounds"] == 42).all()
    assert (simulation.ledger["stake_after"] >= 0).all()
    paid = simulation.ledger["payout"].sum()
    assert_close(simulation.totals["final"].sum(), 100 + paid, 1e-9)


def unrelated(deviations, n=16):
    """Payouts of mean 0 whose covariances are exactly 0."""
    rounds = np.arange(n)
    signs = [1.0 - 2.0 * (rounds >> i & 1) for i in range(len(deviations))]
    return np.stack(signs, axis=1) * deviations


class TestSharesByFormula:
    @pytest.mark.parametrize(
        "deviations",
        [
            [1.0, 2.0, 4.0],
            [1.0, 3000.0],  # a share of a ten-millionth is a share
            [1.0, 2.0, 500.0],
            [1e-10, 2e-10, 3e-10],
            [1e10, 3e10],
        ],
    )
    def test_shares_of_unrelated_models_go_by_one_over_variance(self, deviations):
        expected = 1 / np.square(deviations)
        expected = expected / expected.sum()
        expected[expected < 1e-9] = 0.0
        got = kernel.min_variance(unrelated(deviations), 1.0)
        np.testing.assert_allclose(got, expected, rtol=1e-10)

    @pytest.mark.parametrize("k", [3, 7, 49])
    def test_largest_shares_that_just_sum_to_one_are_all_taken(self, k):
        # In floats, 7 times 1/7 is less than one.
        payouts = np.random.default_rng(0).normal(size=(60, k))
        assert_close(kernel.min_variance(payouts, 1 / k), 1 / k)
        assert_close(kernel.mean_cvar(payouts, 1.0, 0.1, 1 / k), 1 / k)

    @pytest.mark.parametrize(
        "find",
        [
            lambda rows: kernel.min_variance(rows, 1.0),
            lambda rows: kernel.mean_cvar(rows, 5.0, 0.1, 1.0),
        ],
        ids=["min_variance", "mean_cvar"],
    )
    def test_twins_are_twins_up_to_rounding(self, find):
        rng = np.random.default_rng(0)
        payouts = rng.normal(0.01, [0.02, 0.03], (80, 2))[:, [0, 1, 0]]
        rounded = payouts.copy()
        rounded[:, 2] += 1e-13 * 0.02 * rng.normal(size=80)
        first, _, third = find(rounded)
        assert_close(first, third)
        assert_close(2 * first, find(payouts[:, :2])[0], 1e-9)

    def test_what_differs_in_one_round_is_no_twin(self):
        payouts = np.random.default_rng(0).normal(0.01, [0.02, 0.03], (80, 2))
        payouts = payouts[:, [0, 1, 0]]
        steadier = np.argmax(payouts[:, 2])
        payouts[steadier, 2] -= 1e-8 * 0.02
        first, _, third = kernel.min_variance(payouts, 1.0)
        assert first == 0
        assert third > 0.5

    @pytest.mark.parametrize("times", [1e-170, 1e-9, 1e9])
    def test_payouts_of_any_size(self, times):
        payouts = np.random.default_rng(0).normal(0.01, [0.02, 0.03], (80, 2))
        alike = times == 1e-170  # whose squares are 0
        for find in (
            lambda rows: kernel.min_variance(rows, 1.0),
            lambda rows: kernel.mean_cvar(rows, 5.0, 0.1, 1.0),
        ):
            expected = [0.5, 0.5] if alike else find(payouts)
            assert_close(find(times * payouts), expected, 1e-9)

    def solver_that_stops_at(self, monkeypatch, shares):
        found = lambda rows, response, bounds, **_: SimpleNamespace(  # noqa: E731
            x=response[-1] * np.asarray(shares)
        )
        monkeypatch.setattr(kernel, "lsq_linear", found)

    @pytest.mark.parametrize("size", [1.0, 1e-3])
    def test_a_solver_that_stops_early_is_noticed(self, monkeypatch, size):
        # A wild model does not set the scale in which what is left is told.
        payouts = size * unrelated([1.0, 1.0, 1000.0])
        best = np.array([1.0, 1.0, 1e-6]) / (2.0 + 1e-6)
        # Slopes are twice share times variance: 1 at the optimum, all of them.
        swap = np.array([0.25, -0.25, 0.0])
        for gain in (1.5e-6, -1.5e-6):
            self.solver_that_stops_at(monkeypatch, best + gain * swap)
            with pytest.raises(RuntimeError, match=r"not found: 1\.5e-06 is left"):
                kernel.min_variance(payouts, 1.0)
        nearly = best + 0.7e-6 * swap
        self.solver_that_stops_at(monkeypatch, nearly)
        assert_close(kernel.min_variance(payouts, 1.0), nearly)

    def test_the_steepest_and_the_least_steep_model_are_compared(self):
        deviations = unrelated([1.0, 1.0, 1.0]) / 4.0
        for shares in ([0.2, 0.4, 0.4], [0.3, 0.3, 0.4]):
            with pytest.raises(RuntimeError, match="the least variance was not found"):
                kernel._check_optimal(np.array(shares), deviations, np.ones(3))

    def test_what_rounding_left_of_zero_is_no_share(self, monkeypatch):
        left = 5e-10
        self.solver_that_stops_at(monkeypatch, [0.5 - left, 0.5, left])
        payouts = unrelated([1.0, 1.0, 1e5])
        got = kernel.min_variance(payouts, 1.0)
        assert got[2] == 0
        assert_close(got.sum(), 1.0, 1e-15)
