"""Take back what `corpusmill clean` freed where it is needed again: the phases that wrote it have to run.

A freed output is needed when a phase that reads it is not done, or may not stay so because a phase before it is
not done. Its phase then runs again as a whole, and so needs what it reads itself: readers are settled before
the phases they read, last phase first. Same inputs give the same bytes, so whatever else is done stays done.
Cost: nothing for a run that was never cleaned, else one more look at every manifest.
"""

from __future__ import annotations

from pipeline.cleaned import cleaned_outputs, forget_cleaned
from pipeline.plan import Plan, PlannedPhase
from pipeline.resume import all_done
from pipeline.workspace import Workspace


def restore_needed(plan: Plan, workspace: Workspace) -> list[str]:
    """Mark as not done every phase whose freed outputs are needed again; a line for each says why."""
    cleaned = {phase.name: cleaned_outputs(phase, workspace) for phase in plan.phases}
    if not any(cleaned.values()):
        return []
    unfinished = _unfinished(plan, workspace)
    lines = []
    for phase in reversed(plan.phases):
        for reader in plan.phases:
            needed = [read.output for read in reader.reads if read.output in cleaned[phase.name]]
            if needed and reader.name in unfinished:
                unfinished.add(phase.name)
                _take_back(phase, workspace)
                lines.append(f"{phase.name} runs again: {reader.name} reads {needed[0]}, which was cleaned away")
                break
    return lines[::-1]


def _unfinished(plan: Plan, workspace: Workspace) -> set[str]:
    """Names of the phases that are not done, or read one that is not."""
    unfinished: set[str] = set()
    for phase in plan.phases:
        producers = {plan.producer(read.output).name for read in phase.reads}
        if producers & unfinished or not all_done(plan, phase, workspace):
            unfinished.add(phase.name)
    return unfinished


def _take_back(phase: PlannedPhase, workspace: Workspace) -> None:
    """Manifests go before the record: a stop in between leaves a phase that is known to be incomplete."""
    for index in range(phase.tasks):
        workspace.manifest(phase, index).unlink(missing_ok=True)
    forget_cleaned(phase, workspace)
