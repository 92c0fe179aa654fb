"""Remove documents whose text is byte for byte that of an earlier one.

Texts are compared by the first 128 bits of BLAKE2b (RFC 7693; no two different texts are ever expected to
agree). Of equal ones the first by identity stays.

    keys    one task a part of the documents: text -> hash     about 0.8 GB/s of text on one core
    match   one task a range of hashes: equal hashes -> removal list     about 100 bytes a document of the range
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from stages.base import Exchange, Phase, Read, Task, Upstream
from stages.documents import IDENTITY
from stages.removals import concat_batches, part_of, place_of, removal_list
from stages.text_buffers import text_buffers

_KEYS_SCHEMA = pa.schema(
    [("high", pa.uint64()), ("low", pa.uint64()), ("part", pa.uint32()), ("row", pa.uint32()), *IDENTITY]
)
_IDENTITY_NAMES = [field.name for field in IDENTITY]


class ExactDedup(Exchange):
    """Remove exact duplicates by a 128-bit hash of the text."""

    name: ClassVar[str] = "exact_dedup"
    version: ClassVar[int] = 3
    needs: ClassVar[tuple[str, ...]] = ("text",)
    equal_in: ClassVar[tuple[str, ...]] = ("text",)

    buckets: int | None = Field(
        None,
        ge=1,
        le=65536,
        description="Ranges of hashes, one matching task each; bounds its memory. As many as parts unless given.",
    )

    def phases(self, label: str, upstream: Upstream, seed: int) -> tuple[list[Phase], Upstream]:
        phases = [
            Phase("keys", upstream.tasks, upstream.reads(), ("keys",)),
            Phase("match", self._buckets(upstream), (Read(f"{label}.keys", "bucket"),), ("removals",)),
        ]
        return phases, upstream.less(f"{label}.removals", clustered=True)

    def displaces_at_most(self) -> int:
        """The document that stayed of the same text, which has one cluster."""
        return 1

    def _buckets(self, upstream: Upstream) -> int:
        return self.buckets or min(upstream.tasks, 1024)

    def keys(self, task: Task) -> None:
        """Write the hash, place and identity of every document that has a text."""
        batches = []
        for row, batch in task.documents([*_IDENTITY_NAMES, "text"]):
            text = batch.column("text")
            hashes = text_hashes(text)
            part = pa.repeat(pa.scalar(task.index, pa.uint32()), len(row))
            columns = [hashes[:, 0], hashes[:, 1], part, row, *(batch.column(name) for name in _IDENTITY_NAMES)]
            keys = pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=_KEYS_SCHEMA)
            batches.append(keys.filter(text.is_valid()))
        table = concat_batches(batches, _KEYS_SCHEMA)
        buckets = self._buckets(task.upstream)
        ranges = ((table["high"].to_numpy() >> np.uint64(32)) * np.uint64(buckets)) >> np.uint64(32)
        task.write_buckets("keys", table, ranges.astype(np.int64), buckets)

    def match(self, task: Task) -> None:
        """Write the removal list of the documents whose hash lies in this task's range."""
        table = concat_batches(task.bucket("keys"), _KEYS_SCHEMA)
        place = place_of(table["part"].to_numpy(), table["row"].to_numpy())
        members, survivors, size = group_equal(table["high"].to_numpy(), table["low"].to_numpy(), place)
        identity = table.select(_IDENTITY_NAMES).take(pa.array(survivors))
        removals = removal_list(place[members], place[survivors], size, identity, "exact_duplicate")
        task.count("exact_duplicates", int((members != survivors).sum()))
        task.write_buckets("removals", removals, part_of(place[members]), task.upstream.tasks)


def text_hashes(texts: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """BLAKE2b-128 of each text's bytes as two big-endian numbers: uint64[texts, 2]; a null hashes as empty."""
    data, offsets = text_buffers(texts)
    bounds, view = offsets.tolist(), data.data
    digests = b"".join([blake2b(view[start:end], digest_size=16).digest() for start, end in pairwise(bounds)])
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64).reshape(-1, 2)


def group_equal(high: np.ndarray, low: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Members of groups of two or more equal (high, low): index of each, index of its first by place, group size."""
    if len(high) == 0:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, empty
    order = np.lexsort((place, low, high))
    high, low = high[order], low[order]
    starts = np.flatnonzero(np.append(True, (high[1:] != high[:-1]) | (low[1:] != low[:-1])))
    sizes = np.diff(np.append(starts, len(high)))
    survivors, size = order[np.repeat(starts, sizes)], np.repeat(sizes, sizes)
    several = size > 1
    return order[several], survivors[several], size[several]
