"""The word splitter's tables, and splitting for callers outside the kernels.

The rules are in stages/word_rules_kernel.py, the exceptions in stages/word_exceptions.py, what is looked up of them in
stages/word_exceptions_kernel.py.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from stages import word_exceptions_kernel as layout
from stages.unicode_table import character_classes
from stages.unicode_words_kernel import split_unicode_words
from stages.word_break_table import word_break_classes
from stages.word_exceptions import word_exceptions
from stages.words_kernel import split_words

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def exception_table() -> np.ndarray:
    """The English exceptions as the kernels read them: int64, laid out as stages/word_exceptions_kernel.py says."""
    entries = word_exceptions()
    table = _table(entries)
    bare = _table({})
    for index, entry in enumerate(entries):
        count = len(_split(entry.encode(), bare))
        if 1 < count <= layout.MOST_JOINED:
            table[layout.BY_RULE + index] = count
            table[layout.JOINED + entry.encode()[0]] |= 1 << count
    return table


def split(text: str) -> list[str]:
    """The English words of one text, in order; white space is dropped. For single texts, not for corpora."""
    data = text.encode()
    return [data[start:end].decode() for start, end in _split(data, exception_table())]


def split_unicode(text: str) -> list[str]:
    """The words of one text by Unicode's rules, in order; white space is dropped. For single texts, not for corpora."""
    data = text.encode()
    starts, ends = np.empty(len(data), dtype=np.int64), np.empty(len(data), dtype=np.int64)
    buffer = np.frombuffer(data or b"\0", dtype=np.uint8)
    count = split_unicode_words(buffer, 0, len(data), word_break_classes(), starts, ends)
    return [data[start:end].decode() for start, end in zip(starts[:count], ends[:count], strict=True)]


def word_breaks(words: Literal["english", "unicode"]) -> np.ndarray:
    """What kernels take to split words by Unicode's rules: their table, empty where words are English."""
    if words == "unicode":
        return word_break_classes()
    empty = np.zeros(0, dtype=np.uint8)
    empty.setflags(write=False)  # kernels are compiled anew for writable arrays
    return empty


def scratch(size: int) -> np.ndarray:
    """Room for the kernels to work on texts of up to `size` bytes; untouched pages cost no memory."""
    return np.empty((3, size + 1), dtype=np.int64)


def _split(data: bytes, exceptions: np.ndarray) -> list[tuple[int, int]]:
    size = len(data)
    starts, ends = np.empty(size + 1, dtype=np.int64), np.empty(size + 1, dtype=np.int64)
    buffer = np.frombuffer(data, dtype=np.uint8)
    classes = character_classes()
    count = split_words(buffer, 0, size, classes, exceptions, scratch(size), starts, ends)
    return list(zip(starts[:count].tolist(), ends[:count].tolist(), strict=True))


def _table(entries: Mapping[str, tuple[str, ...]]) -> np.ndarray:
    assert len(entries) <= layout.MOST_ENTRIES
    texts = [entry.encode() for entry in entries]
    pieces = [[len(word.encode()) for word in words] for words in entries.values()]
    data = b"".join(texts)
    table = np.zeros(layout.DATA + len(data), dtype=np.int64)
    table[layout.SLOTS : layout.SLOTS + layout.SLOT_COUNT] = -1
    for index, text in enumerate(texts):
        entry = np.frombuffer(text, dtype=np.uint8)
        bit = layout.filter_bit(entry, 0, len(text))
        table[layout.FILTER + bit // 64] |= np.int64(np.uint64(1) << np.uint64(bit % 64))
        slot = layout.first_slot(entry, 0, len(text))
        while table[layout.SLOTS + slot] >= 0:
            slot = (slot + 1) % layout.SLOT_COUNT
        table[layout.SLOTS + slot] = index
    _fill(table, layout.STARTS, np.cumsum([0, *(len(text) for text in texts)]))
    _fill(table, layout.PIECE_STARTS, np.cumsum([0, *(len(parts) for parts in pieces)]))
    _fill(table, layout.PIECES, [length for parts in pieces for length in parts])
    _fill(table, layout.DATA, np.frombuffer(data, dtype=np.uint8))
    return table


def _fill(table: np.ndarray, section: int, values: np.ndarray | list[int]) -> None:
    table[section : section + len(values)] = values
