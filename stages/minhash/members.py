"""What is known of a document when its pairs are judged: place, identity, sort key, signature, perhaps shingles.

An index keeps it of every document (4 bytes a minimum, and 8 a shingle where pairs are verified by true similarity);
a run gathers it of those that have a candidate pair.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from stages import survivor
from stages.documents import IDENTITY
from stages.minhash.signatures import signatures, signatures_and_sets

if TYPE_CHECKING:
    from stages.base import Task
    from stages.minhash.shingle_sets import ShingleSets
    from stages.minhash.signatures import Signatures
    from stages.minhash.stage import MinhashDedup

#: What a part without documents writes; the columns of others depend on parameters.
_NO_DOCUMENTS = pa.schema([("row", pa.uint32())])
_IDENTITY_NAMES = [field.name for field in IDENTITY]


def describe(
    batch: pa.RecordBatch, rows: np.ndarray, stage: MinhashDedup, minima: np.ndarray, sets: ShingleSets | None
) -> pa.RecordBatch:
    """Of documents in `rows` (uint32) of their part: row, identity, keep_*, minima (uint32), shingles (uint64).

    `minima` are their signatures, `sets` their shingles, where `stage` verifies by them. The file is a string here,
    since files of several batches hold this.
    """
    columns = {"row": pa.array(rows)}
    columns |= {name: batch.column(name) for name in _IDENTITY_NAMES}
    columns["file"] = columns["file"].cast(pa.string())
    columns |= survivor.carried(batch, stage.keep)
    columns["minima"] = pa.FixedSizeListArray.from_arrays(pa.array(minima.astype(np.uint32).ravel()), minima.shape[1])
    if sets is not None:
        columns["shingles"] = pa.LargeListArray.from_arrays(pa.array(sets.offsets), pa.array(sets.values))
    return pa.RecordBatch.from_pydict(columns)


def sign_texts(texts: pa.Array, stage: MinhashDedup, with_sets: bool = True) -> tuple[Signatures, ShingleSets | None]:
    """Signatures, and sets of shingles where pairs are verified by them."""
    bands, rows = stage.banding()
    if with_sets and stage.verify == "jaccard":
        return signatures_and_sets(texts, stage, bands * rows, stage.seed)
    return signatures(texts, stage, bands * rows, stage.seed), None


class MemberFile:
    """What is described of the documents of a part, in one Arrow file of an output, batch by batch."""

    def __init__(self, task: Task, output: str) -> None:
        self._task, self._output = task, output
        self._open = ExitStack()
        self._writer: pa.ipc.RecordBatchFileWriter | None = None

    def __enter__(self) -> MemberFile:
        name = f"{self._output}-{self._task.index:05d}.arrow"
        self._path = self._open.enter_context(self._task.create(self._output, name))
        return self

    def __exit__(self, *error: Any) -> None:
        if self._writer is None:
            self._start(_NO_DOCUMENTS)
        self._open.__exit__(*error)

    def write(self, described: pa.RecordBatch) -> None:
        if self._writer is None:
            self._start(described.schema)
        assert self._writer is not None
        self._writer.write_batch(described)

    def _start(self, schema: pa.Schema) -> None:
        self._writer = self._open.enter_context(pa.ipc.new_file(str(self._path), schema))


def input_files(path: Path) -> set[str]:
    """The files that the documents of a MemberFile are of."""
    with pa.ipc.open_file(pa.memory_map(str(path))) as reader:
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
        return {file for batch in batches for file in batch.column("file").unique().to_pylist()}


def as_members(described: pa.RecordBatch, part: int, kept: np.ndarray | None) -> pa.RecordBatch:
    """With the part they are in, and whether an earlier run kept them (bool; None: they are new)."""
    count = described.num_rows
    before = pa.nulls(count, pa.bool_()) if kept is None else pa.array(kept, pa.bool_())
    described = described.append_column("part", pa.array(np.full(count, part, dtype=np.uint32)))
    return described.append_column("kept", before)


def write_members(task: Task, output: str, found: Iterable[tuple[pa.RecordBatch, np.ndarray]], count: int) -> None:
    """Write batches of members with their buckets (int64, of `count`), ascending in every batch."""
    of_bucket: dict[int, list[pa.RecordBatch]] = {}
    for members, bucket in found:
        present, starts = np.unique(bucket, return_index=True)
        sizes = np.diff(np.append(starts, len(bucket)))
        for number, start, size in zip(present.tolist(), starts.tolist(), sizes.tolist(), strict=True):
            of_bucket.setdefault(number, []).append(members.slice(start, size))
    numbers = sorted(of_bucket)
    batches = [pa.concat_batches(of_bucket.pop(number)) for number in numbers]
    table = pa.Table.from_batches(batches) if batches else _NO_DOCUMENTS.empty_table()
    buckets = np.repeat(np.array(numbers, dtype=np.int64), [batch.num_rows for batch in batches])
    task.write_buckets(output, table, buckets, count)
