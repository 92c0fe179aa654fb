"""Run one stage on a polars or Arrow frame, as a notebook would, and get the same kind of frame back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from stages.base import Filter, StageError, Transform

if TYPE_CHECKING:
    from stages.base import Frame

RULE_COLUMN = "rule"


def apply_transform(stage: Transform, frame: Frame) -> Frame:
    """Run a transform on a polars DataFrame, Arrow Table or RecordBatch; the result has the same type.

    No row is dropped: for a Filter the column `rule` (string) names the first failing rule, null where the
    row would be kept. A frame without rows keeps its (extended) columns. StageError for any other type.
    """
    return on_frame(stage.name, lambda batch: _run(stage, batch), frame)


def on_frame(stage: str, work: Callable[[pa.RecordBatch], pa.RecordBatch], frame: Frame) -> Frame:
    """What `work` makes of a frame as one record batch, as a frame of the same type."""
    if isinstance(frame, pa.RecordBatch):
        return work(frame)
    if isinstance(frame, pa.Table):
        batches = frame.combine_chunks().to_batches()
        batches = batches or [pa.RecordBatch.from_pylist([], schema=frame.schema)]
        return pa.Table.from_batches([work(batch) for batch in batches])
    import polars as pl

    if isinstance(frame, pl.DataFrame):
        table: Any = pl.from_arrow(on_frame(stage, work, frame.to_arrow(compat_level=pl.CompatLevel.oldest())))
        return table
    raise StageError(
        f"stage '{stage}' runs on a polars DataFrame or a pyarrow Table or RecordBatch, not on {type(frame).__name__}"
    )


def _run(stage: Transform, batch: pa.RecordBatch) -> pa.RecordBatch:
    measured = stage(batch)
    if not isinstance(stage, Filter):
        return measured
    from stages.judge import Judge

    rules = stage.rules()
    first = Judge(rules)(measured).first
    names = pa.array([None if index < 0 else rules[index].name for index in first], pa.string())
    return with_column(measured, RULE_COLUMN, names)


def needed_column(batch: pa.RecordBatch, stage: str, name: str, mend: str) -> pa.Array:
    """The column of this name; StageError names stage, column and mend where it is absent."""
    if name not in batch.schema.names:
        raise StageError(f"stage '{stage}' needs a column '{name}'; {mend}")
    return batch.column(name)


def with_column(batch: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    """The batch with one column added, or replaced in place where the name exists."""
    position = batch.schema.get_field_index(name)
    if position < 0:
        return batch.append_column(name, values)
    return batch.set_column(position, name, values)


def with_columns(batch: pa.RecordBatch, columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """The batch with columns added in their order, or replaced in place where the name exists."""
    fields = {field.name: field for field in batch.schema}
    arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name, values in columns.items():
        fields[name], arrays[name] = pa.field(name, values.type), values
    schema = pa.schema(list(fields.values()), batch.schema.metadata)
    return pa.RecordBatch.from_arrays(list(arrays.values()), schema=schema)
