"""Atomic staking: a ledger of 70 rounds by hand, a slow reference, and laws."""

import numpy as np
import pandas as pd
import pytest
import reference
from helpers import assert_close
from hypothesis import given
from hypothesis import strategies as st
from strategies import law

from skbench.solvers.positions import play
from skbench.staking import PAYOUT_2026, PAYOUT_ROUND_1343, PayoutRule, simulate

NAN = np.nan
ATOMIC = PayoutRule("atomic", {"corr": 1.0}, clip=1.0, mode="atomic")


def rounds(rates, first=1):
    rates = np.asarray(rates, dtype=float)
    index = range(first, first + len(rates))
    return pd.DataFrame(rates, index=index, columns=list("abcdef"[: rates.shape[1]]))


class TestSeventyRoundsByHand:
    """Two models that stake 1 NMR a round, 64 rounds open, 129 NMR to begin with.

    After 64 rounds 128 NMR are locked and 1 is idle. Then, before each round, the
    position of 64 rounds ago settles; rates, claims, and what is idle thereafter:

    round  settles  rate of a, b    claims      staked    idle               deferred
    65     1         0.5  -0.25     1.5   0.75  1   1     1 + 0.5 - 0.25     0     0.25
    66     2        -0.25  0.1      0.75  1.1   1   -     1.25 - 0.25 + 1.1  0.25  0.15
    67     3         0.1   0        1.1   1     1   -     2.1 + 0.1 + 1      0.15  0.15
    68     4        -1.5   0        0     1     1   1     3.2 - 1            1.15  0.15
    69     5        -1     0        0     1     1   1     2.2 - 1            2.15  0.15
    70     6        -1    -1        0     0     1   0.2   1.2 - 1 - 0.2      3.15  1.15

    The rate of -1.5 is clipped; b sends nothing in the rounds 66 and 67; in round 70 it
    gets what is left. What a is paid in round 3 is set off against its burn of round 2,
    and not against that of b; its payout of round 1 came before any burn. Of all later
    rounds 70 alone pays: a burns 0.5, b earns 0.2 of its 0.2.
    """

    @pytest.fixture
    def found(self):
        rates = np.zeros((70, 2))
        rates[:6, 0] = [0.5, -0.25, 0.1, -1.5, -1, -1]
        rates[:6, 1] = [-0.25, 0.1, 0, 0, 0, -1]
        rates[69] = [-0.5, 0.2]
        rates[[65, 66], 1] = NAN
        scores = {"corr": rounds(rates)}
        return simulate(scores, 1.0, ATOMIC, duration=64, compound=False, balance=129.0)

    def test_the_balance(self, found):
        idle = [*range(127, 0, -2), 1.25, 2.1, 3.2, 2.2, 1.2, 0]
        locked = [*range(2, 130, 2), 128, 127, 126, 126, 126, 125.2]
        assert_close(found.account["idle"], idle)
        assert_close(found.account["locked"], locked)
        assert_close(found.balance, 125.2 - 0.5 + 0.04)

    def test_the_positions(self, found):
        a, b = (found.ledger.query("model == @model") for model in "ab")
        assert_close(a["at_risk"], np.ones(70))
        assert_close(b["at_risk"], [*np.ones(67), 0.2])
        assert list(b["round"]) == [*range(1, 66), 68, 69, 70]
        assert_close(a["payout"][:12], [0.5, -0.25, 0.1, -1, -1, -1, *np.zeros(6)])
        assert_close(b["payout"].iloc[-1], 0.04)
        assert_close(a["deferred"][:12], [0, 0.25, 0.15, 1.15, 2.15, *[3.15] * 7])
        assert_close(b["deferred"][:12], [0.25, *[0.15] * 4, *[1.15] * 7])

    def test_the_totals(self, found):
        assert_close(found.totals["stake"], [1, 1])
        assert_close(found.totals["committed"], [64, 64])
        assert_close(found.totals["earned"], [0.6, 0.14])
        assert_close(found.totals["burned"], [-3.75, -1.25])
        assert_close(found.totals["deferred"], [3.65, 1.11])
        assert_close(found.totals["return"], [-3.15 / 64, -1.11 / 64])
        assert_close(found.totals["n_rounds"], [70, 68])


class TestRounds:
    def test_compound_stakes_the_newest_proceeds(self):
        found = simulate(
            {"corr": rounds([[0.5], [-0.5], [0.1], [0], [0]])}, 2, ATOMIC, duration=2
        )
        # 2, 2, 2 x 1.5, 2 x 0.5, 3 x 1.1: nothing but the two stakes was needed.
        assert_close(found.ledger["at_risk"], [2, 2, 3, 1, 3.3])
        assert_close(found.account["idle"], [2, 0, 0, 0, 0])
        assert_close(found.totals["committed"], [5])

    def test_more_than_one_claim_at_once(self):
        scores = rounds([[0.5], [0.25], [0.1]]).set_axis([1, 2, 9])
        found = simulate({"corr": scores}, 1, ATOMIC, duration=3)
        assert_close(found.ledger["at_risk"], [1, 1, 1.25])
        assert_close(found.account["idle"], [1, 0, 1.5])

    def test_what_is_lost_is_not_restaked(self):
        scores = {"corr": rounds([[-1, 0.5]] * 4)}
        found = simulate(scores, 1, ATOMIC, duration=1)
        a, b = (found.ledger.query("model == @model") for model in "ab")
        assert_close(a["at_risk"], [1, 0, 0, 0])
        assert_close(b["at_risk"], 1.5 ** np.arange(4))

    def test_too_little_is_shared_in_the_order_of_the_stakes(self):
        scores = {"corr": rounds([[0.1, 0.1, 0.1]])}
        stakes = {"c": 2.0, "a": 2.0, "b": 2.0}
        found = simulate(scores, stakes, ATOMIC, duration=5, balance=3.0)
        at_risk = found.ledger.set_index("model")["at_risk"]
        assert at_risk.to_dict() == {"c": 2.0, "a": 1.0, "b": 0.0}

    def test_open_rounds_stay_locked_and_are_shown(self):
        rows = [(7, 20, 0.5, True), (8, 20, 0.25, False), (9, 1, -3.0, False)]
        scores = pd.DataFrame(rows, columns=["round", "day", "value", "resolved"])
        scores = scores.assign(model="m", score="corr")
        rule = PayoutRule("free", {"corr": 1.0}, mode="atomic")
        found = simulate(scores, 1.0, rule, duration=2, compound=False)
        assert_close(found.ledger["payout"], [0.5, 0.25, -1.0])
        assert list(found.ledger["pending"]) == [False, True, True]
        totals = found.totals.loc["m"]
        assert_close([totals["earned"], totals["pending"]], [0.5, -0.75])
        assert_close(found.account["idle"], [1, 0, 0.5])
        assert_close(found.balance, 0.5)

    def test_the_newest_rule(self):
        scores = {"corr60": rounds([[0.02]] * 3), "mmc60": rounds([[0.01]] * 3)}
        found = simulate(scores, 10.0, PAYOUT_ROUND_1343, duration=64)
        assert_close(found.ledger["payout"], [2.1] * 3)
        assert_close(found.account["locked"], [10, 20, 30])
        assert "Idle balance at the end: 36.3" in repr(found)

    @pytest.mark.parametrize("balance", [-1.0, NAN, "all", True])
    def test_balance_refused(self, balance):
        with pytest.raises(ValueError, match="`balance` must be a number from 0"):
            simulate({"corr": rounds([[0.1]])}, 1, ATOMIC, duration=1, balance=balance)

    def test_a_legacy_rule_has_no_balance(self):
        scores = {"v2_corr20": rounds([[0.1]]), "mmc": rounds([[0.1]])}
        with pytest.raises(ValueError, match="'2026' is a legacy one; got 5"):
            simulate(
                scores, 1, PAYOUT_2026, duration=1, balance=5, total_at_risk=72_000
            )

    def test_the_mode_is_one_of_two(self):
        with pytest.raises(
            ValueError, match="`mode` must be 'legacy' or 'atomic'; got 'split'"
        ):
            PayoutRule("r", {"corr": 1.0}, mode="split")


@st.composite
def histories(draw):
    """Rates of rounds with gaps, of which the newest may be open, and how to stake."""
    n_rounds, n_models = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    rate = st.none() | st.floats(-2, 2).map(lambda x: round(x, 3))
    row = st.lists(rate, min_size=n_models, max_size=n_models)
    rates = draw(st.lists(row, min_size=n_rounds, max_size=n_rounds))
    steps = draw(st.lists(st.integers(1, 3), min_size=n_rounds, max_size=n_rounds))
    first_open = draw(st.integers(0, n_rounds))
    stakes = draw(
        st.lists(
            st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=n_models, max_size=n_models
        )
    )
    return {
        "rates": rates,
        "final": [[i < first_open] * n_models for i in range(n_rounds)],
        "numbers": np.cumsum(steps).tolist(),
        "stakes": stakes,
        "balance": draw(st.sampled_from([0.0, 1.0, 7.5, 100.0])),
        "duration": draw(st.integers(1, 6)),
        "compound": draw(st.booleans()),
    }


def played(history, **other):
    history = history | other
    rates = np.array(history["rates"], dtype=float)
    return rates, play(
        rates,
        np.array(history["numbers"], dtype=float),
        np.array(history["stakes"]),
        history["balance"],
        duration=history["duration"],
        compound=history["compound"],
        final=np.array(history["final"]),
    )


class TestLaws:
    @law
    @given(histories())
    def test_is_the_slow_reference(self, history):
        rates, found = played(history)
        positions, balances, idle, debt = reference.atomic(**history)
        at = np.argwhere(~np.isnan(rates))
        assert len(positions) == len(at)
        numbers = {number: i for i, number in enumerate(history["numbers"])}
        for position in positions:
            i, model = numbers[position["number"]], position["model"]
            assert_close(found.at_risk[i, model], position["at_risk"], 1e-9)
            assert_close(found.paid[i, model], position["payout"], 1e-9)
            if position["settled"]:
                assert_close(found.deferred[i, model], position["deferred"], 1e-9)
        assert_close(found.idle, [*balances, idle], 1e-9)
        assert_close(found.deferred[-1], list(debt.values()), 1e-9)

    @law
    @given(histories())
    def test_nmr_is_conserved(self, history):
        _, found = played(history)
        staked = np.array(history["final"]) * found.at_risk
        still_open = (found.at_risk - staked).sum()
        paid = found.paid.sum()
        # What the staker has: in the balance and in open positions.
        assert_close(found.idle[-1] + still_open, history["balance"] + paid, 1e-9)
        # What there is in all: new NMR came in, and what is deferred is held back.
        there = found.idle[-1] + still_open + found.deferred[-1].sum()
        assert_close(there, history["balance"] + found.minted, 1e-9)
        assert found.minted >= -1e-12
        assert (found.idle >= -1e-12).all()

    @law
    @given(histories())
    def test_no_position_loses_more_than_itself(self, history):
        _, found = played(history)
        assert (found.at_risk >= 0).all()
        assert (found.paid >= -found.at_risk).all()

    @law
    @given(histories())
    def test_constant_and_compound_agree_while_nothing_has_settled(self, history):
        late = history["numbers"][-1] + 1
        _, constant = played(history, duration=late, compound=False)
        _, compound = played(history, duration=late, compound=True)
        for name in ("at_risk", "paid", "deferred", "locked", "idle"):
            np.testing.assert_array_equal(
                getattr(constant, name), getattr(compound, name)
            )
