"""From candidate pairs to clusters: verify pairs, connect documents, choose who stays, say why the others go.

Candidates come by whole components, so that what is decided here needs nothing else. A pair is verified by the share
of equal minima in both signatures, or by the Jaccard similarity of both sets of shingles; candidates whose signatures
agree so little that a Jaccard at the threshold is out of the question (five standard errors) are not compared further.

Cost: one sort of the pairs; 20 ns a pair for signatures, about 1 ns a shingle of both texts for true similarity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from stages import survivor
from stages.documents import FILE_TYPE
from stages.minhash import cluster_kernel
from stages.minhash.pairs import Pairs
from stages.minhash.shingle_sets import ShingleSets, jaccard
from stages.minhash.signatures import estimated_jaccard
from stages.removals import place_of

Verification = Literal["none", "signature", "jaccard"]
Shape = Literal["components", "star"]
_STANDARD_ERRORS = 5.0


class Members:
    """The documents of whole candidate components, in any order.

    `table` has identity and what orders survivors; `minima` is uint32[documents, permutations]; `shingles` are None
    unless true similarity is asked for.
    """

    def __init__(self, table: pa.Table) -> None:
        """Take apart what gathering tasks wrote: part, row, identity, keep_*, minima and perhaps shingles."""
        self.place = place_of(table["part"].to_numpy(), table["row"].to_numpy())
        self._order = np.argsort(self.place)
        minima = table["minima"].combine_chunks()
        self.minima = minima.flatten().to_numpy().reshape(len(table), minima.type.list_size)
        self.shingles: ShingleSets | None = None
        if "shingles" in table.column_names:
            column = table["shingles"].combine_chunks()
            self.shingles = ShingleSets(column.values.to_numpy(), column.offsets.to_numpy())
        table = table.drop_columns([name for name in ("minima", "shingles") if name in table.column_names])
        file = table["file"].combine_chunks().dictionary_encode().cast(FILE_TYPE)
        self.table = table.set_column(table.column_names.index("file"), "file", file)

    def __len__(self) -> int:
        return len(self.place)

    def index(self, places: np.ndarray) -> np.ndarray:
        """Indexes (int64) of the documents at `places`."""
        return self._order[np.searchsorted(self.place, places, sorter=self._order)]


class SimilarPairs(NamedTuple):
    """Pairs by index of members (int64): the bands they share, and how similar they are (jaccard NaN: not asked)."""

    left: np.ndarray
    right: np.ndarray
    bands: np.ndarray
    estimated: np.ndarray
    jaccard: np.ndarray

    def where(self, chosen: np.ndarray) -> SimilarPairs:
        return SimilarPairs(*(column[chosen] for column in self))


class Clusters(NamedTuple):
    """For each member (int64): who stays for it, the next document on the path there, the size of its cluster."""

    survivor: np.ndarray
    via: np.ndarray
    size: np.ndarray


def verified_pairs(members: Members, pairs: Pairs, verify: Verification, threshold: float) -> SimilarPairs:
    """The distinct ones of the candidate pairs that are similar enough, ascending by index; all for "none"."""
    left, right, bands = _distinct(members.index(pairs.first), members.index(pairs.other), len(members))
    found = SimilarPairs(left, right, bands, estimated_jaccard(members.minima, left, right), np.full(len(left), np.nan))
    if verify == "none":
        return found
    if verify == "signature":
        return found.where(found.estimated >= threshold)
    permutations = members.minima.shape[1]
    slack = _STANDARD_ERRORS * np.sqrt(threshold * (1 - threshold) / permutations)
    found = found.where(found.estimated >= threshold - slack)
    assert members.shingles is not None
    found.jaccard[:] = jaccard(members.shingles, found.left, found.right)
    return found.where(found.jaccard >= threshold)


def clusters_of(members: Members, pairs: SimilarPairs, shape: Shape, keep: Sequence[survivor.Preference]) -> Clusters:
    """Clusters of the graph of pairs; a document without a pair is one of its own."""
    order = np.argsort(survivor.ranks(members.table, keep))
    ends = np.concatenate([pairs.left, pairs.right])
    by_end = np.argsort(ends, kind="stable")
    neighbours = np.concatenate([pairs.right, pairs.left])[by_end]
    starts = np.searchsorted(ends[by_end], np.arange(len(members) + 1))
    stays, via = np.full(len(members), -1, dtype=np.int64), np.full(len(members), -1, dtype=np.int64)
    grow = cluster_kernel.star if shape == "star" else cluster_kernel.components
    grow(order, starts, neighbours, stays, via)
    return Clusters(stays, via, np.bincount(stays, minlength=len(members))[stays])


def _distinct(first: np.ndarray, other: np.ndarray, documents: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct pairs, ascending, and how often each was there."""
    codes = np.sort(np.minimum(first, other) * documents + np.maximum(first, other))
    starts = np.flatnonzero(np.append(np.ones(min(len(codes), 1), dtype=bool), codes[1:] != codes[:-1]))
    times = np.diff(np.append(starts, len(codes)))
    return codes[starts] // max(documents, 1), codes[starts] % max(documents, 1), times
