"""Tokenise the documents, shuffle them globally and write token shards (shards/writer.py).

    tokenize   one task a part: text -> ids + end-of-text, by bucket       100 MB/s of text and more on one core
    shuffle    one task a bucket: sort by hash, cut into shards            holds one bucket's tokens in memory
    index      one task: the entries of all shards -> index.json

A document's place in the shuffle is `identity_hash` (stages/identity.py) with the seed of the run: the
bucket is the hash modulo the buckets, and within a bucket documents are sorted by it. Neither sees part,
row or task, so the tokens of every shard are the same however the corpus was split.

Validation documents are drawn by a hash of their duplicate cluster, else of their text, so that copies and
near-copies stand on one side. They share as few buckets as their fraction allows, so that a small
validation set is not scattered over many tiny shards.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from stages.base import Exchange, Phase, Read, StageError, Task, Upstream
from stages.documents import IDENTITY
from stages.identity import identity_hash, mix
from stages.loaded_tokenizer import loaded_tokenizer, tokenizer_file
from stages.parting import file_label, names_of
from stages.removals import concat_batches
from stages.text_hash import text_hashes

if TYPE_CHECKING:
    from shards.index import ShardEntry
    from tokenizer import EncodedBatch, Tokenizer

_SOURCE = "source"
#: What documents without a source are filed under.
NO_SOURCE = "documents"

#: Longer texts are not encoded twice for the check against `tokenizers`. In bytes.
_LARGEST_SAMPLE = 1 << 20


class WriteShards(Exchange):
    """Write the documents as shuffled token shards, with validation documents apart."""

    name: ClassVar[str] = "write_shards"
    version: ClassVar[int] = 2
    needs: ClassVar[tuple[str, ...]] = ("text",)
    materialised: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("tokenizers",)

    tokenizer: Path | None = Field(None, description="A tokenizer.json; left out, the one trained in this recipe.")
    source: str = Field(
        "source", description="Column whose values part the shards: with `language`, each language has its own."
    )
    format: Literal["arrow"] = Field("arrow", description="arrow: Arrow IPC streams that trainers map into memory.")
    buckets: int = Field(
        16, ge=1, le=65536, description="Tasks of the shuffle; each holds its share of all tokens in memory."
    )
    shard_tokens: int = Field(100_000_000, ge=1, description="Tokens after which a shard is cut.")
    validation_fraction: float = Field(0.01, ge=0, le=1, description="Share of the documents set apart.")

    def columns_needed(self) -> tuple[str, ...]:
        return self.needs if self.source == _SOURCE else (*self.needs, self.source)

    def phases(self, label: str, upstream: Upstream, seed: int) -> tuple[list[Phase], Upstream]:
        if self.tokenizer is None and upstream.tokenizer is None:
            raise StageError(
                f"{label}: no tokenizer; put train_tokenizer before it or set {label}.tokenizer to a tokenizer.json"
            )
        trained = () if self.tokenizer is not None else (Read(str(upstream.tokenizer), "all"),)
        published = {"index": "shards"}
        if self.tokenizer is not None:
            # The run directory holds the tokenizer of its shards, wherever that came from.
            published["tokenizer"] = "tokenizer"
        phases = [
            Phase(
                "tokenize",
                upstream.tasks,
                (*upstream.reads(), *trained),
                ("tokens",),
                ignores=("format", "shard_tokens"),
            ),
            Phase(
                "shuffle",
                self.buckets,
                (Read(f"{label}.tokens", "bucket"), *trained),
                ("shards", "entries"),
                publishes={"shards": "shards"},
            ),
            Phase("index", 1, (Read(f"{label}.entries", "all"), *trained), tuple(published), publishes=published),
        ]
        return phases, upstream

    def tokenize(self, task: Task) -> None:
        """Write the tokens of one part of the documents, bucketed for the shuffle."""
        bpe = loaded_tokenizer(self._tokenizer_of(task))
        columns = [*(field.name for field in IDENTITY), self.source, "text", *_cluster_columns(task)]
        batches = []
        for rows, batch in task.documents(columns):
            has_text = np.diff(_text_offsets(batch.column("text"))) > 0
            task.count("documents_without_text", int((~has_text).sum()))
            kept = pa.array(has_text)
            tokens = tokenize_batch(bpe, task.index, rows.filter(kept), batch.filter(kept), task.seed, self.source)
            validation = tokens.column("draw").to_numpy() < self._validation_limit()
            index = tokens.schema.get_field_index("draw")
            batches.append(tokens.set_column(index, "validation", pa.array(validation)))
        table = concat_batches(batches, _tokens_schema(bpe))
        task.write_buckets("tokens", table, self._buckets_of(table), self.buckets)

    def shuffle(self, task: Task) -> None:
        """Write the shards of one bucket, and their entries for the index."""
        file = tokenizer_file(self._tokenizer_of(task))
        entries: list[ShardEntry] = []
        batches = list(task.bucket("tokens"))
        for shard in cut_shards(batches, task.index, self.shard_tokens):
            with task.create("shards", shard.file) as path:
                entries.append(shard.write(path, vocabulary_size=len(file.tokens), end_of_text=file.end_of_text))
        task.count("tokens", sum(entry.tokens for entry in entries))
        task.count("documents", sum(entry.documents for entry in entries))
        task.count("validation_documents", sum(entry.documents for entry in entries if entry.split == "val"))
        with task.create("entries", f"{task.index:05d}.json") as path:
            path.write_text(json.dumps([asdict(entry) for entry in entries], indent=1), encoding="utf-8")

    def index(self, task: Task) -> None:
        """Write index.json over all shards."""
        from shards.index import END_OF_TEXT, INDEX_NAME, ShardEntry, ShardIndex

        file = tokenizer_file(self._tokenizer_of(task))
        entries = [
            ShardEntry(**entry) for part in task.parts("entries") for entry in json.loads(part.path.read_text("utf-8"))
        ]
        index = ShardIndex.build(
            entries,
            vocabulary_size=len(file.tokens),
            special_ids={END_OF_TEXT: file.end_of_text},
            tokenizer_sha256=file.sha256,
            recipe_fingerprint=task.fingerprint,
        )
        with task.create("index", INDEX_NAME) as path, tempfile.TemporaryDirectory() as folder:
            index.save(Path(folder))
            shutil.copyfile(Path(folder) / INDEX_NAME, path)
        if self.tokenizer is not None:
            with task.create("tokenizer", "tokenizer.json") as path:
                shutil.copyfile(self.tokenizer, path)

    def _tokenizer_of(self, task: Task) -> Path:
        if self.tokenizer is not None:
            return self.tokenizer
        return task.parts(str(task.upstream.tokenizer))[0].path

    def _validation_limit(self) -> np.uint64:
        return np.uint64(min(int(self.validation_fraction * 2**64), 2**64 - 1))

    def _buckets_of(self, table: pa.Table) -> np.ndarray:
        """Bucket (int64) of each row: all of them for training, the first few for validation."""
        validation_buckets = max(1, math.ceil(self.buckets * self.validation_fraction))
        buckets = np.where(table["validation"].to_numpy(zero_copy_only=False), validation_buckets, self.buckets)
        return (table["key"].to_numpy() % buckets.astype(np.uint64)).astype(np.int64)


def tokenize_batch(
    bpe: Tokenizer, part: int, rows: pa.Array, batch: pa.RecordBatch, seed: int, source: str = _SOURCE
) -> pa.RecordBatch:
    """The documents of a batch as tokens that end with end-of-text, ready to be shuffled.

    `batch` has identity, text (none empty) and, where known, the column `source` names and columns that end in
    `_cluster`. Gives tokens (large_list), part, row, bytes (uint32), source (string), key (uint64: the place in the
    shuffle) and draw (uint64: uniform; equal for documents of one duplicate cluster). Raises StageError where gigatoken
    and `tokenizers` disagree about a sampled text.
    """
    text = batch.column("text")
    encoded = bpe.encode_batch(text)
    _check_sample(bpe, encoded, part, rows, text)
    values = np.insert(encoded.ids, encoded.offsets[1:], bpe.end_of_text)
    offsets = encoded.offsets + np.arange(len(encoded.offsets))
    file, offset, ordinal = (batch.column(field.name) for field in IDENTITY)
    columns = {
        "tokens": pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values)),
        "part": pa.array(np.full(len(rows), part, dtype=np.uint32)),
        "row": rows.cast(pa.uint32()),
        "bytes": pa.array(np.diff(_text_offsets(text)).astype(np.uint32)),
        "source": names_of(batch, source, NO_SOURCE),
        "key": pa.array(identity_hash(file, offset, ordinal, seed)),
        "draw": pa.array(mix(_cluster_hashes(batch), seed)),
    }
    return pa.RecordBatch.from_pydict(columns)


def _check_sample(bpe: Tokenizer, encoded: EncodedBatch, part: int, rows: pa.Array, text: pa.Array) -> None:
    """Encode one text of the batch by `tokenizers`, the reference, and compare."""
    small = np.flatnonzero(np.diff(_text_offsets(text)) <= _LARGEST_SAMPLE)
    if len(small) == 0 or bpe.engine == "tokenizers":
        return
    row = int(small[0])
    ids = encoded.ids[encoded.offsets[row] : encoded.offsets[row + 1]]
    if bpe.encode(text[row].as_py()) != ids.tolist():
        raise StageError(
            f"part {part} row {rows[row].as_py()}: {bpe.engine} and tokenizers encode it differently; "
            "uninstall gigatoken or install the version that constraints.txt names"
        )


def _cluster_hashes(batch: pa.RecordBatch) -> np.ndarray:
    """What stands for all copies of a document: its cluster by the last deduplication, else its text."""
    hashes = text_hashes(batch.column("text"))[:, 0]
    for name in batch.schema.names:
        if name.endswith("_cluster"):
            cluster = batch.column(name).cast(pa.uint64())
            known = cluster.is_valid().to_numpy(zero_copy_only=False)
            hashes = np.where(known, cluster.fill_null(0).to_numpy(), hashes)
    return hashes


def _text_offsets(text: pa.Array) -> np.ndarray:
    from tokenizer.text_buffers import text_buffers

    return text_buffers(text)[1]


def _cluster_columns(task: Task) -> list[str]:
    return [name for name in task.document_columns() if name.endswith("_cluster")]


def _tokens_schema(bpe: Tokenizer) -> pa.Schema:
    kind = pa.uint16() if bpe.vocabulary_size <= 1 << 16 else pa.uint32()
    return pa.schema(
        [
            ("tokens", pa.large_list(kind)),
            ("part", pa.uint32()),
            ("row", pa.uint32()),
            ("bytes", pa.uint32()),
            ("source", pa.string()),
            ("key", pa.uint64()),
            ("validation", pa.bool_()),
        ]
    )


class CutShard:
    """Rows of a bucket that make one shard, in their final order."""

    def __init__(self, file: str, split: str, source: str, documents: pa.Table) -> None:
        self.file, self.split, self.source = file, split, source
        self._documents = documents

    def write(self, path: Path, *, vocabulary_size: int, end_of_text: int) -> ShardEntry:
        """Write the shard to the temporary `path`; its entry names the final file."""
        from shards.writer import write_shard

        tokens = self._documents["tokens"].combine_chunks()
        tokens = tokens.chunk(0) if isinstance(tokens, pa.ChunkedArray) else tokens
        columns = (self._documents[name].to_numpy() for name in ("part", "row", "bytes"))
        return write_shard(
            path,
            tokens.flatten().to_numpy(),
            np.diff(tokens.offsets.to_numpy()),
            *columns,
            vocabulary_size=vocabulary_size,
            end_of_text=end_of_text,
            split=self.split,
            source=self.source,
            file=self.file,
        )


def cut_shards(batches: Sequence[pa.RecordBatch], bucket: int, shard_tokens: int) -> Iterator[CutShard]:
    """Sort a bucket's documents by split, source and key, and cut each split and source into shards.

    A shard ends with the document that reaches a multiple of `shard_tokens`; no document is cut in two.
    """
    if not batches:
        return
    table = pa.Table.from_batches(batches).combine_chunks()
    lengths = pc.list_value_length(table["tokens"]).to_numpy()
    names, source = _ranks(table["source"])
    validation = table["validation"].to_numpy().astype(np.int64)
    key, part, row = (table[name].to_numpy() for name in ("key", "part", "row"))
    order = np.lexsort((row, part, key, source, validation))
    for members in _runs(order, validation[order] * len(names) + source[order]):
        split, name = ("train", "val")[validation[members[0]]], names[source[members[0]]]
        starts = np.cumsum(lengths[members]) - lengths[members]
        for k, documents in enumerate(_runs(members, starts // shard_tokens)):
            file = f"{split}-{file_label(name)}-{bucket:05d}-{k:05d}.arrow"
            yield CutShard(file, split, name, table.take(pa.array(documents)))


def _ranks(strings: pa.ChunkedArray) -> tuple[list[str], np.ndarray]:
    """The distinct strings, sorted, and the rank of every row's (int64)."""
    encoded = strings.combine_chunks().dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    names = sorted(distinct)
    rank = np.array([names.index(name) for name in distinct], dtype=np.int64)
    return names, rank[encoded.indices.to_numpy()]


def _runs(rows: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """Cut `rows` wherever the label beside it changes."""
    return np.split(rows, np.flatnonzero(np.diff(labels)) + 1)
