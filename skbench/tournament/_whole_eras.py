"""Rows in reading order: where each era is, and batches of whole eras."""

from collections.abc import Collection, Hashable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def whole_eras(
    chunks: Iterator[pa.Table],
    era: str,
    batch_rows: int,
    closed: Collection[Hashable] = (),
) -> Iterator[pa.Table]:
    """Put chunks of rows together to batches that hold whole eras.

    ``closed`` are eras that came before the first chunk.
    """
    held: list[pa.Table] = []
    seen = set(closed)
    current: Hashable = None
    for chunk in chunks:
        for label, start, stop in runs(chunk[era], era):
            if label != current:
                _check_new(label, seen)
                if sum(map(len, held)) >= batch_rows:
                    yield pa.concat_tables(_emptied(held))
                seen.add(label)
                current = label
            held.append(chunk.slice(start, stop - start))
    if held:
        yield pa.concat_tables(_emptied(held))


def _emptied(held: list[pa.Table]) -> list[pa.Table]:
    """Return what a list holds and let go of it, so that only the caller has it."""
    tables = list(held)
    held.clear()
    return tables


def runs(column: pa.ChunkedArray, era: str) -> Iterator[tuple[Hashable, int, int]]:
    """Yield each label with the first row of its run, and the row after the last."""
    encoded = pc.run_end_encode(plain(column).combine_chunks())
    labels = encoded.values.to_pylist()
    _check_labels(labels, era)
    ends = encoded.run_ends.to_pylist()
    yield from zip(labels, [0, *ends], ends, strict=False)


def coded(
    column: pa.ChunkedArray, era: str
) -> tuple[NDArray[np.int64], list[Hashable]]:
    """Code of each row's era label, and the labels in order of appearance."""
    encoded = plain(column).combine_chunks().dictionary_encode(null_encoding="encode")
    labels = encoded.dictionary.to_pylist()
    _check_labels(labels, era)
    return encoded.indices.to_numpy().astype(np.int64), labels


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return labels as they are; categories need not occur, nor in their order."""
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return labels as text of one type."""
    return plain(column).cast(pa.large_string())


def _check_labels(labels: list[Hashable], era: str) -> None:
    if any(label is None or label != label for label in labels):
        raise ValueError(
            f"era column {era!r} has missing labels: label these rows or drop them"
        )


def _check_new(label: Hashable, seen: Collection[Hashable]) -> None:
    if label in seen:
        raise ValueError(
            f"era {label!r} goes on after other eras have begun: eras must be "
            "contiguous in reading order. Sort the file first (sort_parquet)"
        )
