"""Open a shard set for training or evaluation, and refuse tokens that are damaged before a model learns them.

Every shard's sha256 is held against index.json while the set is small, which takes about a second a GB; a set
of more than 4 GB is trusted, and `corpusmill shards verify` proves it once. Ids are held against the
vocabulary whenever they are read, so that damage in a trusted set still ends in one line.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from shards.errors import ShardError
from shards.index import ShardEntry
from shards.reader import Shard, ShardSet

_MOST_BYTES_CHECKED = 4_000_000_000


def open_shards(folder: Path) -> ShardSet:
    """The shard set in `folder`, its checksums proven where all files together have at most 4 GB.

    Larger sets rely on `corpusmill shards verify`. Raises ShardError, which names the shard.
    """
    shard_set = ShardSet.open(folder)
    entries = shard_set.index.shards
    if sum(_size(folder / entry.file) for entry in entries) <= _MOST_BYTES_CHECKED:
        for entry in entries:
            _require_sha256(folder, entry)
    return shard_set


def require_known_ids(tokens: np.ndarray[Any, Any], vocabulary_size: int, shard: Shard) -> None:
    """ShardError where `tokens`, read from `shard`, hold an id that the vocabulary does not."""
    largest = int(tokens.max(initial=0))
    if largest >= vocabulary_size:
        raise ShardError(
            f"{shard.path}: holds id {largest}, outside the vocabulary of {vocabulary_size}; {_mend(shard.path.parent)}"
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        raise ShardError(f"{path}: named by index.json but absent; write the shards again") from None


def _require_sha256(folder: Path, entry: ShardEntry) -> None:
    with (folder / entry.file).open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != entry.sha256:
        raise ShardError(
            f"{folder / entry.file}: damaged, its sha256 is {found[:12]}… and index.json says "
            f"{entry.sha256[:12]}…; {_mend(folder)}"
        )


def _mend(folder: Path) -> str:
    return f"`corpusmill shards verify {folder}` lists every damaged shard; write those again"
