"""What an executor is: it decides where run_task is called, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.errors import DamagedFile
from pipeline.plan import Plan


@dataclass(frozen=True)
class TaskFailure:
    """A task that could not be finished.

    `mendable`: the user must change something (exit status 2). `may_pass`: the machine's fault, so that a repeat
    may succeed (pipeline.executors.repeats). `damaged`: files that it reads and that must be made again first
    (pipeline.healing).
    """

    phase: str
    index: int
    message: str
    mendable: bool
    may_pass: bool = False
    damaged: tuple[DamagedFile, ...] = ()


#: Called with (tasks finished, rows so far) whenever either changes.
Progress = Callable[[int, int], None]


class Executor(Protocol):
    """Runs tasks of one phase; returns those that failed after finishing all others.

    Raises pipeline.errors.Stopped when a stop was asked for, after the running batches ended.
    """

    def run_phase(
        self, plan: Plan, run: Path, phase: str, indices: Sequence[int], progress: Progress
    ) -> list[TaskFailure]: ...

    def stop(self, at_once: bool = False) -> None:
        """Ask running tasks to stop at their next batch, or end them now; safe in a signal handler."""
        ...

    def close(self) -> None:
        """Free workers."""
        ...
