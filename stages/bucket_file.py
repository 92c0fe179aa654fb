"""Bucket files: what a task of an exchange writes for many readers, one file whatever the bucket count.

An Arrow IPC file with one record batch for each bucket that has rows, in bucket order, and the list of
those buckets in the schema's metadata; a reader maps the file and touches only its bucket's pages.
Writing costs one stable sort of the rows by bucket.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

BUCKETS_KEY = b"corpusmill.buckets"


def write_bucket_file(path: Path, table: pa.Table, buckets: np.ndarray, count: int) -> None:
    """Write `table` with row i in bucket `buckets[i]` (integers in [0, count)); order within a bucket is kept."""
    buckets = np.asarray(buckets)
    if len(buckets) and (buckets.min() < 0 or buckets.max() >= count):
        raise ValueError(f"bucket {buckets.max()} is outside 0..{count - 1}")
    order = np.argsort(buckets, kind="stable")
    present, starts = np.unique(buckets[order], return_index=True)
    ends = np.append(starts, len(order))[1:]
    table = table.replace_schema_metadata({BUCKETS_KEY: json.dumps([int(b) for b in present]).encode()})
    table = table.unify_dictionaries().take(pa.array(order)).combine_chunks()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        for start, end in zip(starts, ends, strict=True):
            for batch in table.slice(start, end - start).to_batches():
                writer.write_batch(batch)


def read_bucket(path: Path, bucket: int) -> pa.RecordBatch | None:
    """The rows of one bucket, mapped from the file without a copy; None when it has none."""
    reader = pa.ipc.open_file(pa.memory_map(str(path)))
    buckets = json.loads(reader.schema.metadata[BUCKETS_KEY])
    try:
        return reader.get_batch(buckets.index(bucket))
    except ValueError:
        return None
