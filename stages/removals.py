"""Removal lists: what the exchanges that remove duplicates have in common.

A document's place is `part << 32 | row`: one number that sorts in identity order.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from stages.documents import IDENTITY, REMOVAL_SCHEMA
from stages.identity import identity_hash

#: A cluster's name does not change with the seed of the run.
CLUSTER_SEED = 0


def place_of(part: np.ndarray | int, row: np.ndarray) -> np.ndarray:
    """Places (uint64) of documents by part and row."""
    return (np.asarray(part, dtype=np.uint64) << np.uint64(32)) | row.astype(np.uint64)


def part_of(place: np.ndarray) -> np.ndarray:
    """Parts (uint32) of places."""
    return (place >> np.uint64(32)).astype(np.uint32)


def row_of(place: np.ndarray) -> np.ndarray:
    """Rows (uint32) of places."""
    return (place & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def concat_batches(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """One contiguous table of the batches, dictionaries made one; empty with `schema` when there are none."""
    tables = [pa.Table.from_batches([batch]) for batch in batches]
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks() if tables else schema.empty_table()


def removal_list(
    place: np.ndarray,
    survivor: np.ndarray,
    size: np.ndarray,
    identity: pa.Table,
    rule: str,
    expression: str | None = None,
    values: pa.Array | None = None,
) -> pa.Table:
    """The removal list (REMOVAL_SCHEMA) of the members of duplicate clusters, survivors included.

    `place`, `survivor` (uint64) and `size` (of the cluster) are aligned; `identity` holds file, offset and
    ordinal of each row's survivor. `expression` and `values` (strings, one a row) say more of why the removed ones
    go than their cluster and survivor.
    """
    file, offset, ordinal = (identity.column(field.name).combine_chunks() for field in IDENTITY)
    removed = place != survivor
    columns = {
        "part": part_of(place),
        "row": row_of(place),
        "removed": removed,
        "rule": pa.array([None, rule]).take(pa.array(removed.astype(np.int8))),
        "expression": pa.array([None, expression], pa.string()).take(pa.array(removed.astype(np.int8))),
        "values": pa.nulls(len(place), pa.string()) if values is None else values,
        "cluster": identity_hash(file, offset, ordinal, CLUSTER_SEED),
        "cluster_size": size.astype(np.uint32),
        "survivor_file": file,
        "survivor_offset": offset,
        "survivor_ordinal": ordinal,
    }
    return pa.table(columns, schema=REMOVAL_SCHEMA)
