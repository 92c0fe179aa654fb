"""Phases that measure what deduplication found, on documents chosen at random and compared with all by true Jaccard.

    recall_draw      one task a part: the documents with the smallest hashes of identity
    recall_pick      one task: of those the smallest of all
    recall_texts     one task a part: shingles and cluster of the picked documents
    recall_compare   one task a part: every document against all picked ones (stages.minhash.overlaps)
    recall_count     one task: pairs at `threshold` or above, and which of them were found

A pair is found when both documents are in one cluster, or, with clusters: star, when it was recorded. So pairs that
only a path connects count as found, and what compare_at_most left out counts as missed. The choice sees identities
alone, so it is the same for any number of tasks.

Cost: the documents are read three times more and shingled once more; the shingles of the sample are in the memory of
every comparing task (about 15 kB a document of 2 kB).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from stages import survivor
from stages.base import Phase, Read, Task, Upstream
from stages.documents import IDENTITY
from stages.identity import identity_hash
from stages.minhash.shingling import Shingling
from stages.removals import concat_batches, place_of

_IDENTITY_NAMES = [field.name for field in IDENTITY]
_DRAWS = pa.schema([("hash", pa.uint64()), ("part", pa.uint32()), ("row", pa.uint32())])
_PICKED = pa.schema([("row", pa.uint32())])
_SIDES = [f"{name}_{side}" for side in "ab" for name in _IDENTITY_NAMES]
_SIMILAR = pa.schema(
    [
        *(pa.field(name, pa.string() if name.startswith("file") else pa.int64()) for name in _SIDES),
        ("jaccard", pa.float64()),
        ("found", pa.bool_()),
    ]
)
_PUBLISHED = pa.schema(
    [*(field.with_name(f"{field.name}_{side}") for side in "ab" for field in IDENTITY), *list(_SIMILAR)[-2:]]
)
_SAMPLED = pa.schema(
    [
        ("part", pa.uint32()),
        ("row", pa.uint32()),
        ("file", pa.string()),
        ("offset", pa.int64()),
        ("ordinal", pa.int64()),
        ("scope", pa.uint64()),
        ("cluster", pa.uint64()),
        ("shingles", pa.large_list(pa.uint64())),
    ]
)
_TEXTS_AT_ONCE = 4096
#: Stands for the cluster of a document that is alone.
_ALONE = np.uint64(0)
_SAMPLING_SEED = 0x5EED


class RecallSample(Shingling):
    """The part of a deduplication by shingles that says how much it found."""

    recall_sample: int = Field(
        0, ge=0, le=100_000, description="Documents compared with all by true Jaccard, to publish recall/; 0: none."
    )

    if TYPE_CHECKING:
        threshold: float
        within: str | None
        clusters: Literal["components", "star"]

        def banding(self) -> tuple[int, int]: ...

    def recall_phases(self, label: str, upstream: Upstream) -> list[Phase]:
        """The phases that follow the deduplication, none unless a sample is asked for."""
        if not self.recall_sample:
            return []
        removals, sampled = Read(f"{label}.removals", "bucket"), Read(f"{label}.sampled", "bucket")
        counted = [Read(f"{label}.similar", "bucket"), sampled]
        if self.clusters == "star":
            counted.append(Read(f"{label}.duplicates", "all"))
        picked, draws = Read(f"{label}.picked", "bucket"), Read(f"{label}.draws", "bucket")
        return [
            Phase("recall_draw", upstream.tasks, upstream.reads(), ("draws",)),
            Phase("recall_pick", 1, (draws,), ("picked",)),
            Phase("recall_texts", upstream.tasks, (*upstream.reads(), picked, removals), ("sampled",)),
            Phase("recall_compare", upstream.tasks, (*upstream.reads(), sampled, removals), ("similar",)),
            Phase("recall_count", 1, tuple(counted), ("recall",), {"recall": "recall"}),
        ]

    def recall_draw(self, task: Task) -> None:
        """Write the smallest hashes of this part's documents."""
        hashes, rows = [np.empty(0, np.uint64)], [np.empty(0, np.uint32)]
        for row, batch in task.documents(_IDENTITY_NAMES):
            file, offset, ordinal = (batch.column(name) for name in _IDENTITY_NAMES)
            hashes.append(identity_hash(file, offset, ordinal, _SAMPLING_SEED))
            rows.append(row.to_numpy())
        drawn, row_of_drawn = np.concatenate(hashes), np.concatenate(rows)
        smallest = np.argsort(drawn, kind="stable")[: self.recall_sample]
        columns = [drawn[smallest], np.full(len(smallest), task.index, np.uint32), row_of_drawn[smallest]]
        table = pa.table([pa.array(column) for column in columns], schema=_DRAWS)
        task.write_buckets("draws", table, np.zeros(len(table), np.int64), 1)

    def recall_pick(self, task: Task) -> None:
        """Write the rows of the smallest hashes of all, by part."""
        draws = concat_batches(task.bucket("draws"), _DRAWS)
        part, row = draws["part"].to_numpy(), draws["row"].to_numpy()
        order = np.lexsort((place_of(part, row), draws["hash"].to_numpy()))[: self.recall_sample]
        rows = pa.table([pa.array(row[order])], schema=_PICKED)
        task.write_buckets("picked", rows, part[order].astype(np.int64), task.upstream.tasks)

    def recall_texts(self, task: Task) -> None:
        """Write what comparing takes of this part's picked documents."""
        from stages.minhash.shingle_sets import shingle_sets

        picked = concat_batches(task.bucket("picked"), _PICKED)["row"].to_numpy()
        clusters = _Clusters(task)
        found = []
        for row, batch in self._compared(task):
            chosen = np.isin(row, picked)
            row, batch = row[chosen], batch.filter(pa.array(chosen))
            sets = shingle_sets(batch.column("text"), self)
            columns = {
                "part": np.full(len(row), task.index, np.uint32),
                "row": row,
                **{name: batch.column(name).cast(_SAMPLED.field(name).type) for name in _IDENTITY_NAMES},
                "scope": survivor.scope_hashes(batch, self.within),
                "cluster": clusters.of(row),
                "shingles": pa.LargeListArray.from_arrays(pa.array(sets.offsets), pa.array(sets.values)),
            }
            found.append(pa.RecordBatch.from_pydict(columns, schema=_SAMPLED))
        table = concat_batches(found, _SAMPLED)
        task.write_buckets("sampled", table, np.zeros(len(table), np.int64), 1)

    def recall_compare(self, task: Task) -> None:
        """Write the pairs of a sampled document and one of this part that are truly similar."""
        from stages.minhash.overlaps import SampleIndex
        from stages.minhash.shingle_sets import ShingleSets

        sampled = concat_batches(task.bucket("sampled", 0), _SAMPLED)
        shingles = sampled["shingles"].combine_chunks()
        sets = ShingleSets(shingles.values.to_numpy(), shingles.offsets.to_numpy())
        index = SampleIndex(sets, self.threshold, self)
        place = place_of(sampled["part"].to_numpy(), sampled["row"].to_numpy())
        scope, cluster = sampled["scope"].to_numpy(), sampled["cluster"].to_numpy()
        names = sampled.select(_IDENTITY_NAMES).rename_columns(_SIDES[:3])
        clusters, found = _Clusters(task), []
        for row, batch in self._compared(task):
            similar = index.similar(batch.column("text"))
            one, other = similar.samples, similar.texts
            here = place_of(task.index, row)[other]
            # A pair of two sampled documents is met from either side.
            counts = (place[one] < here) | ((place[one] > here) & ~np.isin(here, place))
            counts &= scope[one] == survivor.scope_hashes(batch, self.within)[other]
            one, other = one[counts], other[counts]
            together = (cluster[one] == clusters.of(row)[other]) & (cluster[one] != _ALONE)
            left = names.take(pa.array(one)).combine_chunks()
            right = batch.select(_IDENTITY_NAMES).take(pa.array(other))
            columns = [*left.columns, *right.columns, pa.array(similar.jaccard[counts]), pa.array(together)]
            found.append(pa.table(columns, names=_SIMILAR.names).cast(_SIMILAR).combine_chunks())
        table = pa.concat_tables([_SIMILAR.empty_table(), *found]).combine_chunks()
        task.write_buckets("similar", table, np.zeros(len(table), np.int64), 1)

    def recall_count(self, task: Task) -> None:
        """Publish the sampled pairs, and the share of them that was found."""
        from stages.minhash.recall_account import recall_account

        pairs = concat_batches(task.bucket("similar"), _SIMILAR).sort_by([(name, "ascending") for name in _SIDES])
        if self.clusters == "star":
            pairs = pairs.set_column(pairs.num_columns - 1, "found", _recorded(task, pairs))
        with task.create("recall", f"{task.label}.parquet") as path:
            pq.write_table(pairs.cast(_PUBLISHED), path, compression="zstd")
        sampled = sum(batch.num_rows for batch in task.bucket("sampled"))
        similarity, found = pairs["jaccard"].to_numpy(), pairs["found"].to_numpy()
        account = recall_account(similarity, found, self.threshold, self.banding())
        with task.create("recall", f"{task.label}.json") as path:
            path.write_text(json.dumps({"stage": task.label, "documents": sampled, **account}, indent=1))

    def _compared(self, task: Task) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
        """Rows (uint32) and columns of a few thousand documents of this part at a time."""
        columns = [*_IDENTITY_NAMES, "text", *filter(None, [self.within])]
        for row, batch in task.documents(columns):
            for start in range(0, len(row), _TEXTS_AT_ONCE):
                some = batch.slice(start, _TEXTS_AT_ONCE)
                yield row.to_numpy()[start : start + _TEXTS_AT_ONCE], some


class _Clusters:
    """The clusters of one part's documents, from its removal list."""

    def __init__(self, task: Task) -> None:
        batches = [batch.select(["row", "cluster"]) for batch in task.bucket("removals")]
        table = concat_batches(batches, pa.schema([("row", pa.uint32()), ("cluster", pa.uint64())])).sort_by("row")
        self._rows, self._clusters = table["row"].to_numpy(), table["cluster"].to_numpy()

    def of(self, rows: np.ndarray) -> np.ndarray:
        """uint64: the cluster of each row, _ALONE where it is in none."""
        if not len(self._rows):
            return np.full(len(rows), _ALONE)
        at = np.minimum(np.searchsorted(self._rows, rows), len(self._rows) - 1)
        return np.where(self._rows[at] == rows, self._clusters[at], _ALONE)


def _recorded(task: Task, pairs: pa.Table) -> pa.Array:
    """Whether each pair is in one cluster or was recorded, whichever of its documents comes first there."""
    rows = [tuple(row.values()) for row in pairs.select(_SIDES).to_pylist()]
    recorded = set()
    offsets = pc.unique(pa.concat_arrays([*pairs["offset_a"].chunks, *pairs["offset_b"].chunks]))
    for part in task.parts("duplicates"):
        file = pq.ParquetFile(part.path)
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=_SIDES)
            near = pc.and_(*(pc.is_in(table[f"offset_{side}"], value_set=offsets) for side in "ab"))
            recorded |= {tuple(row[name] for name in _SIDES) for row in table.filter(near).to_pylist()}
    together = pairs["found"].to_pylist()
    found = [
        known or row in recorded or row[3:] + row[:3] in recorded for known, row in zip(together, rows, strict=True)
    ]
    return pa.array(found, pa.bool_())
