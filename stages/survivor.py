"""Which document of a cluster of duplicates stays: a sort key over columns, identity last.

    keep: [-quality_score, date]                    the best score; of equal ones the oldest
    keep: [{source: [wikipedia, books]}, -length]   by source in this order, others after; then the longest text

A name sorts ascending, a name with `-` descending; a missing value (null, NaN) comes after all others. `length` is
the number of bytes of the text. Documents that are equal in all of these are
ordered by identity (file, offset, ordinal), so the order is total and the same however the corpus was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator

from stages.base import StageError
from stages.documents import IDENTITY
from stages.identity import bytes_hash

LENGTH = "length"
_COLUMN = "keep_{}"

#: How recipes write a key: `name`, `-name`, or `{name: [value, ...]}`.
Preference = str | dict[str, list[str]]


class _Key(NamedTuple):
    column: str
    descending: bool
    order: list[str] | None


def _each_orders(keep: tuple[Preference, ...]) -> tuple[Preference, ...]:
    sorted_by: set[str] = set()
    for key in _keys(keep):
        if key.column in sorted_by:
            raise ValueError(f"documents are already sorted by '{key.column}': leave it out the second time")
        if key.order is None:
            sorted_by.add(key.column)
    return keep


#: What a stage takes as `keep`.
Preferences = Annotated[tuple[Preference, ...], AfterValidator(_each_orders)]


def columns_needed(keep: Sequence[Preference]) -> tuple[str, ...]:
    """Columns of the documents that the key reads besides identity; `length` is made of the text."""
    return tuple(dict.fromkeys("text" if key.column == LENGTH else key.column for key in _keys(keep)))


def carried(batch: pa.RecordBatch, keep: Sequence[Preference]) -> dict[str, pa.Array]:
    """The columns that `ranks` needs of a batch, small and without dictionaries: `keep_0`, `keep_1`, ...

    Raises StageError where one is absent or cannot be sorted.
    """
    columns = {}
    for number, key in enumerate(_keys(keep)):
        columns[_COLUMN.format(number)] = _values(batch, key)
    return columns


def ranks(table: pa.Table, keep: Sequence[Preference]) -> np.ndarray:
    """int64: the place of every row in the order of preference, 0 first. `table` has identity and carried columns."""
    import polars as pl

    names = [_COLUMN.format(number) for number in range(len(keep))]
    identity = [field.name for field in IDENTITY]
    arrays = {name: table[name] for name in names}
    arrays |= {name: table[name].cast(pa.string()) if name == "file" else table[name] for name in identity}
    frame = pl.from_arrow(pa.table(arrays))
    assert isinstance(frame, pl.DataFrame)
    descending = [*(key.descending for key in _keys(keep)), *(False for _ in identity)]
    order = frame.select(
        pl.arg_sort_by([pl.col(name) for name in frame.columns], descending=descending, nulls_last=True)
    )
    places = np.empty(len(frame), dtype=np.int64)
    places[order.to_series().to_numpy()] = np.arange(len(frame))
    return places


def scope_hashes(batch: pa.RecordBatch, within: str | None) -> np.ndarray:
    """uint64: a number for each row's value of the column `within`, to tell keys of different values apart; 0 without.

    Raises StageError where there is no such column.
    """
    if within is None:
        return np.zeros(batch.num_rows, dtype=np.uint64)
    if within not in batch.schema.names:
        raise StageError(f"within: there is no column '{within}'")
    values = pc.fill_null(batch.column(within).cast(pa.string()), "").dictionary_encode()
    hashes = np.array([bytes_hash(value.encode()) for value in values.dictionary.to_pylist()], dtype=np.uint64)
    return hashes[values.indices.to_numpy()] if len(values) else hashes


def _keys(keep: Sequence[Preference]) -> list[_Key]:
    keys = []
    for preference in keep:
        if isinstance(preference, str):
            keys.append(_Key(preference.removeprefix("-"), preference.startswith("-"), None))
        else:
            keys += [_Key(column, False, order) for column, order in preference.items()]
    return keys


def _values(batch: pa.RecordBatch, key: _Key) -> pa.Array:
    if key.column == LENGTH:
        return pc.fill_null(pc.binary_length(batch.column("text")), 0).cast(pa.int64())
    if key.column not in batch.schema.names:
        raise StageError(f"keep: there is no column '{key.column}' to order documents by")
    column = batch.column(key.column)
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    if key.order is not None:
        found = pc.index_in(column.cast(pa.string()), value_set=pa.array(key.order, pa.string()))
        return found.cast(pa.int32())
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if pa.types.is_nested(column.type):
        raise StageError(f"keep: column '{key.column}' ({column.type}) has no order")
    return column
