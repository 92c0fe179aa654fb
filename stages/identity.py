"""Hash of a document's identity: what orders the global shuffle, names clusters and draws samples.

    name   = the first 8 bytes of BLAKE2b-64 of the file's name in UTF-8, as a little-endian number
    state  = mix(seed); for each word of (name, offset, ordinal): state = mix(state ^ word)
    mix(x) = the finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
             OOPSLA 2014, figure 16) applied to x + 0x9E3779B97F4A7C15, all modulo 2^64

It sees neither part nor row, so it is the same for every task and split size. Published files depend on it:
a change here is a change of every shuffle. About 30 ns a document.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def identity_hash(file: pa.Array, offset: Any, ordinal: Any, seed: int) -> np.ndarray:
    """Hash (uint64, one a row) of identities: `file` (string or dictionary), `offset`, `ordinal` (integers).

    Arrays are Arrow or numpy, without nulls, all of one length.
    """
    state = np.full(len(file), _mix(np.array([seed & 0xFFFFFFFFFFFFFFFF], dtype=np.uint64))[0])
    for word in (_file_hashes(file), _as_words(offset), _as_words(ordinal)):
        state = _mix(state ^ word)
    return state


def bytes_hash(value: bytes) -> int:
    """BLAKE2b-64 as a little-endian number: the hash of names and texts."""
    return int.from_bytes(blake2b(value, digest_size=8).digest(), "little")


def mix(words: np.ndarray, seed: int) -> np.ndarray:
    """Spread already hashed words (uint64) anew by a seed: draws that do not follow the hashes themselves."""
    return _mix(words ^ _mix(np.array([seed & 0xFFFFFFFFFFFFFFFF], dtype=np.uint64)))


def _mix(words: np.ndarray) -> np.ndarray:
    words = words + _GOLDEN
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))


def _file_hashes(file: pa.Array | pa.ChunkedArray) -> np.ndarray:
    if isinstance(file, pa.ChunkedArray):
        file = file.unify_dictionaries().combine_chunks()
    if not pa.types.is_dictionary(file.type):
        file = file.dictionary_encode()
    if file.null_count:
        raise ValueError("a document without a file has no identity")
    names = np.array([bytes_hash(name.encode()) for name in file.dictionary.to_pylist()], dtype=np.uint64)
    return names[file.indices.to_numpy(zero_copy_only=False)]


def _as_words(values: Any) -> np.ndarray:
    array = values if isinstance(values, np.ndarray) else values.to_numpy(zero_copy_only=False)
    return array.astype(np.int64, copy=False).view(np.uint64)
