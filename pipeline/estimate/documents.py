"""How many documents are left after each phase of the run, from the sample that was run split by split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.estimate.duplicates import removals_across
from pipeline.estimate.interval import Interval
from pipeline.estimate.measure import Measurement, Member
from pipeline.estimate.ratio import ratio_total
from pipeline.estimate.sample import Sample
from pipeline.plan import Plan, PlannedPhase
from stages.base import Upstream


@dataclass(frozen=True)
class Standing:
    """Documents less some removal lists: how many are left and gone, in the corpus and in the sample alone."""

    left: Interval
    gone: Interval
    sampled_left: float
    sampled_gone: float


class DocumentModel:
    """Follows documents through row-wise phases and removal lists."""

    def __init__(self, plan: Plan, sample: Sample, units: Measurement) -> None:
        self._plan, self._sample, self._units = plan, sample, units
        self._kept: dict[str, Interval] = {}
        self._standings: dict[tuple[str, tuple[str, ...]], Standing] = {}
        for phase in plan.phases:
            if phase.step is None:
                self._kept[phase.outputs[0]] = self._kept_by(phase)

    def after(self, phase: PlannedPhase) -> Interval:
        """Documents that are left when the phase is complete."""
        if phase.step is None:
            return self._kept[phase.outputs[0]]
        assert phase.upstream is not None
        lists = tuple(output for output in phase.outputs if output in self._units.clusters)
        return self.standing(phase.upstream.documents, (*phase.upstream.removals, *lists)).left

    def standing(self, documents: str, removals: tuple[str, ...]) -> Standing:
        """The documents of a row-wise phase less removal lists."""
        if (documents, removals) not in self._standings:
            self._standings[documents, removals] = self._stand(documents, removals)
        return self._standings[documents, removals]

    def _kept_by(self, phase: PlannedPhase) -> Interval:
        measured = self._units.phases[phase.name]
        if phase.splits:
            return ratio_total(self._sample.by_stratum(measured.kept), self._sample.corpus_bytes)
        assert phase.upstream is not None
        entering = self._present(phase.upstream) - self._removed(phase.upstream.removals)
        share = ratio_total(self._sample.by_stratum(measured.kept, entering), 1.0).at_most(1.0)
        return self.standing(phase.upstream.documents, phase.upstream.removals).left * share

    def _stand(self, documents: str, removals: tuple[str, ...]) -> Standing:
        before = self._kept[documents]
        present = self._units.phases[self._plan.producer(documents).name].kept
        if not removals:
            return Standing(before, Interval.exactly(0.0), float(present.sum()), 0.0)
        removed, weights = self._removed(removals), self._sample.weights()
        clusters = list(_splits_of_clusters(member for name in removals for member in self._units.clusters[name]))
        within = np.zeros(len(present))
        for splits in clusters:
            found, members = np.unique(splits, return_counts=True)
            within[found] += members - 1
        distinct = ratio_total(self._sample.by_stratum(present - within, present), 1.0).at_most(1.0)
        if self._sample.is_whole:
            across = Interval.exactly(float((removed - within).sum()))
        else:
            held = [weights[np.unique(splits)] for splits in clusters]
            across = removals_across(held, float(weights.max()), before.value * distinct.value)
        alone = before.scaled(distinct.value)
        left = alone.less(across).at_least(float((present - removed).sum()))
        gone = before.less(alone) + across
        return Standing(left, gone, float((present - removed).sum()), float(removed.sum()))

    def _present(self, upstream: Upstream) -> np.ndarray:
        return self._units.phases[self._plan.producer(upstream.documents).name].kept

    def _removed(self, removals: Sequence[str]) -> np.ndarray:
        """Documents of each split of the sample that the lists remove."""
        removed = np.zeros(len(self._sample.splits))
        for place in {(m.task, m.row) for name in removals for m in self._units.clusters[name] if m.removed}:
            removed[place[0]] += 1
        return removed


def _splits_of_clusters(members: Iterable[Member]) -> Iterable[np.ndarray]:
    """Of each cluster, joined over all lists, the split of every member."""
    parents: dict[tuple[int, int], tuple[int, int]] = {}
    named: dict[int, tuple[int, int]] = {}

    def root(place: tuple[int, int]) -> tuple[int, int]:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    for member in members:
        place = (member.task, member.row)
        parents.setdefault(place, place)
        parents[root(place)] = root(named.setdefault(member.cluster, place))
    groups = defaultdict(list)
    for place in parents:
        groups[root(place)].append(place[0])
    return (np.array(splits) for splits in groups.values())
