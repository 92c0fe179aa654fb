"""What normalisation needs to know of every Unicode character, as arrays that a kernel can index.

The tables are made from Python's own `str.lower`, `str.isspace` and `unicodedata`, so they agree with what
a user can check at a prompt; new characters follow the Unicode version of the running Python.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np

#: Bits of a character's class; a plain character has none.
PUNCTUATION = 1
BLANK = 2
CASED = 4
CASE_IGNORABLE = 8
#: A character of a script that puts no blanks between words.
ALONE = 16
#: An ASCII letter or digit.
WORD = 32

#: Han, Kana, Bopomofo; Thai, Lao, Myanmar, Khmer.
WITHOUT_BLANKS = (
    *((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3041, 0x312F), (0x31A0, 0x31FF), (0x3400, 0x4DBF)),
    *((0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x1B000, 0x1B16F), (0x20000, 0x3FFFD)),
    *((0x0E01, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)),
)
#: Its syllables are parted by a mark that counts as punctuation, words not at all.
_TIBETAN = (0x0F00, 0x0FFF)

_CODE_POINTS = 0x110000
#: The other planes hold ideographs and private use only: no case, no punctuation, no blanks.
_PLANES = (0, 1, 14)


class CharacterTables(NamedTuple):
    """Indexed by code point: `classes` (uint8, the bits above) and `lower` (int32, blanks become U+0020).

    U+0130, whose lower case is two characters, and U+03A3, whose lower case depends on its neighbours, are
    left to the kernel.
    """

    classes: np.ndarray
    lower: np.ndarray


@cache
def character_tables() -> CharacterTables:
    """Build the tables: about 0.1 s, once in a process."""
    points = np.concatenate([np.arange(0x10000, dtype="<u4") + (plane << 16) for plane in _PLANES])
    points = points[(points < 0xD800) | (points > 0xDFFF)]
    # One character for one: the kernel gives the capital I with dot its two lower-case characters.
    characters = points.tobytes().decode("utf-32-le").replace("İ", "I")

    classes = np.zeros(_CODE_POINTS, dtype=np.uint8)
    categories = map(unicodedata.category, characters)
    classes[points[[category[0] == "P" for category in categories]]] |= PUNCTUATION
    blank = points[[character.isspace() for character in characters]]
    classes[blank] |= BLANK
    cased, ignorable = _case_context(characters)
    classes[points[cased]] |= CASED
    classes[points[ignorable]] |= CASE_IGNORABLE
    classes[[point for point in range(128) if chr(point).isalnum()]] |= WORD
    for first, last in (*WITHOUT_BLANKS, _TIBETAN):
        classes[first : last + 1] |= ALONE

    lower = np.arange(_CODE_POINTS, dtype=np.int32)
    lower[points] = _code_points(characters.lower())
    lower[blank] = ord(" ")
    return CharacterTables(classes, lower)


def _case_context(characters: str) -> tuple[np.ndarray, np.ndarray]:
    """Which characters count as cased, and which are skipped, when a capital sigma looks at its neighbours.

    Python does not expose the two properties, but sigma itself does: it becomes final after a cased
    character, and also after "A" and a skipped one.
    """
    after = _code_points("".join([f"{character}Σ " for character in characters]).lower())
    cased = after[1::3] == ord("ς")
    skipping = _code_points("".join([f"A{character}Σ " for character in characters]).lower())
    return cased, (skipping[2::4] == ord("ς")) & ~cased


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
