"""The round that is open, and what a model has submitted in it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ._upload import ask

_ROUND = """
    query($tournament: Int! $number: Int) {
        rounds(tournament: $tournament number: $number) {
            number
            openTime
            closeStakingTime
        }
    }
"""
_CURRENT = 0  # what Numerai takes for the number of the current round


@dataclass(frozen=True)
class Round:
    """The number of a round, and since when it has been open."""

    number: int
    opened: datetime


def current_round(api: Any) -> Round:
    """Return the round that is open; what comes too late is refused."""
    found = ask(api, _ROUND, {"tournament": api.tournament_id, "number": _CURRENT})
    if not found or found[0] is None:
        raise ValueError("Numerai has no round to submit to: try again when one opens")
    number, closes = int(found[0]["number"]), found[0]["closeStakingTime"]
    if closes is not None and _utc(closes) < datetime.now(UTC):
        raise ValueError(
            f"round {number} closed at {_utc(closes):%Y-%m-%d %H:%M} UTC: submit when "
            "the next one opens"
        )
    return Round(number, _utc(found[0]["openTime"]))


def submitted(api: Any, model_id: str, round_: Round) -> str | None:
    """Return the id of the newest submission that a model has in a round, if any."""
    times = {one["id"]: _utc(one["insertedAt"]) for one in api.submission_ids(model_id)}
    newest = max(times, key=times.__getitem__, default=None)
    there = newest is not None and times[newest] >= round_.opened
    return str(newest) if there else None


def _utc(moment: datetime | str) -> datetime:
    """Read a time of Numerai's, which are in UTC whether they say so or not."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
