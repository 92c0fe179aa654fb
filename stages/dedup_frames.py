"""Remove duplicates of one polars or Arrow frame in memory, as a notebook would: nothing is dropped, all is said.

    from stages import MinhashDedup
    judged = MinhashDedup(verify="jaccard").apply(frame)
    kept = judged.filter(judged["rule"].is_null())

The frame gets `rule` (string: why a row would go, null where it stays) and, by the name of the stage, `_cluster`
(uint64, null for a row that stands alone), `_cluster_size` (int64) and `_survivor` (int64: the row that stays for it).
Rows are ordered by `keep`, then by their place in the frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from stages.base import StageError
from stages.documents import FILE_TYPE
from stages.frames import on_frame, with_column
from stages.identity import identity_hash
from stages.removals import CLUSTER_SEED

if TYPE_CHECKING:
    from stages.base import Exchange, Frame


class Duplicates(NamedTuple):
    """Rows (int64) that are in clusters, the row that stays for each, and the size of its cluster."""

    row: np.ndarray
    survivor: np.ndarray
    size: np.ndarray


def apply_dedup(stage: Exchange, rule: str, find: Callable[[pa.RecordBatch], Duplicates], frame: Frame) -> Frame:
    """`find` is given the columns that the stage needs, with rows as identity. StageError where one is absent."""

    def judge(batch: pa.RecordBatch) -> pa.RecordBatch:
        absent = [name for name in stage.columns_needed() if name not in batch.schema.names]
        if absent:
            raise StageError(f"stage '{stage.name}' needs a column '{absent[0]}', which the frame does not have")
        return _with_clusters(batch, stage.name, rule, find(_with_rows_as_identity(batch)))

    return on_frame(stage.name, judge, frame)


def _with_rows_as_identity(batch: pa.RecordBatch) -> pa.RecordBatch:
    rows = batch.num_rows
    file = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["frame"])).cast(FILE_TYPE)
    for name, column in (
        ("file", file),
        ("offset", pa.array(np.arange(rows, dtype=np.int64))),
        ("ordinal", pa.array(np.zeros(rows, np.int32))),
    ):
        batch = with_column(batch, name, column)
    return batch


def _with_clusters(batch: pa.RecordBatch, name: str, rule: str, found: Duplicates) -> pa.RecordBatch:
    rows = batch.num_rows
    survivor, size = np.arange(rows), np.ones(rows, dtype=np.int64)
    survivor[found.row], size[found.row] = found.survivor, found.size
    identity = _with_rows_as_identity(pa.RecordBatch.from_pydict({"row": pa.array(survivor)}))
    cluster = identity_hash(identity.column("file"), survivor, identity.column("ordinal"), CLUSTER_SEED)
    goes = pa.array((survivor != np.arange(rows)).astype(np.int8))
    batch = with_column(batch, "rule", pa.array([None, rule], pa.string()).take(goes))
    batch = with_column(batch, f"{name}_cluster", pa.array(cluster, mask=size == 1))
    batch = with_column(batch, f"{name}_cluster_size", pa.array(size))
    return with_column(batch, f"{name}_survivor", pa.array(survivor))
