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

No step holds all pairs, and whatever a pair needs to be judged lies in one bucket. The result does not depend on the
number of tasks or on how documents are batched.
"""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field, model_validator

from stages import survivor
from stages.base import Exchange, Phase, Read, Task, Upstream
from stages.documents import IDENTITY, REMOVAL_SCHEMA
from stages.identity import mix
from stages.minhash.pairs import PAIRS_SCHEMA, Pairs, new_pairs_file, stored_pairs
from stages.minhash.shingling import Shingling
from stages.removals import concat_batches, place_of

if TYPE_CHECKING:
    from stages.minhash.signatures import Signatures

_KEYS_SCHEMA = pa.schema([("key", pa.uint64()), ("nearness", pa.uint32()), ("part", pa.uint32()), ("row", pa.uint32())])
_PLACE_SCHEMA = pa.schema([("part", pa.uint32()), ("row", pa.uint32())])
_IDENTITY_NAMES = [field.name for field in IDENTITY]
_TEXTS_AT_ONCE = 4096


class MinhashDedup(Shingling, Exchange):
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
    keep: tuple[survivor.Preference, ...] = Field(
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

    @model_validator(mode="after")
    def _check(self) -> MinhashDedup:
        if self.target_jaccard is not None and self.model_fields_set & {"bands", "rows"}:
            raise ValueError("give either target_jaccard, which computes bands and rows, or bands and rows")
        if self.clusters == "star" and self.verify == "none":
            raise ValueError("clusters: star removes on verified pairs alone: give verify: jaccard (or signature)")
        return self

    def columns_needed(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(("text", *survivor.columns_needed(self.keep), *filter(None, [self.within]))))

    def banding(self) -> tuple[int, int]:
        """Bands and rows, as given or as computed from the target."""
        from stages.minhash.settings import bands_and_rows

        if self.target_jaccard is None:
            return self.bands, self.rows
        return bands_and_rows(self.target_jaccard, self.target_recall)

    def phases(self, label: str, upstream: Upstream, seed: int) -> tuple[list[Phase], Upstream]:
        matching = min(self._key_buckets, upstream.tasks)
        components = Read(f"{label}.components", "all")
        phases = [
            Phase("sign", upstream.tasks, upstream.reads(), ("keys",)),
            Phase("match", matching, (Read(f"{label}.keys", "bucket"),), ("pairs", "forest")),
            Phase("merge", _merging(matching), (Read(f"{label}.forest", "bucket"),), ("merged",)),
            Phase("connect", 1, (Read(f"{label}.merged", "all"),), ("components",)),
            Phase("route", matching, (Read(f"{label}.pairs", "same"), components), ("routed",)),
            Phase("gather", upstream.tasks, (*upstream.reads(), components), ("members",)),
            Phase(
                "resolve",
                self._component_buckets(upstream),
                (Read(f"{label}.routed", "bucket"), Read(f"{label}.members", "bucket")),
                ("removals", "duplicates"),
                {"duplicates": "duplicates"},
            ),
        ]
        return phases, upstream.less(f"{label}.removals", clustered=True)

    def displaces_at_most(self) -> int | None:
        """One a band where pairs are not verified: all documents that share a key are one cluster already."""
        return self.banding()[0] if self.verify == "none" else None

    @property
    def _key_buckets(self) -> int:
        """Bucket band * key_ranges + range holds the keys of one band and range."""
        return self.banding()[0] * self.key_ranges

    def _component_buckets(self, upstream: Upstream) -> int:
        return self.buckets or min(upstream.tasks, 1024)

    def sign(self, task: Task) -> None:
        """Write one key a band for every text that has shingles."""
        from stages.minhash.signatures import band_keys

        bands, rows = self.banding()
        keys, nearness = [np.empty((0, bands), np.uint64)], [np.empty((0, bands), np.uint32)]
        signed_rows = [np.empty(0, dtype=np.uint32)]
        for row, batch in task.documents(self.columns_needed()):
            scope = survivor.scope_hashes(batch, self.within)
            for start in range(0, len(row), _TEXTS_AT_ONCE):
                some = slice(start, start + _TEXTS_AT_ONCE)
                signed = self._signatures(batch.column("text").slice(start, _TEXTS_AT_ONCE))
                has_shingles = signed.units > 0
                keys.append((band_keys(signed.minima, rows) ^ scope[some, None])[has_shingles])
                # The minimum that follows a band: the first one of the next.
                nearness.append(np.roll(signed.minima[:, ::rows], -1, axis=1).astype(np.uint32)[has_shingles])
                signed_rows.append(row.to_numpy(zero_copy_only=False)[some][has_shingles])
                task.count("texts_without_words", int((~has_shingles).sum()))
                short = has_shingles & (signed.units < self.width)
                task.count("texts_shorter_than_a_shingle", int(short.sum()))
        self._write_keys(task, np.concatenate(keys), np.concatenate(nearness), np.concatenate(signed_rows))

    def match(self, task: Task) -> None:
        """Write candidate pairs, one batch for each of this task's buckets, and a forest that connects as much."""
        from stages.minhash.matching import star_pairs, window_pairs

        forest = []
        with new_pairs_file(task, "pairs") as writer:
            first, end = (self._key_buckets * edge // task.tasks for edge in (task.index, task.index + 1))
            for bucket in range(first, end):
                keys = concat_batches(task.bucket("keys", bucket), _KEYS_SCHEMA)
                key, place = keys["key"].to_numpy(), place_of(keys["part"].to_numpy(), keys["row"].to_numpy())
                if self.verify == "none":
                    found = star_pairs(key, place)
                else:
                    found = window_pairs(key, keys["nearness"].to_numpy(), place, self.compare_at_most)
                writer.write_batch(found.pairs.to_batch())
                forest.append(found.forest.to_batch())
                task.count("candidate_pairs", len(found.pairs.first))
                task.count("pairs_not_compared", found.left_out)
        edges = pa.Table.from_batches(forest, PAIRS_SCHEMA)
        merging = _merging(task.tasks)
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

        with task.create("components", f"{task.index:05d}.arrow") as path:
            write_components(path, components(lambda: stored_pairs(task, "merged")))

    def route(self, task: Task) -> None:
        """Write this task's pairs into the buckets of their components."""
        from stages.minhash.components import Components

        components = Components(task.parts("components")[0].path)
        count = self._component_buckets(task.upstream)
        routed, buckets = [], [np.empty(0, dtype=np.int64)]
        for pairs in stored_pairs(task, "pairs"):
            routed.append(pairs.to_batch())
            buckets.append(_component_bucket(components.of(pairs.first), count))
        task.write_buckets("routed", pa.Table.from_batches(routed, PAIRS_SCHEMA), np.concatenate(buckets), count)

    def gather(self, task: Task) -> None:
        """Write what judging them takes of the documents that have a pair, into the buckets of their components."""
        from stages.minhash.components import ALONE, Components

        components = Components(task.parts("components")[0].path).of_part(task.index)
        count = self._component_buckets(task.upstream)
        members, buckets = [], [np.empty(0, dtype=np.int64)]
        for row, batch in task.documents([*_IDENTITY_NAMES, *self.columns_needed()]):
            rows = row.to_numpy(zero_copy_only=False)
            component = np.full(len(rows), ALONE)
            known = rows < len(components)
            component[known] = components[rows[known]]
            paired = np.flatnonzero(component != ALONE)
            members.append(self._members(batch.take(pa.array(paired)), task.index, rows[paired]))
            buckets.append(_component_bucket(component[paired], count))
        table = concat_batches(members, members[0].schema if members else _PLACE_SCHEMA)
        task.write_buckets("members", table, np.concatenate(buckets), count)

    def resolve(self, task: Task) -> None:
        """Write the removal list of the components of this task's bucket, and the pairs that prove it."""
        from stages.minhash.removal_rows import PAIR_SCHEMA, pair_table, removal_rows
        from stages.minhash.resolution import Members, clusters_of, verified_pairs

        batches = list(task.bucket("members"))
        removals, proof = REMOVAL_SCHEMA.empty_table(), PAIR_SCHEMA.empty_table()
        if batches:
            members = Members(concat_batches(batches, batches[0].schema))
            candidates = Pairs.from_columns(concat_batches(task.bucket("routed"), PAIRS_SCHEMA))
            pairs = verified_pairs(members, candidates, self.verify, self.threshold)
            clusters = clusters_of(members, pairs, self.clusters, self.keep)
            removals = removal_rows(members, clusters, self._expression(task.label))
            proof = pair_table(members, pairs)
        removed = pc.sum(removals["removed"]).as_py() or 0
        task.count("pairs", len(proof))
        task.count("clusters", len(removals) - removed)
        task.count("near_duplicates", removed)
        task.write_buckets("removals", removals, removals["part"].to_numpy(), task.upstream.tasks)
        with task.create("duplicates", f"{task.label}-{task.index:05d}.parquet") as path:
            pq.write_table(proof, path, compression="zstd")

    def _signatures(self, texts: pa.Array) -> Signatures:
        from stages.minhash.signatures import signatures

        bands, rows = self.banding()
        return signatures(texts, self, bands * rows, self.seed)

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
        key_range = ((columns["key"] >> np.uint64(32)) * np.uint64(self.key_ranges)) >> np.uint64(32)
        buckets = band * self.key_ranges + key_range.astype(np.int64)
        task.write_buckets("keys", pa.table(columns, schema=_KEYS_SCHEMA), buckets, self._key_buckets)

    def _members(self, batch: pa.RecordBatch, part: int, row: np.ndarray) -> pa.RecordBatch:
        """What `resolve` needs of documents: place, identity, sort key, signature, shingles where they are compared."""
        from stages.minhash.shingle_sets import shingle_sets

        texts = batch.column("text")
        minima = self._signatures(texts).minima.astype(np.uint32)
        columns = {"part": pa.array(np.full(len(row), part, dtype=np.uint32)), "row": pa.array(row)}
        columns |= {name: batch.column(name) for name in _IDENTITY_NAMES} | survivor.carried(batch, self.keep)
        columns["minima"] = pa.FixedSizeListArray.from_arrays(pa.array(minima.ravel()), minima.shape[1])
        if self.verify == "jaccard":
            sets = shingle_sets(texts, self)
            columns["shingles"] = pa.LargeListArray.from_arrays(pa.array(sets.offsets), pa.array(sets.values))
        return pa.RecordBatch.from_pydict(columns)

    def _expression(self, label: str) -> str:
        """What made a document go, as rejects/ tell it."""
        if self.verify == "none":
            return f"another document of its cluster in {label} comes first"
        measure = "jaccard" if self.verify == "jaccard" else "estimated_jaccard"
        if self.clusters == "star":
            return f"{measure} >= {self.threshold} with a document that stays"
        return f"connected to a document that stays by pairs of {measure} >= {self.threshold}"


def _merging(matching: int) -> int:
    """Tasks that merge the forests of so many matching tasks: each as many as the last one merges in the end."""
    return ceil(sqrt(matching))


def _component_bucket(component: np.ndarray, count: int) -> np.ndarray:
    return (mix(component, 0) % np.uint64(count)).astype(np.int64)
