"""run_task: the pure function that every executor calls.

Reads the task's inputs, writes its outputs whole or not at all, and leaves the manifest last. Run twice it
gives the same bytes; killed anywhere it leaves nothing that could be taken for a result.
"""

from __future__ import annotations

import os
import time
from collections.abc import MutableSequence
from dataclasses import asdict
from pathlib import Path

from pipeline.errors import RunError, Stopped
from pipeline.exchange import ExchangeTask
from pipeline.faults import entering_task, fault_point
from pipeline.fingerprint import digest
from pipeline.manifest import Manifest
from pipeline.memory import peak_resident_bytes
from pipeline.plan import Plan, PlannedPhase, stage_of_step
from pipeline.reporter import TaskReporter
from pipeline.rowwise import RowwiseTask
from pipeline.running_marker import marked_as_running
from pipeline.task_inputs import TaskInputs
from pipeline.task_outputs import TaskOutputs
from pipeline.workspace import Workspace
from tokenizer.kernel_cache import seconds_compiling


def run_task(
    plan: Plan,
    run: Path,
    phase_name: str,
    index: int,
    shared: MutableSequence[int] | None = None,
    attempt: int = 1,
    rehearse: int = 0,
    inputs: TaskInputs | None = None,
) -> Manifest:
    """Run one task of a phase whose inputs are complete, and return the manifest it left.

    `shared` are the reporter's integers (pipeline.reporter); `rehearse` is the ordinal of a batch to go
    through row by row first, so that a row which kills the process is known (0: none). `inputs`
    spares a process that runs many tasks of a phase looking them up again. Raises what the stages raise:
    errors with `exit_status` 2 are the user's to mend; Stopped when a stop was asked for.
    """
    workspace = Workspace(run)
    phase = plan.phase(phase_name)
    entering_task(phase.name, index)
    reporter = TaskReporter(workspace.log(phase, index), shared)
    reporter.log("started", attempt=attempt, pid=os.getpid())
    try:
        with marked_as_running(workspace.running(phase, index), index, attempt, lambda: reporter.rows):
            manifest = _run(phase, index, inputs or TaskInputs(plan, workspace), reporter, attempt, rehearse)
            fault_point("before_manifest")
            manifest.save(workspace.manifest(phase, index))
            workspace.failure(phase, index).unlink(missing_ok=True)
    except Stopped:
        reporter.log("stopped")
        raise
    except Exception as error:
        reporter.log("failed", error=f"{type(error).__name__}: {error}", exc_info=_traceback(error))
        raise
    reporter.log(
        "done", rows=manifest.rows and asdict(manifest.rows), counters=manifest.counters, seconds=manifest.seconds
    )
    return manifest


def _run(
    phase: PlannedPhase, index: int, inputs: TaskInputs, reporter: TaskReporter, attempt: int, rehearse: int
) -> Manifest:
    began, started, cpu = time.time(), time.perf_counter(), time.process_time()
    compiled_before = seconds_compiling()
    plan = inputs.plan
    described = inputs.describe(phase, index)
    rows, accounts, counters, bytes_read, slowest = None, [], {}, 0, None
    with TaskOutputs(phase, inputs.workspace) as outputs, inputs.assets(phase).unchanged():
        if phase.step is None:
            rowwise = RowwiseTask(plan, phase, index, inputs, outputs, reporter, rehearse)
            accounts = rowwise.run()
            rows, bytes_read, slowest = rowwise.rows, rowwise.bytes_read, rowwise.slowest
            counters = dict(rowwise.counters)
        else:
            stage = stage_of_step(plan, phase)
            task = ExchangeTask(phase, index, plan.recipe.seed, inputs, outputs, reporter)
            step = getattr(stage, phase.step, None)
            if step is None:
                raise RunError(f"stage '{phase.labels[0]}' plans a step '{phase.step}' that it does not have")
            step(task)
            counters = task.counters
    return Manifest(
        phase=phase.name,
        index=index,
        fingerprint=phase.fingerprint,
        inputs_digest=digest(described),
        inputs=described,
        outputs=outputs.files,
        rows=rows,
        stages=accounts,
        counters=counters,
        bytes_read=bytes_read,
        seconds=round(time.perf_counter() - started, 6),
        cpu_seconds=round(time.process_time() - cpu, 6),
        peak_memory_bytes=peak_resident_bytes(),
        attempt=attempt,
        started=round(began, 3),
        slowest=slowest,
        compile_seconds=round(seconds_compiling() - compiled_before, 6),
    )


def _traceback(error: Exception) -> str:
    import traceback

    return "".join(traceback.format_exception(error))
