"""Run tasks one after another in this process: for debugging, notebooks and small corpora."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import Stopped
from pipeline.executors.base import Progress, TaskFailure
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
            if self._shared[STOP]:
                raise Stopped("stopped; the same command goes on")
            try:
                run_task(plan, run, phase, index, self._shared, inputs=inputs)
            except Stopped:
                raise
            except Exception as error:
                failures.append(task_failure(phase, index, error))
            rows += self._shared[ROWS]
            progress(done + 1, rows)
        return failures

    def stop(self, at_once: bool = False) -> None:
        self._shared[STOP] = 1
        if at_once:
            raise KeyboardInterrupt

    def close(self) -> None:
        """Nothing to free."""


def task_failure(phase: str, index: int, error: Exception) -> TaskFailure:
    """How an exception of a task is reported."""
    mendable = getattr(error, "exit_status", 1) == 2
    text = str(error) if hasattr(error, "exit_status") else f"{type(error).__name__}: {error}"
    return TaskFailure(phase, index, " ".join(text.split()), mendable)
