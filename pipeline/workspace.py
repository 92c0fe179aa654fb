"""Paths of a run directory: where phases work, leave manifests and logs, and publish."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.manifest import Manifest
from pipeline.plan import Plan, PlannedPhase
from pipeline.rollup import manifest_name, read_manifests


class Workspace:
    """One run directory. Everything below `work/` can be recomputed; the other folders are published."""

    def __init__(self, run: Path) -> None:
        # A stage may change the working directory.
        self.run = run.absolute()
        self.work = self.run / "work"

    @property
    def plan_file(self) -> Path:
        return self.run / "plan.json"

    def phase(self, phase: PlannedPhase) -> Path:
        return self.work / phase.folder

    def output(self, phase: PlannedPhase, output: str) -> Path:
        """Folder of one output; `output` is its full name."""
        return self.phase(phase) / output.rpartition(".")[2]

    def manifest(self, phase: PlannedPhase, index: int) -> Path:
        return self.phase(phase) / "manifests" / manifest_name(index)

    def log(self, phase: PlannedPhase, index: int) -> Path:
        return self.phase(phase) / "logs" / f"{index:05d}.jsonl"

    def failure(self, phase: PlannedPhase, index: int) -> Path:
        return self.phase(phase) / "failures" / f"{index:05d}.json"

    def verdicts(self, phase: PlannedPhase, index: int) -> Path:
        return self.phase(phase) / "verdicts" / f"{index:05d}.json"

    def running(self, phase: PlannedPhase, index: int) -> Path:
        return self.phase(phase) / "running" / f"{index:05d}.json"

    def manifest_of_each(self, phase: PlannedPhase) -> Iterator[Manifest | None]:
        """The manifest of each task of the phase in task order, without its inputs; None where it has not finished."""
        return read_manifests(
            self.manifest(phase, 0).parent, self.phase(phase) / "rollups", phase.fingerprint, phase.tasks
        )

    def manifests(self, phase: PlannedPhase) -> Iterator[Manifest]:
        """The manifests of the phase's finished tasks, in task order, without their inputs."""
        return (manifest for manifest in self.manifest_of_each(phase) if manifest is not None)

    def load_plan(self) -> Plan:
        return Plan.load(self.plan_file)
