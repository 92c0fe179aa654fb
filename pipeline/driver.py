"""The driver: compile the plan, run what is missing phase by phase, publish what is complete.

It holds no results: killed at any moment, the same command compares manifests with the plan and goes on. A
phase opens only when everything it reads is complete; a failed task lets its phase's other tasks finish. Where all
that failed found damaged files, those are made again (pipeline.healing) and the phases gone through once more.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from pipeline.at_work import refuse_others_at_work
from pipeline.changes import explain_phase, explain_tasks
from pipeline.completion import finish
from pipeline.errors import Damaged
from pipeline.executors import NO_LIMITS, make_executor
from pipeline.executors.base import Executor
from pipeline.executors.failures import damaged_files, failed_phase, record_failure
from pipeline.executors.limits import Limits
from pipeline.faults import entering_task, fault_point
from pipeline.healing import Healing
from pipeline.inputs import Input
from pipeline.lock import driver_lock
from pipeline.plan import Plan, PlannedPhase
from pipeline.preparation import open_workspace, prepare, previous_plan
from pipeline.progress import Progress
from pipeline.publication import publish
from pipeline.recipe import Recipe
from pipeline.resume import missing_tasks
from pipeline.storage import location
from pipeline.totals import Totals
from pipeline.workspace import Workspace
from tokenizer.kernel_cache import announcing


@dataclass
class RunResult:
    """What a run came to: where it is, its row account, and how many tasks ran or were skipped by phase.

    Tasks that ran twice, because of files found `damaged` (paths), count twice.
    """

    out: Path
    totals: Totals
    ran: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    seconds: float = 0.0


def run(
    recipe: Recipe,
    inputs: Sequence[Input],
    out: str | Path,
    executor: str = "local",
    workers: int | None = None,
    limit: int | None = None,
    quiet: bool = False,
    limits: Limits = NO_LIMITS,
) -> RunResult:
    """Run a recipe on input files or folders into a run directory, going on from whatever is there.

    Raises RecipeError for what the user must mend and RunError when tasks failed; both leave a state from
    which the same call goes on.
    """
    started = time.monotonic()
    workspace = open_workspace(location(out))
    progress = Progress(quiet)
    with driver_lock(workspace.run), announcing(progress.compiling):
        refuse_others_at_work(workspace, tasks=executor in ("inline", "local"))
        previous = previous_plan(workspace)
        plan = prepare(recipe, inputs, limit, workspace, progress)
        result = RunResult(workspace.run, Totals())
        runner = make_executor(executor, workers, limits)
        try:
            with _stopped_by_signals(runner, progress):
                _Driver(plan, previous, workspace, runner, progress, result).complete_all()
        finally:
            runner.close()
            progress.close()
        result.totals = finish(plan, workspace)
    result.seconds = time.monotonic() - started
    return result


@dataclass
class _Driver:
    """Goes through the phases of a plan, again from the first whenever damaged files are to be made again."""

    plan: Plan
    previous: Plan | None
    workspace: Workspace
    runner: Executor
    progress: Progress
    result: RunResult
    #: Phase and index of every task that ran.
    _ran: set[tuple[str, int]] = field(default_factory=set)

    def complete_all(self) -> None:
        healing = Healing(self.plan, self.workspace, self.progress)
        while True:
            try:
                for phase in self.plan.phases:
                    self._complete(phase)
                return
            except Damaged as damage:
                self.result.damaged += [file.path for file in damage.files]
                healing.begin(damage.files)
                self.previous = self.plan

    def _complete(self, phase: PlannedPhase) -> None:
        """Run what is missing of a phase and publish it. Damaged where that needs no more than earlier tasks again."""
        plan, workspace, progress, result = self.plan, self.workspace, self.progress, self.result
        missing, reasons = missing_tasks(plan, phase, workspace)
        done = phase.tasks - len(missing)
        if missing or phase.name not in result.ran:
            why = explain_phase(self.previous, phase) if len(missing) == phase.tasks else None
            progress.phase(phase.name, phase.tasks, done, why or explain_tasks(self.previous, plan, reasons))
        result.ran[phase.name] = result.ran.get(phase.name, 0) + len(missing)
        result.skipped.setdefault(phase.name, done)
        if missing:
            self._ran.update((phase.name, index) for index in missing)
            failures = self.runner.run_phase(plan, workspace.run, phase.name, missing, progress.update)
            progress.phase_ended(len(failures))
            for failure in failures:
                record_failure(workspace, phase, failure.index, failure.message, failure.mendable)
            if not all(failure.damaged for failure in failures):
                raise failed_phase(failures, phase, workspace)
            if failures:
                raise Damaged(damaged_files(failures))
        entering_task(phase.name, phase.tasks)
        publish(plan, phase, workspace, self._ran)
        fault_point("between_phases")


@contextmanager
def _stopped_by_signals(runner: Executor, progress: Progress) -> Iterator[None]:
    """SIGINT and SIGTERM stop at the next batch, a second one at once; outside the main thread they are left alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        at_once, asked = asked, True
        if not at_once:
            progress.say_in_signal("stopping at the next batch; again to stop at once")
        runner.stop(at_once)

    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in previous:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
