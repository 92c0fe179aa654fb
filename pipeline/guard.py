"""Call a stage on a batch and hold it to its contract: rows that fail are found, broken promises are named.

A row-wise stage keeps every row in its place, its identity and its text column, and gives back a record
batch. What does not is refused with the stage's label; a row that raises is found by running the batch row by
row. Cost: a comparison of the identity columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from pipeline.errors import RecipeError, RunError
from stages.base import StageError, Transform
from stages.documents import IDENTITY

ERROR_COLUMN = "error"


@contextmanager
def blaming(label: str) -> Iterator[None]:
    """Name the stage, which is anybody's code, in what it raises; errors that say what to mend go through."""
    try:
        yield
    except (MemoryError, OSError):
        raise
    except Exception as error:
        if hasattr(error, "exit_status"):
            raise
        raise RecipeError(f"stage '{label}': {' '.join(f'{type(error).__name__}: {error}'.split())}") from error


def no_rows(schema: pa.Schema) -> pa.RecordBatch:
    """An empty batch, on which a stage shows the columns that it gives."""
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def checked(label: str, stage: Transform, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The stage's result for a batch. RecipeError names a stage that breaks the contract of a Transform."""
    result: Any = stage(batch)
    if not isinstance(result, pa.RecordBatch):
        raise RecipeError(f"stage '{label}' returned a {type(result).__name__}; it must return a pyarrow.RecordBatch")
    if result.num_rows != batch.num_rows:
        raise RecipeError(
            f"stage '{label}' made {result.num_rows} rows of {batch.num_rows}; it must keep every row: "
            f"report a row in the column '{ERROR_COLUMN}', or drop it by a rule of a Filter"
        )
    names = result.schema.names
    if "text" in batch.schema.names and "text" not in names:
        raise RecipeError(f"stage '{label}' took the column 'text' away; later stages and documents/ need it")
    for field in IDENTITY:
        if field.name not in names or not result.column(field.name).equals(batch.column(field.name)):
            raise RecipeError(
                f"stage '{label}' changed the column '{field.name}'; identity and order of rows must stay"
            )
    return result


def guarded(label: str, stage: Transform, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[str | None] | None]:
    """Run a stage; a row that raises gets its exception as error while the others go on.

    Returns the rows without an error, and each row's error if any has one. Errors of the machine pass through.
    """
    try:
        result, errors = split_errors(checked(label, stage, batch))
        if errors is None:
            return result, None
    except (MemoryError, OSError, ImportError, RecipeError, StageError):
        raise
    except Exception as error:
        if batch.num_rows == 1:
            return batch.slice(0, 0), [f"{type(error).__name__}: {error}"]
        pairs = [guarded(label, stage, batch.slice(row, 1)) for row in range(batch.num_rows)]
        fine = [part for part, errors in pairs if errors is None]
        if not fine:
            kind = type(error).__name__
            raise RunError(f"stage '{label}' fails on every row of a batch: {kind}: {error}") from error
        result = pa.Table.from_batches(fine).combine_chunks().to_batches()[0]
        return result, [None if errors is None else errors[0] for _, errors in pairs]
    keep = pa.array([error is None for error in errors])
    return result.filter(keep), errors


def split_errors(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[str | None] | None]:
    """Take the column `error` off a stage's result; None when no row has one."""
    if ERROR_COLUMN not in batch.schema.names:
        return batch, None
    errors = batch.column(ERROR_COLUMN)
    index = batch.schema.get_field_index(ERROR_COLUMN)
    rest = batch.remove_column(index)
    return rest, (errors.to_pylist() if errors.null_count < len(errors) else None)
