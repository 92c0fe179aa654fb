"""Run one task with all that may befall it: what schedulers beyond this machine call, ours and others'.

The task runs in a worker process that `local` watches, so that repeats, limits and the search for a row that
kills its process are the same everywhere. The worker stays for the next task of the same process.
"""

from __future__ import annotations

import atexit
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pipeline.errors import RecipeError
from pipeline.executors.base import TaskFailure
from pipeline.executors.failures import record_failure
from pipeline.executors.limits import Limits
from pipeline.executors.local import LocalExecutor
from pipeline.plan import Plan
from pipeline.resume import is_done
from pipeline.task_inputs import TaskInputs
from pipeline.workspace import Workspace


def run_isolated(
    run: Path, phase_name: str, index: int, limits: Limits, plan_sha256: str | None = None
) -> Literal["done", "finished before"] | TaskFailure:
    """Run one task of a planned run unless it is done.

    Plan and worker are kept for the next call with the same `plan_sha256` (that of RUN/plan.json): a process
    that outlives a plan must give it, or it goes on with the old one.

    Raises NotReady when what it reads is not complete, RecipeError when the plan has no such task.
    """
    plan = _plan(run, plan_sha256)
    phase = plan.phase(phase_name)
    if not 0 <= index < phase.tasks:
        raise RecipeError(f"{phase_name} task {index}: {phase_name} has the tasks 0 to {phase.tasks - 1}")
    workspace = Workspace(run)
    if is_done(phase, index, TaskInputs(plan, workspace)):
        return "finished before"
    executor = _executor(run, plan_sha256, limits)
    failures = executor.run_phase(plan, run, phase_name, [index], lambda finished, rows: None)
    if not failures:
        return "done"
    failure = failures[0]
    record_failure(workspace, phase, index, failure.message, failure.mendable, failure.damaged)
    return failure


@lru_cache(maxsize=1)
def _plan(run: Path, plan_sha256: str | None) -> Plan:
    return Workspace(run).load_plan()


_executors: dict[tuple[Path, str | None, Limits], LocalExecutor] = {}


def _executor(run: Path, plan_sha256: str | None, limits: Limits) -> LocalExecutor:
    """The executor of one plan, whose workers hold that plan too; that of the plan before is closed."""
    wanted = (run, plan_sha256, limits)
    if wanted not in _executors:
        _close_executors()
        _executors[wanted] = LocalExecutor(1, limits)
    return _executors[wanted]


@atexit.register
def _close_executors() -> None:
    for executor in _executors.values():
        executor.close()
    _executors.clear()
