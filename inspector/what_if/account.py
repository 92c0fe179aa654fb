"""Add up the fates of all rows: how many are kept and dropped by each rule, as they were and as they would be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from inspector.what_if.bounds import Bounds, Unrecorded
from inspector.what_if.course import Course
from inspector.what_if.fates import KEPT, UNKNOWN, Fates, Outcomes
from inspector.what_if.question import Change
from pipeline.totals import Totals

#: What stands for the stage of a rule that is asked after all stages.
AFTER_ALL = "(after all stages)"


class Account:
    """Counts of moves from an outcome to an outcome; what it gives is plain data."""

    def __init__(self, course: Course, outcomes: Outcomes, totals: Totals, changes: Sequence[Change]) -> None:
        self._course, self._outcomes, self._totals, self._changes = course, outcomes, totals, changes
        self._moves: Counter[tuple[int, int]] = Counter()
        #: Unknown rows by the place of the stage that never saw them.
        self._unknown: Counter[int] = Counter()
        #: For each exchange's place the rows that go on behind it for sure.
        self._beyond: Counter[int] = Counter()

    def add(self, fates: Fates) -> None:
        pairs, counts = np.unique(np.stack([fates.before, fates.after]), axis=1, return_counts=True)
        for before, after, count in zip(*pairs.tolist(), counts.tolist(), strict=True):
            self._moves[before, after] += count
        self._unknown.update(fates.ends[fates.after == UNKNOWN].tolist())
        for place in self._course.exchanges:
            self._beyond[place] += int(((fates.ends > place) & (fates.after != UNKNOWN)).sum())

    def bring_back(self, place: int, removed: dict[int, int]) -> None:
        """Rows that the exchange at a place removed, by outcome, whose fate is unknown."""
        for before, count in removed.items():
            self._moves[before, before] -= count
            self._moves[before, UNKNOWN] += count
            self._unknown[place] += count

    def add_unseen(self, unseen: dict[int, int]) -> None:
        """Unknown rows that are in no file, by the place where they may come in."""
        self._unknown.update(unseen)

    def unrecorded(self) -> list[Unrecorded]:
        """Rows that the manifests count and rejects/ does not hold, because of the recipe's policy."""
        groups = []
        for place, label in enumerate(self._course.labels):
            for rule in self._course.rules(place):
                groups.append(Unrecorded(place, rule.name, self._missing(rule.name)))
            if place in self._course.exchanges:
                removed = sum(s.rows_in - s.rows_out for s in self._totals.stages if s.label == label)
                seen = sum(self._was(rule) for rule, there in self._outcomes.places.items() if there == place)
                groups.append(Unrecorded(place, None, removed - seen))
        return [group for group in groups if group.rows]

    def kept(self, bounds: Bounds) -> dict[str, Any]:
        before = sum(count for (was, _), count in self._moves.items() if was == KEPT)
        sure = self._becomes(KEPT)
        unknown = self._unknown.total()
        at_least = max(0, sure - bounds.lost)
        displaced = {self.label(p): min(count, self._beyond[p]) for p, count in bounds.displaced.items() if count}
        expected = sure + sum(count * self._share_kept(place, before) for place, count in self._unknown.items())
        return {
            "kept": {
                "before": before,
                "at_least": at_least,
                "at_most": sure + unknown,
                "expected": max(at_least, round(expected)),
            },
            "exact": at_least == sure + unknown,
            "unknown": {
                "rows": unknown,
                "by_stage": {self.label(place): count for place, count in sorted(self._unknown.items()) if count},
                "displaced_at_most": displaced,
            },
        }

    def _share_kept(self, place: int, kept: int) -> float:
        """Which share of the rows that came to a stage was kept in the end."""
        if place >= self._course.end:
            return 1.0
        came = sum(stage.rows_in for stage in self._totals.stages if stage.label == self._course.labels[place])
        return kept / came if came else 1.0

    def rules(self, bounds: Bounds, unrecorded: Sequence[Unrecorded]) -> list[dict[str, Any]]:
        """Every rule with how many rows it dropped, and between how many and how many it would."""
        places = dict(self._outcomes.places)
        for place in range(self._course.end):
            places.update({rule.name: place for rule in self._course.rules(place)})
        places.update({change.name: change.place for change in self._changes})
        rules = [
            self._rule(name, place, *self._drops(name, place, bounds, unrecorded))
            for name, place in sorted(places.items(), key=lambda item: item[1])
        ]
        for name in self._totals.rules.keys() - places.keys():  # of a source or an exchange, and none was recorded
            rules.append(self._rule(name, None, 0, self._totals.rules[name] + self._unknown.total()))
        asked = {change.name for change in self._changes}
        return [rule for rule in rules if rule["before"] or rule["at_most"] or rule["rule"] in asked]

    def _rule(self, name: str, place: int | None, at_least: int, at_most: int) -> dict[str, Any]:
        return {
            "rule": name,
            "stage": None if place is None else self.label(place),
            "before": self._totals.rules.get(name, 0),
            "at_least": max(0, at_least),
            "at_most": min(at_most, self._totals.read),
        }

    def _drops(self, name: str, place: int, bounds: Bounds, unrecorded: Sequence[Unrecorded]) -> tuple[int, int]:
        sure = self._becomes(self._outcomes.names.index(name)) if name in self._outcomes.names else 0
        least = sure - sum(count for there, count in bounds.replaced_otherwise.items() if there < place)
        most = sure + sum(count for there, count in self._unknown.items() if there <= place)
        most += min(bounds.displaced.get(place, 0), self._beyond[place])
        if not self._course.is_filter(place):
            most += self._missing(name)
            least += 0 if any(change.may_drop_more for change in self._changes) else self._missing(name)
        for group in unrecorded:
            touched = [change for change in self._changes if change.place <= group.place]
            if group.rule == name:
                most += group.rows
                least += 0 if touched else group.rows
            elif any(change.name == name and change.may_drop_more for change in touched):
                most += group.rows
        return least, most

    def moves(self) -> list[dict[str, Any]]:
        """How many rows go from one outcome to another one, the most first."""
        names = self._outcomes.names
        moved = [(was, becomes, n) for (was, becomes), n in self._moves.items() if was != becomes and n]
        moved.sort(key=lambda move: (-move[2], move[0], move[1]))
        return [{"before": names[was], "after": names[becomes], "rows": n} for was, becomes, n in moved]

    def label(self, place: int) -> str:
        return self._course.labels[place] if place < self._course.end else AFTER_ALL

    def _missing(self, rule: str) -> int:
        return self._totals.rules.get(rule, 0) - self._was(rule)

    def _was(self, rule: str) -> int:
        """Rows of rejects/ that a rule dropped."""
        if rule not in self._outcomes.names:
            return 0
        number = self._outcomes.names.index(rule)
        return sum(count for (was, _), count in self._moves.items() if was == number)

    def _becomes(self, outcome: int) -> int:
        return sum(count for (_, becomes), count in self._moves.items() if becomes == outcome)
