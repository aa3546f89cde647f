"""A stake spread over the models of a folder, or of an account."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from skbench._eras import horizon_of
from skbench._files import Address
from skbench._score_names import score_name
from skbench.datasets import load_scores
from skbench.staking import Allocation, PayoutRule, allocate, check_rule, warn_of_target
from skbench.tournament import OwnPredictions, open_folder, origin_lines

from ._payout import no_meta_model
from ._scores import scores_of


def stake_folder(
    path: Address,
    rule: PayoutRule,
    *,
    target: str = "target",
    models: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    predictions: OwnPredictions = (),
    total_at_risk: float | None = None,
    **options: Any,
) -> Allocation:
    """Spread a stake over the models of a folder. Nothing is staked.

    Parameters
    ----------
    path : path-like
        Folder of Numerai's files, as for `score_folder`.
    rule : skbench.staking.PayoutRule
        What the scores pay. Eras stand for rounds, and CORR and MMC with ``target``
        for the rule's scores of those kinds; other days than theirs are warned of.
    target : str, default="target"
        Target to score with.
    models : sequence of str, default=None
        Models to stake on, those of ``predictions`` too; None: all. A file of
        predictions of which none is named is used whole.
    without : sequence of str, default=None
        Models to leave out.
    predictions : path-like, sequence of path-like, or mapping, default=()
        Files with further models, as for `score_folder`.
    total_at_risk : float, default=None
        Stakes at risk in the tournament, in NMR, as for `skbench.staking.allocate`.
    **options
        For `skbench.staking.allocate`.

    Returns
    -------
    allocation : skbench.staking.Allocation
        The shares, and what they rest on; its warning also says how the ``predictions``
        were made, in the words of `score_folder`.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file, or one of ``predictions`` is not there.
    ValueError
        If the files do not fit together, give two models one name, or lack what the
        rule pays, or the payout factor is not known.
    TypeError
        If the rule is no PayoutRule.

    Warns
    -----
    UserWarning
        If the rule pays scores of another target than ``target``.
    """
    check_rule(rule, total_at_risk)  # what is missing is said before the long work
    rows, _ = open_folder(
        path, target=target, models=models, without=without, predictions=predictions
    )
    warn_of_target(rule, rows.target)
    kinds = {score.kind for name in rule.multipliers if (score := score_name(name))}
    if rows.meta_model is None and "mmc" in kinds:
        raise ValueError(f"the rule {rule.name!r} pays MMC{no_meta_model(rows)}")
    scores = scores_of(rows, None).scores
    allocation = allocate(
        scores,
        rule,
        total_at_risk=total_at_risk,
        **{"horizon": horizon_of(rows.target), **options},
    )
    told = [allocation.warning, *origin_lines(rows.made)]
    return replace(allocation, warning="\n".join(told))


def stake_account(
    account: str,
    rule: PayoutRule,
    *,
    total_at_risk: float | None = None,
    api: Any = None,
    **options: Any,
) -> Allocation:
    """Spread a stake over the models of an account. Nothing is staked.

    Parameters
    ----------
    account : str
        Name of an account or model.
    rule : skbench.staking.PayoutRule
        What the scores of live rounds pay.
    total_at_risk : float, default=None
        Stakes at risk in the tournament, in NMR, as for `skbench.staking.allocate`.
    api : numerapi.NumerAPI, default=None
        Client to ask. None: a new one.
    **options
        For `skbench.staking.allocate`.

    Returns
    -------
    allocation : skbench.staking.Allocation
        The shares, and what they rest on.

    Raises
    ------
    ConnectionError
        If Numerai cannot be reached.
    ValueError
        If the name is unknown, there are no scores that the rule pays, or the payout
        factor is not known.
    TypeError
        If the rule is no PayoutRule.
    """
    check_rule(rule, total_at_risk)  # what is missing is said before the long work
    scores = load_scores(account, api, resolved=True)
    return allocate(scores, rule, total_at_risk=total_at_risk, **options)
