"""Bucket files: what a task of an exchange writes for many readers, one file whatever the bucket count.

An Arrow IPC file with one record batch for each bucket that has rows, in bucket order. The schema's metadata holds
an index: those buckets, ascending, each with the CRC-32 of its batch, the CRC-32 of every dictionary column's
dictionary, and the index's own. A reader maps the file and touches only the index, its bucket's pages and the
dictionaries.

Writing costs one stable sort of the rows by bucket, unless they come in that order; reading one bucket a copy of
8 bytes for each bucket in the file.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa

_BUCKETS = b"corpusmill.buckets"
_DICTIONARIES = b"corpusmill.dictionaries"
_CHECKSUM = b"corpusmill.index_checksum"


def write_bucket_file(path: Path, table: pa.Table, buckets: np.ndarray, count: int) -> None:
    """Write `table` with row i in bucket `buckets[i]` (integers in [0, count)); order within a bucket is kept."""
    buckets = np.asarray(buckets)
    if len(buckets) and (buckets.min() < 0 or buckets.max() >= count):
        raise ValueError(f"bucket {buckets.max()} is outside 0..{count - 1}")
    table = table.unify_dictionaries()
    if (buckets[1:] < buckets[:-1]).any():
        order = np.argsort(buckets, kind="stable")
        table, buckets = table.take(pa.array(order)).combine_chunks(), buckets[order]
    present, starts = np.unique(buckets, return_index=True)
    ends = np.append(starts, len(buckets))[1:]
    slices = (table.slice(start, end - start) for start, end in zip(starts, ends, strict=True))
    rows = [rows.combine_chunks().to_batches()[0] for rows in slices]
    index = _to_metadata(present, [_checksum(batch) for batch in rows], _dictionary_checksums(rows[0]) if rows else [])
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema.with_metadata(index)) as writer:
        for batch in rows:
            writer.write_batch(batch)


def read_bucket(path: Path, bucket: int) -> pa.RecordBatch | None:
    """The rows of one bucket, mapped from the file without a copy, or read alone of a remote one; None if it has none.

    Raises ValueError or what Arrow raises when the file is damaged.
    """
    reader = pa.ipc.open_file(pa.memory_map(str(path)) if isinstance(path, Path) else path.open("rb", buffering=0))
    present, checksums, dictionaries = _from_metadata(reader.schema.metadata or {})
    number = int(np.searchsorted(present, bucket))
    if number == len(present) or present[number] != bucket:
        return None
    batch = reader.get_batch(number)
    if _checksum(batch) != checksums[number] or _dictionary_checksums(batch) != dictionaries.tolist():
        raise ValueError(f"{path}: bucket {bucket} is damaged")
    return batch


def _to_metadata(present: np.ndarray, checksums: list[int], dictionaries: list[int]) -> dict[bytes, bytes]:
    buckets = np.array([present, checksums], dtype="<u4").tobytes()
    others = np.array(dictionaries, dtype="<u4").tobytes()
    return {_BUCKETS: buckets, _DICTIONARIES: others, _CHECKSUM: str(zlib.crc32(buckets + others)).encode()}


def _from_metadata(metadata: dict[bytes, bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Buckets that have rows, the checksums of their batches, and those of dictionaries."""
    buckets, others = metadata[_BUCKETS], metadata[_DICTIONARIES]
    if zlib.crc32(buckets + others) != int(metadata[_CHECKSUM]):
        raise ValueError("the index is damaged")
    present, checksums = np.frombuffer(buckets, dtype="<u4").reshape(2, -1)
    return present, checksums, np.frombuffer(others, dtype="<u4")


def _checksum(batch: pa.RecordBatch) -> int:
    """CRC-32 over the rows as Arrow writes them, which a message leaves dictionaries out of."""
    return zlib.crc32(batch.serialize())


def _dictionary_checksums(batch: pa.RecordBatch) -> list[int]:
    """CRC-32 of the dictionary of every column that has one."""
    dictionaries = [column.dictionary for column in batch.columns if isinstance(column, pa.DictionaryArray)]
    return [_checksum(pa.RecordBatch.from_arrays([values], names=["dictionary"])) for values in dictionaries]
