"""What a word is when texts are compared with benchmarks: letters, digits and marks, without case and accents.

Everything else stands between words, so that "state-of-the-art" and "state of the art" are the same four words and
spacing, punctuation and symbols never tell two texts apart; apostrophes and invisible characters within a word are
ignored ("don't" is "dont"). So are accents and the points of Hebrew, Arabic and Indic letters, so that texts in NFC and
NFD, with and without them are the same (but for Hangul in NFD). In scripts that put no blanks between words every
character is a word.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np

from stages.minhash.character_tables import WITHOUT_BLANKS, character_tables

#: Entries of the table that are not a folded character; one of a script without blanks is negative.
BETWEEN = 0
IGNORED = np.iinfo(np.int32).min

_APOSTROPHES = "'’ʼ＇`"
_PLANES = (0, 1, 2, 3, 14)


@cache
def word_characters() -> np.ndarray:
    """int32 by code point: the character in lower case, negated where it is a word alone, or one of the above."""
    points = np.concatenate([np.arange(0x10000, dtype=np.int32) + (plane << 16) for plane in _PLANES])
    points = points[(points < 0xD800) | (points > 0xDFFF)]
    categories = [unicodedata.category(chr(point)) for point in points.tolist()]
    table = np.zeros(0x110000, dtype=np.int32)
    words = points[[category[0] in "LNM" for category in categories]]
    letters = [ord(_without_accents(chr(point))) for point in words.tolist()]
    table[words] = character_tables().lower[letters]
    table[ord("ς")] = ord("σ")
    table[words[[_is_accent(chr(point)) for point in words.tolist()]]] = IGNORED
    table[points[[category == "Cf" for category in categories]]] = IGNORED
    table[[ord(mark) for mark in _APOSTROPHES]] = IGNORED
    for first, last in WITHOUT_BLANKS:
        alone = table[first : last + 1]
        alone[alone > 0] *= -1
    return table


def _without_accents(character: str) -> str:
    """The letter below the accents, if the character is no more than that."""
    decomposed = unicodedata.normalize("NFD", character)
    return decomposed[0] if all(map(_is_accent, decomposed[1:])) else character


def _is_accent(character: str) -> bool:
    """Whether it is an accent or a point that may be left out, not a vowel sign or the like, by its combining class."""
    place = unicodedata.combining(character)
    return place == 7 or 10 <= place <= 36 or place >= 200


def count_words(text: str) -> int:
    """How many words a text has. For single texts, not for corpora."""
    characters = word_characters()[np.frombuffer(text.encode("utf-32-le"), np.uint32)]
    characters = characters[characters != IGNORED]
    inside = characters > BETWEEN
    begins = inside & ~np.concatenate([[False], inside[:-1]])
    return int(begins.sum() + (characters < BETWEEN).sum())
