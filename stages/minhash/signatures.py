"""MinHash signatures and band keys of Arrow or polars texts, for a stage or a notebook.

    signed = signatures(texts)                       # 112 minima of word 5-grams for each text
    keys = band_keys(signed.minima, rows=8)          # texts that share a key in a band are candidates
    estimated_jaccard(signed.minima, [0], [1])       # the share of equal minima

The share of equal minima of two texts estimates the Jaccard similarity s of their sets of shingles, and
with b bands of r rows they share a band with probability 1 - (1 - s^r)^b (Leskovec, Rajaraman, Ullman,
"Mining of Massive Datasets", section 3.4; stages/minhash/settings.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages.minhash import datatrove_kernel, signature_kernel
from stages.minhash.datatrove_shingles import prime_permutations
from stages.minhash.pair_indexes import pair_indexes
from stages.minhash.shingle_sets import SetsInParts, ShingleSets
from stages.minhash.shingles import ShingleBatch, shingle_batches
from stages.minhash.shingling import Shingling

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from stages.minhash.shingles import Texts


class Signatures(NamedTuple):
    """`minima`: uint64[texts, permutations]; `units`: int64[texts], 0 for a null or empty text.

    A text without shingles has minima of 2^64 - 1 throughout, which mean nothing.
    """

    minima: np.ndarray
    units: np.ndarray


def signatures(texts: Texts, shingling: Shingling | None = None, permutations: int = 112, seed: int = 1) -> Signatures:
    """Sign every text by the minima of its shingles (Shingling() unless given) under `permutations` functions.

    Rows are independent: any slicing of a column gives the same signatures.
    """
    shingling = shingling or Shingling()
    signing = _Signing(len(texts), shingling, permutations, seed)
    for batch in shingle_batches(texts, shingling):
        signing.add(batch)
    return signing.found


def signatures_and_sets(
    texts: Texts, shingling: Shingling, permutations: int, seed: int
) -> tuple[Signatures, ShingleSets]:
    """`signatures` and `shingle_sets` of the same texts, which are cut into shingles once."""
    signing, sets = _Signing(len(texts), shingling, permutations, seed), SetsInParts()
    for batch in shingle_batches(texts, shingling):
        signing.add(batch)
        sets.add(batch)
    return signing.found, sets.joined()


def band_keys(minima: np.ndarray, rows: int) -> np.ndarray:
    """Hash each run of `rows` minima to one key: uint64[texts, permutations // rows]."""
    documents, permutations = minima.shape
    if permutations % rows:
        raise ValueError(f"{permutations} minima cannot be cut into bands of {rows} rows")
    keys = np.empty((documents, permutations // rows), dtype=np.uint64)
    signature_kernel.hash_bands(minima, rows, keys)
    return keys


def estimated_jaccard(minima: np.ndarray, left: ArrayLike, right: ArrayLike) -> np.ndarray:
    """float64[pairs]: the share of equal minima of texts left[i] and right[i], which estimates their similarity."""
    left, right = pair_indexes(left, right, len(minima))
    shares = np.empty(len(left), dtype=np.float64)
    signature_kernel.share_equal(minima, left, right, shares)
    return shares


class _Signing:
    """Signatures of a column that comes in batches of shingles."""

    def __init__(self, texts: int, shingling: Shingling, permutations: int, seed: int) -> None:
        minima, units = np.empty((texts, permutations), dtype=np.uint64), np.empty(texts, dtype=np.int64)
        self.found = Signatures(minima, units)
        draw, self._find = _permutations, signature_kernel.find_minima
        if shingling.compat:
            draw, self._find = prime_permutations, datatrove_kernel.find_prime_minima
        self._maps = draw(permutations, seed)

    def add(self, batch: ShingleBatch) -> None:
        rows = slice(batch.first, batch.end)
        self.found.units[rows] = batch.units
        self._find(batch.hashes, batch.offsets, *self._maps, self.found.minima[rows])


def _permutations(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Odd multipliers and increments for `count` linear maps modulo 2^64, by SplitMix64 from `seed`."""
    step = np.arange(1, 2 * count + 1, dtype=np.uint64)
    state = np.uint64(seed % 2**64) + step * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return state[:count] | np.uint64(1), state[count:]
