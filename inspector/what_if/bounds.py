"""Bounds of what is kept where documents go to stages that never saw them, exchanges above all.

An exchange that removes duplicates decides about a document by the others that are there. Its input changes by
documents that leave (dropped before it now) and documents that come (freed before it, or brought back by an
exchange before it). By what it promises (stages.base.Exchange.displaces_at_most, n below):

    a document that leaves    may bring back those which were removed from its own cluster, and no others
    a document that comes     stays or not, and may displace n that stayed; then it stays itself, so that one
                              more document makes the number that stay smaller by n - 1 at most

    exact_dedup      n = 1            all of one text
    minhash_dedup    n = its bands    a document shares at most one key a band, and all that share it are one cluster
    host_cap         n = 1            one more of a host pushes out the last; clusters are not recorded, so that any
                                      that leaves may bring back any

    kept at least = kept before, and neither dropped nor displaced now
    kept at most  = kept before, and not dropped now + all whose fate is unknown

Documents that were displaced have no names, only a number: which they are depends on the texts. Where a later
stage could treat what displaced them otherwise, they count as lost, and as documents that leave every later
exchange: each brings back at most the largest cluster that is left.

Rejects that the recipe's policy did not keep are known by number and rule; they count as unknown wherever a
change could have touched them. Memory: 40 bytes a removed duplicate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from inspector.what_if.course import Course
from inspector.what_if.fates import IDENTITY_COLUMNS, UNKNOWN, Fates
from inspector.what_if.question import Change
from stages.base import Exchange
from stages.identity import identity_hash

#: A cluster is named by the hash of its first document's identity (stages/removals.py).
_CLUSTER_SEED = 0


@dataclass(frozen=True)
class Unrecorded:
    """Rows that ended at a place under a rule (None: removed by an exchange) and are not in rejects/."""

    place: int
    rule: str | None
    rows: int


@dataclass
class _Flow:
    """How the input of one exchange changes."""

    #: Documents that come, by the place that freed them: counted before the exchange, and so for all behind it.
    coming: int = 0
    #: Clusters of documents that leave, and how many leave of whom no cluster is known.
    left: list[np.ndarray] = field(default_factory=list)
    leaving_unseen: int = 0
    #: Clusters of the documents that the exchange removed and whom no rule drops now, and where they lie.
    removed: list[np.ndarray] = field(default_factory=list)
    removed_unseen: int = 0


@dataclass
class Bounds:
    """Results, once all rows were added."""

    #: For each exchange's place a mask over the removed rows in the order they were added: fate unknown.
    back: dict[int, np.ndarray] = field(default_factory=dict)
    #: For each exchange's place how many that stayed may be displaced there, and how many of them for others that
    #: later stages could judge otherwise.
    displaced: dict[int, int] = field(default_factory=dict)
    replaced_otherwise: dict[int, int] = field(default_factory=dict)
    #: How many fewer may stay in all.
    lost: int = 0
    #: Unknown rows without a name, by the place where they may come in.
    unseen: dict[int, int] = field(default_factory=dict)


class BoundsFinder:
    """Adds up what the exchanges' inputs gain and lose."""

    def __init__(self, course: Course, changes: list[Change]) -> None:
        self._course, self._changes = course, changes
        self._flows = {place: _Flow() for place in course.exchanges}

    def add(self, fates: Fates) -> None:
        """Rows of one row group."""
        for place, flow in self._flows.items():
            leaving = (fates.ended >= place) & (fates.ends < place)
            if leaving.any():
                gone = fates.rows.batch.filter(pa.array(leaving))
                file, offset, ordinal = (gone.column(name) for name in IDENTITY_COLUMNS)
                names = identity_hash(file, offset, ordinal, _CLUSTER_SEED)
                removed_there = fates.ended[leaving] == place
                flow.left.append(np.where(removed_there, fates.cluster[leaving], names))
            flow.removed.append(fates.cluster[(fates.ended == place) & (fates.ends == place)])
            flow.coming += int(((fates.after == UNKNOWN) & (fates.ends <= place)).sum())

    def add_unrecorded(self, groups: list[Unrecorded]) -> dict[int, int]:
        """Rows that are not in rejects/. Returns how many of them might go on, by the place where they come in."""
        unseen: dict[int, int] = {}
        for group in groups:
            freed = group.rows if self._may_be_freed(group) else 0
            if freed:
                unseen[group.place + 1] = unseen.get(group.place + 1, 0) + freed
            for place, flow in self._flows.items():
                if place == group.place:
                    flow.removed_unseen += group.rows
                if place > group.place:
                    flow.coming += freed
                elif any(change.may_drop_more and change.place < place for change in self._changes):
                    flow.leaving_unseen += group.rows
        return unseen

    def _may_be_freed(self, group: Unrecorded) -> bool:
        return any(change.may_drop_less for change in self._changes if change.name == group.rule)

    def find(self) -> Bounds:
        """The bounds of all exchanges in recipe order; call once, after all rows."""
        bounds = Bounds()
        brought_back = lost = 0
        for place, flow in self._flows.items():
            stage = self._course.stages[place]
            assert isinstance(stage, Exchange)
            coming, unseen_leaving = flow.coming + brought_back, flow.leaving_unseen + lost
            clusters, left = _joined(flow.removed), _joined(flow.left)
            most = stage.displaces_at_most()
            some_leave = unseen_leaving > 0 or len(left) > 0
            nobody_knows = most is None and (some_leave or coming > 0)
            if place in self._course.clustered and not nobody_knows:
                back = np.isin(clusters, left)
            else:
                back = np.full(len(clusters), some_leave or nobody_knows)
            if nobody_knows:
                bounds.displaced[place] = bounds.replaced_otherwise[place] = bounds.lost = UNBOUNDED
                lost = UNBOUNDED
            elif most is not None:
                alike = self._treats_alike(place, stage)
                bounds.displaced[place] = most * coming
                bounds.lost += (most - 1 if alike else most) * coming
                bounds.replaced_otherwise[place] = 0 if alike else most * coming
                lost += bounds.replaced_otherwise[place]
            more = _largest(clusters[~back], unseen_leaving)
            more += flow.removed_unseen if some_leave or nobody_knows else 0
            if more:
                bounds.unseen[place] = more
            bounds.back[place] = back
            brought_back += int(back.sum()) + more
        return bounds

    def _treats_alike(self, place: int, stage: Exchange) -> bool:
        """Whether all stages behind an exchange read no columns but those in which a cluster's documents are equal."""
        if any(change.place > place for change in self._changes):
            return False
        for later in range(place + 1, self._course.end):
            following = self._course.stages[later]
            if self._course.lets_all_pass(later):
                continue
            if not isinstance(following, Exchange) or not set(following.columns_needed()) <= set(stage.equal_in):
                return False
        return True


#: More than any corpus has.
UNBOUNDED = 2**62


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0, np.uint64), *arrays])


def _largest(clusters: np.ndarray, count: int) -> int:
    """How many rows the `count` largest clusters have."""
    if not count:
        return 0
    sizes = np.sort(np.unique(clusters, return_counts=True)[1])[::-1]
    return int(sizes[:count].sum())
