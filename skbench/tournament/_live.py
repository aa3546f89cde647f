"""What live rows must be: of one era, each of them there once, and no others."""

from collections.abc import Collection, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from skbench._checks import listed
from skbench._eras import era_key

from ._era_file import EraFile
from ._release import main_file
from ._whole_eras import as_text

_SHOWN = 3
_AGAIN = "Download the live files of this round again"


def check_live_files(
    file: EraFile, eras: Collection[Hashable], ids: Iterable[pa.ChunkedArray]
) -> None:
    """Refuse a file of live models that has other rows than the live file beside it.

    ``eras`` and ``ids`` are those of rows that are not live.
    """
    live, labels = ids_of(file), list(file.all_runs().eras.values())
    known = {era_key(label) for label in eras}
    problems = []
    if shared := [label for label in labels if era_key(label) in known]:
        problems.append(f"rows that are not live are of {listed(shared, _SHOWN)} too")
    wanted = pa.array(live, pa.large_string())
    found = [column.filter(pc.is_in(column, wanted)) for column in map(as_text, ids)]
    if count := sum(map(len, found)):
        problems.append(f"{count:,} of its ids are of rows that are not live")
    main = file.path.with_name(main_file("live"))
    expected, advice = live, _AGAIN
    if main.is_file():
        expected = ids_of(EraFile(main))
        advice = f"The live rows are those of {main}. {_AGAIN}"
    check_live(file.path, labels, live, expected, problems, advice)


def check_live(
    path: Path,
    eras: Sequence[Hashable],
    ids: "pd.Index[Any]",
    live: "pd.Index[Any]",
    problems: Sequence[str] = (),
    advice: str = "",
) -> None:
    """Refuse rows of several eras, and ids that are not those of the live rows.

    ``problems`` are those that were found before.
    """
    if several := several_eras(eras):
        problems = [f"its rows are {several}", *problems]
    problems = [*problems, *id_problems(ids, live)]
    if problems:
        told = ". ".join(filter(None, ["; ".join(problems), advice]))
        raise ValueError(f"{path} does not have the live rows: {told}")


def ids_of(file: EraFile) -> "pd.Index[Any]":
    """Read the ids of a file, of which there are few."""
    chunks = [as_text(chunk[file.id]) for chunk in file.source.chunks([file.id])]
    return index_of([part for chunk in chunks for part in chunk.chunks])


def index_of(ids: Sequence[pa.Array]) -> "pd.Index[Any]":
    """Return ids, of which there are few, to be compared."""
    labels = [label for part in ids for label in part.to_pylist()]
    index: pd.Index[Any] = pd.Index(labels, dtype=object)
    return index


def several_eras(eras: Sequence[Hashable]) -> str:
    """Tell of how many eras rows are; empty: of one, or of none that is known."""
    if len(eras) < 2:
        return ""
    shown = listed(eras, _SHOWN)
    return f"of {len(eras):,} eras ({shown}), and live rows are of one"


def id_problems(ids: "pd.Index[Any]", live: "pd.Index[Any]") -> list[str]:
    """Tell of ids that are missing, there twice, or not those of the live rows."""
    problems = []
    missing = np.asarray(ids.isna())
    if count := int(missing.sum()):
        rows = f"{count:,} row{'s have' if count > 1 else ' has'}"
        problems.append(f"{rows} no id: give each row the id of its live row")
    given = ids[~missing]
    if twice := more_than_once(given):
        problems.append(f"{twice}: submit one prediction for each id")
    return problems + _live_problems(given.unique(), live)


def more_than_once(ids: "pd.Index[Any]") -> str:
    """Tell which ids are there twice; empty: none."""
    twice = ids[ids.duplicated()].unique()
    return f"{_some(twice)} more than once" if len(twice) else ""


def _live_problems(given: "pd.Index[Any]", live: "pd.Index[Any]") -> list[str]:
    is_live = given.isin(live)
    if not is_live.any() or is_live.mean() < 0.5:
        found = f"{is_live.sum():,} of {len(given):,} ids" if len(given) else "no row"
        return [
            f"{found} are live ids, such as {live[0]!r}"
            f"{_instead(given[~is_live])}: these look like predictions of validation "
            "or of another round; predict this round's live file, and keep its index"
        ]
    problems = []
    if not is_live.all():
        problems.append(
            f"{_some(given[~is_live])} not live: drop the rows, or predict this "
            "round's live file"
        )
    absent = live[~live.isin(given)]
    if len(absent):
        problems.append(
            f"{_some(absent)} live and without a prediction: predict every row of the "
            "live file"
        )
    return problems


def _some(ids: "pd.Index[Any]") -> str:
    """Write how many ids there are, and the first of them."""
    shown = f"({listed(ids[:_SHOWN])}{', ...' if len(ids) > _SHOWN else ''})"
    return f"{len(ids):,} id{'s' * (len(ids) > 1)} {shown} {_are(len(ids))}"


def _are(count: int) -> str:
    return "are" if count > 1 else "is"


def _instead(strangers: "pd.Index[Any]") -> str:
    return f", and others are not, such as {strangers[0]!r}" if len(strangers) else ""
