"""Say what a changed recipe or input reruns, and why."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.fingerprint import explain_change
from pipeline.plan import Plan, PlannedPhase
from pipeline.resume import PART_OF


def explain_phase(previous: Plan | None, phase: PlannedPhase) -> str | None:
    """Why the phase runs as a whole: its own changes, or the phase it reads; None when it is simply new."""
    if previous is None:
        return None
    before = {old.name: old for old in previous.phases}
    old = before.get(phase.name)
    if old is None or old.fingerprint == phase.fingerprint:
        return None
    changes = explain_change(old.components, phase.components, phase.ignores)
    if not changes and old.labels != phase.labels:
        changes = ["the order of its stages"]
    if not changes and old.ignores != phase.ignores:
        changes = ["other parameters count for it"]
    if changes:
        return "because " + ", ".join(changes)
    producers = dict.fromkeys(read.output.rpartition(".")[0] for read in phase.reads)
    return "because it reads " + ", ".join(producers) + ", which changed"


def explain_tasks(previous: Plan | None, plan: Plan, reasons: Sequence[str]) -> str | None:
    """Why some finished tasks run again: another --limit, or the inputs that changed."""
    if not reasons:
        return None
    distinct = list(dict.fromkeys(reasons))
    if previous and previous.limit != plan.limit and all(reason.startswith(PART_OF) for reason in distinct):
        before, now = ("none" if limit is None else f"{limit:,}" for limit in (previous.limit, plan.limit))
        return f"because of --limit {before} -> {now}"
    shown = ", ".join(distinct[:3]) + (f" and {len(distinct) - 3} more" if len(distinct) > 3 else "")
    return f"{len(reasons)} because of a change in {shown}"
