"""`Tournament`: data to work on, which a notebook shows in a few lines."""

import reprlib
from typing import Any

import pandas as pd
from sklearn.utils import Bunch

from skbench._eras import chronological
from skbench._shown import Part, Shown
from skbench.tournament import ERA

_FEW = 3  # names of a list that are shown


class Tournament(Shown, Bunch):
    """A `Bunch`, as scikit-learn has it, displayed by what is under each key."""

    def _parts(self) -> list[Part]:
        kept = [key for key in self if key != "DESCR"]
        keys = [f"{key}: {_about(self[key])}" for key in kept]
        return ["Tournament with these keys:", keys]


def _about(value: Any) -> str:
    """Say what a key holds, however large it is."""
    if isinstance(value, pd.DataFrame):
        return f"{len(value):,} rows x {value.shape[1]:,} columns{_eras_in(value)}"
    if isinstance(value, (list, dict)):
        few = ", ".join(map(reprlib.repr, [*value][:_FEW]))
        return f"{len(value):,}: {few}{', ...' if len(value) > _FEW else ''}"
    return reprlib.repr(value)


def _eras_in(frame: pd.DataFrame) -> str:
    if ERA not in frame:
        return ""
    eras = frame[ERA].dropna().unique().tolist()
    eras = [eras[i] for i in chronological(eras, needed=False)]
    if len(eras) < 2:
        return "".join(f", era {era!r}" for era in eras)
    return f", {len(eras):,} eras from {eras[0]!r} to {eras[-1]!r}"
