"""What differs between two texts, in words: segments that both have, and those of one in the place of the other's.

Lines are matched first, then words within lines that differ, both by the matcher of Python's difflib (longest common
blocks, recursively: Ratcliff and Obershelp), so that a long page costs about what its changed lines cost. White space
does not count. Only the first LONGEST characters of each text are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

LONGEST = 200_000


class Segment(NamedTuple):
    """A stretch of words; where the texts agree `first` and `second` have the same words."""

    equal: bool
    first: str
    second: str


def differences(first: str, second: str) -> list[Segment]:
    """The texts as segments that agree and differ in turn; the words of each text are its segments', in order."""
    segments: list[Segment] = []
    for equal, one, other in _matched(_lines(first[:LONGEST]), _lines(second[:LONGEST])):
        if equal:
            _add(segments, True, one, other)
        else:
            for same, words, others in _matched(" ".join(one).split(), " ".join(other).split()):
                _add(segments, same, words, others)
    return segments


def _lines(text: str) -> list[str]:
    """Lines, long ones cut after sentences, with single blanks."""
    lines = (line for paragraph in text.splitlines() for line in re.split(r"(?<=[.!?]) ", paragraph))
    return [" ".join(line.split()) for line in lines if line.strip()]


def _matched(first: list[str], second: list[str]) -> Iterator[tuple[bool, list[str], list[str]]]:
    for tag, start, end, other_start, other_end in SequenceMatcher(None, first, second).get_opcodes():
        yield tag == "equal", first[start:end], second[other_start:other_end]


def _add(segments: list[Segment], equal: bool, first: list[str], second: list[str]) -> None:
    """Append, joined with the last segment where that is of the same kind."""
    one, other = " ".join(first), " ".join(second)
    if segments and segments[-1].equal == equal:
        before = segments.pop()
        one, other = f"{before.first} {one}".strip(), f"{before.second} {other}".strip()
    segments.append(Segment(equal, one, other))
