"""Run the recorded row-wise stages again on one record of the crawl: the proof behind `corpusmill trace`."""

from __future__ import annotations

import pyarrow as pa

from pipeline.errors import RecipeError
from pipeline.plan import Plan, stages_of
from stages.base import StageError, Transform


def replay(plan: Plan, file: str, offset: int, ordinal: int) -> pa.RecordBatch:
    """One row: the document that the plan's stages make of the record at this identity, rules not applied.

    Raises RecipeError when the input file is gone, has changed, or holds no document there.
    """
    listed = plan.files.get(file)
    if listed is None:
        raise RecipeError(f"the run did not read a file named '{file}'")
    if not listed.path.is_file() or listed.path.stat().st_size != listed.size:
        raise RecipeError(f"{listed.path}: is gone or has changed since the run, so {file} cannot be read again")
    try:
        batch = plan.recipe.source().read_one(listed.input_file(), offset, ordinal).documents
    except StageError as error:
        raise RecipeError(str(error)) from error
    if batch.num_rows != 1:
        raise RecipeError(f"{listed.path}: no document at offset {offset}, ordinal {ordinal}")
    for phase in plan.phases:
        if phase.step is None:
            for stage in stages_of(plan, phase).values():
                if isinstance(stage, Transform):
                    batch = stage.for_task()(batch)
    return batch
