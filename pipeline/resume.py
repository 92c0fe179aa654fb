"""Which tasks are done: those whose manifest agrees with their inputs as they are now, and whose files are there.

Nothing else decides, so any number of stops, changes and machines leads to the same answer. Cost: a phase reads
its manifests once, and looks at each output's size. What `corpusmill clean` freed counts as there.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import NotReady
from pipeline.fingerprint import digest
from pipeline.manifest import Manifest, OutputFile
from pipeline.plan import Plan, PlannedPhase
from pipeline.task_inputs import TaskInputs
from pipeline.workspace import Workspace


def missing_tasks(plan: Plan, phase: PlannedPhase, workspace: Workspace) -> tuple[list[int], list[str]]:
    """Tasks of a phase that must run, and for those that ran on other inputs, what changed.

    Their manifests are taken away. Raises NotReady when what the phase reads is not complete.
    """
    inputs = TaskInputs(plan, workspace)
    missing, reasons = [], []
    for index in range(phase.tasks):
        done, reason = is_done(phase, index, inputs)
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
        waiting, inputs = set[int]().union(*incomplete.values()), TaskInputs(plan, workspace)
        unfinished[phase.name] = [
            index for index in range(phase.tasks) if index in waiting or not is_done(phase, index, inputs)[0]
        ]
    return unfinished


def is_done(phase: PlannedPhase, index: int, inputs: TaskInputs) -> tuple[bool, str | None]:
    """Whether a task is done; if it ran on other inputs, what changed, and its manifest is taken away."""
    manifest, changed = _judge(phase, index, inputs)
    if changed is not None:
        inputs.workspace.manifest(phase, index).unlink(missing_ok=True)
        return False, changed
    return manifest is not None, None


def all_done(plan: Plan, phase: PlannedPhase, workspace: Workspace) -> bool:
    """Whether every task of a phase is done, found out without changing anything."""
    inputs = TaskInputs(plan, workspace)
    try:
        verdicts = (_judge(phase, index, inputs) for index in range(phase.tasks))
        return all(manifest is not None and changed is None for manifest, changed in verdicts)
    except NotReady:
        return False


def _judge(phase: PlannedPhase, index: int, inputs: TaskInputs) -> tuple[Manifest | None, str | None]:
    """The manifest of a task, None where it has none, and what has changed since it was written."""
    manifest = Manifest.load(inputs.workspace.manifest(phase, index))
    described = inputs.describe(phase, index)
    if manifest is None:
        return None, None
    if manifest.inputs_digest == digest(described) and _outputs_present(manifest, phase, inputs):
        return manifest, None
    return manifest, _first_difference(manifest.inputs, described)


def _outputs_present(manifest: Manifest, phase: PlannedPhase, inputs: TaskInputs) -> bool:
    """Whether every file is there, or was cleaned away and stands where it is published, if it is."""
    workspace = inputs.workspace
    for file in manifest.outputs:
        if _holds(workspace.output(phase, file.output) / file.name, file):
            continue
        folder = phase.publishes.get(file.output)
        published = folder is None or _holds(workspace.run / folder / file.name, file)
        if file.output not in inputs.cleaned(phase) or not published:
            return False
    return True


def _holds(path: Path, file: OutputFile) -> bool:
    return path.is_file() and path.stat().st_size == file.bytes


def _first_difference(old: list[dict], new: list[dict]) -> str:
    for before, after in zip(old, new, strict=False):
        if before != after:
            return str(after.get("file") or after.get("output"))
    return "the list of its inputs" if len(old) != len(new) else "its output files, which are missing or damaged"
