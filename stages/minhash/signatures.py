"""MinHash signatures and band keys of Arrow texts, for a stage or a notebook.

    signed = signatures(texts)                       # 112 minima of word 5-grams for each text
    keys = band_keys(signed.minima, rows=8)          # texts that share a key in a band are candidates
    keys, words = sign_bands(texts)                  # both at once, in less memory

The share of equal minima of two texts estimates the Jaccard similarity s of their sets of word n-grams, and
with b bands of r rows they share a band with probability 1 - (1 - s^r)^b (Leskovec, Rajaraman, Ullman,
"Mining of Massive Datasets", section 3.4).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stages.minhash import normalize_kernel, signature_kernel
from stages.minhash.character_tables import character_tables
from stages.text_buffers import text_buffers

_TEXTS_AT_ONCE = 4096


class Signatures(NamedTuple):
    """`minima`: uint64[texts, permutations]; `words`: int64[texts], 0 for a null or empty text.

    A text without words has no shingles: its minima are all 2^64 - 1 and mean nothing.
    """

    minima: np.ndarray
    words: np.ndarray


def signatures(texts: pa.Array | pa.ChunkedArray, words: int = 5, permutations: int = 112, seed: int = 1) -> Signatures:
    """Sign every text (string or large_string) by the minima of its shingles of `words` words.

    A text of fewer words is one shingle as a whole: it equals only texts of the same words. Rows are
    independent: any slicing of a column gives the same signatures.
    """
    data, offsets = text_buffers(texts)
    tables = character_tables()
    multipliers, increments = _permutations(permutations, seed)
    minima = np.empty((len(texts), permutations), dtype=np.uint64)
    counts = np.empty(len(texts), dtype=np.int64)
    signature_kernel.sign_documents(
        data, offsets, tables.classes, tables.lower, words, multipliers, increments, minima, counts
    )
    return Signatures(minima, counts)


def band_keys(minima: np.ndarray, rows: int) -> np.ndarray:
    """Hash each run of `rows` minima to one key: uint64[texts, permutations // rows]."""
    documents, permutations = minima.shape
    if permutations % rows:
        raise ValueError(f"{permutations} minima cannot be cut into bands of {rows} rows")
    keys = np.empty((documents, permutations // rows), dtype=np.uint64)
    signature_kernel.hash_bands(minima, rows, keys)
    return keys


class BandKeys(NamedTuple):
    """`keys`: uint64[texts, bands]; `words`: int64[texts]. Keys of a text without words mean nothing."""

    keys: np.ndarray
    words: np.ndarray


def sign_bands(
    texts: pa.Array | pa.ChunkedArray, words: int = 5, bands: int = 14, rows: int = 8, seed: int = 1
) -> BandKeys:
    """Band keys straight from texts, holding the minima of a few thousand texts at a time."""
    keys = np.empty((len(texts), bands), dtype=np.uint64)
    counts = np.empty(len(texts), dtype=np.int64)
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        signed = signatures(texts.slice(start, _TEXTS_AT_ONCE), words, bands * rows, seed)
        end = start + len(signed.words)
        keys[start:end] = band_keys(signed.minima, rows)
        counts[start:end] = signed.words
    return BandKeys(keys, counts)


def normalize(texts: pa.Array | pa.ChunkedArray) -> pa.LargeStringArray:
    """The texts as the signatures see them: lower case, no punctuation, words parted by one blank."""
    data, offsets = text_buffers(texts)
    tables = character_tables()
    size = int(offsets[-1] - offsets[0])
    out = np.empty(size + size // 2 + 8, dtype=np.uint8)
    out_offsets = np.empty(len(texts) + 1, dtype=np.int64)
    length = normalize_kernel.normalize_documents(data, offsets, tables.classes, tables.lower, out, out_offsets)
    valid = pa.array(texts.is_valid().to_numpy(zero_copy_only=False)).buffers()[1]
    buffers = [valid, pa.py_buffer(out_offsets), pa.py_buffer(out[:length])]
    return pa.Array.from_buffers(pa.large_string(), len(texts), buffers)


def _permutations(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Odd multipliers and increments for `count` linear maps modulo 2^64, by SplitMix64 from `seed`."""
    step = np.arange(1, 2 * count + 1, dtype=np.uint64)
    state = np.uint64(seed % 2**64) + step * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return state[:count] | np.uint64(1), state[count:]
