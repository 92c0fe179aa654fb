"""Shingles in plain Python, from their definition."""

import unicodedata

from stages.minhash.character_tables import WITHOUT_BLANKS
from stages.minhash.shingling import Shingling

ALONE = (*WITHOUT_BLANKS, (0x0F00, 0x0FFF))


def normalized(text: str, normalize: str) -> str:
    if normalize == "raw":
        return " ".join(text.split())
    kept = "".join(c for c in text.lower() if not unicodedata.category(c).startswith("P"))
    return " ".join(kept.split())


def units(text: str, shingling: Shingling) -> list[str]:
    text = normalized(text, shingling.normalize)
    if shingling.unit == "characters":
        return list(text)
    if shingling.unit == "auto":
        for character in set(text):
            if any(first <= ord(character) <= last for first, last in ALONE):
                text = text.replace(character, f" {character} ")
    return text.split()


def shingles(text: str, shingling: Shingling) -> set[tuple[str, ...]]:
    cut, width = units(text, shingling), shingling.width
    if len(cut) < width:
        return {tuple(cut)} if cut else set()
    return {tuple(cut[first : first + width]) for first in range(len(cut) - width + 1)}


def similarity(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0
