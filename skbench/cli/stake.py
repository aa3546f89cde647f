"""``skbench stake``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._command import skbench
from ._options import FILE, PREDICTIONS, TARGET, check_subject, choice_of_models
from ._show import say

if TYPE_CHECKING:
    from skbench.staking import Allocation, PayoutRule


@skbench.command()
@click.argument("folder", type=FILE, required=False)
@PREDICTIONS
@choice_of_models
@click.option(
    "--rule",
    metavar="NAME",
    help="Payout rule by name; without it, that of Numerai's current round.",
)
@click.option(
    "--method",
    type=click.Choice(["mean_cvar", "min_variance", "equal"]),
    default="mean_cvar",
    show_default=True,
    help="How to choose the shares. mean_cvar: much payout for what the worst rounds "
    "cost. min_variance: payouts that vary least. equal: the same for all.",
)
@click.option(
    "--max-share",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    metavar="SHARE",
    help="Largest share of one model.",
)
@click.option(
    "--total-at-risk",
    type=click.FloatRange(0, min_open=True),
    metavar="NMR",
    help="Stakes at risk in the tournament, which a rule with a threshold needs.",
)
@click.option(
    "--stake",
    "total",
    type=click.FloatRange(0, min_open=True),
    metavar="NMR",
    help="What may be tied up in all: print the NMR of each model too.",
)
@TARGET
@click.option(
    "--account",
    metavar="NAME",
    help="Instead of FOLDER: the live rounds of this account or model.",
)
def stake(
    folder: Path | None,
    account: str | None,
    predictions: tuple[Path, ...],
    models: list[str] | None,
    without: list[str] | None,
    rule: str | None,
    total: float | None,
    target: str,
    **options: Any,
) -> None:
    """Show how to spread a stake over models. Nothing is staked.

    Over the models in FOLDER and your own, by their scores in validation, or over those
    of an account, by their live rounds.
    """
    from skbench.folders import stake_account, stake_folder

    chosen: dict[str, Any] = {
        "predictions": predictions,
        "models": models,
        "without": without,
    }
    check_subject(folder, account, **chosen)
    paid_by = _rule(rule)
    if folder is not None:
        allocation = stake_folder(folder, paid_by, target=target, **chosen, **options)
    else:
        allocation = stake_account(str(account), paid_by, **options)
    text = str(allocation).split("\n")
    say(f"Payout rule: {paid_by.name} ({paid_by.status})", *text)
    if total is not None:
        say("", *_in_nmr(allocation, total).split("\n"))


def _in_nmr(allocation: "Allocation", total: float) -> str:
    """Lay out what to stake; by an atomic rule, on each round and at once."""
    import pandas as pd

    rule = allocation.rule
    stakes = pd.Series(allocation.stakes(total), name="NMR at risk")
    if rule.mode == "legacy":
        return str(stakes.to_frame().to_string(float_format="{:.4f}".format))
    n_open = rule.concurrent_rounds
    table = pd.DataFrame({"NMR a round": stakes, "NMR tied up": stakes * n_open})
    text = table.to_string(float_format="{:.4f}".format)
    return f"{text}\n{n_open} rounds are open at once, each with NMR of its own."


def _rule(name: str | None) -> "PayoutRule":
    """Return the payout rule of a name, or that of Numerai's current round."""
    from skbench.staking import PayoutRule, rule_named

    if name is not None:
        return rule_named(name)
    try:
        return PayoutRule.from_api()
    except ValueError as error:
        raise ValueError(f"{error}. Or name another rule by `rule`") from error
