"""Checksums of what a run has published, and where two runs differ.

A folder's sha256 is taken over canonical JSON of its files' names and sha256, in the order of names: what
`published.json` records as its content. Cost: every published byte is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from pipeline.errors import RunError
from pipeline.files import file_sha256
from pipeline.fingerprint import digest
from pipeline.publication import published_records
from pipeline.workspace import Workspace


@dataclass(frozen=True)
class FolderChecksum:
    """A published folder as it is now; `as_published` is false when its files are no longer those published."""

    folder: str
    bytes: int
    files: dict[str, str]
    sha256: str
    as_published: bool


def folder_checksums(run: Path) -> list[FolderChecksum]:
    """The published folders of a run. RecipeError when it is no run, RunError when nothing is published yet."""
    workspace = Workspace(run)
    workspace.load_plan()
    records = published_records(workspace)
    if not records:
        raise RunError(f"{run}: has published nothing yet; run it to the end first")
    return [_checksum(run / folder, records[folder]["content"]) for folder in sorted(records)]


def differences(runs: Sequence[Path], checksums: Sequence[Sequence[FolderChecksum]]) -> list[str]:
    """A line for each folder that is not the same in all runs, naming the first file that differs."""
    by_name = [{found.folder: found for found in of_run} for of_run in checksums]
    lines = []
    for folder in sorted(set().union(*by_name)):
        for (one, first), (other, second) in pairwise(zip(runs, by_name, strict=True)):
            if folder not in first or folder not in second:
                lines.append(f"{folder}/ is published in {one if folder in first else other} alone")
            elif first[folder].sha256 != second[folder].sha256:
                lines.append(_first_difference(folder, one, first[folder].files, other, second[folder].files))
    return lines


def _checksum(place: Path, published: str) -> FolderChecksum:
    paths = sorted(place.iterdir(), key=lambda path: path.name) if place.is_dir() else []
    files = {path.name: file_sha256(path) for path in paths}
    content = digest(files)
    return FolderChecksum(
        place.name, sum(path.stat().st_size for path in paths), files, content, as_published=content == published
    )


def _first_difference(folder: str, one: Path, files: dict[str, str], other: Path, others: dict[str, str]) -> str:
    name = min(name for name in {**files, **others} if files.get(name) != others.get(name))
    if name not in files or name not in others:
        return f"{folder}/{name} is in {one if name in files else other} alone"
    return f"{folder}/{name} is {files[name]} in {one} and {others[name]} in {other}"
