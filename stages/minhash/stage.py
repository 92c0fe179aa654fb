"""Remove near-duplicates of the whole corpus: MinHash signatures, LSH bands, verified pairs, clusters.

Texts are compared as sets of shingles (stages.minhash.shingling). Two texts of Jaccard similarity s become candidates
with probability 1 - (1 - s^rows)^bands (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", section 3.4): with
14 bands of 8 rows 0.56 at s = 0.7, 0.92 at 0.8, 0.9996 at 0.9. Candidates may be verified; connected documents form
clusters, of which the best document by `keep` stays.

    sign      one task a part of the documents: text -> one key a band       8 bytes a document and band
    match     one task or more a part, up to one a band and range of keys:
              equal keys -> candidate pairs, and a forest that connects the same documents
    merge     forests of several bands -> one forest                          8 bytes a document
    connect   one task: forests -> candidate components                       8 bytes a document
    route     pairs to the bucket of their component
    gather    one task a part: documents that have a pair, with signature (and shingles), to the same bucket
    resolve   one task a bucket of components: verify, cluster, choose        what its documents' signatures take

With `earlier`, the indexes of earlier runs (stages.minhash.index), a phase more gathers from their parts:

    gather_earlier   documents of earlier runs whose component has a new document (or one of another index)

and with `write_index` a last one, seal, completes this run's own. Keys of earlier runs are matched again, texts are
neither read nor signed again, and components without a new document stay as they were decided.

No step holds all pairs, and whatever a pair needs to be judged lies in one bucket. The result does not depend on the
number of tasks or on how documents are batched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field, model_validator

from stages import survivor
from stages.base import Exchange, Phase, StageError, Task, Upstream
from stages.documents import IDENTITY, REMOVAL_SCHEMA
from stages.identity import identity_hash, mix
from stages.minhash.index import CHANGE_SCHEMA, INDEX, INDEXED, EarlierIndexes, seal
from stages.minhash.pairs import PAIRS_SCHEMA, Pairs, new_pairs_file, stored_pairs
from stages.minhash.phases import merging_tasks, minhash_phases
from stages.minhash.recall import RecallSample
from stages.removals import place_of

if TYPE_CHECKING:
    from stages.base import Frame

_KEYS_SCHEMA = pa.schema([("key", pa.uint64()), ("nearness", pa.uint64()), ("part", pa.uint32()), ("row", pa.uint32())])
_IDENTITY_NAMES = [field.name for field in IDENTITY]
_TEXTS_AT_ONCE = 2048
_32 = np.uint64(32)


class MinhashDedup(RecallSample, Exchange):
    """Remove near-duplicate documents found by MinHash over shingles of their texts (LSH, clusters)."""

    name: ClassVar[str] = "minhash_dedup"
    version: ClassVar[int] = 4
    needs: ClassVar[tuple[str, ...]] = ("text",)

    bands: int = Field(14, ge=1, le=1024, description="Bands of the signature: texts that agree in one are candidates.")
    rows: int = Field(8, ge=1, le=1024, description="Minima in a band.")
    target_jaccard: float | None = Field(
        None, gt=0, lt=1, description="Computes bands and rows that find pairs of this similarity with target_recall."
    )
    target_recall: float = Field(0.98, gt=0, lt=1, description="Share of pairs at target_jaccard to be found.")
    seed: int = Field(1, ge=0, description="Chooses the hash functions.")
    verify: Literal["none", "signature", "jaccard"] = Field(
        "none", description="What a candidate pair must pass: nothing, its signatures' similarity, or its true Jaccard."
    )
    threshold: float = Field(0.8, gt=0, le=1, description="Least similarity of a verified pair.")
    clusters: Literal["components", "star"] = Field(
        "components",
        description="components: all that pairs connect; star: only what is paired with the document that stays.",
    )
    keep: survivor.Preferences = Field(
        (), description="Which document of a cluster stays, e.g. [-quality_score, date, -length]; identity comes last."
    )
    within: str | None = Field(None, description="Only documents of the same value of this column are compared.")
    compare_at_most: int = Field(
        64, ge=1, description="Documents of one band key that each is compared with, where pairs are verified."
    )
    key_ranges: int = Field(
        1, ge=1, le=4096, description="Ranges that the keys of a band are matched in, one after another; bounds memory."
    )
    buckets: int | None = Field(
        None, ge=1, le=65536, description="Tasks that judge pairs; bounds their memory. As many as parts unless given."
    )

    earlier: tuple[Path, ...] = Field(
        (), description="Indexes of earlier runs (RUN/index/LABEL), oldest first: their documents count as well."
    )
    write_index: bool = Field(False, description="Publish index/LABEL, for `earlier` of later runs.")

    @model_validator(mode="after")
    def _check(self) -> MinhashDedup:
        if self.target_jaccard is not None and self.model_fields_set & {"bands", "rows"}:
            raise ValueError("give either target_jaccard, which computes bands and rows, or bands and rows")
        if self.clusters == "star" and self.verify == "none":
            raise ValueError("clusters: star removes on verified pairs alone: give verify: jaccard (or signature)")
        return self

    def columns_needed(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(("text", *survivor.columns_needed(self.keep), *filter(None, [self.within]))))

    def assets(self) -> dict[str, Path]:
        return {f"earlier[{number}]": folder / INDEX for number, folder in enumerate(self.earlier)}

    def banding(self) -> tuple[int, int]:
        """Bands and rows, as given or as computed from the target."""
        from stages.minhash.settings import bands_and_rows

        if self.target_jaccard is None:
            return self.bands, self.rows
        return bands_and_rows(self.target_jaccard, self.target_recall)

    def phases(self, label: str, upstream: Upstream, seed: int) -> tuple[list[Phase], Upstream]:
        phases = minhash_phases(
            label,
            upstream,
            matching=min(self._key_buckets, upstream.tasks),
            resolving=self._component_buckets(upstream),
            earlier_parts=len(self._index.parts) if self.earlier else None,
            write_index=self.write_index,
        )
        phases += self.recall_phases(label, upstream)
        return phases, upstream.less(f"{label}.removals", clustered=True)

    def displaces_at_most(self) -> int | None:
        """One a band where pairs are not verified: all documents that share a key are one cluster already."""
        return self.banding()[0] if self.verify == "none" else None

    @cached_property
    def _index(self) -> EarlierIndexes:
        return EarlierIndexes(self.earlier, self._settings())

    def _settings(self) -> dict[str, Any]:
        """What indexes must agree in to be continued, as JSON."""
        others = {"earlier", "write_index", "buckets", "recall_sample"}
        settings: dict[str, Any] = json.loads(self.model_dump_json(exclude=others))
        return settings

    @property
    def _key_buckets(self) -> int:
        """Bucket band * key_ranges + range holds the keys of one band and range."""
        return self.banding()[0] * self.key_ranges

    def _component_buckets(self, upstream: Upstream) -> int:
        return self.buckets or min(upstream.tasks, 1024)

    def apply(self, frame: Frame) -> Frame:
        """Say of every row of a polars or Arrow frame whether it would go, and for which (stages.dedup_frames)."""
        from stages.dedup_frames import apply_dedup
        from stages.minhash.in_memory import find_duplicates

        if self.earlier:
            raise StageError("apply: a frame is compared with itself alone; leave `earlier` out")
        return apply_dedup(self, "near_duplicate", partial(find_duplicates, self), frame)

    def sign(self, task: Task) -> None:
        """Write one key a band for every text that has shingles, and for an index all that is known of it."""
        from stages.minhash.members import MemberFile, describe, sign_texts
        from stages.minhash.signatures import band_keys

        bands, rows = self.banding()
        keys, nearness = [np.empty((0, bands), np.uint64)], [np.empty((0, bands), np.uint64)]
        signed_rows = [np.empty(0, np.uint32)]
        with MemberFile(task, "documents") if self.write_index else nullcontext() as indexed:
            for row, batch in _slices(task.documents([*_IDENTITY_NAMES, *self.columns_needed()])):
                signed, sets = sign_texts(batch.column("text"), self, with_sets=self.write_index)
                signs = self.has_shingles(signed.units)
                self._index.refuse_known(batch.column("file").unique().to_pylist())
                task.count("texts_without_words", int((signed.units == 0).sum()))
                task.count(
                    "texts_shorter_than_a_shingle", int(((signed.units > 0) & (signed.units < self.width)).sum())
                )
                row, batch, minima = row[signs], batch.filter(pa.array(signs)), signed.minima[signs]
                keys.append(band_keys(minima, rows) ^ survivor.scope_hashes(batch, self.within)[:, None])
                nearness.append(nearness_of(batch, minima[:, ::rows]))
                signed_rows.append(row)
                if indexed:
                    indexed.write(describe(batch, row, self, minima, sets and sets.without_empty()))
        self._write_keys(task, np.concatenate(keys), np.concatenate(nearness), np.concatenate(signed_rows))

    def match(self, task: Task) -> None:
        """Write candidate pairs, one batch for each of this task's buckets, and a forest that connects as much."""
        from stages.minhash.matching import star_pairs, window_pairs

        forest = []
        with new_pairs_file(task, "pairs") as writer:
            first, end = (self._key_buckets * edge // task.tasks for edge in (task.index, task.index + 1))
            for bucket in range(first, end):
                key, nearness, place = self._keys(task, bucket)
                if self.verify == "none":
                    found = star_pairs(key, place)
                else:
                    found = window_pairs(key, nearness, place, self.compare_at_most)
                writer.write_batch(found.pairs.to_batch())
                forest.append(found.forest.to_batch())
                task.count("candidate_pairs", len(found.pairs.first))
                task.count("pairs_not_compared", found.left_out)
        edges = pa.Table.from_batches(forest, PAIRS_SCHEMA)
        merging = merging_tasks(task.tasks)
        task.write_buckets("forest", edges, np.full(len(edges), task.index * merging // task.tasks), merging)

    def merge(self, task: Task) -> None:
        """Write one forest for those of a share of the matching tasks."""
        from stages.minhash.forests import merged

        with new_pairs_file(task, "merged") as writer:
            for pairs in merged(lambda: map(Pairs.from_columns, task.bucket("forest"))):
                writer.write_batch(pairs.to_batch())

    def connect(self, task: Task) -> None:
        """Write the candidate component of every row of every part."""
        from stages.minhash.components import write_components
        from stages.minhash.forests import components

        runs = [task.upstream.tasks, *(index.parts for index in self._index.indexes)]
        with task.create("components", f"{task.index:05d}.arrow") as path:
            found = components(lambda: stored_pairs(task, "merged"), runs, self._index.settled_together)
            write_components(path, found)

    def route(self, task: Task) -> None:
        """Write this task's pairs into the buckets of their components."""
        from stages.minhash.components import SETTLED, Components

        components = Components(task.parts("components")[0].path)
        count = self._component_buckets(task.upstream)
        routed, buckets = [], [np.empty(0, dtype=np.int64)]
        for pairs in stored_pairs(task, "pairs"):
            component = components.of(pairs.first)
            unsettled = component != SETTLED
            routed.append(Pairs(pairs.first[unsettled], pairs.other[unsettled]).to_batch())
            buckets.append(_component_bucket(component[unsettled], count))
        task.write_buckets("routed", pa.Table.from_batches(routed, PAIRS_SCHEMA), np.concatenate(buckets), count)

    def gather(self, task: Task) -> None:
        """Write what judging them takes of the documents that have a pair, into the buckets of their components."""
        from stages.minhash.components import Components
        from stages.minhash.members import as_members, describe, sign_texts, write_members

        components = Components(task.parts("components")[0].path)
        found = []
        for row, batch in _slices(task.documents([*_IDENTITY_NAMES, *self.columns_needed()])):
            chosen, bucket = self._members(task, components.of_row(task.index, row))
            batch = batch.take(pa.array(chosen))
            signed, sets = sign_texts(batch.column("text"), self)
            described = describe(batch, row[chosen], self, signed.minima, sets)
            found.append((as_members(described, task.index, None), bucket))
        write_members(task, "members", found, self._component_buckets(task.upstream))

    def gather_earlier(self, task: Task) -> None:
        """The same for one part of an earlier run, of documents in components that have to be decided again."""
        from stages.minhash.components import Components
        from stages.minhash.members import as_members, write_members

        part = self._index.parts[task.index]
        number = task.upstream.tasks + part.number
        components = Components(task.parts("components")[0].path)
        found = []
        for batch, kept in self._index.documents(part):
            chosen, bucket = self._members(task, components.of_row(number, batch.column("row").to_numpy()))
            found.append((as_members(batch.take(pa.array(chosen)), number, kept[chosen]), bucket))
        write_members(task, "earlier_members", found, self._component_buckets(task.upstream))

    def resolve(self, task: Task) -> None:
        """Decide about the components of this task's bucket: removal list, changes of the past, the pairs as proof."""
        from stages.minhash.outcome import PAIR_SCHEMA, change_rows, pair_table, removal_rows
        from stages.minhash.resolution import Members, clusters_of, verified_pairs

        batches = [*task.bucket("members"), *(task.bucket("earlier_members") if self.earlier else ())]
        removals, changes, proof = (s.empty_table() for s in (REMOVAL_SCHEMA, CHANGE_SCHEMA, PAIR_SCHEMA))
        new_parts = task.upstream.tasks
        if batches:
            members = Members(batches)
            candidates = map(Pairs.from_columns, task.bucket("routed"))
            pairs = verified_pairs(members, candidates, self.verify, self.threshold)
            clusters = clusters_of(members, pairs, self.clusters, self.keep)
            removals = removal_rows(members, clusters, self._expression(task.label), new_parts)
            changes = change_rows(members, clusters, self._expression(task.label), new_parts)
            proof = pair_table(members, pairs)
        removed = pc.sum(removals["removed"]).as_py() or 0
        task.count("pairs", len(proof))
        task.count("clusters", len(removals) - removed)
        task.count("near_duplicates", removed)
        task.write_buckets("removals", removals, removals["part"].to_numpy(), new_parts)
        _publish(task, "duplicates", proof)
        if self.earlier:
            task.count("retractions", changes["change"].to_pylist().count("retracted"))
            task.write_buckets("changes", changes, changes["part"].to_numpy(), len(self._index.parts))
            _publish(task, "retractions", changes.drop_columns(["part", "row"]))

    def seal(self, task: Task) -> None:
        """Complete the index: what it was made by, and what it consists of."""
        from stages.minhash.members import input_files

        outputs = [output for output in INDEXED if output != "changes" or self.earlier]
        files = {part.path.name: part.sha256 for output in outputs for part in task.parts(output)}
        inputs = {file for part in task.parts("documents") for file in input_files(part.path)}
        with task.create("index", INDEX) as path:
            seal(path, self._settings(), task.upstream.tasks, self._index, files, sorted(inputs))

    def _keys(self, task: Task, bucket: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Key, nearness and place (uint64) of the documents of one bucket, those of earlier runs after the new ones."""
        stored = [(0, batch) for batch in task.bucket("keys", bucket)]
        stored += [(task.upstream.tasks + first, batch) for first, batch in self._index.keys(bucket)]
        columns = [[np.empty(0, np.uint64)] * 3]
        for first, batch in stored:
            key, nearness, part, row = (batch.column(name).to_numpy() for name in _KEYS_SCHEMA.names)
            columns.append([key, nearness, place_of(part + np.uint32(first), row)])
        key, nearness, place = (np.concatenate(column) for column in zip(*columns, strict=True))
        return key, nearness, place

    def _write_keys(self, task: Task, keys: np.ndarray, nearness: np.ndarray, row: np.ndarray) -> None:
        """Write keys[documents, bands] in buckets of one band and range of keys."""
        bands = keys.shape[1]
        columns = {
            "key": keys.T.ravel(),
            "nearness": nearness.T.ravel(),
            "part": np.full(keys.size, task.index, dtype=np.uint32),
            "row": np.tile(row, bands),
        }
        band = np.repeat(np.arange(bands, dtype=np.int64), len(row))
        key_range = ((columns["key"] >> _32) * np.uint64(self.key_ranges)) >> _32
        buckets = band * self.key_ranges + key_range.astype(np.int64)
        task.write_buckets("keys", pa.table(columns, schema=_KEYS_SCHEMA), buckets, self._key_buckets)

    def _members(self, task: Task, component: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which documents of a batch have a component to be decided (int64), and their buckets, ascending."""
        from stages.minhash.components import SETTLED

        chosen = np.flatnonzero(component != SETTLED)
        bucket = _component_bucket(component[chosen], self._component_buckets(task.upstream))
        order = np.argsort(bucket, kind="stable")
        return chosen[order], bucket[order]

    def _expression(self, label: str) -> str:
        """What made a document go, as rejects/ tell it."""
        if self.verify == "none":
            return f"another document of its cluster in {label} comes first"
        measure = "jaccard" if self.verify == "jaccard" else "estimated_jaccard"
        if self.clusters == "star":
            return f"{measure} >= {self.threshold} with a document that stays"
        return f"connected to a document that stays by pairs of {measure} >= {self.threshold}"


def _slices(documents: Iterable[tuple[pa.Array, pa.RecordBatch]]) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    """The rows (uint32) and columns of some documents at a time, whose signatures and shingles are not large."""
    for row, batch in documents:
        rows = row.to_numpy(zero_copy_only=False)
        for start in range(0, len(rows), _TEXTS_AT_ONCE):
            yield rows[start : start + _TEXTS_AT_ONCE], batch.slice(start, _TEXTS_AT_ONCE)


def nearness_of(batch: pa.RecordBatch, firsts: np.ndarray) -> np.ndarray:
    """uint64[documents, bands]: the minimum that follows a band (the first one of the next), then who it is.

    It brings those of one key that are alike side by side, and does not depend on where documents lie.
    """
    file, offset, ordinal = (batch.column(name) for name in _IDENTITY_NAMES)
    identity = identity_hash(file, offset, ordinal, 0) >> _32
    return (np.roll(firsts, -1, axis=1) << _32) | identity[:, None]


def _publish(task: Task, output: str, table: pa.Table) -> None:
    with task.create(output, f"{task.label}-{task.index:05d}.parquet") as path:
        pq.write_table(table, path, compression="zstd")


def _component_bucket(component: np.ndarray, count: int) -> np.ndarray:
    return (mix(component, 0) % np.uint64(count)).astype(np.int64)
