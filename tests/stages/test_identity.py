"""The hash of identity is part of what is published: its values may never change."""

import numpy as np
import pyarrow as pa

from stages.identity import identity_hash


def _hash_by_hand(file: str, offset: int, ordinal: int, seed: int) -> int:
    """The definition in the module's words, in plain integers."""
    from hashlib import blake2b

    def mix(x: int) -> int:
        x = (x + 0x9E3779B97F4A7C15) % 2**64
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
        return x ^ (x >> 31)

    state = mix(seed)
    name = int.from_bytes(blake2b(file.encode(), digest_size=8).digest(), "little")
    for word in (name, offset, ordinal):
        state = mix(state ^ word)
    return state


def test_hash_is_the_documented_one() -> None:
    files, offsets, ordinals = ["a.warc.gz", "b/ü.jsonl", "a.warc.gz"], [0, 1 << 40, 17], [0, 3, 1]
    found = identity_hash(pa.array(files), pa.array(offsets), pa.array(ordinals, pa.int32()), 42)
    expected = [_hash_by_hand(*row, 42) for row in zip(files, offsets, ordinals, strict=True)]
    assert found.dtype == np.uint64
    assert found.tolist() == expected


def test_dictionary_and_chunks_do_not_matter() -> None:
    plain = pa.array(["x", "y", "x", "z"])
    numbers = np.arange(4)
    expected = identity_hash(plain, numbers, numbers, 0)
    chunked = pa.chunked_array([plain[:2].dictionary_encode(), plain[2:].dictionary_encode()])
    assert (identity_hash(plain.dictionary_encode(), numbers, numbers, 0) == expected).all()
    assert (identity_hash(chunked, numbers, numbers, 0) == expected).all()


def test_values_are_spread_evenly_and_change_with_the_seed() -> None:
    count = 20_000
    file, offset, ordinal = pa.array(["f"] * count), np.arange(count) * 1000, np.zeros(count, dtype=np.int32)
    first, second = (identity_hash(file, offset, ordinal, seed) for seed in (0, 1))
    assert len(np.unique(first)) == count
    for hashes in (first, second, first ^ second):
        filled = np.bincount((hashes % np.uint64(16)).astype(int), minlength=16)
        assert abs(filled - count / 16).max() < 6 * (count / 16) ** 0.5


def test_empty() -> None:
    empty = np.array([], dtype=np.int64)
    assert len(identity_hash(pa.array([], pa.string()), empty, empty, 0)) == 0
