"""The word splitter's tables, and splitting for callers outside the kernels.

The rules are in stages/word_rules_kernel.py, the exceptions in stages/word_exceptions.py.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from stages.unicode_table import character_classes
from stages.word_exceptions import word_exceptions
from stages.words_kernel import MOST_JOINED, Exceptions, Piece, split_words

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def exception_table() -> Exceptions:
    """The English exceptions as the kernels read them."""
    entries = word_exceptions()
    unjoined = _table(entries, np.zeros(len(entries), dtype=np.int64))
    bare = _table({}, np.zeros(0, dtype=np.int64))
    by_rule = np.zeros(len(entries), dtype=np.int64)
    for index, (entry, words) in enumerate(entries.items()):
        count = len(_split(entry.encode(), bare))
        # Joining happens in place, so an exception never becomes more words than it replaces.
        if len(words) <= count <= MOST_JOINED and count > 1:
            by_rule[index] = count
    return unjoined._replace(by_rule=by_rule)


def split(text: str) -> list[str]:
    """The words of one text, in order; white space is dropped. For single texts, not for corpora."""
    data = text.encode()
    return [data[start:end].decode() for start, end in _split(data, exception_table())]


def scratch(size: int) -> Piece:
    """Room for the kernels to work on texts of up to `size` bytes; untouched pages cost no memory."""
    return Piece(
        np.empty(size + 1, dtype=np.int32),
        np.empty(size + 1, dtype=np.uint16),
        np.empty(size + 1, dtype=np.int64),
        np.empty(size + 1, dtype=np.int64),
    )


def _split(data: bytes, exceptions: Exceptions) -> list[tuple[int, int]]:
    size = len(data)
    starts, ends = np.empty(size + 1, dtype=np.int64), np.empty(size + 1, dtype=np.int64)
    buffer = np.frombuffer(data, dtype=np.uint8)
    count = split_words(buffer, 0, size, character_classes(), exceptions, scratch(size), starts, ends)
    return list(zip(starts[:count].tolist(), ends[:count].tolist(), strict=True))


def _table(entries: Mapping[str, tuple[str, ...]], by_rule: np.ndarray) -> Exceptions:
    texts = [entry.encode() for entry in entries]
    pieces = [[len(word.encode()) for word in words] for words in entries.values()]
    lengths = np.zeros(4096, dtype=np.uint64)
    slots = np.full(8192, -1, dtype=np.int32)
    for index, text in enumerate(texts):
        corner = (text[0] & 63) << 6 | (text[-1] & 63)
        lengths[corner] |= np.uint64(1 << len(text))
        slot = (_fnv1a(text) >> 20) % len(slots)
        while slots[slot] >= 0:
            slot = (slot + 1) % len(slots)
        slots[slot] = index
    return Exceptions(
        lengths,
        slots,
        np.frombuffer(b"".join(texts) or b"\0", dtype=np.uint8).copy(),
        _starts([len(text) for text in texts]),
        np.array([length for parts in pieces for length in parts] or [0], dtype=np.int64),
        _starts([len(parts) for parts in pieces]),
        by_rule,
    )


def _starts(lengths: list[int]) -> np.ndarray:
    return np.cumsum([0, *lengths], dtype=np.int64)


def _fnv1a(data: bytes) -> int:
    digest = 0xCBF29CE484222325
    for byte in data:
        digest = (digest ^ byte) * 0x100000001B3 % 2**64
    return digest
