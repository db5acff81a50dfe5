# SPDX-License-Identifier: Apache-2.0
"""The export as Parquet: row groups that are written as the rows come, never the file as a whole."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from billing.export.columns import COLUMNS, Kind

ROW_GROUP = 20_000
TYPES: dict[Kind, Any] = {
    Kind.TEXT: pa.string(),
    Kind.DECIMAL: pa.decimal128(38, 12),
    Kind.INTEGER: pa.int64(),
    Kind.INSTANT: pa.timestamp("us", tz="UTC"),
}
SCHEMA = pa.schema([pa.field(c.name, TYPES[c.kind], nullable=c.nullable) for c in COLUMNS])


class Tray:
    """A file for writing that hands over what was written since the last time."""

    closed = False

    def __init__(self) -> None:
        """Begin empty."""
        self.pieces: list[bytes] = []

    def write(self, data: Any) -> int:
        """Keep the bytes until they are taken."""
        self.pieces.append(bytes(data))
        return len(self.pieces[-1])

    def flush(self) -> None:
        """Do nothing: there is no file behind."""

    def close(self) -> None:
        """Do nothing: what was written is still to be taken."""

    def take(self) -> bytes:
        """Return and forget what was written."""
        data, self.pieces = b"".join(self.pieces), []
        return data


def parquet_pieces(rows: Iterable[list[Any]], *, row_group: int = ROW_GROUP) -> Iterator[bytes]:
    """Yield a Parquet file, one row group at a time; without rows it has the schema alone."""
    tray, source = Tray(), iter(rows)
    with pq.ParquetWriter(pa.PythonFile(tray, mode="w"), SCHEMA, compression="zstd") as writer:
        while group := list(islice(source, row_group)):
            columns = [
                pa.array(cells, type=field.type) for cells, field in zip(zip(*group, strict=True), SCHEMA, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=SCHEMA), row_group_size=row_group)
            del group, columns
            yield tray.take()
    yield tray.take()
