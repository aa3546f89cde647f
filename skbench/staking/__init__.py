"""Payout rules as data, simulation and allocation of a stake; it moves no money."""

from ._allocate import Allocation, allocate
from ._history import check_rule as check_rule
from ._history import warn_of_target as warn_of_target
from ._rules import (
    PAYOUT_2024,
    PAYOUT_2026,
    PAYOUT_ROUND_1343,
    PAYOUT_RULES,
    PayoutRule,
)
from ._rules import latest_payout as latest_payout
from ._rules import newest_rule as newest_rule
from ._rules import of_kinds as of_kinds
from ._rules import rule_named as rule_named
from ._season import with_season
from ._simulate import Simulation, simulate

__all__ = [
    "PAYOUT_2024",
    "PAYOUT_2026",
    "PAYOUT_ROUND_1343",
    "PAYOUT_RULES",
    "Allocation",
    "PayoutRule",
    "Simulation",
    "allocate",
    "simulate",
    "with_season",
]
