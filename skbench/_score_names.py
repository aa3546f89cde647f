"""What scores are called: here, by Numerai and by people; and sums of them that pay."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ._checks import HUGE, check_choice, is_number, listed
from ._eras import target_days
from ._warnings import warn

# What skbench calls each score, and further words for it.
SCORES = {
    "corr": ("numerai_corr",),
    "mmc": ("contribution", "correlation_contribution", "meta_model_contribution"),
    "bmc": ("benchmark_contribution",),
    "fnc": ("feature_neutral_corr", "feature_neutral_correlation"),
    "cwmm": ("corr_with_meta_model",),
}
# What can pay, in the words of `StackingWeights`.
_PAID = ("corr", "contribution")

_KIND_OF = {word: kind for kind, words in SCORES.items() for word in (kind, *words)}
# As Numerai writes them: canon_mmc60, v2_corr20, corr20V2.
_NAME = re.compile(
    rf"(?:canon_|v\d_)?({'|'.join(_KIND_OF)})(?:_?(\d{{1,4}})d?(?:_?v\d)?)?"
)


class ScoreName(NamedTuple):
    """A kind of score, and the days of its target; None where the name says none."""

    kind: str
    days: int | None


def score_name(name: Any) -> ScoreName | None:
    """Read the name of a score; None if it is no word for one that is known."""
    word = re.sub(r"[\s-]+", "_", str(name).strip().casefold())
    found = _NAME.fullmatch(word)
    if found is None:
        return None
    return ScoreName(_KIND_OF[found[1]], int(found[2]) if found[2] else None)


def score_title(name: str) -> str:
    """Return what people are shown as the name of a score: CORR, MMC60."""
    score = score_name(name)
    return name if score is None else f"{score.kind.upper()}{score.days or ''}"


def find_score(wanted: str, names: Iterable[Any]) -> Any:
    """Return the one of some names that is of the score wanted; None where none is.

    The name itself wins. Else it is one of the same kind, and of the same days where
    both names say them; another horizon, or several to choose from, is an error.
    """
    names = list(names)
    score = score_name(wanted)
    if wanted in names or score is None:
        return wanted if wanted in names else None
    alike = {name: other for name in names if (other := score_name(name))}
    alike = {name: other for name, other in alike.items() if other.kind == score.kind}
    days = {None, score.days}
    fits = [n for n, other in alike.items() if score.days is None or other.days in days]
    if len(fits) > 1:
        raise ValueError(
            f"{wanted!r} may be {' or '.join(map(repr, fits))}: leave one of them out, "
            "or name exactly the one that is meant"
        )
    if alike and not fits:
        raise ValueError(
            f"{wanted!r} is a score of {score.days} days, and {listed(alike)} of "
            "another horizon: score with a target of these days, or ask for what there "
            "is"
        )
    return fits[0] if fits else None


def score_choice(parameter: str, value: Any, choices: Iterable[str]) -> str:
    """Return which of some choices a word stands for, as a check refuses others."""
    choices = list(choices)
    found = find_score(value, choices) if isinstance(value, str) else None
    words = [word for word in _KIND_OF if find_score(word, choices)]
    check_choice(parameter, value if found is None else found, choices, words)
    return value if found is None else str(found)


def multipliers_of(payout: Any, parameter: str = "payout") -> dict[str, float]:
    """Return the multipliers of "corr" and "contribution", by whatever words."""
    given = payout if isinstance(payout, Mapping) else {}
    keys = [find_score(str(name), _PAID) for name in given]
    apart = keys and None not in keys and len(set(keys)) == len(keys)
    if not apart or not all(is_number(v) and abs(v) <= HUGE for v in given.values()):
        raise ValueError(
            f"`{parameter}` must map 'corr' and 'contribution' to their multipliers, "
            f"each once and of size {HUGE:g} at most, as in "
            f"{{'corr': 3.0, 'mmc': 15.0}}; got {payout!r}"
        )
    return {key: float(v) for key, v in zip(keys, given.values(), strict=True)}


def paid(payout: Mapping[str, float], scores: Mapping[str, Any]) -> Any:
    """Return the sum of what scores pay; None where one of them is not there."""
    found = {name: find_score(name, scores) for name in payout}
    if None in found.values():
        return None
    return sum(payout[name] * scores[key] for name, key in found.items())


def sum_in_words(payout: Mapping[str, float]) -> str:
    """Say what a payout is the sum of."""
    return " + ".join(f"{by:g} {score_title(name)}" for name, by in payout.items())


def warn_of_days(names: Iterable[str], target: str | None) -> None:
    """Warn of scores of a horizon that is not that of the target they are made with."""
    days = target_days(target)
    read = {name: score_name(name) for name in names}
    others = [
        name
        for name, score in read.items()
        if score and days and score.days not in (None, days)
    ]
    if others:
        warn(
            f"{listed(others)}: the scores here are of {target!r}, which looks {days} "
            "days ahead"
        )
