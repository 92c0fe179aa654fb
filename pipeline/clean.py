"""Free the intermediates of a run that nothing needs any more, having said how much.

An output of a done phase is needed by the phases that read it until they are done, and by its published folder.
What is freed is recorded (pipeline.cleaned), so that the run stays done without it; manifests, logs and published
folders stay. A published file is a hard link to the output where the storage has links: removing one of the two
frees nothing, so such outputs stay; where it is a copy the output goes and the published file stays. Folders of
earlier recipes and temporary files of killed writers go as well. Cost: one look at every manifest and file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.at_work import refuse_others_at_work
from pipeline.cleaned import record_cleaned
from pipeline.files import TEMPORARY_PREFIX, remove_temporary_files
from pipeline.manifest import OutputFile
from pipeline.plan import Plan, PlannedPhase
from pipeline.resume import all_done
from pipeline.storage import remove_tree
from pipeline.workspace import Workspace


@dataclass
class PhaseCleaning:
    """What can be freed of one phase, what stays, and why that stays."""

    phase: PlannedPhase
    files: list[Path] = field(default_factory=list)
    outputs: set[str] = field(default_factory=set)
    frees: int = 0
    stays: int = 0
    reasons: set[str] = field(default_factory=set)


@dataclass
class Cleaning:
    """All that can be freed of a run, in bytes that the storage really gets back."""

    phases: list[PhaseCleaning]
    earlier: list[Path]
    earlier_bytes: int
    temporary: list[Path]
    temporary_bytes: int

    @property
    def frees(self) -> int:
        return self.earlier_bytes + self.temporary_bytes + sum(phase.frees for phase in self.phases)

    @property
    def empty(self) -> bool:
        return not self.earlier and not self.temporary and not any(phase.files for phase in self.phases)


def find_cleaning(workspace: Workspace) -> Cleaning:
    """What can be freed now. Raises RunError while jobs are queued or tasks run, here or on a machine that is heard."""
    plan = workspace.load_plan()
    refuse_others_at_work(workspace)
    done = {phase.name for phase in plan.phases if all_done(plan, phase, workspace)}
    wanted = {phase.folder for phase in plan.phases}
    earlier = [folder for folder in _entries(workspace.work) if folder.name not in wanted]
    temporary = list(_temporary(workspace.run))
    return Cleaning(
        phases=[_of_phase(phase, plan, done, workspace) for phase in plan.phases],
        earlier=earlier,
        earlier_bytes=sum(map(_freed, earlier)),
        temporary=temporary,
        temporary_bytes=sum(map(_freed, temporary)),
    )


def clean(cleaning: Cleaning, workspace: Workspace) -> None:
    """Free it. Stopped anywhere it leaves a run that is done as before, and can be done again."""
    for part in cleaning.phases:
        if part.outputs:
            record_cleaned(part.phase, part.outputs, workspace)
        for path in part.files:
            path.unlink(missing_ok=True)
    for folder in cleaning.earlier:
        remove_tree(folder)
    remove_temporary_files(workspace.run)


def _of_phase(phase: PlannedPhase, plan: Plan, done: set[str], workspace: Workspace) -> PhaseCleaning:
    found = PhaseCleaning(phase)
    readers = {
        output: [reader.name for reader in plan.phases if any(read.output == output for read in reader.reads)]
        for output in phase.outputs
    }
    waiting = {output: [name for name in names if name not in done] for output, names in readers.items()}
    for manifest in workspace.manifests(phase):
        for file in manifest.outputs:
            path = workspace.output(phase, file.output) / file.name
            if not path.is_file():
                continue
            reason = _why_it_stays(path, file, phase, phase.name in done, waiting[file.output], workspace)
            if reason is None:
                found.files.append(path)
                found.outputs.add(file.output)
                found.frees += file.bytes
            else:
                found.stays += file.bytes
                found.reasons.add(reason)
    return found


def _why_it_stays(
    path: Path, file: OutputFile, phase: PlannedPhase, done: bool, waiting: list[str], workspace: Workspace
) -> str | None:
    if not done:
        return "the phase is not done"
    if waiting:
        return f"{waiting[0]} will read it"
    folder = phase.publishes.get(file.output)
    if _links(path) > 1:
        return f"is {folder}/" if folder else "has other links, so that nothing would be freed"
    if folder is not None:
        published = workspace.run / folder / file.name
        if not published.is_file() or published.stat().st_size != file.bytes:
            return f"is not published as {folder}/ yet"
    return None


def _links(path: Path) -> int:
    """Names of the file on its storage; one where the storage knows no links."""
    return getattr(path.stat(), "st_nlink", 1)


def _temporary(folder: Path) -> Iterator[Path]:
    """Temporary files and folders below a folder."""
    for path in _entries(folder):
        if path.name.startswith(TEMPORARY_PREFIX):
            yield path
        elif path.is_dir() and not path.is_symlink():
            yield from _temporary(path)


def _freed(path: Path) -> int:
    """Bytes that go with a file, or with a folder and all below it."""
    if path.is_symlink():
        return 0
    if path.is_dir():
        return sum(_freed(entry) for entry in _entries(path))
    return path.stat().st_size if _links(path) <= 1 else 0


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir(), key=str) if folder.is_dir() else []
