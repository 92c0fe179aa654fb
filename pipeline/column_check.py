"""Check before anything runs that every stage finds the columns it needs.

Row-wise stages run on a batch of no rows, so that an expression over a column that no stage adds, a rule that
cannot be evaluated or a stage in the wrong place shows at once. What a stage declares in `needs` is looked up by
name. A stage that declares needs and measurements is not run unless a stage after it depends on its columns: so a
plan waits for no kernel. Cost: milliseconds a stage that runs.
"""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from pipeline.batches import with_cluster_columns
from pipeline.errors import RecipeError
from pipeline.guard import blaming, checked, no_rows, split_errors
from pipeline.plan import Plan, PlannedPhase, stages_of
from stages.base import Exchange, Filter, Stage, Transform
from stages.documents import TEXT_SCHEMA, WARC_SCHEMA
from stages.judge import Judge


def check_columns(plan: Plan) -> None:
    """Raises RecipeError, or what a stage raises that says what to mend, for the first stage that could not run."""
    with blaming(next(iter(plan.recipe.stages))):
        batch = no_rows(plan.recipe.source().output_schema())
    own = _own_columns(batch.schema)
    steps = [(phase, label, stage) for phase in plan.phases for label, stage in stages_of(plan, phase).items()]
    last_to_run = max((number for number, (_, _, stage) in enumerate(steps) if _must_run(stage)), default=-1)
    declared: set[str] = set()
    entered = plan.phases[0]
    for number, (phase, label, stage) in enumerate(steps):
        if isinstance(stage, (Transform, Exchange)):
            _find_needs(label, stage.columns_needed(), declared.union(batch.schema.names))
        _refuse_second(label, stage, own)
        if not isinstance(stage, Transform):
            continue
        if phase is not entered:
            batch, entered = _with_clusters(batch, phase), phase
        if number > last_to_run:
            declared.update(stage.measurements)
        else:
            batch = _run_on_no_rows(label, stage, batch)


def _own_columns(schema: pa.Schema) -> set[str]:
    """Columns that the recipe lets the source take from the corpus."""
    return set(schema.names) - set(TEXT_SCHEMA.names) - set(WARC_SCHEMA.names)


def _refuse_second(label: str, stage: Stage, own: Collection[str]) -> None:
    added = [*stage.measurements] if isinstance(stage, Transform) else []
    if isinstance(stage, Exchange):
        added = [f"{label}_cluster", f"{label}_cluster_size"]
    for name in added:
        if name in own:
            raise RecipeError(
                f"stage '{label}' adds a column '{name}', which the source reads from the corpus too; "
                "give that one another name in `columns`, with the parameter `field`"
            )


def _must_run(stage: Stage) -> bool:
    """Whether what the stage needs and gives is known only by running it."""
    if not isinstance(stage, Transform):
        return False
    return not (stage.needs and stage.measurements is not Transform.measurements)


def _find_needs(label: str, needs: Collection[str], columns: Collection[str]) -> None:
    for name in needs:
        if name not in columns:
            mend = "put extract_text before it" if name == "text" else "no stage before it gives one"
            raise RecipeError(f"stage '{label}' needs a column '{name}'; {mend}")


def _run_on_no_rows(label: str, stage: Transform, batch: pa.RecordBatch) -> pa.RecordBatch:
    with blaming(label):
        batch, _ = split_errors(checked(label, stage, batch))
        if isinstance(stage, Filter):
            Judge(stage.rules()).check(batch.schema)
    return batch


def _with_clusters(batch: pa.RecordBatch, phase: PlannedPhase) -> pa.RecordBatch:
    return batch if phase.upstream is None else no_rows(with_cluster_columns(batch.schema, phase.upstream))
