"""Judge the rows of a run by changed rules: where each ended, and where it would end.

A row is judged again by the changed groups that it reached. It may be dropped earlier or by another rule than it
was, or be freed: then it goes on to stages that never saw it. Filters that measure nothing can judge it there; at
any other stage its fate is unknown. Everything is vectorised, one evaluation a changed group and row group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from inspector.published import PublishedRun, Rows
from inspector.what_if.course import Course
from inspector.what_if.question import Questions
from stages.documents import IDENTITY
from stages.judge import Judge

#: Numbers of Outcomes.
KEPT, QUARANTINED, UNKNOWN = range(3)
IDENTITY_COLUMNS = [field.name for field in IDENTITY]


class Outcomes:
    """Names of what becomes of rows, as small numbers: kept, quarantined, unknown, and the rules that drop."""

    def __init__(self) -> None:
        self.names = ["kept", "quarantined", "unknown"]
        #: For each rule the place of its stage.
        self.places: dict[str, int] = {}

    def number(self, name: str, place: int) -> int:
        if name not in self.names:
            self.names.append(name)
            self.places[name] = place
        return self.names.index(name)


@dataclass
class Fates:
    """What became of the rows of one row group and what would; all arrays have one entry a row."""

    rows: Rows
    #: Place of the stage that ended the row, and that would; for kept rows one behind the last place.
    ended: np.ndarray
    ends: np.ndarray
    #: Numbers of Outcomes.
    before: np.ndarray
    after: np.ndarray
    #: Where the group that would let the row pass stands; -1 where the row is not freed.
    freed: np.ndarray
    #: Groups of duplicates of the rows that an exchange removed; 0 for others.
    cluster: np.ndarray

    @property
    def changed(self) -> np.ndarray:
        return self.before != self.after


class Judging:
    """Goes through a run's rows once and says what would become of each."""

    def __init__(self, run: PublishedRun, course: Course, questions: Questions) -> None:
        self.course = course
        self.outcomes = Outcomes()
        #: Rows on which a changed rule gave neither true nor false.
        self.undecided: dict[str, int] = {}
        self._run = run
        self._changed = {change.name for change in questions.changes}
        self._groups = sorted({change.place for change in questions.changes})
        places = [*self._groups, *(place for place in range(course.end) if course.judges_only(place))]
        self._judges = {place: Judge(questions.rules(place)) for place in places}
        judged = {name for judge in self._judges.values() for name in _columns(judge)}
        self._columns = list(dict.fromkeys([*IDENTITY_COLUMNS, *sorted(judged)]))
        self._text_kept = run.plan.recipe.rejects.keep != "no_text"

    def fates(self) -> Iterator[Fates]:
        """Row group by row group, documents/ first."""
        for rows in self._run.row_groups(self._run.documents, self._columns):
            beyond = np.full(rows.batch.num_rows, self.course.end + 1)
            kept = np.full(rows.batch.num_rows, KEPT, np.int32)
            yield self._judge(rows, beyond, kept, np.zeros(len(kept), np.uint64))
        verdict = ["stage", "outcome", "rule", "values"]
        for rows in self._run.row_groups(self._run.rejects, [*self._columns, *verdict]):
            yield self._judge(rows, *self._verdicts(rows.batch))

    def _verdicts(self, batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Place, outcome and cluster of every reject."""
        stages, rules = (batch.column(name).dictionary_encode() for name in ("stage", "rule"))
        places = np.array([self.course.labels.index(name) for name in stages.dictionary.to_pylist()], np.int64)
        ended = places[stages.indices.to_numpy()]
        numbers = []
        for number, name in enumerate(rules.dictionary.to_pylist()):
            first = np.flatnonzero(rules.indices.fill_null(-1).to_numpy() == number)[0]
            numbers.append(self.outcomes.number(name, int(ended[first])))
        numbers.append(QUARANTINED)
        before = np.array(numbers, np.int32)[rules.indices.fill_null(len(numbers) - 1).to_numpy()]
        cluster = np.zeros(len(ended), np.uint64)
        removed = np.isin(ended, self.course.exchanges)
        if removed.any():
            values = pl.Series(batch.column("values").filter(pa.array(removed)))
            named = values.str.extract(r'"cluster": (\d+)').cast(pl.UInt64).fill_null(0)
            cluster[removed] = named.to_numpy()
        return ended, before, cluster

    def _judge(self, rows: Rows, ended: np.ndarray, before: np.ndarray, cluster: np.ndarray) -> Fates:
        quarantined = before == QUARANTINED
        fates = Fates(rows, ended, ended.copy(), before, before.copy(), np.full(len(before), -1), cluster)
        open_rows = np.ones(len(before), dtype=bool)
        for place in self._groups:
            reached = ended > place
            if self.course.is_filter(place):
                reached |= (ended == place) & ~quarantined
            judged = np.flatnonzero(open_rows & reached)
            first = self._first_failing(rows.batch, judged, place)
            self._drop(fates, judged[first >= 0], first[first >= 0], place)
            open_rows[judged[first >= 0]] = False
            free = judged[(first < 0) & (ended[judged] == place)]
            open_rows[free] = False
            self._go_on(fates, free, place)
        return fates

    def _go_on(self, fates: Fates, free: np.ndarray, place: int) -> None:
        """Take rows that a group lets pass through the stages behind it as far as they can be judged."""
        if len(free) == 0:
            return
        fates.freed[free] = place
        known = self.course.known[place] - (set() if self._text_kept else {"text"})
        for later in range(place + 1, self.course.end + 1):
            if self.course.lets_all_pass(later):
                continue
            judge = self._judges.get(later)
            if later == self.course.end and judge is None:
                break
            if judge is None or not self.course.judges_only(later) or not known.issuperset(_columns(judge)):
                fates.after[free], fates.ends[free] = UNKNOWN, later
                return
            first = self._first_failing(fates.rows.batch, free, later)
            self._drop(fates, free[first >= 0], first[first >= 0], later)
            free = free[first < 0]
        fates.after[free], fates.ends[free] = KEPT, self.course.end + 1

    def _first_failing(self, batch: pa.RecordBatch, rows: np.ndarray, place: int) -> np.ndarray:
        if len(rows) == 0:
            return np.empty(0, np.int16)
        judge = self._judges[place]
        verdicts = judge(batch if len(rows) == batch.num_rows else batch.take(pa.array(rows)))
        for rule, nulls in zip(judge.rules, verdicts.nulls, strict=True):
            if nulls and rule.name in self._changed:
                self.undecided[rule.name] = self.undecided.get(rule.name, 0) + int(nulls)
        return verdicts.first

    def _drop(self, fates: Fates, rows: np.ndarray, first: np.ndarray, place: int) -> None:
        numbers = [self.outcomes.number(rule.name, place) for rule in self._judges[place].rules]
        fates.after[rows], fates.ends[rows] = np.array(numbers, np.int32)[first], place


def _columns(judge: Judge) -> set[str]:
    return {name for names in judge.columns for name in names}
