"""The numbers of a report, as plain lists and dicts: what the page shows."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from skbench._checks import did_you_mean, listed
from skbench._eras import chronological, era_numbers
from skbench._frames import has_name
from skbench._score_names import score_name, score_title
from skbench.metrics import (
    Frames,
    about_shorter,
    compare_shorter,
    is_model_name,
    scores_at,
    spans,
    summarize,
    union,
)
from skbench.solvers.intervals import least_eras, of_means

RECENT = (52, 13)
CONFIDENCE = 0.95
_MIN_COMMON = 3  # eras that both models of a correlation must have

_KNOWN = {
    "corr": "how well the predictions of an era correlate with the target",
    "mmc": "what a model adds to the Meta Model, the blend of all submissions",
    "bmc": "what a model adds to the benchmark",
    "fnc": "CORR after everything that the features explain is taken away",
    "cwmm": "how alike the predictions and those of the Meta Model are",
}


@dataclass(frozen=True)
class Reference:
    """What models are compared with: its scores, by the name of the score."""

    name: str
    is_model: bool
    series: dict[str, pd.Series]

    def among(self, frames: Frames) -> Self:
        """Return it with the scores that it has in other frames, if it is a model."""
        if not self.is_model:
            return self
        series = {name: frames[name][own.name] for name, own in self.series.items()}
        return replace(self, series=series)


# By what it is: "benchmark" or "meta_model".
References = dict[str, Reference]


def collect(
    frames: Frames,
    benchmark: Any,
    meta_model: Any,
    horizons: Mapping[str, int],
    unresolved: Mapping[str, pd.DataFrame],
    unit: str,
) -> dict[str, Any]:
    """Summarise scores over all eras and the most recent, beside their references.

    By the name of a score: over how many eras its values share days with others, and
    which of them may still change, so that they are shown but do not count.
    """
    eras = _eras(frames)
    references = _reference(benchmark, frames, "benchmark")
    references |= _reference(meta_model, frames, "meta_model")
    frames = {name: frame.reindex(eras) for name, frame in frames.items()}
    is_open = {
        name: _laid_out(unresolved.get(name, pd.DataFrame()), frame)
        for name, frame in frames.items()
    }
    final = {name: frame.mask(is_open[name]) for name, frame in frames.items()}
    settled = {key: other.among(final) for key, other in references.items()}
    kept = _spans(final, eras)
    parts = [
        (span, name, frame.loc[inside], horizons[name])
        for span, inside in kept.items()
        for name, frame in final.items()
    ]
    summary = [row for part in parts for row in _rows(*part, settled, unit)]
    return {
        "eras": [str(era) for era in eras],
        "models": _best_first(frames, summary),
        **{key: _named(references.get(key)) for key in ("benchmark", "meta_model")},
        "confidence": CONFIDENCE,
        "spans": [_span(name, some) for name, some in kept.items()],
        "summary": summary,
        "pairs": [_pairs(*part) for part in parts],
        "scores": {
            name: _score(
                name, frame, final[name], is_open[name], references, horizons[name]
            )
            for name, frame in frames.items()
        },
    }


def _laid_out(unresolved: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    return unresolved.reindex(index=frame.index, columns=frame.columns).eq(True)


def _eras(frames: Frames) -> list[Hashable]:
    labels = union(frame.index for frame in frames.values())
    return [labels[i] for i in chronological(labels)]


def _reference(value: Any, frames: Frames, name: str) -> References:
    """Read what to compare with: a model, or scores by era, of the first score."""
    if value is None:
        return {}
    if is_model_name(value) and not isinstance(value, Mapping):
        return {name: Reference(str(value), True, _columns(value, frames, name))}
    first = next(iter(frames))
    several = value if isinstance(value, Mapping) else {first: value}
    if not several or not set(several) <= set(frames):
        raise ValueError(
            f"`{name}` must hold some of the scores {listed(frames)}; "
            f"got {listed(several)}"
        )
    series = {
        str(score): _column(values, frames[score], name)
        for score, values in several.items()
    }
    own = getattr(next(iter(several.values())), "name", None)
    default = "Meta Model" if name == "meta_model" else "benchmark"
    return {name: Reference(default if own is None else str(own), False, series)}


def _named(reference: Reference | None) -> dict[str, Any] | None:
    if reference is None:
        return None
    return {"name": reference.name, "is_model": reference.is_model}


def _columns(model: Hashable, frames: Frames, name: str) -> dict[str, pd.Series]:
    series = {
        score: frame[model]
        for score, frame in frames.items()
        if has_name(frame.columns, model)
    }
    if not series:
        models = union(frame.columns for frame in frames.values())
        raise ValueError(
            f"`{name}` must name one of the models {listed(models)}, or hold one score "
            f"an era; got {model!r}{did_you_mean(model, models)}"
        )
    return series


def _column(values: Any, frame: pd.DataFrame, name: str) -> pd.Series:
    column = scores_at(values, list(frame.index), name)
    if np.isnan(column).all():
        raise ValueError(f"`{name}` has no score in any of the eras")
    return pd.Series(column, index=frame.index)


def _spans(final: Frames, eras: list[Hashable]) -> dict[str, list[Hashable]]:
    """Return the spans that differ; all eras where none has a score that counts."""
    every, *recent = spans(final, RECENT).items()
    kept = every[1]
    shorter = {name: some for name, some in recent if len(some) < len(kept)}
    return {"all": kept or eras, **shorter}


def _span(name: str, some: list[Hashable]) -> dict[str, Any]:
    ends = {"first": str(some[0]), "last": str(some[-1])}
    return {"name": name, "n_eras": len(some), **ends}


def _rows(
    span: str,
    score: str,
    frame: pd.DataFrame,
    horizon: int,
    references: References,
    unit: str,
) -> list[dict[str, Any]]:
    """Summarise one score over one span: a dict a model."""
    settings: dict[str, Any] = {"horizon": horizon, "confidence": CONFIDENCE}
    numbers = summarize(frame, **settings)
    shorter = compare_shorter(frame, numbers, **settings).to_dict("index")
    compared = {
        key: summarize(frame, other.series[score].reindex(frame.index), **settings)
        for key, other in references.items()
        if score in other.series
    }
    return [
        {
            "span": span,
            "score": score,
            "model": str(model),
            **plain(row),
            "differences": {
                key: _difference(beside.loc[model]) for key, beside in compared.items()
            },
            "shorter": (
                _shorter(model, row | shorter[model], unit)
                if model in shorter
                else None
            ),
        }
        for model, row in zip(
            numbers.index, numbers.to_dict(orient="records"), strict=True
        )
    ]


def _difference(row: Mapping[Any, Any] | pd.Series) -> dict[str, Any]:
    return {
        "mean": plain(row["difference"]),
        "low": plain(row["difference_low"]),
        "high": plain(row["difference_high"]),
        "n_eras": int(row["n_paired"]),
    }


def _pairs(span: str, score: str, frame: pd.DataFrame, horizon: int) -> dict[str, Any]:
    """Return the mean of each model less that of each one before it, and its interval.

    The same numbers as `summarize` gives beside a benchmark, which any model may be.
    """
    in_time = np.ascontiguousarray(frame.to_numpy().T)
    times = era_numbers(list(frame.index))
    rows = []
    for i, own in enumerate(in_time):
        paired = own - in_time[:i]
        found = of_means(paired, times, horizon, CONFIDENCE)
        n_eras = (~np.isnan(paired)).sum(axis=1)
        rows.append((found.value, found.low, found.high, n_eras))
    names = ("mean", "low", "high", "n_eras")
    squares = zip(names, zip(*rows, strict=True), strict=True)
    return {
        "span": span,
        "score": score,
        "models": [str(model) for model in frame],
        **{name: plain([row.tolist() for row in square]) for name, square in squares},
    }


def _shorter(model: Hashable, row: dict[Hashable, Any], unit: str) -> dict[str, Any]:
    """Say how a model with fewer eras than others does beside the best of them."""
    told = about_shorter(model, row, unit)
    return {"versus": str(row["versus"]), **_difference(row), "told": told}


def _best_first(frames: Frames, summary: list[dict[str, Any]]) -> list[str]:
    """Order the models by the first score over all eras, those with fewer eras last."""
    names = union(frame.columns for frame in frames.values())
    first = next(iter(frames))
    places = {
        row["model"]: _place(row)
        for row in summary
        if (row["span"], row["score"]) == ("all", first)
    }
    return sorted(map(str, names), key=lambda name: places.get(name, (True, np.inf)))


def _place(row: dict[str, Any]) -> tuple[bool, float]:
    shorter = row["shorter"]
    value = row["mean"] if shorter is None else shorter["mean"]
    return shorter is not None, np.inf if value is None else -value


def _score(
    name: str,
    frame: pd.DataFrame,
    final: pd.DataFrame,
    is_open: pd.DataFrame,
    references: References,
    horizon: int,
) -> dict[str, Any]:
    """Return all that a page draws of one score."""
    correlations = final.corr(min_periods=_MIN_COMMON)
    return {
        "label": score_title(name),
        "explained": explained(name),
        "horizon": horizon,
        "least_eras": _least_eras(final, horizon),
        "values": {str(model): plain(frame[model].tolist()) for model in frame},
        "references": {
            key: plain(other.series[name].reindex(frame.index).tolist())
            for key, other in references.items()
            if name in other.series
        },
        "unresolved": _labels(is_open.any(axis=1)),
        "open": {str(model): _labels(is_open[model]) for model in frame},
        "correlations": {
            "models": [str(model) for model in frame],
            "values": plain(correlations.to_numpy().tolist()),
        },
    }


def _least_eras(final: pd.DataFrame, horizon: int) -> int:
    """Return how many eras with scores it takes for an interval."""
    scored = final.index[final.notna().any(axis=1)].tolist()
    return least_eras(era_numbers(scored or final.index.tolist()), horizon)


def _labels(chosen: pd.Series) -> list[str]:
    return [str(era) for era in chosen.index[chosen]]


def explained(name: str) -> str:
    """Say what a score is; nothing of one that is not known."""
    score = score_name(name)
    return _KNOWN[score.kind] if score else ""


def plain(value: Any) -> Any:
    """Return the same in plain Python, with None for what is missing."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else float(value)
    return value
