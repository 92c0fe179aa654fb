"""From candidate pairs to clusters: verify pairs, connect documents, choose who stays, say why the others go.

Candidates come by whole components, so that what is decided here needs nothing else. A pair is verified by the share
of equal minima in both signatures, or by the Jaccard similarity of both sets of shingles; candidates whose signatures
agree so little that a Jaccard at the threshold is out of the question (five standard errors) are not compared further.

Cost: one sort of the pairs; 20 ns a pair for signatures, about 1 ns a shingle of both texts for true similarity.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from stages import survivor
from stages.documents import FILE_TYPE
from stages.minhash import cluster_kernel, union_find_kernel
from stages.minhash.pairs import Pairs
from stages.minhash.shingle_sets import ShingleSets, jaccard
from stages.minhash.signatures import estimated_jaccard
from stages.removals import concat_batches, place_of

Verification = Literal["none", "signature", "jaccard"]
Shape = Literal["components", "star"]
_STANDARD_ERRORS = 5.0
_PAIRS_AT_ONCE = 1 << 20


class Members:
    """The documents of whole candidate components, in any order.

    `table` has identity and what orders survivors; `minima` is uint32[documents, permutations]. Shingles stay in the
    batches they came in until `take_shingles` says whose are needed: of very few where much is shared by many.
    """

    def __init__(self, batches: Sequence[pa.RecordBatch]) -> None:
        """Take apart what gathering tasks wrote: part, row, identity, keep_*, minima and perhaps shingles."""
        columns = [name for name in batches[0].schema.names if name != "shingles"]
        table = concat_batches((batch.select(columns) for batch in batches), batches[0].select(columns).schema)
        self.place = place_of(table["part"].to_numpy(), table["row"].to_numpy())
        self._order = np.argsort(self.place)
        minima = table["minima"].combine_chunks()
        self.minima = minima.flatten().to_numpy().reshape(len(table), minima.type.list_size)
        file = table["file"].combine_chunks().dictionary_encode().cast(FILE_TYPE)
        table = table.drop_columns(["minima"])
        self.table = table.set_column(table.column_names.index("file"), "file", file)
        #: Whether true similarity can be had.
        self.have_shingles = "shingles" in batches[0].schema.names
        self._batches = batches
        self._sets = ShingleSets(np.empty(0, dtype=np.uint64), np.zeros(1, dtype=np.int64))
        self._set_of = np.full(len(table), -1, dtype=np.int64)

    def take_shingles(self, needed: np.ndarray) -> None:
        """Copy the shingles of some documents (indexes, ascending), for `true_jaccard`."""
        values, sizes, first = [np.empty(0, dtype=np.uint64)], [np.zeros(1, dtype=np.int64)], 0
        for batch in self._batches:
            here = needed[(needed >= first) & (needed < first + batch.num_rows)] - first
            column = batch.column("shingles").take(pa.array(here))
            values.append(column.flatten().to_numpy())
            sizes.append(np.diff(column.offsets.to_numpy()))
            first += batch.num_rows
        self._sets = ShingleSets(np.concatenate(values), np.cumsum(np.concatenate(sizes)))
        self._set_of[needed] = np.arange(len(needed))

    def true_jaccard(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """float64: similarity of pairs of documents whose shingles were taken."""
        return jaccard(self._sets, self._set_of[left], self._set_of[right])

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


def verified_pairs(
    members: Members, candidates: Iterable[Pairs], verify: Verification, threshold: float
) -> SimilarPairs:
    """The distinct ones of the candidate pairs that are similar enough, ascending by index; all for "none"."""
    least = {"none": 0.0, "signature": threshold, "jaccard": threshold - _slack(members, threshold)}[verify]
    codes = [np.empty(0, dtype=np.int64)]
    for pairs in candidates:
        for start in range(0, len(pairs.first), _PAIRS_AT_ONCE):
            first, other = (members.index(places[start : start + _PAIRS_AT_ONCE]) for places in pairs)
            close = estimated_jaccard(members.minima, first, other) >= least
            low, high = np.minimum(first[close], other[close]), np.maximum(first[close], other[close])
            codes.append(low * len(members) + high)
    left, right, bands = _distinct(np.concatenate(codes), len(members))
    found = SimilarPairs(left, right, bands, estimated_jaccard(members.minima, left, right), np.full(len(left), np.nan))
    if verify != "jaccard":
        return found
    members.take_shingles(np.unique(np.concatenate([left, right])))
    found.jaccard[:] = members.true_jaccard(left, right)
    return found.where(found.jaccard >= threshold)


def _slack(members: Members, threshold: float) -> float:
    return float(_STANDARD_ERRORS * np.sqrt(threshold * (1 - threshold) / members.minima.shape[1]))


def clusters_of(members: Members, pairs: SimilarPairs, shape: Shape, keep: Sequence[survivor.Preference]) -> Clusters:
    """Clusters of the graph of pairs; a document without a pair is one of its own."""
    rank = survivor.ranks(members.table, keep)
    stays, via = np.full(len(rank), -1, dtype=np.int64), np.full(len(rank), -1, dtype=np.int64)
    if shape == "components":
        cluster_kernel.components(np.argsort(rank), *_graph(len(rank), pairs.left, pairs.right), stays, via)
    else:
        stays = via = _stars(rank, pairs)
    return Clusters(stays, via, np.bincount(stays, minlength=len(members))[stays])


def _stars(rank: np.ndarray, pairs: SimilarPairs) -> np.ndarray:
    """The document (int64) that stays for each, by stars over sets of documents that are the same to the comparison.

    The best of a set stands for all of it: what is similar to one is so to all, though where very many share a key
    not all those pairs were formed.
    """
    same = np.where(np.isnan(pairs.jaccard), pairs.estimated, pairs.jaccard) == 1
    groups = np.arange(len(rank), dtype=np.int64)
    joined = np.empty(int(same.sum()), dtype=np.bool_)
    union_find_kernel.join_pairs(groups, pairs.left[same], pairs.right[same], joined)
    union_find_kernel.settle_roots(groups)
    by_group = np.lexsort((rank, groups))
    starts = np.flatnonzero(np.append(np.ones(min(len(rank), 1), dtype=bool), np.diff(groups[by_group]) != 0))
    best = np.empty(len(rank), dtype=np.int64)
    best[by_group] = np.repeat(by_group[starts], np.diff(np.append(starts, len(rank))))
    other = ~same
    stays = np.full(len(rank), -1, dtype=np.int64)
    graph = _graph(len(rank), best[pairs.left[other]], best[pairs.right[other]])
    cluster_kernel.star(np.argsort(rank), *graph, stays)
    return stays[best]


def _graph(documents: int, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the neighbours of each document start, and the neighbours (both int64)."""
    ends = np.concatenate([left, right])
    by_end = np.argsort(ends, kind="stable")
    return np.searchsorted(ends[by_end], np.arange(documents + 1)), np.concatenate([right, left])[by_end]


def _distinct(codes: np.ndarray, documents: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct pairs, ascending, and how often each was there; a pair's code is first * documents + other."""
    codes = np.sort(codes)
    starts = np.flatnonzero(np.append(np.ones(min(len(codes), 1), dtype=bool), codes[1:] != codes[:-1]))
    times = np.diff(np.append(starts, len(codes)))
    return codes[starts] // max(documents, 1), codes[starts] % max(documents, 1), times
