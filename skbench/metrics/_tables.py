"""Tables of scores, eras x models: read and checked, and the spans of their eras."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skbench._checks import did_you_mean, listed
from skbench._eras import chronological
from skbench._frames import (
    as_columns,
    at_labels,
    check_numbers,
    has_name,
    indexed,
    n_dimensions,
    name_of,
    row_labels,
    too_large,
)

Frames = dict[str, pd.DataFrame]
ERA = "era"
Pandas = TypeVar("Pandas", pd.DataFrame, pd.Series)


def read_table(values: Any, name: str, unnamed: str | None = None) -> pd.DataFrame:
    """Read columns of finite numbers or NaN; rows keep their labels, one each.

    These are the index, or the column "era" of a kind that has none. ``unnamed`` is
    what a column without a name is called, if it is not ``name``.
    """
    values = indexed(values, ERA)
    table = as_columns(values, name, unnamed)
    check_numbers(table, table.names)
    block = table.select(table.names)(slice(0, table.n_rows)).astype(np.float64)
    if (huge := np.argwhere(too_large(block))).size:
        column, row = huge[0]
        raise ValueError(
            f"`{name}` must not be infinite or huge; got {block[column, row]} in "
            f"column {table.names[column]!r}: mark a missing value by NaN"
        )
    labels = row_labels(values)
    check_labels(labels, f"rows of `{name}`")
    return pd.DataFrame(
        block.T,
        index=pd.Index(labels, tupleize_cols=False),
        columns=pd.Index(table.names, tupleize_cols=False),
    )


def read_scores(scores: Any, *, frames_only: bool = False) -> Frames:
    """Read one table a score by its name; a table alone is called "corr"."""
    alone = not isinstance(scores, Mapping)
    given = {"corr": scores} if alone else dict(scores)
    if not given:
        raise ValueError("`scores` must hold at least one frame of scores; got none")
    check_labels(given, "scores in `scores`")
    frames = {}
    for name, values in given.items():
        argument = "scores" if alone else f"scores[{name!r}]"
        if frames_only:
            check_eras_by_models(values, argument, "eras x models")
        frames[str(name)] = read_table(values, argument)
    models = union(frame.columns for frame in frames.values())
    check_labels(models, "models in `scores`")
    check_scored(*frames.values())
    return frames


def scores_at(values: Any, eras: Sequence[Hashable], name: str) -> NDArray[np.float64]:
    """Read the scores of one model at eras: by their labels, or else by position."""
    values = indexed(values, ERA)
    read_table(values, name)
    return at_labels(values, eras, name)


def read_benchmark(benchmark: Any, table: pd.DataFrame) -> pd.Series:
    """Return what to compare with at the eras of a table: a column of it, or scores."""
    if not is_model_name(benchmark):
        values = scores_at(benchmark, list(table.index), "benchmark")
        return pd.Series(values, table.index, name=name_of(benchmark) or "prediction")
    if not has_name(table.columns, benchmark):
        raise ValueError(
            f"`benchmark` must name a column of the scores, {listed(table.columns)}, "
            f"or hold one score an era; got {benchmark!r}"
            f"{did_you_mean(benchmark, table.columns)}"
        )
    return table.iloc[:, list(table.columns).index(benchmark)]


def is_model_name(value: Any) -> bool:
    """Whether something to compare with names a model, and holds no scores itself."""
    return n_dimensions(value) == 0 or isinstance(value, tuple)


def check_frame(values: Any, name: str, of: str) -> None:
    """Refuse what is no pandas frame, where rows and columns must have labels."""
    if not isinstance(values, pd.DataFrame):
        raise TypeError(
            f"`{name}` must be a pandas frame of {of}; got {type(values).__name__}"
        )


def check_eras_by_models(values: Any, name: str, of: str) -> None:
    """Refuse what is no frame whose rows are labelled by eras."""
    check_frame(indexed(values, ERA), name, of)


def check_labels(labels: Collection[Hashable], what: str) -> None:
    """Refuse labels that are missing, are equal or look alike."""
    index = pd.Index(list(labels), tupleize_cols=False)
    if missing := int(np.sum(index.isna())):
        raise ValueError(
            f"the {what} must all have a label; missing are {missing} of {len(labels)}"
        )
    shown = pd.Index([str(label) for label in labels])
    alike = index.duplicated() | shown.duplicated()  # 1 and 1.0; 1 and "1"
    if alike.any():
        twice = listed(shown[alike].unique())
        raise ValueError(f"the {what} must differ in their labels; several are {twice}")


def check_scored(*tables: pd.DataFrame | pd.Series) -> None:
    """Refuse tables that have no score at all."""
    if all(np.isnan(table.to_numpy()).all() for table in tables):
        raise ValueError(
            "`scores` has no score in any era: were there targets to score with?"
        )


def union(several: Iterable[Iterable[Hashable]]) -> list[Hashable]:
    """Return all labels of several tables, each once, in order of appearance."""
    return list(dict.fromkeys(label for labels in several for label in labels))


def by_era(table: Pandas) -> Pandas:
    """Return a table, or a column of it, with its eras in order."""
    return table.iloc[chronological(list(table.index))].rename_axis(ERA)


def spans(frames: Frames, recent: Iterable[int]) -> dict[str, list[Hashable]]:
    """Return the eras with any score, in order: "all", and "last n" for each recent n.

    The last are the same of every score, also of one that some of them lack.
    """
    scored = union(frame.index[frame.notna().any(axis=1)] for frame in frames.values())
    eras = [scored[i] for i in chronological(scored)]
    return {"all": eras, **{f"last {n}": eras[-n:] for n in recent}}
