"""Run the recorded row-wise stages again on one record of the crawl: its text is never further away than the crawl."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipeline.errors import RecipeError
from pipeline.plan import Plan
from stages.base import Source, StageError, Transform


class NoDocument(RecipeError):
    """What lies at a place is there, and the source makes no document of it."""


def replay(plan: Plan, file: str, offset: int, ordinal: int) -> pa.RecordBatch:
    """One row: the document that the plan's stages make of the record at this identity, rules not applied.

    Raises RecipeError when the input file is gone, has changed, or holds no document there.
    """
    batch = _read(plan, plan.recipe.source(), file, offset, ordinal)
    for stage in plan.recipe.stages.values():
        if isinstance(stage, Transform):
            batch = stage.for_task()(batch)
    return batch


def replay_dropped(
    plan: Plan, file: str, offset: int, ordinal: int, dropped_by: str, values: dict[str, Any]
) -> pa.RecordBatch:
    """One row: a document as it was when the stage with label `dropped_by` dropped it for these values.

    Where it had no text yet, the stages go on until it has. Raises RecipeError as `replay` does, also for a record
    that the source cannot deliver.
    """
    source = plan.recipe.source()
    if dropped_by == next(iter(plan.recipe.stages)):
        source = source.accepting(values)
    batch = _read(plan, source, file, offset, ordinal)
    reached = False
    for label, stage in plan.recipe.stages.items():
        if isinstance(stage, Transform):
            batch = stage.for_task()(batch)
        reached |= label == dropped_by
        if reached and "text" in batch.schema.names:
            break
    return batch


def _read(plan: Plan, source: Source, file: str, offset: int, ordinal: int) -> pa.RecordBatch:
    listed = plan.files.get(file)
    if listed is None:
        raise RecipeError(f"the run did not read a file named '{file}'")
    if not listed.path.is_file() or listed.path.stat().st_size != listed.size:
        raise RecipeError(f"{listed.path}: is gone or has changed since the run, so {file} cannot be read again")
    try:
        batch = source.read_one(listed.input_file(), offset, ordinal).documents
    except StageError as error:
        raise RecipeError(str(error)) from error
    if batch.num_rows != 1:
        raise NoDocument(f"{listed.path}: the source makes no document of what is at {offset}, ordinal {ordinal}")
    return batch
