"""Pairs of documents by place (part and row): in memory, as Arrow batches, and in the files of tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stages.base import Task
from stages.removals import part_of, place_of, row_of

_COLUMNS = ("part_a", "row_a", "part_b", "row_b")
PAIRS_SCHEMA = pa.schema([(name, pa.uint32()) for name in _COLUMNS])


class Pairs(NamedTuple):
    """Places (uint64, aligned, `first` < `other`) of two documents each, ascending by both."""

    first: np.ndarray
    other: np.ndarray

    def to_batch(self) -> pa.RecordBatch:
        sides = (part_of(self.first), row_of(self.first), part_of(self.other), row_of(self.other))
        return pa.RecordBatch.from_arrays([pa.array(column) for column in sides], schema=PAIRS_SCHEMA)

    @classmethod
    def from_columns(cls, stored: pa.RecordBatch | pa.Table) -> Pairs:
        part_a, row_a, part_b, row_b = (stored.column(name).to_numpy() for name in _COLUMNS)
        return cls(place_of(part_a, row_a), place_of(part_b, row_b))


@contextmanager
def new_pairs_file(task: Task, output: str) -> Iterator[pa.ipc.RecordBatchFileWriter]:
    """The task's one file of an output that `stored_pairs` reads."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        task.create(output, f"{task.index:05d}.arrow") as path,
        pa.ipc.new_file(str(path), PAIRS_SCHEMA, options=options) as writer,
    ):
        yield writer


def stored_pairs(task: Task, output: str) -> Iterator[Pairs]:
    """The pairs of an output that the task may read, batch by batch."""
    for part in task.parts(output):
        with pa.ipc.open_file(pa.memory_map(str(part.path))) as reader:
            for index in range(reader.num_record_batches):
                yield Pairs.from_columns(reader.get_batch(index))
