"""A keyed bijection of 0..n-1 that is computed for single positions, without a table.

A Feistel network permutes the numbers of b bits, where 2^(b-1) < n <= 2^b, and cycle walking (Black and
Rogaway, "Ciphers with Arbitrary Finite Domains", 2002) applies it again to results outside 0..n-1; a
walk is shorter than 2 steps on average. The halves may differ by one bit; after an even number of
rounds they lie as they began. Memory: none beyond the positions asked for.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

_ROUNDS = 8
Array = np.ndarray[Any, Any]


def round_keys(*parts: object) -> Array:
    """(8,) uint64 round keys from anything printable; different parts give unrelated permutations."""
    material = "\0".join(str(part) for part in parts).encode()
    return np.frombuffer(hashlib.shake_256(material).digest(8 * _ROUNDS), dtype="<u8")


def permute(positions: Array, size: int, keys: Array) -> Array:
    """Where each of `positions` (int64, in 0..size-1) goes; int64, one-to-one on 0..size-1."""
    bits = (size - 1).bit_length()
    result = _feistel(positions.astype(np.uint64), bits, keys)
    outside = np.flatnonzero(result >= size)
    while len(outside):
        result[outside] = _feistel(result[outside], bits, keys)
        outside = outside[result[outside] >= size]
    return result.astype(np.int64)


def _feistel(values: Array, bits: int, keys: Array) -> Array:
    left_bits, right_bits = bits // 2, bits - bits // 2
    left = values >> np.uint64(right_bits)
    right = values & _mask(right_bits)
    for key in keys:
        left, right = right, (left ^ _mix(right ^ key)) & _mask(left_bits)
        left_bits, right_bits = right_bits, left_bits
    return (left << np.uint64(right_bits)) | right


def _mix(values: Array) -> Array:
    """The finaliser of splitmix64 (Steele, Lea and Flood, 2014), wrapping in 64 bits."""
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _mask(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)
