"""Open a shard set: memory-mapped token streams with document boundaries, nothing copied.

Opening a shard maps its file and reads the Arrow metadata only (a few milliseconds for 100 M tokens);
tokens enter memory when they are touched. `Shard.document_at` is a binary search over the boundaries.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from shards.errors import ShardError
from shards.index import ShardEntry, ShardIndex

Array = np.ndarray[Any, Any]


class DocumentSpan(NamedTuple):
    """The stretch of one document that a stretch of tokens covers.

    `document` is its number in the shard, `part` and `row` its place in documents/; `start` and `stop`
    are token positions in the shard, `offset` is where `start` lies within the document.
    """

    document: int
    part: int
    row: int
    start: int
    stop: int
    offset: int


class Shard:
    """One shard, mapped into memory. `tokens` is the contiguous stream; `offsets` has D + 1 boundaries."""

    def __init__(self, path: Path, entry: ShardEntry, dtype: str) -> None:
        self.path = path
        self.entry = entry
        batch = _map_batch(path)
        _check_schema(path, batch.schema, dtype)
        documents = batch.column("tokens")
        #: (D + 1,) int64, token positions where documents begin; the last is the number of tokens.
        self.offsets: Array = documents.offsets.to_numpy()
        #: (T,) uint16 or uint32, a view of the mapped file.
        self.tokens: Array = documents.values.to_numpy(zero_copy_only=True)
        self.part: Array = batch.column("part").to_numpy()
        self.row: Array = batch.column("row").to_numpy()
        self.text_bytes: Array = batch.column("bytes").to_numpy()
        if len(self.tokens) != entry.tokens or len(documents) != entry.documents:
            raise ShardError(
                f"{path}: holds {len(self.tokens)} tokens in {len(documents)} documents, the index says "
                f"{entry.tokens} in {entry.documents}; write the shards again"
            )

    def __len__(self) -> int:
        return len(self.tokens)

    def document(self, number: int) -> Array:
        """The tokens of one document, its end-of-text included."""
        return self.tokens[self.offsets[number] : self.offsets[number + 1]]

    def document_at(self, position: int) -> int:
        """Number of the document that holds the token at `position`; IndexError outside the shard."""
        if not 0 <= position < len(self.tokens):
            raise IndexError(f"{self.path.name}: position {position} is outside 0..{len(self.tokens) - 1}")
        return int(np.searchsorted(self.offsets, position, side="right")) - 1

    def documents_between(self, start: int, stop: int) -> list[DocumentSpan]:
        """The documents behind tokens [start, stop), in order, with the stretch of each."""
        spans = []
        for number in range(self.document_at(start), self.document_at(stop - 1) + 1):
            first, last = int(self.offsets[number]), int(self.offsets[number + 1])
            begin = max(start, first)
            part, row = int(self.part[number]), int(self.row[number])
            spans.append(DocumentSpan(number, part, row, begin, min(stop, last), begin - first))
        return spans


@dataclass(frozen=True)
class ShardSet:
    """A folder of shards and its index."""

    folder: Path
    index: ShardIndex

    @classmethod
    def open(cls, folder: Path) -> ShardSet:
        return cls(folder, ShardIndex.load(folder))

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """Every shard of the set in index order, mapped."""
        return tuple(Shard(self.folder / entry.file, entry, self.index.dtype) for entry in self.index.shards)

    def of_split(self, split: str) -> tuple[Shard, ...]:
        """The shards of a split in index order; ShardError when there is none."""
        found = tuple(shard for shard in self.shards if shard.entry.split == split)
        if not found:
            splits = ", ".join(self.index.splits()) or "none"
            raise ShardError(f"{self.folder}: no shard of split {split!r}; the index has {splits}")
        return found


def _map_batch(path: Path) -> pa.RecordBatch:
    try:
        with pa.ipc.open_stream(pa.memory_map(str(path))) as stream:
            batches = list(stream)
        for batch in batches:
            batch.validate()
    except FileNotFoundError:
        raise ShardError(f"{path}: named by index.json but absent; write the shards again") from None
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ShardError(f"{path}: not a whole Arrow stream ({reason}); write the shards again") from None
    if len(batches) != 1:
        raise ShardError(f"{path}: {len(batches)} record batches, a shard has one; write the shards again")
    if any(column.null_count for column in batches[0].columns):
        raise ShardError(f"{path}: holds nulls, a shard has none; write the shards again")
    return batches[0]


def _check_schema(path: Path, schema: pa.Schema, dtype: str) -> None:
    expected = {
        "tokens": pa.large_list(pa.type_for_alias(dtype)),
        "part": pa.uint32(),
        "row": pa.uint32(),
        "bytes": pa.uint32(),
    }
    for name, kind in expected.items():
        if name not in schema.names:
            raise ShardError(f"{path}: no column {name}; write the shards again")
        found = schema.field(name).type
        if found != kind:
            raise ShardError(f"{path}: column {name} is {found}, must be {kind}; write the shards again")
