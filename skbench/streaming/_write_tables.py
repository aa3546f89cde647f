"""Tables of the same columns, written one after the other to a parquet file."""

from collections.abc import Iterable, Iterator
from itertools import chain

import pyarrow as pa

from skbench._files import Address
from skbench._parquet import parquet_writer
from skbench.tournament import DATA_TYPE, ERA

# Rows in a row group of what is written.
_GROUP_ROWS = 2**16
# Ids and numbers have no dictionary: to look for one takes as long as all the rest.
_REPEATED = [ERA, DATA_TYPE]


def write_tables(tables: Iterable[pa.Table], path: Address) -> None:
    """Write tables, of which there is one at least, as they come."""
    tables = iter(tables)
    first = next(tables)
    alike = (table.cast(first.schema) for table in tables)
    with parquet_writer(path, first.schema, use_dictionary=_REPEATED) as writer:
        for group in _groups(chain([first], alike)):
            writer.write_table(group)


def _groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Put tables together until they are enough for a row group."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= _GROUP_ROWS:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)
