"""How predictions were made: it travels in the metadata of their file."""

import json
from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass, fields
from math import nan
from typing import Literal

import pyarrow as pa

from skbench._eras import era_time

_KEY = b"skbench"
_VERSION = 1


@dataclass(frozen=True)
class Origin:
    """How an ensemble's predictions in a file were made.

    Attributes
    ----------
    weights : {"learned", "given"}
        Where the weights of the blend come from.
    fit : str or None
        Objective by which they were learned.
    learned_until : era label or None
        The last era that any of them was learned from.
    out_of_sample_from : era label or None
        The first era predicted by weights that were learned from earlier eras alone;
        so are all after it. None: no era was.
    """

    weights: Literal["learned", "given"]
    fit: str | None = None
    learned_until: Hashable = None
    out_of_sample_from: Hashable = None

    def told(self, first: Hashable) -> str:
        """Say in words how predictions were made of which `first` is the first era."""
        since, until = self.out_of_sample_from, self.learned_until
        if self.weights == "given":
            return "weights given"
        if since is not None:
            honest = _weeks_between(since, first) >= 0
            how = "out of sample from" if honest else "in sample before"
            return f"{how} {_in_words(since)}"
        if _weeks_between(until, first) > 0:
            return f"learned until {_in_words(until)}"
        return "in sample"


def _in_words(era: Hashable) -> str:
    """Name an era, whose label may say itself that it is one."""
    return f"era {str(era).removeprefix('era')}"


def _weeks_between(one: Hashable, other: Hashable) -> float:
    """Count from one era to another; NaN where their labels do not tell."""
    times = era_time(one), era_time(other)
    if times[0] is None or times[1] is None or times[0][0] != times[1][0]:
        return nan
    return times[1][1] - times[0][1]


def with_origin(schema: pa.Schema, origin: Origin) -> pa.Schema:
    """Return a schema that says how the predictions of its file were made."""
    told = {name: _as_text(value) for name, value in asdict(origin).items()}
    record = json.dumps({"version": _VERSION, **told})
    return schema.with_metadata({**(schema.metadata or {}), _KEY: record.encode()})


def _as_text(value: Hashable) -> str | None:
    return None if value is None else str(value)


def origin_of(schema: pa.Schema) -> Origin | None:
    """Read how the predictions of a file were made; None where it does not say."""
    try:
        record = json.loads((schema.metadata or {})[_KEY])
        told = {field.name: record[field.name] for field in fields(Origin)}
    except (KeyError, TypeError, ValueError):
        return None
    texts = all(value is None or isinstance(value, str) for value in told.values())
    if record.get("version") != _VERSION or not texts:
        return None
    return Origin(**told) if told["weights"] in ("learned", "given") else None


def how_made(origin: Origin | None, first: Hashable) -> str:
    """Say how predictions were made of which `first` is the first era to be scored."""
    return "not known" if origin is None else origin.told(first)


def origin_lines(made: Mapping[str, str]) -> list[str]:
    """Write how the predictions of models were made, a line for those made alike.

    The first line is a heading; without models there is none.
    """
    alike: dict[str, list[str]] = {}
    for model, words in made.items():
        alike.setdefault(words, []).append(model)
    lines = [f"{', '.join(models)}: {words}" for words, models in alike.items()]
    return ["How the predictions were made:", *lines] if lines else []
