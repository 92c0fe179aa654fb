"""Publish complete phases: documents/, rejects/, shards/ and the like hold results of one recipe, whole.

A folder is built beside its place from hard links (copies where links are not possible) and renamed into
it; on a remote storage the files are copied there. `published.json`, written last, records what each folder was
made from and that it is whole. What another recipe published is withdrawn before the new one runs, so that folders
of two recipes never stand side by side. Cost: files that the driver's own tasks did not write are read, to be held
against their checksums; not so remote ones, whose storage does that itself.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Container, Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from pipeline.errors import Damaged, DamagedFile, RunError
from pipeline.faults import fault_point
from pipeline.files import TEMPORARY_PREFIX, file_sha256, write_json
from pipeline.fingerprint import digest
from pipeline.intact import is_intact
from pipeline.manifest import OutputFile
from pipeline.plan import Plan, PlannedPhase
from pipeline.progress import Progress
from pipeline.storage import copy_within, in_threads, is_remote, list_folder, remove_tree
from pipeline.workspace import Workspace

PUBLISHED = "published.json"


def publish(
    plan: Plan, phase: PlannedPhase, workspace: Workspace, believed: Container[tuple[str, int]] | None = None
) -> None:
    """Publish every folder whose last contributing phase this is; does nothing when it already stands.

    Files of tasks (phase, index) that are not `believed` are held against their checksums first; None: all are.
    Damaged names those that do not have it.
    """
    for folder in dict.fromkeys(phase.publishes.values()):
        contributors = _contributors(plan, folder)
        if contributors[-1][0].name == phase.name:
            _publish_folder(folder, contributors, _made_from(plan, contributors), workspace, believed)


def files_of(plan: Plan, folder: str, workspace: Workspace) -> dict[str, tuple[Path, str]]:
    """The files that a folder consists of, by name: where each lies in work/ unless it was cleaned, and its sha256."""
    return _files(_contributors(plan, folder), workspace)


def _files(contributors: list[tuple[PlannedPhase, str]], workspace: Workspace) -> dict[str, tuple[Path, str]]:
    return {
        file.name: (workspace.output(phase, output) / file.name, file.sha256)
        for phase, output in contributors
        for manifest in workspace.manifests(phase)
        for file in manifest.outputs
        if file.output == output
    }


def withdraw_stale(plan: Plan, workspace: Workspace, progress: Progress) -> None:
    """Take away folders that a different recipe or input published."""
    published = published_records(workspace)
    for folder, record in list(published.items()):
        if record["made_from"] != _made_from(plan, _contributors(plan, folder)):
            progress.say(f"{folder}/ is of an earlier recipe or input; withdrawn until the new one is complete")
            _withdraw(folder, published, workspace)


def withdraw(folders: Iterable[str], workspace: Workspace) -> None:
    """Take away folders until their phases are complete again."""
    published = published_records(workspace)
    for folder in folders:
        _withdraw(folder, published, workspace)


def _publish_folder(
    folder: str,
    contributors: list[tuple[PlannedPhase, str]],
    made_from: str,
    workspace: Workspace,
    believed: Container[tuple[str, int]] | None,
) -> None:
    for phase, _ in contributors:
        finished = sum(1 for _ in workspace.manifests(phase))
        if finished != phase.tasks:
            raise RunError(f"{folder}/ cannot be published: {finished} of {phase.tasks} tasks of {phase.name} are done")
    files = _files(contributors, workspace)
    record = {
        "made_from": made_from,
        "content": digest({name: sha256 for name, (_, sha256) in files.items()}),
    }
    published = published_records(workspace)
    place = workspace.run / folder
    if published.get(folder) == record and _stands(place, files):
        return
    _withdraw(folder, published, workspace)
    if believed is not None and not is_remote(place):
        _refuse_damaged(contributors, workspace, believed)
    if is_remote(place):
        _copy_all([(path, place / name) for name, (path, _) in files.items()])
    else:
        _rename_into_place([(path, name) for name, (path, _) in files.items()], place)
    fault_point("publication")
    write_json(workspace.run / PUBLISHED, {**published, folder: record})


def _refuse_damaged(
    contributors: list[tuple[PlannedPhase, str]], workspace: Workspace, believed: Container[tuple[str, int]]
) -> None:
    unsure = [
        (phase, manifest.index, file)
        for phase, output in contributors
        if any((phase.name, index) not in believed for index in range(phase.tasks))
        for manifest in workspace.manifests(phase)
        if (phase.name, manifest.index) not in believed
        for file in manifest.outputs
        if file.output == output
    ]

    def damaged(written: tuple[PlannedPhase, int, OutputFile]) -> DamagedFile | None:
        phase, index, file = written
        path = workspace.output(phase, file.output) / file.name
        whole = path.is_file() and is_intact(path, file.sha256)
        return None if whole else DamagedFile(str(path), phase.name, index, file.output)

    found = [file for file in in_threads(damaged, unsure) if file is not None]
    if found:
        raise Damaged(found)


def _rename_into_place(files: list[tuple[Path, str]], place: Path) -> None:
    staging = place.with_name(f"{TEMPORARY_PREFIX}{place.name}")
    remove_tree(staging)
    staging.mkdir(parents=True)
    for path, name in files:
        _link(path, staging / name)
    fault_point("publication")
    staging.rename(place)


def _copy_all(pairs: list[tuple[Path, Path]]) -> None:
    """Copies within a remote storage. A stop leaves some; the record that the folder is whole is still to come."""
    for _ in in_threads(lambda pair: copy_within(*pair), pairs):
        pass


def _stands(place: Path, files: dict[str, tuple[Path, str]]) -> bool:
    """Whether a folder holds these files and nothing else, each the very file of `work/` or one with its content.

    Of remote files, which cannot be the very same, the sizes are compared where the one in `work/` is still there.
    """
    found = list_folder(place)
    if set(found) != set(files):
        return False
    if is_remote(place):
        sources = {folder: list_folder(folder) for folder in {path.parent for path, _ in files.values()}}
        in_work = {name: sources[path.parent].get(path.name) for name, (path, _) in files.items()}
        return all(of is None or of.size == found[name].size for name, of in in_work.items())
    return all(
        _same(place / name, path) or file_sha256(place / name) == sha256 for name, (path, sha256) in files.items()
    )


def _same(published: Path, path: Path) -> bool:
    """Whether the two are one file; what was cleaned away is none."""
    return path.exists() and published.samefile(path)


def _withdraw(folder: str, published: dict[str, dict], workspace: Workspace) -> None:
    if published.pop(folder, None) is not None:
        write_json(workspace.run / PUBLISHED, published)
    remove_tree(workspace.run / folder)
    above = (workspace.run / folder).parent  # of index/LABEL, which another index may share
    if above != workspace.run and not is_remote(above):
        with suppress(OSError):
            above.rmdir()


def _contributors(plan: Plan, folder: str) -> list[tuple[PlannedPhase, str]]:
    return [(phase, output) for phase in plan.phases for output, target in phase.publishes.items() if target == folder]


def _made_from(plan: Plan, contributors: list[tuple[PlannedPhase, str]]) -> str:
    """Identifies recipe and input: the contributing phases and the splits of the corpus by content."""
    splits = [[asdict(split) for split in task] for phase in plan.phases for task in phase.splits]
    files = {file.name: file.checksum for file in plan.files.values()}
    return digest({"phases": [phase.fingerprint for phase, _ in contributors], "splits": splits, "files": files})


def published_records(workspace: Workspace) -> dict[str, dict]:
    """Records by folder. Of a damaged file nothing is believed: what it named is published anew."""
    try:
        records = json.loads((workspace.run / PUBLISHED).read_text("utf-8"))
        return {
            folder: {key: str(record[key]) for key in ("made_from", "content")} for folder, record in records.items()
        }
    except (FileNotFoundError, ValueError, AttributeError, TypeError, KeyError):
        return {}


def is_published(folder: str, workspace: Workspace) -> bool:
    """Whether a folder stands, be it without files, which an object store does not show."""
    place = workspace.run / folder
    return place.is_dir() or (is_remote(place) and folder in published_records(workspace))


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
