"""A run's account: totals, rules, the funnel through its stages, throughput and what was published.

Everything but the clusters of duplicates is a sum over manifests; `totals` and `rules` come first in the JSON because
scripts read them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inspector.added_columns import AddedColumns
from inspector.deduplication.report import deduplication_report
from pipeline.nothing_kept import nothing_kept
from pipeline.plan import Plan
from pipeline.totals import run_totals
from pipeline.workspace import Workspace


def run_report(run: Path, examples: int = 3) -> dict[str, Any]:
    """The account of a run directory as plain data, with `examples` of the largest clusters of duplicates."""
    workspace = Workspace(run)
    plan = workspace.load_plan()
    totals = run_totals(plan, workspace)
    return {
        "totals": {
            "read": totals.read,
            "kept": totals.kept,
            "dropped": totals.dropped,
            "quarantined": totals.quarantined,
        },
        "rules": totals.rules,
        "undecided": totals.undecided,
        "balanced": totals.balanced(),
        "complete": totals.complete,
        "remarks": nothing_kept(run, totals),
        "recipe": plan.recipe.name,
        "funnel": _funnel(plan, workspace),
        "compile_seconds": _compile_seconds(plan, workspace),
        "phases": [_phase(plan, workspace, phase.name) for phase in plan.phases],
        "counters": totals.counters,
        "published": _published(workspace),
        "measurements": AddedColumns(plan, workspace).described(),
        "deduplication": deduplication_report(plan, workspace, totals.counters, examples),
    }


def _funnel(plan: Plan, workspace: Workspace) -> list[dict[str, Any]]:
    """Rows in and out and worker seconds of every stage in recipe order, exchanges included."""
    steps: dict[str, dict[str, Any]] = {}
    for phase in plan.phases:
        for manifest in workspace.manifests(phase):
            if phase.step is not None:
                step = steps.setdefault(phase.labels[0], {"stage": phase.labels[0], "seconds": 0.0})
                step["seconds"] += manifest.seconds - manifest.compile_seconds
            for account in manifest.stages:
                step = steps.setdefault(account.label, {"stage": account.label, "seconds": 0.0})
                step["rows_in"] = step.get("rows_in", 0) + account.rows_in
                step["rows_out"] = step.get("rows_out", 0) + account.rows_out
                step["bytes_in"] = step.get("bytes_in", 0) + account.bytes_in
                step["seconds"] += account.seconds
    return [{**step, "seconds": round(step["seconds"], 3)} for label, step in steps.items() if label != "read"]


def _compile_seconds(plan: Plan, workspace: Workspace) -> float:
    """Worker seconds in which kernels were compiled, as they are once on a machine; the funnel is without them."""
    tasks = (manifest for phase in plan.phases for manifest in workspace.manifests(phase))
    return round(sum(manifest.compile_seconds for manifest in tasks), 3)


def _phase(plan: Plan, workspace: Workspace, name: str) -> dict[str, Any]:
    phase = plan.phase(name)
    manifests = list(workspace.manifests(phase))
    return {
        "phase": name,
        "tasks": phase.tasks,
        "finished": len(manifests),
        "seconds": round(sum(manifest.seconds for manifest in manifests), 3),
        "bytes_read": sum(manifest.bytes_read for manifest in manifests),
        "bytes_written": sum(file.bytes for manifest in manifests for file in manifest.outputs),
        "rows_written": sum(file.rows for manifest in manifests for file in manifest.outputs),
        "peak_memory_bytes": max((manifest.peak_memory_bytes for manifest in manifests), default=0),
        "attempts": max((manifest.attempt for manifest in manifests), default=0),
    }


def _published(workspace: Workspace) -> dict[str, int]:
    """Folder -> bytes of what the run published."""
    found = {}
    for name in ("documents", "rejects", "duplicates", "retractions", "recall", "tokenizer", "shards"):
        folder = workspace.run / name
        if folder.is_dir():
            found[name] = sum(file.stat().st_size for file in folder.iterdir())
    return found
