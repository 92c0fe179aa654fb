"""Hash of a text's bytes: the first 128 bits of BLAKE2b (RFC 7693). About 0.8 GB/s of text on one core."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise

import numpy as np
import pyarrow as pa

from stages.text_buffers import text_buffers


def text_hashes(texts: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """BLAKE2b-128 of each text's bytes as two big-endian numbers: uint64[texts, 2]; a null hashes as empty."""
    data, offsets = text_buffers(texts)
    bounds, view = offsets.tolist(), data.data
    digests = b"".join([blake2b(view[start:end], digest_size=16).digest() for start, end in pairwise(bounds)])
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64).reshape(-1, 2)
