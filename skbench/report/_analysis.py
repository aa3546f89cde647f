"""What `skbench.analysis.analyze` found, as plain lists and dicts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skbench._checks import listed
from skbench._eras import chronological
from skbench.metrics import read_table, summarize

from ._numbers import plain

_QUESTIONS = ("implied_weights", "underweight", "synergy", "comparison")
_ENDS = ("", "_low", "_high")
_BOARD = [
    *(
        name + end
        for name in ("derivative", "implied_weight", "corr", "contribution")
        for end in _ENDS
    ),
    "derivative_joint_low",
    "derivative_joint_high",
    "n_eras",
]
_COMPARISON = [
    "corr",
    "benchmark_corr",
    *("difference" + end for end in _ENDS),
    "share_won",
    "correlation",
    "n_eras",
]


def read_analysis(analysis: Any, eras: Sequence[str]) -> dict[str, Any] | None:
    """Read an analysis, whose frames keep the names of their columns as keys.

    ``eras`` are those of the report, so that those without the Meta Model are gaps.
    What the analysis lacks is None; what a page cannot show is refused.
    """
    if analysis is None:
        return None
    # Most reports have none, and need not wait for it.
    from skbench.analysis import Analysis

    if not isinstance(analysis, Analysis):
        raise TypeError(
            "`analysis` must be what skbench.analysis.analyze gives; "
            f"got {type(analysis).__name__}"
        )
    found = {
        "sentences": [str(sentence) for sentence in analysis.sentences],
        "confidence": float(analysis.confidence),
        "target": str(analysis.target),
        "n_eras": int(analysis.n_eras),
        "horizon": int(analysis.horizon),
        "implied_weights": _weights(analysis, eras),
        "underweight": _board(analysis.underweight),
        "synergy": _synergy(analysis.synergy),
        "comparison": _comparison(analysis.comparison),
    }
    numbers: dict[str, Any] = plain(found)
    return numbers | _claims(numbers)


def _claims(numbers: dict[str, Any]) -> dict[str, Any]:
    """Return the sentence that answers each question, and those of none of them.

    Sentences come in the order of the questions, one for each, and then the verdicts on
    a model one by one, which the comparison has in full.
    """
    verdicts = {row["verdict"] for row in numbers["comparison"] or ()}
    said = [text for text in numbers["sentences"] if text not in verdicts]
    asked = [name for name in _QUESTIONS if numbers[name] is not None]
    n = max(0, len(said) - len(asked))
    return {"claims": dict(zip(asked, said[n:], strict=False)), "lead": said[:n]}


def _weights(analysis: Any, eras: Sequence[str]) -> dict[str, Any] | None:
    """Weights of each era and their means, those of the largest mean first."""
    if analysis.implied_weights is None:
        return None
    frame = _columns(analysis.implied_weights, None, ["r2"], "implied_weights")
    frame = frame.set_axis([str(era) for era in frame.index])
    means = summarize(frame, horizon=analysis.horizon, confidence=analysis.confidence)[
        ["mean", "low", "high", "n_eras"]
    ]
    models = means.drop(index="r2").sort_values("mean", ascending=False, kind="stable")
    frame = frame.reindex(_with_gaps(list(frame.index), eras))
    return {
        "eras": list(frame.index),
        "values": {str(model): frame[model].tolist() for model in models.index},
        "r2": frame["r2"].tolist(),
        "means": _records(models, "model"),
        "explained": means.loc[["r2"]].to_dict(orient="records")[0],
    }


def _with_gaps(own: list[str], shown: Sequence[str]) -> list[str]:
    """Add the eras of the report that lie between the first and the last."""
    labels = list(dict.fromkeys([*own, *shown]))
    labels = [labels[i] for i in chronological(labels)]
    places = sorted(labels.index(era) for era in own)
    return labels[places[0] : places[-1] + 1]


def _board(board: pd.DataFrame | None) -> list[dict[str, Any]] | None:
    if board is None:
        return None
    return _records(_columns(board, _BOARD, _BOARD, "underweight"), "model")


def _synergy(synergy: Any) -> dict[str, Any] | None:
    """Squares of numbers, and which pairs gain by more than chance."""
    if synergy is None:
        return None
    ends = ("tilt_low", "tilt_high", "tilt_joint_low", "tilt_joint_high")
    names = ("gain", "tilt", *ends)
    frames = [read_table(getattr(synergy, n), f"analysis.synergy.{n}") for n in names]
    labels = list(frames[0])
    if any([*frame] != labels or [*frame.index] != labels for frame in frames):
        raise ValueError(
            "`analysis.synergy` must have the same rows and columns in all its frames; "
            f"got {listed(labels)} beside others"
        )
    clear, low = synergy.clear.to_numpy(), frames[2].to_numpy()
    jointly = synergy.jointly_clear.to_numpy()
    # Of models alone, the diagonal holds no pairs, and 0 in all frames.
    alone = np.eye(len(labels), dtype=bool) & (low == 0.0)
    pairs = np.triu(~np.isnan(low) & ~alone)
    return {
        "models": [str(name) for name in labels],
        **{
            n: frame.to_numpy().tolist() for n, frame in zip(names, frames, strict=True)
        },
        "clear": clear.tolist(),
        "jointly_clear": jointly.tolist(),
        "n_pairs": int(pairs.sum()),
        "n_clear": int((pairs & clear).sum()),
        "n_jointly_clear": int((pairs & jointly).sum()),
    }


def _comparison(comparison: pd.DataFrame | None) -> list[dict[str, Any]] | None:
    if comparison is None:
        return None
    both = ["ahead", "verdict"]
    numbers = _columns(comparison, _COMPARISON, [*_COMPARISON, *both], "comparison")
    rows = _records(numbers, "benchmark")
    for row, ahead, verdict in zip(
        rows, comparison["ahead"], comparison["verdict"], strict=True
    ):
        row |= {"ahead": ahead, "verdict": str(verdict)}
    return rows


def _columns(
    frame: pd.DataFrame, kept: list[str] | None, needed: list[str], name: str
) -> pd.DataFrame:
    """Return columns of numbers (None: all) of a frame that has those needed."""
    if missing := [column for column in needed if column not in frame]:
        raise ValueError(
            f"`analysis.{name}` has no column {listed(missing)}; "
            f"it has {listed(frame.columns)}"
        )
    return read_table(frame if kept is None else frame[kept], f"analysis.{name}")


def _records(frame: pd.DataFrame, label: str) -> list[dict[str, Any]]:
    """One dict a row, with what the row is called first."""
    rows = frame.astype({"n_eras": int}).to_dict(orient="records")
    return [
        {label: str(name)} | {str(column): value for column, value in row.items()}
        for name, row in zip(frame.index, rows, strict=True)
    ]
