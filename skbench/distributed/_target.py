"""Which target the name of a column stands for, by all partitions."""

from functools import partial
from typing import Any

import pandas as pd

from skbench._frames import as_table, columns_of_role, copies_of, furthest

from ._merge import of_partitions
from ._partitions import made_up


def target_of(ddf: Any, y: str) -> str:
    """Return the name of the targets; for the alias "target", as of all rows at once.

    A column of which "target" is a copy is one in every partition, also in those in
    which there are no targets yet and so others look the same.
    """
    targets = columns_of_role(as_table(made_up(ddf)), "target", None)
    if y != "target" or len(targets) == 1:
        return y
    copies = of_partitions(ddf[targets], partial(_copies, y=y), _in_both)
    return furthest(copies, y)


def _copies(frame: pd.DataFrame, y: str) -> list[str]:
    return copies_of(frame, frame[y])


def _in_both(first: list[str], second: list[str]) -> list[str]:
    return [name for name in first if name in second]
