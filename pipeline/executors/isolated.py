"""Run one task with all that may befall it: what schedulers beyond this machine call, ours and others'.

The task runs in a worker process that `local` watches, so that repeats, limits and the search for a row that
kills its process are the same everywhere. The worker stays for the next task of the same process.
"""

from __future__ import annotations

import atexit
from functools import cache
from pathlib import Path
from typing import Literal

from pipeline.errors import RecipeError
from pipeline.executors.base import TaskFailure
from pipeline.executors.limits import Limits
from pipeline.executors.local import LocalExecutor
from pipeline.plan import Plan
from pipeline.resume import is_done
from pipeline.task_inputs import TaskInputs
from pipeline.workspace import Workspace


def run_isolated(
    run: Path, phase_name: str, index: int, limits: Limits
) -> Literal["done", "finished before"] | TaskFailure:
    """Run one task of a planned run unless it is done.

    Raises NotReady when what it reads is not complete, RecipeError when the plan has no such task.
    """
    plan = _plan(run)
    phase = plan.phase(phase_name)
    if not 0 <= index < phase.tasks:
        raise RecipeError(f"{phase_name} task {index}: {phase_name} has the tasks 0 to {phase.tasks - 1}")
    done, _ = is_done(phase, index, TaskInputs(plan, Workspace(run)))
    if done:
        return "finished before"
    failures = _executor(run, limits).run_phase(plan, run, phase_name, [index], lambda finished, rows: None)
    return failures[0] if failures else "done"


@cache
def _plan(run: Path) -> Plan:
    return Workspace(run).load_plan()


@cache
def _executor(run: Path, limits: Limits) -> LocalExecutor:
    """The executor of one run, for its workers hold the run's plan."""
    executor = LocalExecutor(1, limits)
    atexit.register(executor.close)
    return executor
