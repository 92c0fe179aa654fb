"""What normalisation needs to know of every Unicode character, as arrays that a kernel can index.

The tables are made from Python's own `str.lower`, `str.isspace` and `unicodedata`, so they agree with what
a user can check at a prompt; new characters follow the Unicode version of the running Python.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np

#: Bits of a character's class; a plain word character has none.
PUNCTUATION = 1
BLANK = 2
CASED = 4
CASE_IGNORABLE = 8

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
