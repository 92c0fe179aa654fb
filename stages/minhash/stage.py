"""Remove near-duplicates of the whole corpus: MinHash signatures, LSH bands, connected components.

Texts are compared as sets of word n-grams after lower-casing and deletion of punctuation. Two texts of
Jaccard similarity s become a pair with probability 1 - (1 - s^rows)^bands: with 14 bands of 8 rows 0.56 at
s = 0.7, 0.92 at 0.8, 0.9996 at 0.9. Pairs are not verified further. Texts that are connected by pairs form
a cluster, of which the first by identity stays.

    sign     one task a part of the documents: text -> one key a band      8 bytes a document and band
    match    one task or more a part, up to one a band and range of keys:
             equal keys -> pairs                                           a few times 16 bytes a document
    cluster  one task: pairs -> components -> removal list                 about 140 bytes a document with a pair

The result does not depend on the number of tasks or on how documents are batched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from stages.base import Exchange, Phase, Read, Task, Upstream
from stages.documents import IDENTITY
from stages.removals import concat_batches, part_of, place_of, removal_list, row_of

if TYPE_CHECKING:
    from stages.minhash.matching import Pairs

_KEYS_SCHEMA = pa.schema([("key", pa.uint64()), ("part", pa.uint32()), ("row", pa.uint32())])
_ROWS_SCHEMA = pa.schema([("part", pa.uint32()), ("row", pa.uint32()), *IDENTITY])
_PAIR = ("part_a", "row_a", "part_b", "row_b")
_PAIRS_SCHEMA = pa.schema([*((name, pa.uint32()) for name in _PAIR), ("band", pa.uint16())])
_DUPLICATES_SCHEMA = pa.schema(
    [("band", pa.uint16()), *(field.with_name(f"{field.name}_{side}") for side in "ab" for field in IDENTITY)]
)
_COMPRESSION = "zstd"


class MinhashDedup(Exchange):
    """Remove near-duplicate documents found by MinHash over word n-grams (LSH, connected components)."""

    name: ClassVar[str] = "minhash_dedup"
    version: ClassVar[int] = 3
    needs: ClassVar[tuple[str, ...]] = ("text",)

    words: int = Field(5, ge=1, le=64, description="Words in a shingle; a shorter text is one shingle as a whole.")
    bands: int = Field(14, ge=1, le=1024, description="Bands of the signature: texts that agree in one are a pair.")
    rows: int = Field(8, ge=1, le=1024, description="Minima in a band.")
    seed: int = Field(1, ge=0, description="Chooses the hash functions.")
    key_ranges: int = Field(
        1, ge=1, le=4096, description="Ranges that the keys of a band are matched in, one after another; bounds memory."
    )

    def phases(self, label: str, upstream: Upstream, seed: int) -> tuple[list[Phase], Upstream]:
        phases = [
            Phase("sign", upstream.tasks, upstream.reads(), ("bands", "rows")),
            Phase("match", min(self._buckets, upstream.tasks), (Read(f"{label}.bands", "bucket"),), ("pairs",)),
            Phase(
                "cluster",
                1,
                (Read(f"{label}.pairs", "all"), Read(f"{label}.rows", "all")),
                ("removals", "duplicates"),
                {"duplicates": "duplicates"},
            ),
        ]
        return phases, upstream.less(f"{label}.removals", clustered=True)

    def displaces_at_most(self) -> int:
        """One a band: all documents that share its key of a band are one cluster already."""
        return self.bands

    @property
    def _buckets(self) -> int:
        """Bucket band * key_ranges + range holds the keys of one band and range."""
        return self.bands * self.key_ranges

    def sign(self, task: Task) -> None:
        """Write one key a band for every text that has words, and the identity of every row."""
        from stages.minhash.signatures import sign_bands

        keys = [np.empty((0, self.bands), dtype=np.uint64)]
        signed_rows = [np.empty(0, dtype=np.uint32)]
        identities = []
        for row, batch in task.documents([*(field.name for field in IDENTITY), "text"]):
            signed = sign_bands(batch.column("text"), self.words, self.bands, self.rows, self.seed)
            has_words = signed.words > 0
            keys.append(signed.keys[has_words])
            signed_rows.append(row.to_numpy(zero_copy_only=False)[has_words])
            part = pa.repeat(pa.scalar(task.index, pa.uint32()), len(row))
            identities.append(_select(batch, {"part": part, "row": row}, _ROWS_SCHEMA))
            task.count("texts_without_words", int((~has_words).sum()))
            task.count("texts_shorter_than_a_shingle", int((has_words & (signed.words < self.words)).sum()))
        self._write_keys(task, np.concatenate(keys), np.concatenate(signed_rows))
        with task.create("rows", f"{task.index:05d}.parquet") as path:
            pq.write_table(concat_batches(identities, _ROWS_SCHEMA), path, compression=_COMPRESSION)

    def _write_keys(self, task: Task, keys: np.ndarray, row: np.ndarray) -> None:
        """Write keys[documents, bands] in buckets of one band and range of keys."""
        columns = {
            "key": keys.T.ravel(),
            "part": np.full(keys.size, task.index, dtype=np.uint32),
            "row": np.tile(row, self.bands),
        }
        band = np.repeat(np.arange(self.bands, dtype=np.int64), len(row))
        key_range = ((columns["key"] >> np.uint64(32)) * np.uint64(self.key_ranges)) >> np.uint64(32)
        buckets = band * self.key_ranges + key_range.astype(np.int64)
        task.write_buckets("bands", pa.table(columns, schema=_KEYS_SCHEMA), buckets, self._buckets)

    def match(self, task: Task) -> None:
        """Write the pairs that share a key, one batch for each of this task's buckets."""
        with (
            task.create("pairs", f"{task.index:05d}.arrow") as path,
            pa.ipc.new_file(str(path), _PAIRS_SCHEMA, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer,
        ):
            first, end = (self._buckets * edge // task.tasks for edge in (task.index, task.index + 1))
            for bucket in range(first, end):
                pairs = self._match_bucket(task, bucket)
                task.count("pairs", pairs.num_rows)
                writer.write_batch(pairs)

    def _match_bucket(self, task: Task, bucket: int) -> pa.RecordBatch:
        from stages.minhash.matching import match

        keys = concat_batches(task.bucket("bands", bucket), _KEYS_SCHEMA)
        pairs = match(keys["key"].to_numpy(), place_of(keys["part"].to_numpy(), keys["row"].to_numpy()))
        sides = (part_of(pairs.first), row_of(pairs.first), part_of(pairs.other), row_of(pairs.other))
        band = np.full(len(pairs.first), bucket // self.key_ranges, dtype=np.uint16)
        return pa.RecordBatch.from_arrays([pa.array(column) for column in (*sides, band)], schema=_PAIRS_SCHEMA)

    def cluster(self, task: Task) -> None:
        """Write the removal list, and the pairs with the identity of both sides for whoever checks it."""
        from stages.minhash.clusters import find_clusters

        clusters = find_clusters(_StoredPairs(task))
        identity = _identities(task, clusters.place)
        survivor = identity.take(pa.array(np.searchsorted(clusters.place, clusters.survivor)))
        removals = removal_list(clusters.place, clusters.survivor, clusters.size, survivor, "near_duplicate")
        task.count("clusters", int((clusters.place == clusters.survivor).sum()))
        task.count("near_duplicates", int((clusters.place != clusters.survivor).sum()))
        task.write_buckets("removals", removals, part_of(clusters.place), task.upstream.tasks)
        with (
            task.create("duplicates", f"{task.label}.parquet") as path,
            pq.ParquetWriter(path, _DUPLICATES_SCHEMA, compression=_COMPRESSION) as writer,
        ):
            for batch in _stored_pairs(task):
                pairs, columns = _pairs(batch), {"band": batch.column("band")}
                for side, places in (("a", pairs.first), ("b", pairs.other)):
                    found = identity.take(pa.array(np.searchsorted(clusters.place, places)))
                    columns |= {f"{field.name}_{side}": found[field.name] for field in IDENTITY}
                writer.write_table(pa.table(columns, schema=_DUPLICATES_SCHEMA))


class _StoredPairs:
    """The pairs that the matching tasks wrote, read anew batch by batch at every pass."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __iter__(self) -> Iterator[Pairs]:
        return (_pairs(batch) for batch in _stored_pairs(self._task))


def _stored_pairs(task: Task) -> Iterator[pa.RecordBatch]:
    """Batches of _PAIRS_SCHEMA that hold a pair, in the order of bands whatever tasks wrote them."""
    for part in task.parts("pairs"):
        with pa.ipc.open_file(pa.memory_map(str(part.path))) as reader:
            for index in range(reader.num_record_batches):
                batch = reader.get_batch(index)
                if batch.num_rows:
                    yield batch


def _pairs(batch: pa.RecordBatch) -> Pairs:
    from stages.minhash.matching import Pairs

    part_a, row_a, part_b, row_b = (batch.column(name).to_numpy() for name in _PAIR)
    return Pairs(place_of(part_a, row_a), place_of(part_b, row_b))


def _identities(task: Task, places: np.ndarray) -> pa.Table:
    """File, offset and ordinal of the documents at `places` (ascending)."""
    parts, rows = part_of(places), row_of(places)
    found = []
    for file in task.parts("rows"):
        begin, end = np.searchsorted(parts, [file.task, file.task + 1])
        if begin < end:
            stored = pq.read_table(file.path)
            at = np.searchsorted(stored["row"].to_numpy(), rows[begin:end])
            found.append(stored.select([field.name for field in IDENTITY]).take(pa.array(at)))
    schema = pa.schema(IDENTITY)
    return pa.concat_tables([schema.empty_table(), *found]).unify_dictionaries().combine_chunks()


def _select(batch: pa.RecordBatch, added: dict[str, pa.Array], schema: pa.Schema) -> pa.RecordBatch:
    """The schema's columns, from `added` or else from the batch."""
    columns = [added[name] if name in added else batch.column(name) for name in schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
