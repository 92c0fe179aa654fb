"""List the input files of a run and fingerprint them by content, never by path or time.

A file's name is its path relative to the input root it was found under: moving the folder changes
nothing. The hash of a file is sampled (first, last and evenly spread blocks of 64 KiB, with the size), so
listing a terabyte costs seeks, not a read: about 1 ms a file on a local disk.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import RecipeError, RunError
from stages.base import InputFile, Source

#: Marks a run directory, whose own files are never input.
RUN_MARK = "plan.json"
BLOCK = 1 << 16
BLOCKS = 8


@dataclass(frozen=True, slots=True)
class ListedFile:
    """An input file of the plan: identity name, where it lies, size in bytes and sampled sha256."""

    name: str
    path: Path
    size: int
    sampled_sha256: str

    def input_file(self) -> InputFile:
        return InputFile(self.name, self.path, self.size)


def list_inputs(paths: Sequence[str | Path], source: Source) -> list[ListedFile]:
    """All files of the inputs in identity order (by name).

    Folders are searched for the source's suffixes; run directories that lie in them are passed over.
    """
    if not paths:
        raise RecipeError("no input given; name files or folders with --in")
    found: dict[str, Path] = {}
    for given in paths:
        root = Path(given)
        for name, path in _files_below(root, source):
            if name in found and found[name].resolve() != path.resolve():
                raise RecipeError(
                    f"{path}: another input also holds '{name}'; give their common parent folder as the input instead"
                )
            found[name] = path
    return [_listed(name, found[name]) for name in sorted(found, key=lambda name: name.encode())]


def check_unchanged(file: ListedFile) -> None:
    """Hold an input file against the plan, when a task begins and ends to read it. Cost: as listing it.

    RecipeError when it is gone, RunError when it is not the file that was planned: rows of two versions never mix.
    """
    try:
        size = file.path.stat().st_size
    except FileNotFoundError:
        raise RecipeError(
            f"{file.path}: is gone since the plan was made; put it back, or repeat the command to go on without it"
        ) from None
    if size != file.size or _listed(file.name, file.path).sampled_sha256 != file.sampled_sha256:
        raise RunError(
            f"{file.path}: has changed since the plan was made ({file.size:,} bytes then, {size:,} now); "
            "repeat the run or plan command, which plans it anew"
        )


def _files_below(root: Path, source: Source) -> list[tuple[str, Path]]:
    if root.is_file():
        if not root.name.lower().endswith(tuple(source.suffixes)):
            raise RecipeError(
                f"{root}: the recipe's source '{source.name}' reads {', '.join(source.suffixes)}; "
                "choose a recipe with another source"
            )
        return [(_identity_name(Path(root.name)), root)]
    if not root.is_dir():
        raise RecipeError(f"{root}: no such input file or folder")
    files = []
    for folder, below, names in os.walk(root):
        if RUN_MARK in names and Path(folder) != root:
            below.clear()
            continue
        for name in names:
            path = Path(folder, name)
            if name.lower().endswith(tuple(source.suffixes)) and path.is_file():
                files.append((_identity_name(path.relative_to(root)), path))
    if not files:
        raise RecipeError(f"{root}: holds no file ending in {', '.join(source.suffixes)}")
    return files


def _identity_name(relative: Path) -> str:
    """The relative path with slashes; bytes that are no UTF-8 are written out, so that any name can be stored."""
    return os.fsencode(relative.as_posix()).decode("utf-8", "backslashreplace")


def _listed(name: str, path: Path) -> ListedFile:
    try:
        size = path.stat().st_size
        digest = hashlib.sha256(size.to_bytes(8, "little"))
        with path.open("rb") as stream:
            for offset in sample_offsets(size):
                stream.seek(offset)
                digest.update(stream.read(BLOCK))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error
    return ListedFile(name, path.absolute(), size, digest.hexdigest())


def sample_offsets(size: int) -> list[int]:
    """Where the sampled blocks begin: the whole file when it is small."""
    if size <= BLOCK * BLOCKS:
        return list(range(0, size, BLOCK))
    step = (size - BLOCK) / (BLOCKS - 1)
    return [round(step * block) for block in range(BLOCKS)]
