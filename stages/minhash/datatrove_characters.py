"""What datatrove 0.10 makes of every character before it compares texts, as arrays that a kernel can index.

Its steps are: lower case; numbers of any script to "0"; 129 marks and control characters to blanks; runs of
white space to one blank; canonical decomposition (NFD) without non-spacing marks (Mn). But for numbers, white space
and the Greek final sigma each step looks at one character, so one table holds what all of them give.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np

#: Bits of a character's kind; a plain letter has none.
BLANK = 1
DIGIT = 2
DECIMAL_MARK = 4

#: An entry of `forms` below this is a place in `sequences`: -1 - place.
ONE_CHARACTER = 0
#: An entry of `ordering` for a mark that is dropped and does not part those that are put in order.
DROPPED_MARK = 255

_CODE_POINTS = 0x110000
_PUNCTUATION = """
0-8 B-1F 21-2F 3A-40 5B-60 7B-9F AB B4 BB 2013-2014 2019 201C-201E 2026 2236 2501 25BA 3001-3002 3008-300D
3010-3011 FF01 FF05 FF08-FF09 FF0C FF0E FF11 FF1A-FF1B FF1F FF5E
"""
_DECIMAL_MARKS = ".,،٫⎖⎗⎘"


class DatatroveCharacters(NamedTuple):
    """Indexed by code point, but for the last.

    `kinds`: uint8, the bits above. `forms`: int32, the character it becomes, or -1 - place in `sequences`.
    `ordering`: uint8, the canonical combining class of marks that are kept (0 for most characters), or DROPPED_MARK.
    `sequences`: int32, for several characters (or none) that one becomes: their number, then they.
    """

    kinds: np.ndarray
    forms: np.ndarray
    ordering: np.ndarray
    sequences: np.ndarray


@cache
def datatrove_characters() -> DatatroveCharacters:
    """Build the tables: about a second, once in a process."""
    import regex

    points = np.array([point for point in range(_CODE_POINTS) if not 0xD800 <= point < 0xE000], dtype=np.int64)
    characters = "".join(map(chr, points.tolist()))
    kinds = np.zeros(_CODE_POINTS, dtype=np.uint8)
    kinds[points[[character.isspace() for character in characters]]] |= BLANK
    for word in _PUNCTUATION.split():
        first, _, last = word.partition("-")
        kinds[int(first, 16) : int(last or first, 16) + 1] |= BLANK
    # The `regex` package has newer Unicode data than Python, and it is what datatrove asks for digits.
    kinds[points[[match.start() for match in regex.finditer(r"\p{Nd}", characters)]]] |= DIGIT
    kinds[[ord(mark) for mark in _DECIMAL_MARKS]] |= DECIMAL_MARK

    forms = np.arange(_CODE_POINTS, dtype=np.int32)
    ordering = np.zeros(_CODE_POINTS, dtype=np.uint8)
    sequences: list[int] = []
    for point, character in zip(points.tolist(), characters, strict=True):
        whole = unicodedata.normalize("NFD", character.lower())
        is_dropped = unicodedata.category(character) == "Mn"
        if unicodedata.combining(character):
            ordering[point] = DROPPED_MARK if is_dropped else unicodedata.combining(character)
        if whole == character and not is_dropped:
            continue
        kept = [ord(part) for part in whole if unicodedata.category(part) != "Mn"]
        if len(kept) == 1:
            forms[point] = kept[0]
        else:
            forms[point] = -1 - len(sequences)
            sequences += [len(kept), *kept]
    return DatatroveCharacters(kinds, forms, ordering, np.array(sequences, dtype=np.int32))
