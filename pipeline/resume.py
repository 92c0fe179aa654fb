"""Which tasks are done: those whose manifest agrees with their inputs as they are now, and whose files are there.

Nothing else decides, so any number of stops, changes and machines leads to the same answer. Cost: a phase reads
its manifests once, and looks at each output's size.
"""

from __future__ import annotations

from pipeline.fingerprint import digest
from pipeline.manifest import Manifest
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


def is_done(phase: PlannedPhase, index: int, inputs: TaskInputs) -> tuple[bool, str | None]:
    """Whether a task is done; if it ran on other inputs, what changed, and its manifest is taken away."""
    path = inputs.workspace.manifest(phase, index)
    manifest = Manifest.load(path)
    described = inputs.describe(phase, index)
    if manifest is None:
        return False, None
    if manifest.inputs_digest == digest(described) and _outputs_present(manifest, phase, inputs.workspace):
        return True, None
    path.unlink(missing_ok=True)
    return False, _first_difference(manifest.inputs, described)


def _outputs_present(manifest: Manifest, phase: PlannedPhase, workspace: Workspace) -> bool:
    for file in manifest.outputs:
        path = workspace.output(phase, file.output) / file.name
        if not path.is_file() or path.stat().st_size != file.bytes:
            return False
    return True


def _first_difference(old: list[dict], new: list[dict]) -> str:
    for before, after in zip(old, new, strict=False):
        if before != after:
            return str(after.get("file") or after.get("output"))
    return "the list of its inputs" if len(old) != len(new) else "its output files, which are missing or damaged"
