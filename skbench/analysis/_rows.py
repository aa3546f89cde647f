"""Rows of several inputs that belong together, era by era in order."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skbench._checks import listed
from skbench._eras import Rows, chronological, find_eras
from skbench._frames import (
    Fetch,
    Name,
    Table,
    as_columns,
    check_numbers,
    check_one_column,
    check_same_rows,
    too_large,
)
from skbench._warnings import warn
from skbench.kernels.score import MIN_ROWS

Floats = NDArray[np.float64]
Moments = Mapping[str, NDArray[Any]]
# What is done with the rows of an era: the models (n_models, n_rows), and the columns.
Describe = Callable[[Floats, dict[str, Floats]], dict[str, Any]]

# What models without a name are called.
_NAMES = {"models": "model", "benchmarks": "benchmark"}
# Share of lost rows from which on a warning names the models that cost them.
_MANY = 0.2


@dataclass(frozen=True)
class Tournament:
    """Models and single columns: in the order of the eras, the rows of each.

    ``argument`` is what the caller calls the models.
    """

    argument: str
    models: list[Name]
    fetch: Fetch
    columns: dict[str, Floats]
    eras: list[Hashable]
    rows: list[Rows]

    def covered(self, least: int = 2) -> Self:
        """Keep the eras in which all single columns are there, and vary."""
        kept = [i for i, rows in enumerate(self.rows) if self._covers(rows)]
        if len(kept) < least:
            self._refuse([self.eras[i] for i in kept], least)
        return replace(
            self, eras=[self.eras[i] for i in kept], rows=[self.rows[i] for i in kept]
        )

    def each(self, describe: Describe) -> dict[str, NDArray[Any]]:
        """Describe every era, and stack what is found: one entry an era."""
        parts = []
        for rows in self.rows:
            block = np.ascontiguousarray(self.fetch(rows), dtype=np.float64)
            columns = {name: values[rows] for name, values in self.columns.items()}
            parts.append(describe(block, columns))
        return {name: np.array([part[name] for part in parts]) for name in parts[0]}

    def _covers(self, rows: Rows) -> bool:
        block = np.array([values[rows] for values in self.columns.values()])
        block = block[:, ~np.isnan(block).any(axis=0)]
        return block.shape[1] >= MIN_ROWS and bool((block != block[:, :1]).any(1).all())

    def _refuse(self, kept: list[Hashable], least: int) -> None:
        """Say which column is at fault, or that they have too few eras in common."""
        spans = []
        for name in self.columns:
            alone = replace(self, columns={name: self.columns[name]})
            own = [
                self.eras[i] for i, rows in enumerate(self.rows) if alone._covers(rows)
            ]
            if not own:
                raise ValueError(
                    f"`{name}` has no era with {MIN_ROWS} or more values that differ: "
                    "it is missing or constant throughout"
                )
            spans.append(f"`{name}` has {len(own)}, from {own[0]!r} to {own[-1]!r}")
        together = " and ".join(f"`{name}`" for name in self.columns)
        raise ValueError(
            f"{least} or more eras with {together} are needed; got {len(kept)}: "
            f"{', '.join(spans)}"
        )


def read(
    argument: str, models: Any, era: Any, *, ordered: bool = True, **columns: Any
) -> Tournament:
    """Wrap inputs, rows of which belong together by position.

    ``ordered``: whether the labels must say which era comes first.
    """
    inputs = {"era": era, argument: models, **columns}
    for name, values in inputs.items():
        if values is None or isinstance(values, str):
            raise ValueError(f"`{name}` must hold one value a row; got {values!r}")
    tables = {
        name: as_columns(values, name, _NAMES.get(name))
        for name, values in inputs.items()
    }
    for name, table in tables.items():
        if name != argument:
            check_one_column(table, name)
        if name != "era":
            check_numbers(table, table.names)
    check_same_rows(inputs)
    eras = find_eras(tables["era"], tables["era"].names[0])
    order = chronological(eras.labels, needed=ordered)
    table = tables[argument]
    return Tournament(
        argument,
        table.names,
        table.select(table.names),
        {name: _column(tables[name], name) for name in columns},
        [eras.labels[i] for i in order],
        [eras.rows[i] for i in order],
    )


def _column(table: Table, name: str) -> Floats:
    values = table.select(table.names)(slice(0, table.n_rows))[0]
    column: Floats = values.astype(np.float64)
    if name == "y" and (infinite := int(too_large(column).sum())):
        raise ValueError(
            f"`y` has {infinite} infinite or huge values: the targets must be finite; "
            "NaN where there is none"
        )
    return column


def scored(moments: Moments, *needed: int) -> NDArray[np.bool_]:
    """Whether each era has rows that count, and the columns that it needs."""
    some: NDArray[np.bool_] = (moments["n_rows"] > 0) & (moments["target_variance"] > 0)
    return some & moments["varies"][:, list(needed)].all(axis=1)


def check_models(tournament: Tournament, varies: NDArray[np.bool_]) -> None:
    """Refuse models that say nothing in any era that counts, (n_eras, n_models)."""
    dull = [tournament.models[i] for i in np.flatnonzero(~varies.any(axis=0))]
    if dull:
        raise ValueError(
            f"`{tournament.argument}` must vary in some of the {len(varies)} eras that "
            f"count; {listed(dull)} constant or missing in all of them: drop these"
        )


def warn_of_lost_rows(tournament: Tournament, moments: Moments) -> None:
    """Warn where rows are left out because some models lack them."""
    missing = moments["n_missing"][:, : len(tournament.models)]
    there = missing < moments["n_target"][:, None]
    # An era that no model has is not lost by the gaps of some.
    total = moments["n_target"][there.any(axis=1)].sum()
    kept = moments["n_rows"].sum()
    if total - kept <= _MANY * total:
        return
    partly = (missing > 0) & there
    gaps = [tournament.models[i] for i in np.flatnonzero(partly.any(axis=0))]
    warn(
        f"{(total - kept) / total:.0%} of the rows are left out, because a row counts "
        f"where all models have it; gaps are in {listed(gaps)}: drop these models"
    )
