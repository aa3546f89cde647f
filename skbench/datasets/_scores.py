"""Scores that Numerai gave to the submissions of models."""

import contextlib
from collections.abc import Sequence
from typing import Any

import pandas as pd

from skbench._checks import check_count, check_flag, check_name, did_you_mean
from skbench._numerai import client

__all__ = ["load_scores"]

# Columns of the frame: what numerapi calls each, and its type.
_COLUMNS = {
    "model": ("model", "str"),
    "round": ("roundNumber", "int64"),
    "day": ("day", "Int64"),
    "resolved": ("resolved", "bool"),
    "date": ("date", "object"),
    "score": ("displayName", "str"),
    "value": ("value", "float64"),
    "percentile": ("percentile", "float64"),
}
_KEY = ["model", "round", "score"]
# Numerai's own account, which takes no part and so is on no leaderboard.
_BENCHMARKS = "benchmark_models"
# Accounts on the leaderboard among which a similar name is looked for.
_N_ACCOUNTS = 10_000


def load_scores(
    account_or_model: str,
    api: Any = None,
    *,
    resolved: bool | None = None,
    last_n_rounds: int | None = None,
) -> pd.DataFrame:
    """Load the live scores of a model, or of all models of an account.

    The scores are asked of Numerai at each call. No API keys are needed. While a round
    is open, a submission is scored anew every day.

    Parameters
    ----------
    account_or_model : str
        Name of an account, such as "benchmark_models", or of a model. A name that is
        both stands for the account.
    api : numerapi.NumerAPI, default=None
        Client to ask. None: a new one.
    resolved : bool, default=None
        None: the scores of all days. True: those of resolved rounds, the last day
        alone, so one row a model, round and score. False: those of the rounds that are
        still open, all days.
    last_n_rounds : int, default=None
        Number of most recent rounds to load. None: all.

    Returns
    -------
    scores : DataFrame
        One row a model, round, score and day, in that order, with the columns:

        model : str
            Name of the model.
        round : int
            Number of the round.
        day : int
            Day of scoring, counted from the start of the round.
        resolved : bool
            Whether the score is final.
        date : datetime
            When it was computed, in UTC.
        score : str
            Name of the score, such as "canon_corr" or "canon_mmc".
        value, percentile : float
            The score, and the share of models with a lower one; NaN where not given.

    Raises
    ------
    ValueError
        If there is neither an account nor a model of that name.
    ConnectionError
        If Numerai cannot be reached.

    Examples
    --------
    >>> from skbench.datasets import load_scores
    >>> scores = load_scores("benchmark_models", resolved=True)  # doctest: +SKIP
    >>> corr = scores[scores["score"] == "canon_corr"]  # doctest: +SKIP
    >>> corr.groupby("model")["value"].mean()  # doctest: +SKIP
    """
    check_name("account_or_model", account_or_model, "a name")
    if last_n_rounds is not None:
        check_count("last_n_rounds", last_n_rounds, 1)
    if resolved is not None:
        check_flag("resolved", resolved)
    api = client(api)
    rows = [
        {**score, "model": model}
        for model, model_id in _find_models(api, account_or_model).items()
        for score in api.submission_scores(
            model_id, resolved=resolved, last_n_rounds=last_n_rounds
        )
    ]
    scores = _to_frame(rows)
    if resolved is not None:
        scores = scores[scores["resolved"] == resolved]
    if resolved:
        scores = scores.drop_duplicates(_KEY, keep="last")
    return scores.reset_index(drop=True)


def _find_models(api: Any, name: str) -> dict[str, str]:
    """Return the names and ids of the models that a name stands for."""
    answers = {}
    try:
        if models := dict(api.models_of_account(name)):
            return models
        answers["account"] = "it has no models"
    except (ValueError, TypeError) as error:
        # TypeError is what numerapi raises where the answer is null.
        answers["account"] = _in_words(error)
    try:
        return {name: api.public_user_profile(name)["id"]}
    except (ValueError, TypeError, AttributeError) as error:
        answers["model"] = _in_words(error)
    hint = did_you_mean(name, _known_accounts(api)) or "."
    raise ValueError(
        f"Numerai knows no account and no model called {name!r}{hint} Asked for the "
        f"account: {answers['account']}. Asked for the model: {answers['model']}"
    )


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else "not found"


def _known_accounts(api: Any) -> list[str]:
    """List accounts; that there is no list is no reason for another error."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        leaders = api.get_account_leaderboard(limit=_N_ACCOUNTS)
        return sorted({_BENCHMARKS, *(leader["username"] for leader in leaders)})
    return [_BENCHMARKS]


def _to_frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    columns = {
        column: pd.Series([row[field] for row in rows], dtype=dtype)
        for column, (field, dtype) in _COLUMNS.items()
    }
    columns["date"] = pd.to_datetime(columns["date"], utc=True).dt.as_unit("ns")
    # A row without a day, should there be one, is never taken for the last day.
    return pd.DataFrame(columns).sort_values(
        [*_KEY, "day"], na_position="first", ignore_index=True
    )
