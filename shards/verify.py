"""Prove that a shard set holds what its index promises: checksums, vocabulary, document ends.

Costs one read of every file for each of the two checksums and one pass over the tokens, in chunks, so
memory stays bounded by the page cache.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from shards.errors import ShardError
from shards.index import ShardEntry, ShardIndex
from shards.reader import Shard
from shards.writer import tokens_digest

_CHUNK = 1 << 24


@dataclass
class Verification:
    """What was checked, and every fault that was found (empty: the set is good)."""

    shards: int = 0
    documents: int = 0
    tokens: int = 0
    text_bytes: int = 0
    problems: list[str] = field(default_factory=list)


def verify(folder: Path) -> Verification:
    """Check every shard of the set; raises ShardError only when the index itself cannot be read."""
    index = ShardIndex.load(folder)
    result = Verification()
    names = [entry.file for entry in index.shards]
    for name in sorted({name for name in names if names.count(name) > 1}):
        result.problems.append(f"{name}: listed {names.count(name)} times")
    for entry in index.shards:
        result.shards += 1
        result.documents += entry.documents
        result.tokens += entry.tokens
        result.text_bytes += entry.text_bytes
        result.problems.extend(_shard_problems(folder / entry.file, entry, index))
    return result


def _shard_problems(path: Path, entry: ShardEntry, index: ShardIndex) -> list[str]:
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return [f"{entry.file}: {error.strerror}"]
    if sha256 != entry.sha256:
        # What is inside a damaged file says nothing, and a damaged Arrow buffer is not safe to read.
        return [f"{entry.file}: sha256 is {sha256[:16]}…, the index says {entry.sha256[:16]}…"]
    try:
        shard = Shard(path, entry, index.dtype)
    except ShardError as error:
        return [str(error)]
    problems = []
    lengths = np.diff(shard.offsets)
    if tokens_digest(shard.tokens, lengths) != entry.tokens_sha256:
        problems.append(f"{entry.file}: tokens_sha256 differs from the index")
    text_bytes = int(shard.text_bytes.sum(dtype=np.int64))
    if text_bytes != entry.text_bytes:
        problems.append(f"{entry.file}: {text_bytes} text bytes, the index says {entry.text_bytes}")
    problems.extend(_token_problems(shard, lengths, index))
    return problems


def _token_problems(shard: Shard, lengths: np.ndarray[Any, Any], index: ShardIndex) -> list[str]:
    """Ids beyond the vocabulary, and end-of-text anywhere but at the end of every document."""
    name = shard.entry.file
    if len(lengths) and int(lengths.min()) < 1:
        return [f"{name}: document {int(np.argmin(lengths))} is empty"]
    problems = []
    ends_found = 0
    for start in range(0, len(shard), _CHUNK):
        chunk = shard.tokens[start : start + _CHUNK]
        beyond = np.flatnonzero(chunk >= index.vocabulary_size)
        if len(beyond):
            at = int(beyond[0])
            problems.append(
                f"{name}: id {int(chunk[at])} at position {start + at}, "
                f"outside the vocabulary of {index.vocabulary_size}"
            )
        ends_found += int(np.count_nonzero(chunk == index.end_of_text))
    wrong = np.flatnonzero(shard.tokens[shard.offsets[1:] - 1] != index.end_of_text)
    if len(wrong):
        problems.append(f"{name}: document {int(wrong[0])} does not end with end-of-text")
    elif ends_found != len(lengths):
        problems.append(f"{name}: end-of-text occurs {ends_found} times in {len(lengths)} documents")
    return problems
