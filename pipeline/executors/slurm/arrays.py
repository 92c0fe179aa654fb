"""Cut the unfinished tasks of a plan into job arrays, each with the arrays that must have ended before it.

An array waits for *every* array of every phase that its tasks read. It waits until they ended, however they
did: a task finds out from the manifests whether what it reads is there. Slurm numbers the tasks of an array
from 0 to below a limit of the site, so an array covers a window of that many tasks of its phase.

Where at most `workers` tasks may run at once, the arrays of a phase queue in lanes, one behind the other, and
the lanes share the workers, because Slurm limits an array (`--array=...%N`) and not several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.plan import Plan, PlannedPhase


@dataclass(frozen=True)
class TaskArray:
    """Tasks of one phase that are submitted together: those numbered `first` + id, for each id."""

    phase: PlannedPhase
    first: int
    ids: tuple[int, ...]
    #: How many of them may run at once; None for as many as find room.
    at_once: int | None
    #: Positions in the list of arrays of those that must have ended before.
    after: tuple[int, ...]

    @property
    def specification(self) -> str:
        """As `sbatch --array` wants it: `0-4,7%2`."""
        return _ranges(self.ids) + (f"%{self.at_once}" if self.at_once is not None else "")


def task_arrays(
    plan: Plan, unfinished: Mapping[str, Sequence[int]], largest: int, workers: int | None
) -> list[TaskArray]:
    """The arrays of a plan's unfinished tasks (by phase, ascending), none with an id of `largest` or more."""
    arrays: list[TaskArray] = []
    of_phase: dict[str, list[int]] = {}
    for phase in plan.phases:
        needed = [position for name in _phases_read(plan, phase) for position in of_phase[name]]
        windows = _windows(unfinished[phase.name], largest)
        lanes = len(windows) if workers is None else min(len(windows), workers)
        begun = len(arrays)
        for number, (window, ids) in enumerate(windows.items()):
            ahead = [begun + number - lanes] if number >= lanes else []
            at_once = None if workers is None else workers // lanes + (number % lanes < workers % lanes)
            arrays.append(TaskArray(phase, window * largest, tuple(ids), at_once, (*needed, *ahead)))
        of_phase[phase.name] = list(range(begun, len(arrays)))
    return arrays


def _phases_read(plan: Plan, phase: PlannedPhase) -> list[str]:
    """Names of the phases whose files a phase reads, removal lists that the documents come with included."""
    outputs = [read.output for read in phase.reads] + list(phase.upstream.removals if phase.upstream else ())
    return list(dict.fromkeys(plan.producer(output).name for output in outputs))


def _windows(tasks: Sequence[int], largest: int) -> dict[int, list[int]]:
    windows: dict[int, list[int]] = {}
    for index in tasks:
        windows.setdefault(index // largest, []).append(index % largest)
    return windows


def _ranges(ids: Sequence[int]) -> str:
    ranges: list[list[int]] = []
    for number in ids:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
