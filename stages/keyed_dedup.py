"""Of documents with the same key (a text, a URL) keep one: what exact and URL deduplication have in common.

Keys are compared by 128 bits of BLAKE2b: no two different ones are ever expected to agree. Of equal ones the best by
`keep` stays. A document without a key stays, and is counted.

    keys    one task a part of the documents: key -> hash     about 0.8 GB/s of keys on one core
    match   one task a range of hashes: equal hashes -> removal list     about 100 bytes a document of the range
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from stages import survivor
from stages.base import Exchange, Phase, Read, Task, Upstream
from stages.documents import IDENTITY, REMOVAL_SCHEMA
from stages.removals import concat_batches, part_of, place_of, removal_list
from stages.text_hash import text_hashes

if TYPE_CHECKING:
    from stages.base import Frame
    from stages.dedup_frames import Duplicates

_IDENTITY_NAMES = [field.name for field in IDENTITY]
#: What a part without documents writes; the columns of others depend on `keep`.
_NO_KEYS = pa.schema([("high", pa.uint64())])


class KeyedDedup(Exchange):
    """Base of stages that keep one document of each key; a subclass says what the key is."""

    #: The rule under which documents go.
    rule: ClassVar[str]

    keep: survivor.Preferences = Field(
        (), description="Which of equal documents stays, e.g. [-quality_score, date, -length]; identity comes last."
    )
    within: str | None = Field(None, description="Only documents of the same value of this column are compared.")
    buckets: int | None = Field(
        None,
        ge=1,
        le=65536,
        description="Ranges of hashes, one matching task each; bounds its memory. As many as parts unless given.",
    )

    def key(self, batch: pa.RecordBatch) -> pa.Array:
        """The key of every row (string), null where it has none."""
        raise NotImplementedError

    def columns_needed(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.needs, *survivor.columns_needed(self.keep), *filter(None, [self.within]))))

    def phases(self, label: str, upstream: Upstream, seed: int) -> tuple[list[Phase], Upstream]:
        phases = [
            Phase("keys", upstream.tasks, upstream.reads(), ("keys",)),
            Phase("match", self._buckets(upstream), (Read(f"{label}.keys", "bucket"),), ("removals",)),
        ]
        return phases, upstream.less(f"{label}.removals", clustered=True)

    def displaces_at_most(self) -> int:
        """The document that stayed of the same key, which has one cluster."""
        return 1

    def _buckets(self, upstream: Upstream) -> int:
        return self.buckets or min(upstream.tasks, 1024)

    def apply(self, frame: Frame) -> Frame:
        """Say of every row of a polars or Arrow frame whether it would go, and for which (stages.dedup_frames)."""
        from stages.dedup_frames import apply_dedup

        return apply_dedup(self, self.rule, self._find, frame)

    def _find(self, batch: pa.RecordBatch) -> Duplicates:
        from stages.dedup_frames import Duplicates

        key = self.key(batch)
        hashes = self._hashes(batch, key)
        hashes[key.is_null().to_numpy(zero_copy_only=False)] = 0
        rows = equal_rows(hashes[:, 0], hashes[:, 1])
        rows = rows[key.is_valid().to_numpy(zero_copy_only=False)[rows]]
        chosen = batch.take(pa.array(rows))
        columns = {name: chosen.column(name) for name in _IDENTITY_NAMES} | survivor.carried(chosen, self.keep)
        rank = survivor.ranks(pa.table(columns), self.keep)
        best, size = best_of_equal(hashes[rows, 0], hashes[rows, 1], rank)
        return Duplicates(rows, rows[best], size)

    def _hashes(self, batch: pa.RecordBatch, key: pa.Array) -> np.ndarray:
        """uint64[rows, 2]: what documents of one key have in common and others do not."""
        return text_hashes(key) ^ survivor.scope_hashes(batch, self.within)[:, None]

    def keys(self, task: Task) -> None:
        """Write hash, place, identity and sort key of every document that has a key."""
        batches = []
        for row, batch in task.documents([*_IDENTITY_NAMES, *self.columns_needed()]):
            key = self.key(batch)
            hashes = self._hashes(batch, key)
            columns = {"high": pa.array(hashes[:, 0]), "low": pa.array(hashes[:, 1])}
            columns |= {"part": pa.repeat(pa.scalar(task.index, pa.uint32()), len(row)), "row": row}
            columns |= {name: batch.column(name) for name in _IDENTITY_NAMES}
            columns |= survivor.carried(batch, self.keep)
            batches.append(pa.RecordBatch.from_pydict(columns).filter(key.is_valid()))
            task.count("documents_without_key", key.null_count)
        table = concat_batches(batches, batches[0].schema if batches else _NO_KEYS)
        buckets = self._buckets(task.upstream)
        ranges = ((table["high"].to_numpy() >> np.uint64(32)) * np.uint64(buckets)) >> np.uint64(32)
        task.write_buckets("keys", table, ranges.astype(np.int64), buckets)

    def match(self, task: Task) -> None:
        """Write the removal list of the documents whose hash lies in this task's range."""
        batches = list(task.bucket("keys"))
        if not batches:
            task.write_buckets("removals", REMOVAL_SCHEMA.empty_table(), np.empty(0, np.int64), task.upstream.tasks)
            return
        table = concat_batches(batches, batches[0].schema)
        members = equal_rows(table["high"].to_numpy(), table["low"].to_numpy())
        table = table.take(pa.array(members))
        survivors, size = best_of_equal(
            table["high"].to_numpy(), table["low"].to_numpy(), survivor.ranks(table, self.keep)
        )
        place = place_of(table["part"].to_numpy(), table["row"].to_numpy())
        identity = table.select(_IDENTITY_NAMES).take(pa.array(survivors))
        removals = removal_list(place, place[survivors], size, identity, self.rule)
        task.count(f"{self.rule}s", int((place != place[survivors]).sum()))
        task.count("clusters", int((place == place[survivors]).sum()))
        task.write_buckets("removals", removals, part_of(place), task.upstream.tasks)


def equal_rows(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Indexes (int64) of the rows whose (high, low), both uint64, stands more than once; ascending by both."""
    order = np.lexsort((low, high))
    same = (high[order[1:]] == high[order[:-1]]) & (low[order[1:]] == low[order[:-1]])
    return order[np.append(same, False) | np.append(False, same)] if len(order) > 1 else order[:0]


def best_of_equal(high: np.ndarray, low: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For rows ascending by (high, low): the index of the row of lowest rank among its equals, and their number."""
    starts = np.flatnonzero(
        np.append(np.ones(min(len(high), 1), dtype=bool), (high[1:] != high[:-1]) | (low[1:] != low[:-1]))
    )
    sizes = np.diff(np.append(starts, len(high)))
    order = np.lexsort((rank, np.repeat(np.arange(len(starts)), sizes)))
    return np.repeat(order[starts], sizes), np.repeat(sizes, sizes)
