"""Run tasks one after another in this process: for debugging, notebooks and small corpora."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import Stopped
from pipeline.executors.base import Progress, TaskFailure
from pipeline.executors.failures import task_failure
from pipeline.executors.repeats import REPEATS, pause_before
from pipeline.plan import Plan
from pipeline.reporter import ROWS, SLOTS, STOP
from pipeline.task import run_task
from pipeline.task_inputs import TaskInputs
from pipeline.workspace import Workspace


class InlineExecutor:
    """No processes: an exception shows its own traceback under --debug, a debugger stops where it should."""

    def __init__(self) -> None:
        self._shared = [0] * SLOTS

    def run_phase(
        self, plan: Plan, run: Path, phase: str, indices: Sequence[int], progress: Progress
    ) -> list[TaskFailure]:
        failures = []
        rows = 0
        inputs = TaskInputs(plan, Workspace(run))
        for done, index in enumerate(indices):
            failure = self._run_task(plan, run, phase, index, inputs)
            failures += [failure] if failure else []
            rows += self._shared[ROWS]
            progress(done + 1, rows)
        return failures

    def _run_task(self, plan: Plan, run: Path, phase: str, index: int, inputs: TaskInputs) -> TaskFailure | None:
        """Run one task, again after a pause when the machine failed it."""
        for repeat in range(REPEATS + 1):
            if repeat:
                self._pause(pause_before(phase, index, repeat))
            if self._shared[STOP]:
                raise Stopped("stopped; the same command goes on")
            try:
                run_task(plan, run, phase, index, self._shared, attempt=repeat + 1, inputs=inputs)
                return None
            except Stopped:
                raise
            except Exception as error:
                failure = task_failure(phase, index, error)
                if not failure.may_pass:
                    break
        return failure

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._shared[STOP]:
            time.sleep(0.05)

    def stop(self, at_once: bool = False) -> None:
        self._shared[STOP] = 1
        if at_once:
            raise KeyboardInterrupt

    def close(self) -> None:
        """Nothing to free."""
