"""A table as a step of a pipeline would leave it, made an era at a time when asked."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._apply import Plan, apply
from ._base import in_precision
from ._eras import Rows, find_eras
from ._frames import Fetch, Layout, Name, Table, Values


class PlannedTable(Table):
    """The columns of a table, and in their place those that a step makes of them.

    Nothing is computed before rows are fetched, which must be those of one era; so a
    table that reads files needs no memory for what is made of it.
    """

    def __init__(self, table: Table, plan: Plan) -> None:
        made, gone = list(plan["makes"]), set(plan["drops"])
        names: list[Name] = []
        for name in table.names:
            if name in gone or name in made:
                names += [new for new in made if new not in names]
            if name not in gone and name not in made:
                names.append(name)
        super().__init__(None, names, table.n_rows)
        self.named = table.named
        self.known_eras = find_eras(table, plan["era"])
        self._table, self._plan, self._made = table, plan, made
        self._single = {
            new: bool(of) and all(map(table.single_precision, of))
            for new, of in plan["makes"].items()
        }

    def kind(self, name: Name) -> str:
        return "float" if name in self._made else self._table.kind(name)

    def dtype(self, name: Name) -> Any:
        if name not in self._made:
            return self._table.dtype(name)
        return np.dtype(np.float32 if self._single[name] else np.float64)

    def remedy(self, name: Name) -> str:
        return self._table.remedy(name)

    def single_precision(self, name: Name) -> bool:
        single = self._single.get(name)
        return self._table.single_precision(name) if single is None else single

    def labels(self, name: Name) -> tuple[NDArray[Any], list[Hashable]]:
        return self._table.labels(name)

    def select(self, names: Sequence[Name]) -> Fetch:
        passing = [name for name in names if name not in self._made]
        if len(passing) == len(names):
            return self._table.select(names)
        read = [self._table.select(block) for block in self._plan["reads"]]
        passed = self._table.select(passing) if passing else None
        places = [*self._made, *passing]
        order = [places.index(name) for name in names]
        single = [self._single[name] for name in self._made]

        def fetch(rows: Rows) -> NDArray[Any]:
            values = apply(self._plan, *(of_block(rows) for of_block in read))
            columns = [*in_precision(values, single)]
            if passed is not None:
                columns += [*passed(rows)]
            return np.stack([columns[place] for place in order])

        return fetch

    def build(self, layout: Layout, values: Values) -> Any:
        raise TypeError("rows of a table that is only planned have no frame")
