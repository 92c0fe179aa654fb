"""List the input files of a run and fingerprint them by content, never by path or time.

A file's name is its path relative to the input root it was found under: moving the folder changes
nothing. A root is a folder or a file, here or on a remote storage, or a pattern (`crawl/**/*.warc.gz`), whose
root is the folder before its first wildcard. With a list of names, the root is what they are relative to.

A remote file is known by the checksum that its storage keeps (ETag and the like). A local one by a sampled hash
(first, last and evenly spread blocks of 64 KiB, with the size), so listing a terabyte costs seeks, not a read:
about 1 ms a file on a local disk. Remote folders cost a request for every 1,000 files; names from a list too,
where their folders can be listed, else one each, many at a time.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pipeline.errors import RecipeError
from pipeline.network import repeated
from pipeline.storage import filesystem, in_threads, is_remote, location, read_bytes
from stages.base import InputFile, Source, StageError

#: Marks a run directory, whose own files are never input.
RUN_MARK = "plan.json"
BLOCK = 1 << 16
BLOCKS = 8
#: Names of one remote folder from which on the folder is listed, instead of asking for each file.
WORTH_LISTING = 8
#: Where storages keep a checksum of a file's content or version.
CHECKSUMS = ("ETag", "etag", "md5Hash", "crc32c", "sha256", "blob_id", "content_md5", "Content-MD5", "checksum")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """An input file of the plan: identity name, where it lies, size in bytes and checksum (`kind:value`)."""

    name: str
    where: str
    size: int
    checksum: str

    @property
    def path(self) -> Path:
        return location(self.where)

    def input_file(self) -> InputFile:
        return InputFile(self.name, self.path, self.size)


@dataclass(frozen=True)
class FileList:
    """An input: a root, and a file that names the files to read below it, one a line (.gz too, `#` for comments)."""

    root: str | Path
    names: str | Path


Input = str | Path | FileList


def list_inputs(inputs: Sequence[Input], source: Source) -> list[ListedFile]:
    """All files of the inputs in identity order (by name).

    Folders are searched for the source's suffixes; run directories that lie in them are passed over. Raises
    RecipeError for what cannot be found or told apart.
    """
    inputs = inputs or source.inputs()
    if not inputs:
        raise RecipeError("no input given; name files or folders with --in")
    found: dict[str, ListedFile] = {}
    for given in inputs:
        for file in _files_of(given, source):
            other = found.setdefault(file.name, file)
            if other.where != file.where and not _same_place(other, file):
                raise RecipeError(
                    f"{file.where}: another input also holds '{file.name}'; "
                    "give their common parent folder as the input instead"
                )
    return [found[name] for name in sorted(found, key=lambda name: name.encode())]


def check_unchanged(file: ListedFile) -> None:
    """Hold an input file against the plan, when a task begins and ends to read it. Cost: as listing it.

    RecipeError when it is gone or not the file that was planned: rows of two versions never mix.
    """
    try:
        now = _listed(file.name, file.path)
    except FileNotFoundError:
        raise RecipeError(
            f"{file.where}: is gone since the plan was made; put it back, or repeat the command to go on without it"
        ) from None
    if (now.size, now.checksum) != (file.size, file.checksum):
        raise RecipeError(
            f"{file.where}: has changed since the plan was made ({file.size:,} bytes then, {now.size:,} now); "
            "repeat the run or plan command, which plans it anew"
        )


def _files_of(given: Input, source: Source) -> Iterator[ListedFile]:
    if isinstance(given, FileList):
        return _named_files(str(given.root), location(given.names), source)
    root = location(given)
    if is_remote(root):
        return _remote_files(str(given), root, source)
    local = [(_identity_name(relative), path) for relative, path in _local_files(root, source)]
    return in_threads(lambda pair: _local_file(*pair), local)


def _same_place(one: ListedFile, other: ListedFile) -> bool:
    return not is_remote(one.path) and not is_remote(other.path) and one.path.resolve() == other.path.resolve()


# ------------------------------------------------------------------------------------------------ local


def _local_files(root: Path, source: Source) -> list[tuple[Path, Path]]:
    """(path relative to the root, path) of the files that a local input stands for."""
    if root.is_file():
        _refuse_other_suffix(root.name, str(root), source)
        return [(Path(root.name), root)]
    if not root.exists() and _has_wildcard(str(root)):
        return _matching(root, source)
    if not root.is_dir():
        raise RecipeError(f"{root}: no such input file or folder")
    files = []
    for folder, below, names in os.walk(root):
        if RUN_MARK in names and Path(folder) != root:
            below.clear()
            continue
        paths = [Path(folder, name) for name in names if name.lower().endswith(tuple(source.suffixes))]
        files += [(path.relative_to(root), path) for path in paths if path.is_file()]
    chosen = _chosen([relative.as_posix() for relative, _ in files], root, source)
    if not chosen:
        raise RecipeError(f"{root}: holds no file ending in {', '.join(source.suffixes)}")
    return [(relative, path) for relative, path in files if relative.as_posix() in chosen]


def _matching(pattern: Path, source: Source) -> list[tuple[Path, Path]]:
    root = Path(_before_wildcard(str(pattern)))
    files = [path for path in root.glob(str(pattern.relative_to(root))) if path.is_file()]
    if not files:
        raise RecipeError(f"{pattern}: no file matches")
    for path in files:
        _refuse_other_suffix(path.name, str(path), source)
    return [(path.relative_to(root), path) for path in files]


def _local_file(name: str, path: Path) -> ListedFile:
    try:
        return _listed(name, path)
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such input file") from None
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error


# ----------------------------------------------------------------------------------------------- remote


def _remote_files(given: str, root: Path, source: Source) -> Iterator[ListedFile]:
    system, name = filesystem(root)
    try:
        if _has_wildcard(name):
            base = _before_wildcard(name)
            found = repeated(lambda: system.glob(name, detail=True), root)
        elif name.lower().endswith(tuple(source.suffixes)):
            base, found = name.rpartition("/")[0], {name: repeated(lambda: system.info(name), root)}
        else:
            base, found = name.rstrip("/"), _below(system, name, root)
            names = {
                path.removeprefix(base).lstrip("/"): path for path, info in found.items() if _fits(path, info, source)
            }
            found = {names[chosen]: found[names[chosen]] for chosen in sorted(_chosen(list(names), root, source))}
    except FileNotFoundError:
        raise RecipeError(f"{given}: no such input file or folder") from None
    scheme = given.partition("://")[0]
    listed = 0
    for path, info in found.items():
        if _fits(path, info, source):
            listed += 1
            relative = path.removeprefix(base).lstrip("/")
            yield _remote_file(relative, path if "://" in path else f"{scheme}://{path.lstrip('/')}", info)
    if not listed:
        raise RecipeError(f"{given}: holds no file ending in {', '.join(source.suffixes)}")


def _fits(path: str, info: dict[str, Any], source: Source) -> bool:
    return info["type"] == "file" and path.lower().endswith(tuple(source.suffixes))


def _below(system: Any, name: str, root: Path) -> dict[str, dict[str, Any]]:
    """What lies below a remote folder, run directories in it passed over."""
    if str(root).startswith(("http://", "https://")):
        raise RecipeError(
            f"{root}: folders of a web server cannot be listed; name files, or give their names with --list"
        )
    found = repeated(lambda: system.find(name, detail=True), root)
    marks = [path.rpartition("/")[0] + "/" for path in found if path.endswith(f"/{RUN_MARK}")]
    runs = tuple(mark for mark in marks if mark.rstrip("/") != name.rstrip("/"))
    return {path: info for path, info in found.items() if not runs or not path.startswith(runs)}


def _remote_file(name: str, where: str, info: dict[str, Any]) -> ListedFile:
    size = info.get("size")
    if size is None:
        raise RecipeError(f"{where}: its server does not tell its size; copy the file here first")
    for kind in CHECKSUMS:
        if info.get(kind):
            return ListedFile(name, where, size, f"{kind.lower()}:{str(info[kind]).strip(chr(34))}")
    with location(where).open("rb") as stream:
        return ListedFile(name, where, size, _sampled_sha256(stream, size))


# ---------------------------------------------------------------------------------------------- by name


def _named_files(given: str, names: Path, source: Source) -> Iterator[ListedFile]:
    root = location(given)
    relative = _read_names(names)
    if not relative:
        raise RecipeError(f"{names}: names no file")
    for name in relative:
        _refuse_other_suffix(name, f"{names}: {name}", source)
    if not is_remote(root):
        yield from in_threads(lambda name: _local_file(_identity_name(Path(name)), root / name), relative)
        return
    base = given.rstrip("/")
    by_folder = defaultdict(list)
    for name in relative:
        by_folder[name.rpartition("/")[0]].append(name)
    can_list = not base.startswith(("http://", "https://"))
    for folder, inside in by_folder.items():
        if can_list and len(inside) >= WORTH_LISTING:
            yield from _named_in_folder(base, folder, inside)
        else:
            yield from in_threads(lambda name: _named_alone(base, name), inside)


def _named_in_folder(base: str, folder: str, names: list[str]) -> Iterator[ListedFile]:
    parent = location(f"{base}/{folder}".rstrip("/"))
    system, path = filesystem(parent)
    try:
        listing = repeated(lambda: system.ls(path, detail=True), parent)
    except FileNotFoundError:
        raise RecipeError(f"{parent}: no such folder") from None
    infos = {info["name"].rpartition("/")[2]: info for info in listing}
    for name in names:
        info = infos.get(name.rpartition("/")[2])
        if info is None:
            raise RecipeError(f"{base}/{name}: no such input file")
        yield _remote_file(name, f"{base}/{name}", info)


def _named_alone(base: str, name: str) -> ListedFile:
    try:
        return _listed(name, location(f"{base}/{name}"))
    except FileNotFoundError:
        raise RecipeError(f"{base}/{name}: no such input file") from None


def _read_names(names: Path) -> list[str]:
    try:
        data = read_bytes(names)
        text = (gzip.decompress(data) if names.name.endswith(".gz") else data).decode()
    except FileNotFoundError:
        raise RecipeError(f"{names}: no such list of files") from None
    except (OSError, ValueError, EOFError) as error:
        raise RecipeError(f"{names}: not a list of names in UTF-8 text: {error}") from error
    lines = [line.strip() for line in text.splitlines()]
    wanted = [line for line in lines if line and not line.startswith("#")]
    for line in wanted:
        if "://" in line or line.startswith("/") or ".." in line.split("/"):
            raise RecipeError(f"{names}: '{line}': write names below --in, relative to it")
    return list(dict.fromkeys(wanted))


# ----------------------------------------------------------------------------------------------- shared


def _listed(name: str, path: Path) -> ListedFile:
    """A file as it is now. FileNotFoundError when there is none."""
    if is_remote(path):
        system, inside = filesystem(path)
        return _remote_file(name, str(path), repeated(lambda: system.info(inside), path))
    size = path.stat().st_size
    with path.open("rb") as stream:
        return ListedFile(name, str(path.absolute()), size, _sampled_sha256(stream, size))


def _chosen(names: list[str], root: Path, source: Source) -> set[str]:
    """Those of a folder's files that the source takes for the corpus."""
    try:
        return set(source.choose(names, lambda name: read_bytes(root / name)))
    except StageError as error:
        raise RecipeError(f"{root}: {error}") from error


def _refuse_other_suffix(name: str, shown: str, source: Source) -> None:
    if not name.lower().endswith(tuple(source.suffixes)):
        raise RecipeError(
            f"{shown}: the recipe's source '{source.name}' reads {', '.join(source.suffixes)}; "
            "choose a recipe with another source"
        )


def _identity_name(relative: Path) -> str:
    """The relative path with slashes; bytes that are no UTF-8 are written out, so that any name can be stored."""
    return os.fsencode(relative.as_posix()).decode("utf-8", "backslashreplace")


def _has_wildcard(path: str) -> bool:
    return any(character in path for character in "*?[")


def _before_wildcard(pattern: str) -> str:
    """The folder that all matches of a pattern lie in."""
    parts = re.split("/", pattern)
    fixed = next(number for number, part in enumerate(parts) if _has_wildcard(part))
    return "/".join(parts[:fixed]) or ("/" if pattern.startswith("/") else ".")


def _sampled_sha256(stream: IO[bytes], size: int) -> str:
    digest = hashlib.sha256(size.to_bytes(8, "little"))
    for offset in sample_offsets(size):
        stream.seek(offset, io.SEEK_SET)
        digest.update(stream.read(BLOCK))
    return f"sampled-sha256:{digest.hexdigest()}"


def sample_offsets(size: int) -> list[int]:
    """Where the sampled blocks begin: the whole file when it is small."""
    if size <= BLOCK * BLOCKS:
        return list(range(0, size, BLOCK))
    step = (size - BLOCK) / (BLOCKS - 1)
    return [round(step * block) for block in range(BLOCKS)]
