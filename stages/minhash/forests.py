"""Spanning forests of candidate pairs, merged until one says which documents are connected at all.

A band's pairs, and those of several bands together, connect documents into components; of all pairs a forest
(fewer edges than documents) is enough to know them. Forests of several bands are merged by union-find and give a
forest again, so nobody ever holds all pairs: memory is 8 bytes a document up to the last of each part that has a
pair, whatever the number of pairs. Forests come as functions, because they are gone through more than once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from stages.minhash import union_find_kernel
from stages.minhash.components import SETTLED
from stages.minhash.pairs import Pairs
from stages.removals import part_of, row_of


class Numbering:
    """Documents by number: all rows of part 0, then of part 1, ... up to the last row of each that has a pair."""

    def __init__(self, forest: Iterable[Pairs]) -> None:
        rows = np.zeros(0, dtype=np.int64)
        for places in (places for pairs in forest for places in pairs if len(places)):
            part, row = part_of(places).astype(np.int64), row_of(places).astype(np.int64)
            rows = np.append(rows, np.zeros(max(0, int(part.max()) + 1 - len(rows)), dtype=np.int64))
            np.maximum.at(rows, part, row + 1)
        #: First number of each part, and the count of all.
        self.starts = np.append(0, np.cumsum(rows))

    @property
    def documents(self) -> int:
        return int(self.starts[-1])

    @property
    def parts(self) -> int:
        return len(self.starts) - 1

    def numbers(self, places: np.ndarray) -> np.ndarray:
        """Numbers (int64) of documents by place (uint64)."""
        return self.starts[part_of(places)] + row_of(places).astype(np.int64)

    def run_of(self, numbers: np.ndarray, runs: Sequence[int]) -> np.ndarray:
        """Which run (int64) documents are of, given how many parts each has."""
        ends = self.starts[np.minimum(np.cumsum(runs), self.parts)]
        return np.searchsorted(ends, numbers, side="right")

    def places(self, numbers: np.ndarray) -> np.ndarray:
        """The reverse of `numbers`."""
        part = np.searchsorted(self.starts, numbers, side="right") - 1
        return (part.astype(np.uint64) << np.uint64(32)) | (numbers - self.starts[part]).astype(np.uint64)


def merged(forest: Callable[[], Iterable[Pairs]]) -> Iterator[Pairs]:
    """Of all pairs those that are enough to connect the same documents, in pieces."""
    numbering = Numbering(forest())
    parents = np.arange(numbering.documents, dtype=np.int64)
    for pairs in forest():
        joined = _join(numbering, parents, pairs)
        yield Pairs(pairs.first[joined], pairs.other[joined])


def components(
    forest: Callable[[], Iterable[Pairs]], runs: Sequence[int], settled_together: bool
) -> Iterator[np.ndarray]:
    """For every part the place (uint64) of the first document of each row's component, or SETTLED.

    `runs` are the numbers of parts of this run and of the earlier ones, in the order in which parts are numbered. A
    component of earlier documents alone is settled, unless it spans runs which were not `settled_together`.
    """
    numbering = Numbering(forest())
    parents = np.arange(numbering.documents, dtype=np.int64)
    paired = np.zeros(numbering.documents, dtype=bool)
    for pairs in forest():
        _join(numbering, parents, pairs)
        for places in pairs:
            paired[numbering.numbers(places)] = True
    union_find_kernel.settle_roots(parents)
    # The smallest member is the root, and new documents come first: a component with one has a new root.
    unsettled = paired & (numbering.run_of(parents, runs) == 0)
    if not settled_together:
        spans = numbering.run_of(np.arange(numbering.documents), runs) != numbering.run_of(parents, runs)
        several = np.zeros(numbering.documents, dtype=bool)
        several[parents[spans]] = True
        unsettled |= paired & several[parents]
    for begin, end in zip(numbering.starts[:-1], numbering.starts[1:], strict=True):
        yield np.where(unsettled[begin:end], numbering.places(parents[begin:end]), SETTLED)


def _join(numbering: Numbering, parents: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Which of the pairs (bool) made two components one."""
    joined = np.empty(len(pairs.first), dtype=np.bool_)
    union_find_kernel.join_pairs(parents, numbering.numbers(pairs.first), numbering.numbers(pairs.other), joined)
    return joined
