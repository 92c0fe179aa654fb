"""The state of a run from its manifests: the same during the run, after it, and from any machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.files import driver_is_alive
from pipeline.plan import PlannedPhase
from pipeline.workspace import Workspace


def read_status(run: Path) -> dict[str, Any]:
    """`state` (running, stopped, failed, complete), counts for each phase and the failures so far."""
    workspace = Workspace(run)
    plan = workspace.load_plan()
    alive = driver_is_alive(run)
    phases = [_phase_status(phase, workspace, alive) for phase in plan.phases]
    failures = [failure for phase in plan.phases for failure in _failures(phase, workspace)]
    complete = all(phase["done"] == phase["tasks"] for phase in phases)
    state = "complete" if complete else "running" if alive else "failed" if failures else "stopped"
    return {"run": str(run), "recipe": plan.recipe.name, "state": state, "phases": phases, "failures": failures}


def _phase_status(phase: PlannedPhase, workspace: Workspace, alive: bool) -> dict[str, Any]:
    manifests = list(workspace.manifests(phase))
    rows = sum(manifest.rows.read for manifest in manifests if manifest.rows)
    seconds = sum(manifest.seconds for manifest in manifests)
    slowest = max(manifests, key=lambda manifest: manifest.seconds, default=None)
    return {
        "phase": phase.name,
        "tasks": phase.tasks,
        "done": len(manifests),
        "running": len(_files(workspace.running(phase, 0).parent)) if alive else 0,
        "failed": len(_failures(phase, workspace)),
        "rows": rows,
        "seconds": round(seconds, 3),
        "rows_per_second": round(rows / seconds, 1) if seconds else 0.0,
        "peak_memory_bytes": max((manifest.peak_memory_bytes for manifest in manifests), default=0),
        "slowest_task": slowest and f"{phase.name}:{slowest.index}",
    }


def _failures(phase: PlannedPhase, workspace: Workspace) -> list[dict[str, str]]:
    """Failures of tasks that no later attempt finished."""
    found = []
    for path in _files(workspace.failure(phase, 0).parent):
        if not workspace.manifest(phase, int(path.stem)).exists():
            message = json.loads(path.read_text("utf-8"))["message"]
            found.append({"task": f"{phase.name}:{int(path.stem)}", "message": message})
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.json")) if folder.is_dir() else []
