"""Numerai's season score, of which its leaderboard is made: `with_season`."""

import pandas as pd

from skbench._checks import listed
from skbench._score_names import score_name
from skbench.metrics import check_frame

from ._rules import PAYOUT_RULES, PayoutRule

SEASON = "season"
# What tells one submission on one day from another.
_KEY = ["model", "round", "day"]
_OF_ROWS = {"resolved": "all", "date": "max"}


def with_season(scores: pd.DataFrame) -> pd.DataFrame:
    r"""Add the season score to live scores: what a round pays, before factor and clip.

    .. math:: \mathrm{season} = \sum_i m_i s_i

    with the multipliers of the rule of the round (`PayoutRule.for_round`). A score that
    is missing counts as 0. Where a model has none of those that pay, and in rounds
    before all rules that are known, there is no season score. Scores that have one
    already stay as they are.

    Parameters
    ----------
    scores : DataFrame
        Live scores, as `skbench.datasets.load_scores` gives them: one row a model,
        round, day and score.

    Returns
    -------
    scores : pandas.DataFrame
        These rows, and then those of the score "season": its ``date`` is the latest of
        the scores it is made of, and it is ``resolved`` if they all are.

    Raises
    ------
    ValueError
        If a column is missing.
    TypeError
        If the scores are no pandas frame.

    References
    ----------
    Numerai, "Leaderboard", https://docs.numer.ai/numerai-tournament/scoring.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbench.staking import with_season
    >>> scores = pd.DataFrame({"model": "a", "round": 1343, "day": 64, "resolved": True,
    ...                        "score": ["corr60", "mmc60"], "value": [0.02, 0.01]})
    >>> with_season(scores)[["round", "score", "value"]]
       round   score  value
    0   1343  corr60   0.02
    1   1343   mmc60   0.01
    2   1343  season   0.21
    """
    check_frame(scores, "scores", "one row a model, round, day and score")
    needed = [*_KEY, "score", "value"]
    if missing := [name for name in needed if name not in scores]:
        raise ValueError(
            f"`scores` lacks {listed(missing)}, which live scores have; it has "
            f"{listed(scores.columns)}"
        )
    if (scores["score"] == SEASON).any():
        return scores
    oldest = next(iter(PAYOUT_RULES.values())).first_round
    known = scores[scores["round"] >= oldest]
    rules = known["round"].map(lambda number: PayoutRule.for_round(int(number)).name)
    parts = [_season(part, PAYOUT_RULES[name]) for name, part in known.groupby(rules)]
    return pd.concat([scores, *parts], ignore_index=True)


def _season(scores: pd.DataFrame, rule: PayoutRule) -> pd.DataFrame:
    """Return the season scores of rounds of a rule."""
    names = scores["score"].unique().tolist()
    alike = {score_name(name): name for name in names} | {name: name for name in names}
    paid = {
        alike.get(name, alike.get(score_name(name))): by
        for name, by in rule.multipliers.items()
    }
    rows = scores[scores["score"].isin(paid) & scores["value"].notna()]
    rows = rows.assign(value=rows["value"] * rows["score"].map(paid).astype(float))
    how = {name: by for name, by in _OF_ROWS.items() if name in rows}
    found = rows.groupby(_KEY, sort=False).agg({"value": "sum", **how})
    season: pd.DataFrame = found.reset_index().assign(score=SEASON)
    return season
