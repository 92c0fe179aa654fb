"""Run a sample's plan on one worker process and read what its tasks cost from their manifests.

The first task of a phase runs twice: by how much the first time is dearer is what a new process pays (imports, models,
compiled kernels), which must not grow with the corpus. The plan's last task has no input: what it costs, every task
of the phase costs, whatever it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.errors import RecipeError, RunError
from pipeline.executors.base import Executor
from pipeline.manifest import Manifest
from pipeline.plan import Plan, PlannedPhase
from pipeline.task_inputs import TaskInputs
from pipeline.workspace import Workspace


@dataclass(frozen=True)
class MeasuredPhase:
    """What a phase cost, task by task."""

    #: CPU seconds that a new process pays once; that each task pays whatever it reads; and of each task beyond that.
    start_seconds: float
    task_seconds: float
    work: np.ndarray
    #: Bytes that each task wrote of each output, and that a task without input writes of all of them.
    outputs: dict[str, np.ndarray]
    task_bytes: float
    #: Rows that each task read and kept, zero where a phase counts none.
    read: np.ndarray
    kept: np.ndarray
    #: Wall over CPU seconds, and the memory that the worker had taken until then.
    wall_ratio: float
    peak_memory: int

    @property
    def tasks(self) -> int:
        return len(self.work)


@dataclass(frozen=True)
class Member:
    """A document of a duplicate cluster: its place in the sample, and whether it was removed."""

    cluster: int
    task: int
    row: int
    removed: bool


@dataclass
class Measurement:
    """A plan that was run, its phases, and the duplicate clusters of every exchange that removes (by output)."""

    plan: Plan
    phases: dict[str, MeasuredPhase] = field(default_factory=dict)
    clusters: dict[str, list[Member]] = field(default_factory=dict)

    def bytes(self, output: str) -> float:
        """Bytes of an output, of all tasks."""
        return float(self.phases[self.plan.producer(output).name].outputs[output].sum())


def measure(plan: Plan, phases: Sequence[PlannedPhase], run: Path, executor: Executor) -> Measurement:
    """Run phases of a plan whose last task of input has none, in the new folder `run`."""
    workspace = Workspace(run)
    run.mkdir(parents=True)
    plan.save(workspace.plan_file)
    measured = Measurement(plan)
    removing = {name for phase in plan.phases if phase.upstream for name in phase.upstream.removals}
    for phase in phases:
        first = _run(plan, phase, [0], workspace, executor)[0]
        manifests = _run(plan, phase, range(phase.tasks), workspace, executor)
        measured.phases[phase.name] = _measured(phase, manifests, first)
        for output in removing & set(phase.outputs):
            measured.clusters[output] = _members(plan, output, workspace)
    return measured


def by_part(phase: PlannedPhase) -> bool:
    """Whether each task of a phase goes through a part of the corpus or of the documents."""
    return bool(phase.splits) or any(read.select == "same" for read in phase.reads)


def _run(
    plan: Plan, phase: PlannedPhase, tasks: Sequence[int], workspace: Workspace, executor: Executor
) -> list[Manifest]:
    failures = executor.run_phase(plan, workspace.run, phase.name, tasks, lambda finished, rows: None)
    if failures:
        error = RecipeError if all(failure.mendable for failure in failures) else RunError
        raise error(f"the sample's {phase.name} failed: {failures[0].message}")
    return [found for found in (Manifest.load(workspace.manifest(phase, index)) for index in tasks) if found]


def _measured(phase: PlannedPhase, manifests: list[Manifest], first: Manifest) -> MeasuredPhase:
    cpu = np.array([manifest.cpu_seconds for manifest in manifests])
    wall = sum(manifest.seconds for manifest in manifests)
    sizes = {
        output: np.array([sum(f.bytes for f in m.outputs if f.output == output) for m in manifests], dtype=float)
        for output in phase.outputs
    }
    written = np.array([sum(file.bytes for file in manifest.outputs) for manifest in manifests], dtype=float)
    # Of a phase that gathers, the cheapest task stands for the one without input; a task alone is all work.
    last = len(manifests) - 1 if by_part(phase) else len(manifests)
    cheapest = last if by_part(phase) else int(cpu.argmin())
    alone = len(manifests) == 1
    task_seconds, task_bytes = (0.0, 0.0) if alone else (cpu[cheapest], written[cheapest])
    rows = [manifest.rows for manifest in manifests[:last]]
    return MeasuredPhase(
        start_seconds=max(first.cpu_seconds - cpu[0], 0.0),
        task_seconds=float(task_seconds),
        work=np.maximum(cpu[:last] - task_seconds, 0.0),
        outputs={output: size[:last] for output, size in sizes.items()},
        task_bytes=float(task_bytes),
        read=np.array([row.read if row else 0 for row in rows], dtype=float),
        kept=np.array([row.kept if row else 0 for row in rows], dtype=float),
        wall_ratio=float(min(max(wall / max(cpu.sum(), 1e-9), 1.0), 3.0)),
        peak_memory=max(manifest.peak_memory_bytes for manifest in manifests),
    )


def _members(plan: Plan, output: str, workspace: Workspace) -> list[Member]:
    """The rows of a removal list (stages.documents.REMOVAL_SCHEMA), of all tasks' documents."""
    inputs = TaskInputs(plan, workspace)
    columns = ("cluster", "part", "row", "removed")
    return [
        Member(*values)
        for task in range(plan.phases[0].tasks)
        for batch in inputs.bucket(output, task)
        for values in zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
    ]
