"""Run tasks in worker processes on this machine (pipeline.executors.worker).

A worker that dies is noticed by its closed pipe and its task repeated by a new one (pipeline.executors.deaths), as
is a task that the machine failed (pipeline.executors.repeats), while the other tasks go on; one whose task passes
a limit is killed, and the task fails.
"""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path

from pipeline.errors import Stopped
from pipeline.executors.base import Progress, TaskFailure
from pipeline.executors.deaths import Deaths
from pipeline.executors.failures import record_failure
from pipeline.executors.limits import Limits
from pipeline.executors.repeats import REPEATS, pause_before
from pipeline.executors.worker import Worker
from pipeline.plan import Plan
from pipeline.reporter import BATCH, COMPILING, READ_FILE, ROW_FILE, ROW_ORDINAL, ROWS, STOP
from pipeline.verdicts import Verdict, add_verdict
from pipeline.workspace import Workspace
from tokenizer.kernel_cache import announce_compiling


@dataclass
class _PhaseRun:
    """Where one phase stands: tasks waiting, tasks to repeat after a pause, deaths and errors so far, what failed."""

    waiting: list[int]
    #: When (monotonic) a task may be repeated.
    pausing: dict[int, float] = field(default_factory=dict)
    errors: Counter[int] = field(default_factory=Counter)
    deaths: defaultdict[int, Deaths] = field(default_factory=lambda: defaultdict(Deaths))
    failures: list[TaskFailure] = field(default_factory=list)
    finished: int = 0
    finished_rows: int = 0

    @property
    def open(self) -> bool:
        return bool(self.waiting or self.pausing)

    def attempt(self, index: int) -> int:
        """Number of the task's next attempt, counted from 1."""
        return self.deaths[index].attempts + self.errors[index]

    def repeat(self, phase: str, index: int, failures: int) -> None:
        """Repeat a task after the pause that follows so many failures."""
        self.pausing[index] = time.monotonic() + pause_before(phase, index, failures)

    def end_pauses(self) -> None:
        """Let tasks whose pause is over wait for a worker, before all others."""
        for index in [index for index, end in self.pausing.items() if end <= time.monotonic()]:
            del self.pausing[index]
            self.waiting.append(index)


class LocalExecutor:
    """`workers` processes that live as long as the executor, so imports and compiled kernels are paid once."""

    def __init__(self, workers: int, limits: Limits) -> None:
        self._size = workers
        self._limits = limits
        self._workers: list[Worker] = []
        self._stopping = False

    def run_phase(
        self, plan: Plan, run: Path, phase: str, indices: Sequence[int], progress: Progress
    ) -> list[TaskFailure]:
        state = _PhaseRun(waiting=list(reversed(indices)))
        while state.open or any(worker.task is not None for worker in self._workers):
            if self._stopping:
                self._drain()
                break
            state.end_pauses()
            self._assign(state, run, phase)
            self._collect(state, plan, run, phase)
            self._enforce_limits()
            if any(worker.shared[COMPILING] for worker in self._workers):
                announce_compiling()
            rows = sum(worker.shared[ROWS] for worker in self._workers if worker.task is not None)
            progress(state.finished, state.finished_rows + rows)
        if self._stopping:
            raise Stopped("stopped; the same command goes on")
        if any(failure.damaged for failure in state.failures):
            self.close()  # What workers remember of their inputs is about to be made again.
        return sorted(state.failures, key=lambda failure: failure.index)

    def stop(self, at_once: bool = False) -> None:
        self._stopping = True
        for worker in self._workers:
            worker.shared[STOP] = 1
            if at_once:
                worker.kill()

    def close(self) -> None:
        for worker in self._workers:
            worker.close()
        self._workers = []

    def _assign(self, state: _PhaseRun, run: Path, phase: str) -> None:
        while len(self._workers) < min(self._size, len(self._workers) + len(state.waiting)):
            self._workers.append(Worker(run))
        for worker in self._workers:
            if worker.task is None and state.waiting:
                index = state.waiting.pop()
                worker.begin(phase, index, state.attempt(index), state.deaths[index].rehearse)

    def _collect(self, state: _PhaseRun, plan: Plan, run: Path, phase: str) -> None:
        ready = wait([worker.pipe for worker in self._workers if worker.task is not None], timeout=0.2)
        for worker in [worker for worker in self._workers if worker.pipe in ready]:
            assert worker.task is not None
            try:
                outcome = worker.answer()
            except (EOFError, OSError):
                self._bury(worker, state, plan, run, phase)
                continue
            index, worker.task = worker.task, None
            if isinstance(outcome, TaskFailure):
                state.errors[index] += 1
                if outcome.may_pass and state.errors[index] <= REPEATS:
                    record_failure(Workspace(run), plan.phase(phase), index, outcome.message, outcome.mendable)
                    state.repeat(phase, index, state.errors[index])
                    continue
                state.failures.append(outcome)
            state.finished += 1
            state.finished_rows += worker.shared[ROWS]

    def _enforce_limits(self) -> None:
        for worker in self._workers:
            if worker.task is not None and worker.exceeded is None:
                worker.exceeded = self._limits.exceeded(worker.pid, worker.started)
                if worker.exceeded is not None:
                    worker.kill()

    def _bury(self, worker: Worker, state: _PhaseRun, plan: Plan, run: Path, phase: str) -> None:
        """A worker died: condemn the row it died of, repeat its task on a new worker, or give the task up."""
        assert worker.task is not None
        ending = _in_words(worker.ending())
        self._workers.remove(worker)
        if self._stopping:
            return
        index, planned, workspace = worker.task, plan.phase(phase), Workspace(run)
        workspace.running(planned, index).unlink(missing_ok=True)
        if worker.exceeded is not None:
            state.failures.append(TaskFailure(phase, index, worker.exceeded, mendable=False))
            state.finished += 1
            return
        row = tuple(worker.shared[ROW_FILE : ROW_ORDINAL + 1]) if worker.shared[ROW_FILE] else None
        read = list(plan.files)[worker.shared[READ_FILE] - 1] if worker.shared[READ_FILE] else None
        # No batch is to blame for what the source did.
        batch = 0 if read else int(worker.shared[BATCH])
        place = f"while it read {read}" if read else f"in batch {batch}"
        message = f"worker died ({ending}) {place}, attempt {state.attempt(index)}"
        deaths = state.deaths[index]
        condemned = deaths.record(batch, row)
        if condemned is not None:
            file = list(plan.files)[condemned[0] - 1]
            verdict = Verdict(file, condemned[1], condemned[2], f"its worker died of it alone, twice ({ending})")
            add_verdict(workspace.verdicts(planned, index), verdict)
            message += f"; quarantined the row at {file} offset {verdict.offset}"
        sys.stderr.write(f"{phase} task {index}: {message}\n")
        record_failure(workspace, planned, index, message)
        if deaths.hopeless:
            places = f"last {place}; see whether that file is damaged" if read else f"in batches {deaths.batches}"
            message = f"its worker died {len(deaths.batches)} times ({ending}), {places}"
            state.failures.append(TaskFailure(phase, index, message, mendable=False))
            state.finished += 1
        elif row is None:
            state.repeat(phase, index, len(deaths.batches))
        else:
            state.waiting.append(index)

    def _drain(self) -> None:
        """Wait until every busy worker has stopped at its next batch."""
        for worker in self._workers:
            if worker.task is not None:
                try:
                    worker.answer()
                except (EOFError, OSError):
                    worker.ending()
                worker.task = None


def _in_words(code: int | None) -> str:
    if code is None:
        return "lost"
    if code >= 0:
        return f"exit status {code}"
    name = signal.Signals(-code).name
    return f"{name}, perhaps out of memory" if name == "SIGKILL" else name
