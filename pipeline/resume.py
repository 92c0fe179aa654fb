"""Which tasks are done: those whose manifest agrees with their inputs as they are now, and whose files are there.

Nothing else decides, so any number of stops, changes and machines leads to the same answer. What `corpusmill clean`
freed counts as there. Cost: a phase's manifests are read once (pipeline.rollup), and its outputs' folders listed.
"""

from __future__ import annotations

from pipeline.errors import NotReady
from pipeline.fingerprint import digest
from pipeline.manifest import Manifest
from pipeline.plan import Plan, PlannedPhase
from pipeline.task_inputs import TaskInputs
from pipeline.workspace import Workspace

#: How a reason begins where a file is the same and its range is not.
PART_OF = "how much is read of "


def missing_tasks(plan: Plan, phase: PlannedPhase, workspace: Workspace) -> tuple[list[int], list[str]]:
    """Tasks of a phase that must run, and for those that ran on other inputs, what changed.

    Their manifests are taken away. Raises NotReady when what the phase reads is not complete.
    """
    inputs = TaskInputs(plan, workspace, of_all_tasks=True)
    missing, reasons = [], []
    for index, manifest in enumerate(workspace.manifest_of_each(phase)):
        done, reason = _settle(phase, index, manifest, inputs)
        if not done:
            missing.append(index)
        if reason:
            reasons.append(reason)
    return missing, reasons


def unfinished_tasks(plan: Plan, workspace: Workspace) -> dict[str, list[int]]:
    """Tasks of every phase that are not done, or cannot be known to be while what they read is not complete."""
    unfinished: dict[str, list[int]] = {}
    for phase in plan.phases:
        incomplete = {read: set(unfinished[plan.producer(read.output).name]) for read in phase.reads}
        if any(tasks and read.select != "same" for read, tasks in incomplete.items()):
            unfinished[phase.name] = list(range(phase.tasks))
            continue
        waiting, inputs = set[int]().union(*incomplete.values()), TaskInputs(plan, workspace, of_all_tasks=True)
        unfinished[phase.name] = [
            index
            for index, manifest in enumerate(workspace.manifest_of_each(phase))
            if index in waiting or not _settle(phase, index, manifest, inputs)[0]
        ]
    return unfinished


def all_done(plan: Plan, phase: PlannedPhase, workspace: Workspace) -> bool:
    """Whether every task of a phase is done, found out without changing anything."""
    inputs = TaskInputs(plan, workspace, of_all_tasks=True)
    try:
        return all(
            _is_current(phase, index, found, inputs) for index, found in enumerate(workspace.manifest_of_each(phase))
        )
    except NotReady:
        return False


def is_done(phase: PlannedPhase, index: int, inputs: TaskInputs) -> bool:
    """Whether a task is done; if it ran on other inputs, its manifest is taken away."""
    manifest = Manifest.load(inputs.workspace.manifest(phase, index))
    return _settle(phase, index, manifest, inputs)[0]


def _settle(phase: PlannedPhase, index: int, manifest: Manifest | None, inputs: TaskInputs) -> tuple[bool, str | None]:
    """Whether a task with this manifest is done; if it ran on other inputs, what changed, and the manifest goes."""
    if _is_current(phase, index, manifest, inputs):
        return True, None
    place = inputs.workspace.manifest(phase, index)
    found = manifest and Manifest.load(place)
    if found is None:
        return False, None
    place.unlink(missing_ok=True)
    return False, _first_difference(found.inputs, inputs.describe(phase, index))


def _is_current(phase: PlannedPhase, index: int, manifest: Manifest | None, inputs: TaskInputs) -> bool:
    """Whether a manifest agrees with the task's inputs, and the files that it names are there."""
    described = inputs.describe(phase, index)
    return (
        manifest is not None
        and manifest.inputs_digest == digest(described)
        and _outputs_present(manifest, phase, inputs)
    )


def _outputs_present(manifest: Manifest, phase: PlannedPhase, inputs: TaskInputs) -> bool:
    """Whether every file is there, or was cleaned away and stands where it is published, if it is."""
    workspace = inputs.workspace
    for file in manifest.outputs:
        if inputs.stands(workspace.output(phase, file.output), file):
            continue
        folder = phase.publishes.get(file.output)
        published = folder is None or inputs.stands(workspace.run / folder, file)
        if file.output not in inputs.cleaned(phase) or not published:
            return False
    return True


def _first_difference(old: list[dict], new: list[dict]) -> str:
    for before, after in zip(old, new, strict=False):
        if before != after:
            content = [(described.get("file"), described.get("checksum")) for described in (before, after)]
            place = str(after.get("file") or after.get("output"))
            return PART_OF + place if "file" in after and content[0] == content[1] else place
    return "the list of its inputs" if len(old) != len(new) else "its output files, which are missing or damaged"
