"""Part documents by the values of a column, in files named by them."""

from __future__ import annotations

import re

import pyarrow as pa

from stages.identity import bytes_hash


def names_of(batch: pa.RecordBatch, column: str, unknown: str) -> pa.Array:
    """The values of a column as strings; `unknown` where one is null or the column absent."""
    if column not in batch.schema.names:
        return pa.repeat(pa.scalar(unknown), batch.num_rows)
    return batch.column(column).cast(pa.string()).fill_null(unknown)


def file_label(name: str) -> str:
    """A value as part of a file name; two values never share one."""
    plain = re.sub(r"[^A-Za-z0-9_.]", "_", name)[:64]
    return plain if plain == name else f"{plain}_{bytes_hash(name.encode()):016x}"
