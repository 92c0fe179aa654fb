"""The bytes and offsets of an Arrow text column, without a copy where Arrow's layout allows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa


def text_buffers(column: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 bytes and int64 offsets (rows + 1) of a string or binary column; null counts as empty.

    The arrays are read-only views or small copies; offsets need not begin at 0.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if column.null_count:
        column = column.fill_null(b"" if pa.types.is_binary(column.type) else "")
    large = pa.large_binary() if pa.types.is_binary(column.type) else pa.large_string()
    if column.type not in (pa.large_binary(), pa.large_string()):
        column = column.cast(large)
    _, offset_buffer, data_buffer = column.buffers()
    if len(column) == 0 or offset_buffer is None:
        offsets = np.zeros(1, dtype=np.int64)
    else:
        offsets = np.frombuffer(offset_buffer, np.int64, count=len(column) + 1, offset=8 * column.offset)
    data = np.zeros(1, dtype=np.uint8) if not data_buffer else np.frombuffer(data_buffer, dtype=np.uint8)
    # Kernels are compiled anew for writable arrays, so all are read-only.
    offsets.setflags(write=False)
    data.setflags(write=False)
    return data, offsets


def word_buffers(words: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """uint8 bytes and int64 offsets (words + 1) of a list of words, for kernels that look for them."""
    encoded = [word.encode() for word in words]
    starts = np.cumsum([0, *(len(word) for word in encoded)], dtype=np.int64)
    return np.frombuffer(b"".join(encoded) or b"\0", dtype=np.uint8), starts
