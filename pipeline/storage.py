"""Where files lie: this machine's disks, or whatever fsspec reaches (s3://, gs://, hf://, https://, ...).

`location` makes a path of what a user writes: a pathlib.Path, or a RemotePath, which answers to the methods of
one (universal_pathlib). Remote files are read in ranges and written whole, from a local file: an upload is seen
when it is complete, or not at all. What a network breaks is tried again (`network.repeated`). Credentials come from
where each storage's own tools look for them (environment, ~/.aws, ~/.config/fsspec) and stand in no path.

Cost: reading takes a request for every 8 MiB; a small file takes one request to read or to write.
"""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from pipeline.errors import RecipeError, RunError
from pipeline.network import protocol_of, repeated, storage_options

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

Result = TypeVar("Result")
Item = TypeVar("Item")

READ_AHEAD_BYTES = 8 << 20
#: Requests at once, and how many of a long list are under way or done before their results are asked for.
THREADS = 32
AHEAD = 2000
#: What the listings of fsspec's storages call the version of a file.
STAMPS = (
    "ETag",
    "etag",
    "md5Hash",
    "content_md5",
    "LastModified",
    "last_modified",
    "mtime",
    "updated",
    "created",
    "ino",
)
#: Storages where an object is seen only when it is complete; elsewhere a file is renamed into its place.
WHOLE_OBJECTS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "memory"}
#: What an address must name before anything else.
NAMED_FIRST = {"s3": "bucket", "s3a": "bucket", "gs": "bucket", "gcs": "bucket", "http": "server", "https": "server"}


def location(given: str | Path) -> Path:
    """The path that `given` names. RecipeError where no storage of that kind can be reached from here.

    A RemotePath is no pathlib.Path but stands for one here: `os` functions, appending and renaming excepted.
    """
    if given == "":
        raise RecipeError("an empty path was given; is a shell variable unset? Write . for the current folder")
    if isinstance(given, Path) or "://" not in str(given):
        return Path(given)
    if not isinstance(given, str):
        return given
    protocol, _, rest = given.partition("://")
    if protocol in ("file", "local"):
        return Path(rest)
    if "@" in re.split("[/?#]", rest)[0]:
        raise RecipeError(f"{protocol}://...@{rest.rpartition('@')[2]}: leave user and password out of paths")
    if protocol in NAMED_FIRST and not re.match(r"[^/*?\[]+(/|$)", rest):
        raise RecipeError(f"{given}: name a {NAMED_FIRST[protocol]}, as in {protocol}://{NAMED_FIRST[protocol]}/folder")
    try:
        from pipeline.remote_path import RemotePath

        return cast(Path, RemotePath(given, use_listings_cache=False, **storage_options(protocol)))
    except (ImportError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise RecipeError(f"{given}: {reason}; pip install 'corpusmill[remote]' brings s3:// and https://") from error


def is_remote(path: Path) -> bool:
    return not isinstance(path, Path)


def filesystem(path: Path) -> tuple[AbstractFileSystem, str]:
    """The fsspec file system of a remote path, and the path's name there."""
    remote = cast(Any, path)
    return remote.fs, remote.path


def read_bytes(path: Path) -> bytes:
    """A whole small file. FileNotFoundError when there is none."""
    if not is_remote(path):
        return path.read_bytes()
    system, name = filesystem(path)
    return repeated(lambda: system.cat_file(name), path)


def write_bytes(path: Path, data: bytes) -> None:
    """A small file of a remote storage, in one request."""
    system, name = filesystem(path)
    if protocol_of(path) in WHOLE_OBJECTS:
        repeated(lambda: system.pipe_file(name, data), path)
        return
    system.makedirs(name.rpartition("/")[0], exist_ok=True)
    repeated(lambda: system.pipe_file(f"{name}.tmp", data), path)
    repeated(lambda: system.mv(f"{name}.tmp", name), path)


def upload(local: Path, path: Path) -> None:
    """Copy a local file to a remote path, where it is seen when it is whole."""
    system, name = filesystem(path)
    whole = protocol_of(path) in WHOLE_OBJECTS
    target = name if whole else f"{name}.tmp"
    if not whole:
        system.makedirs(name.rpartition("/")[0], exist_ok=True)
    repeated(lambda: system.put_file(str(local), target), path)
    size = repeated(lambda: system.info(target), path)["size"]
    if size != local.stat().st_size:
        raise RunError(
            f"{path}: holds {size} bytes after an upload of {local.stat().st_size}; the same command goes on"
        )
    if not whole:
        repeated(lambda: system.mv(target, name), path)


def download(path: Path, local: Path) -> None:
    """Copy a remote file to a local path."""
    with path.open("rb") as source, local.open("wb") as target:
        shutil.copyfileobj(source, target, READ_AHEAD_BYTES)


def copy_within(source: Path, target: Path) -> None:
    """Copy a file of a remote storage to another name there, without it passing through this machine."""
    system, name = filesystem(source)
    _, target_name = filesystem(target)
    repeated(lambda: system.cp_file(name, target_name), target)


class Listed(NamedTuple):
    """A file as its folder's listing tells of it: bytes, and what changes whenever the file is replaced."""

    size: int
    stamp: str


def list_folder(folder: Path) -> dict[str, Listed]:
    """The files in a folder by name; none where there is no folder. Cost: a listing, and no file opened."""
    if is_remote(folder):
        system, name = filesystem(folder)
        try:
            found = repeated(lambda: system.ls(name, detail=True), folder)
        except FileNotFoundError:
            return {}
        return {
            info["name"].rpartition("/")[2]: Listed(int(info["size"]), _stamp(info))
            for info in found
            if info["type"] == "file"
        }
    try:
        with os.scandir(folder) as entries:
            stats = {entry.name: entry.stat() for entry in entries if entry.is_file()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {name: Listed(of.st_size, f"{of.st_size}-{of.st_mtime_ns}-{of.st_ino}") for name, of in stats.items()}


def _stamp(info: dict[str, Any]) -> str:
    return "-".join(str(info[key]) for key in ("size", *STAMPS) if key in info)


def in_threads(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Results in the order of the items, THREADS requests at a time and AHEAD of them under way or done."""
    with ThreadPoolExecutor(min(THREADS, max(1, len(items)))) as threads:
        for start in range(0, len(items), AHEAD):
            yield from threads.map(work, items[start : start + AHEAD])


def remove_file(path: Path) -> None:
    """Delete a file if it is there."""
    if not is_remote(path):
        path.unlink(missing_ok=True)
        return
    system, name = filesystem(path)
    try:
        repeated(lambda: system.rm_file(name), path)
    except FileNotFoundError:
        return


def remove_tree(folder: Path) -> None:
    """Delete a folder and all below it, if it is there."""
    if not is_remote(folder):
        shutil.rmtree(folder, ignore_errors=not folder.exists())
        return
    system, name = filesystem(folder)
    try:
        repeated(lambda: system.rm(name, recursive=True), folder)
    except FileNotFoundError:
        return


class RangeReader(io.RawIOBase):
    """A remote file as bytes that can be sought, each read one request for a range of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._system, self._name = filesystem(path)
        self._size = path.stat().st_size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        data = repeated(lambda: self._range(self._position, end), self._path)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _range(self, start: int, end: int) -> bytes:
        data = self._system.cat_file(self._name, start=start, end=end)
        if len(data) > end - start:
            raise RecipeError(f"{self._path}: its server does not give ranges of files; copy the file here first")
        if len(data) < end - start:
            raise EOFError(f"{end - start - len(data)} of {end - start} bytes at {start} did not arrive")
        return data


def open_ranges(path: Path, buffering: int = -1) -> IO[bytes]:
    """A remote file for reading: READ_AHEAD_BYTES at a time, or exactly what is asked for where `buffering` is 0."""
    reader = RangeReader(path)
    return cast(IO[bytes], reader if buffering == 0 else io.BufferedReader(reader, READ_AHEAD_BYTES))
