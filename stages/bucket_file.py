"""Bucket files: what a task of an exchange writes for many readers, one file whatever the bucket count.

An Arrow IPC file with one record batch for each bucket that has rows, in bucket order, and those buckets
with a CRC-32 each in the schema's metadata; a reader maps the file and touches only its bucket's pages.
Writing costs one stable sort of the rows by bucket.
"""

from __future__ import annotations

import json
import zlib
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
    table = table.unify_dictionaries().take(pa.array(order)).combine_chunks()
    rows = [table.slice(start, end - start).to_batches()[0] for start, end in zip(starts, ends, strict=True)]
    index = {int(bucket): _checksum(batch) for bucket, batch in zip(present, rows, strict=True)}
    schema = table.schema.with_metadata({BUCKETS_KEY: json.dumps(index).encode()})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in rows:
            writer.write_batch(batch)


def read_bucket(path: Path, bucket: int) -> pa.RecordBatch | None:
    """The rows of one bucket, mapped from the file without a copy, or read alone of a remote one; None if it has none.

    Raises ValueError or what Arrow raises when the file is damaged.
    """
    reader = pa.ipc.open_file(pa.memory_map(str(path)) if isinstance(path, Path) else path.open("rb", buffering=0))
    index = json.loads(reader.schema.metadata[BUCKETS_KEY])
    if str(bucket) not in index:
        return None
    batch = reader.get_batch(list(index).index(str(bucket)))
    if _checksum(batch) != index[str(bucket)]:
        raise ValueError(f"{path}: bucket {bucket} is damaged")
    return batch


def _checksum(batch: pa.RecordBatch) -> int:
    """CRC-32 over the rows as Arrow writes them, which a message leaves dictionaries out of."""
    checksum = zlib.crc32(batch.serialize())
    for column in batch.columns:
        if isinstance(column, pa.DictionaryArray):
            dictionary = pa.RecordBatch.from_arrays([column.dictionary], names=["dictionary"])
            checksum = zlib.crc32(dictionary.serialize(), checksum)
    return checksum
