"""The state of a run from its manifests and markers: the same during the run, after it, and from any machine.

What is done is a sum over manifests, so right after any number of stops and resumes: a phase's wall time is the
time in which at least one of its tasks ran, and time between a stop and the next start does not count. What goes
on now is what the markers of running tasks say (pipeline.running_marker); the driver's lock speaks for this
machine alone, and Slurm's queue, where there is one, for what waits there. Time left is that of the phases of
which some task has finished: what their unfinished tasks need at the mean of the finished ones, over as many tasks
at a time as run now. Of later phases nothing is known.

Cost: one pass over the manifests, whose times alone are kept (16 bytes a task).
"""

from __future__ import annotations

import heapq
import json
import time
from array import array
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.at_work import jobs_in_queue
from pipeline.errors import RunError
from pipeline.lock import driver_is_alive
from pipeline.manifest import Manifest, SlowestBatch
from pipeline.plan import PlannedPhase
from pipeline.running_marker import MarkerState, RunningMarker, numbered_files, running_markers
from pipeline.workspace import Workspace

#: So many slow tasks and records are named.
SHOWN = 5


@dataclass(frozen=True)
class TaskSeconds:
    """How long a task took, or has been running; `state` is finished, running or silent."""

    task: str
    seconds: float
    state: str


@dataclass(frozen=True)
class SlowRecord:
    """The batch that took a task longest: its largest row is the likely cause."""

    task: str
    batch: SlowestBatch


@dataclass(frozen=True)
class Failure:
    """A task that failed and that no later attempt has finished or is at."""

    task: str
    message: str


@dataclass
class PhaseStatus:
    """Counts and times of one phase; tasks = done + running + silent + failed + waiting."""

    phase: str
    tasks: int
    done: int = 0
    running: int = 0
    silent: int = 0
    failed: int = 0
    waiting: int = 0
    #: Rows read, by running tasks as far as they have told; None for the phases of exchanges.
    rows: int | None = None
    #: Seconds in which at least one task ran, and seconds of all tasks together.
    wall_seconds: float = 0.0
    worker_seconds: float = 0.0
    rows_per_second: float | None = None
    rows_per_second_per_worker: float | None = None
    #: None while nothing is known.
    seconds_left: float | None = None
    peak_memory_bytes: int = 0


@dataclass
class RunStatus:
    """A whole run; `state` follows from the counts and from who is at work."""

    run: str
    recipe: str
    state: Literal["running", "stopped", "failed", "complete"]
    #: Until all phases end; None while one of them is unknown.
    seconds_left: float | None
    phases: list[PhaseStatus]
    failures: list[Failure]
    slowest_running: list[TaskSeconds]
    slowest_finished: list[TaskSeconds]
    slowest_records: list[SlowRecord]


def read_status(run: Path) -> RunStatus:
    """Look at a run directory. Raises RecipeError when it is none."""
    workspace = Workspace(run)
    plan = workspace.load_plan()
    now = time.time()
    tallies = [_Tally(phase, workspace, now) for phase in plan.phases]
    phases = [tally.status for tally in tallies]
    failures = [failure for tally in tallies for failure in tally.failures]
    running = sum(phase.running for phase in phases)
    for tally in tallies:
        tally.estimate(running)
    complete = all(phase.done == phase.tasks for phase in phases)
    at_work = running > 0 or driver_is_alive(run) or (not complete and _waits_in_queue(run))
    left = [phase.seconds_left for phase in phases]
    return RunStatus(
        run=str(run),
        recipe=plan.recipe.name,
        state="complete" if complete else "running" if at_work else "failed" if failures else "stopped",
        seconds_left=None if None in left else sum(seconds for seconds in left if seconds is not None),
        phases=phases,
        failures=failures,
        slowest_running=_longest([task for tally in tallies for task in tally.slowest_running]),
        slowest_finished=_longest([task for tally in tallies for task in tally.slowest_finished]),
        slowest_records=_slowest([record for tally in tallies for record in tally.slowest_records]),
    )


def _waits_in_queue(run: Path) -> bool:
    """Whether Slurm, asked where it is installed, holds jobs of the run: those that have not begun leave no marker."""
    try:
        return bool(jobs_in_queue(run))
    except RunError:
        return False


class _Tally:
    """Adds up one phase."""

    def __init__(self, phase: PlannedPhase, workspace: Workspace, now: float) -> None:
        self._phase, self._workspace, self._now = phase, workspace, now
        self.status = PhaseStatus(phase.name, phase.tasks)
        self.failures: list[Failure] = []
        self.slowest_running: list[TaskSeconds] = []
        self.slowest_finished: list[TaskSeconds] = []
        self.slowest_records: list[SlowRecord] = []
        self._starts, self._ends = array("d"), array("d")
        self._finished_seconds = 0.0
        # Markers first: a task that ends in between is then counted by its manifest and by no marker.
        at_work = {
            marker.index: (marker, state)
            for marker in running_markers(workspace, phase)
            if (state := marker.state(now)) != "dead"
        }
        for manifest in workspace.manifests(phase):
            at_work.pop(manifest.index, None)
            self._add_finished(manifest)
        for marker, state in at_work.values():
            self._add_running(marker, state)
        self._add_failures(at_work)
        self._conclude()

    def _add_finished(self, manifest: Manifest) -> None:
        status = self.status
        status.done += 1
        status.peak_memory_bytes = max(status.peak_memory_bytes, manifest.peak_memory_bytes)
        if manifest.rows is not None:
            status.rows = (status.rows or 0) + manifest.rows.read
        self._add_interval(manifest.started, manifest.seconds)
        self._finished_seconds += manifest.seconds
        task = TaskSeconds(self._name(manifest.index), manifest.seconds, "finished")
        self.slowest_finished = _longest([*self.slowest_finished, task])
        if manifest.slowest is not None:
            record = SlowRecord(self._name(manifest.index), manifest.slowest)
            self.slowest_records = _slowest([*self.slowest_records, record])

    def _add_running(self, marker: RunningMarker, state: MarkerState) -> None:
        status = self.status
        if state == "silent":
            status.silent += 1
        else:
            status.running += 1
        if self._phase.step is None:
            status.rows = (status.rows or 0) + marker.rows
        self._add_interval(marker.started, max(0.0, marker.renewed - marker.started))
        age = round(max(0.0, self._now - marker.started), 3)
        self.slowest_running.append(TaskSeconds(self._name(marker.index), age, state))

    def _add_interval(self, started: float, seconds: float) -> None:
        self.status.worker_seconds += seconds
        self._starts.append(started)
        self._ends.append(started + seconds)

    def _add_failures(self, at_work: Container[int]) -> None:
        for path in numbered_files(self._workspace.failure(self._phase, 0).parent):
            index = int(path.stem)
            if index in at_work or self._workspace.manifest(self._phase, index).exists():
                continue
            with suppress(FileNotFoundError):
                self.failures.append(Failure(self._name(index), json.loads(path.read_text("utf-8"))["message"]))

    def _conclude(self) -> None:
        status = self.status
        status.failed = len(self.failures)
        status.waiting = max(0, status.tasks - status.done - status.running - status.silent - status.failed)
        status.wall_seconds = round(covered_seconds(self._starts, self._ends), 3)
        status.worker_seconds = round(status.worker_seconds, 3)
        if status.rows is not None and status.wall_seconds and status.worker_seconds:
            status.rows_per_second = round(status.rows / status.wall_seconds, 1)
            status.rows_per_second_per_worker = round(status.rows / status.worker_seconds, 1)

    def estimate(self, running: int) -> None:
        """Fill in the time left, given how many tasks run now in all phases."""
        status = self.status
        if status.done == status.tasks:
            status.seconds_left = 0.0
        elif status.done and running:
            mean = self._finished_seconds / status.done
            begun = sum(min(task.seconds, mean) for task in self.slowest_running)
            status.seconds_left = round((mean * (status.tasks - status.done) - begun) / running, 1)

    def _name(self, index: int) -> str:
        return f"{self._phase.name}:{index}"


def covered_seconds(starts: array[float], ends: array[float]) -> float:
    """Length of the union of intervals: sorted by start, each adds what lies beyond the ends before it."""
    covered, reached = 0.0, float("-inf")
    for start, end in sorted(zip(starts, ends, strict=True)):
        covered += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return covered


def _longest(tasks: list[TaskSeconds]) -> list[TaskSeconds]:
    return heapq.nlargest(SHOWN, tasks, key=lambda task: task.seconds)


def _slowest(records: list[SlowRecord]) -> list[SlowRecord]:
    return heapq.nlargest(SHOWN, records, key=lambda record: record.batch.seconds)
