"""Choose rows whose fate changes, at random but always the same, and read what a reader wants to see of them.

Every kind of change, from a rule to a rule, has its turn. Only the chosen rows' texts are read.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from inspector.choice import Choice
from inspector.published import PublishedRun
from inspector.what_if.course import Course
from inspector.what_if.fates import UNKNOWN, Fates, Outcomes
from inspector.what_if.question import Questions
from stages.identity import identity_hash

#: Longest text shown of an example.
EXCERPT = 300
_SEED = 0


class _Row(NamedTuple):
    file: Path
    group: int
    row: int


class Examples:
    def __init__(self, published: PublishedRun, course: Course, questions: Questions, count: int) -> None:
        self._published, self._course, self._questions = published, course, questions
        self._choice = Choice(count)
        #: Of each exchange, rows that it removed: outcome and hash, and the row groups that they came from.
        self._removed: dict[int, list[tuple[np.ndarray, np.ndarray, np.ndarray, Path, int]]] = defaultdict(list)

    def add(self, fates: Fates) -> None:
        changed = np.flatnonzero(fates.changed)
        if len(changed):
            hashes = _hashes(fates, changed)
            for was, becomes in set(zip(fates.before[changed].tolist(), fates.after[changed].tolist(), strict=True)):
                these = (fates.before[changed] == was) & (fates.after[changed] == becomes)
                self._hold((was, becomes), hashes[these], changed[these], fates.rows.file, fates.rows.group)
        for place in self._course.exchanges:
            removed = np.flatnonzero((fates.ended == place) & (fates.ends == place))
            if len(removed):
                self._removed[place].append(
                    (
                        removed.astype(np.uint32),
                        fates.before[removed],
                        _hashes(fates, removed),
                        fates.rows.file,
                        fates.rows.group,
                    )
                )

    def bring_back(self, place: int, back: np.ndarray) -> dict[int, int]:
        """Take in the removed rows of an exchange whose fate is unknown; their numbers by outcome."""
        counts: dict[int, int] = {}
        start = 0
        for rows, before, hashes, file, group in self._removed[place]:
            chosen = back[start : start + len(rows)]
            start += len(rows)
            for was in np.unique(before[chosen]).tolist():
                these = chosen & (before == was)
                counts[was] = counts.get(was, 0) + int(these.sum())
                self._hold((was, UNKNOWN), hashes[these], rows[these], file, group)
        return counts

    def _hold(self, move: tuple[int, int], hashes: np.ndarray, rows: np.ndarray, file: Path, group: int) -> None:
        self._choice.offer(move, hashes, lambda at: _Row(file, group, int(rows[at])))

    def read(self, outcomes: Outcomes) -> list[dict[str, Any]]:
        """The examples: where a row is, what was and would be decided, the values that decide, the text's beginning."""
        chosen = self._choice.chosen()
        places: dict[tuple[Path, int], list[int]] = defaultdict(list)
        for _, row in chosen:
            places[row.file, row.group].append(row.row)
        values = self._questions.columns()
        columns = list(dict.fromkeys(["file", "offset", "ordinal", "id", "url", "text", *values]))
        found = dict(self._published.rows_at(places, columns))
        examples = []
        for (was, becomes), row in chosen:
            content = found[row.file, row.group, row.row]
            text = content.get("text")
            examples.append(
                {
                    **{name: content.get(name) for name in ("file", "offset", "ordinal", "id", "url")},
                    "before": outcomes.names[was],
                    "after": outcomes.names[becomes],
                    "values": {name: content.get(name) for name in values if name != "text"},
                    "text": None if text is None else text[:EXCERPT],
                }
            )
        return examples


def _hashes(fates: Fates, rows: np.ndarray) -> np.ndarray:
    taken = fates.rows.batch.take(pa.array(rows))
    return identity_hash(taken.column("file"), taken.column("offset"), taken.column("ordinal"), _SEED)
