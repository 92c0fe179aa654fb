"""Cut stretches out of a text with a window around them, and leave out what is then too short to be worth keeping.

As Brown et al. 2020 (GPT-3, arXiv 2005.14165, appendix C) did: every stretch goes with `window` characters on both
sides, pieces of fewer than `min_piece` characters go too. What stays is joined by newlines, each cut at white space.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from stages.decontamination.index import Interval, merged

#: How far a cut may reach beyond its window to end at white space, in characters.
_REACH = 40


class Cut(NamedTuple):
    """What is left of a text, in how many pieces, and how many characters of it went."""

    text: str
    pieces: int
    removed: int


def cut_out(text: str, spans: Iterable[Interval], window: int, min_piece: int) -> Cut:
    """Cut spans (in characters) out of a text."""
    gaps = merged((_back(text, start - window), _on(text, end + window)) for start, end in spans)
    kept = [piece for piece in _between(text, gaps) if len(piece) >= max(min_piece, 1)]
    return Cut("\n".join(kept), len(kept), len(text) - sum(map(len, kept)))


def _between(text: str, gaps: Iterable[Interval]) -> Iterator[str]:
    place = 0
    for start, end in gaps:
        yield text[place:start].strip()
        place = end
    yield text[place:].strip()


def _back(text: str, place: int) -> int:
    """The nearest place before, within reach, that has white space before it or is the text's start."""
    place = max(place, 0)
    for step in range(min(place, _REACH)):
        if text[place - step - 1].isspace():
            return place - step
    return place if place > _REACH else 0


def _on(text: str, place: int) -> int:
    """The nearest place behind, within reach, that has white space behind it or is the text's end."""
    place = min(place, len(text))
    for step in range(min(len(text) - place, _REACH)):
        if text[place + step].isspace():
            return place + step
    return place if len(text) - place > _REACH else len(text)
