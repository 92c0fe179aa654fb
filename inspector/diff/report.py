"""Explain how two runs differ: their recipes and inputs in words, their rows by the rules that ended them.

Rows are the same when their identities are: file, offset and ordinal of the crawl. So runs over different inputs
can be compared as far as these agree, and what only one of them read is counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from inspector.choice import Choice
from inspector.diff.row_buckets import KEY, joined_rows
from inspector.published import PublishedRun
from inspector.what_if.question import columns_of
from pipeline.fingerprint import explain_change
from pipeline.plan import Plan
from pipeline.scratch import scratch_folder
from pipeline.totals import run_totals
from stages.base import Filter
from stages.documents import LABELS, VERDICT

#: What a row is called that a run does not have, and one that it may have had, for it does not keep every reject.
NOT_READ, NOT_RECORDED = "not read", "not recorded"
#: Longest text shown of an example.
EXCERPT = 300
_NO_MEASUREMENTS = {*KEY, *(field.name for field in (*LABELS, *VERDICT)), "text"}


def diff(first: Path, second: Path, rows: int) -> dict[str, Any]:
    """How run `second` differs from run `first`, as plain data, with up to `rows` examples."""
    return _Comparison(PublishedRun(first), PublishedRun(second), rows).report()


class _Comparison:
    def __init__(self, first: PublishedRun, second: PublishedRun, rows: int) -> None:
        self._runs = (first, second)
        measured = [self._measurements(run) for run in self._runs]
        self._common = [name for name in measured[0] if name in measured[1]]
        self._only = [[name for name in measured[0] if name not in measured[1]]]
        self._only += [[name for name in measured[1] if name not in measured[0]]]
        self._absent = [NOT_READ if _keeps_all(run) else NOT_RECORDED for run in self._runs]
        self._moves: Counter[tuple[str, str]] = Counter()
        self._changed: Counter[str] = Counter()
        self._texts_changed = 0
        self._choice = Choice(rows)

    def _measurements(self, run: PublishedRun) -> list[str]:
        return [name for name in {**run.reject_types, **run.document_types} if name not in _NO_MEASUREMENTS]

    def report(self) -> dict[str, Any]:
        with scratch_folder() as folder:
            for frame in joined_rows(*self._runs, self._common, folder):
                self._add(frame)
        moves = [{"a": a, "b": b, "rows": n} for (a, b), n in self._moves.most_common() if a != b]
        kept = {True: "kept", False: "not"}
        sums = Counter({(kept[a == "kept"], kept[b == "kept"]): 0 for a in ("kept", "") for b in ("kept", "")})
        for (a, b), count in self._moves.items():
            sums[kept[a == "kept"], kept[b == "kept"]] += count
        return {
            "a": self._described(0),
            "b": self._described(1),
            "recipe": explain_change(_components(self._runs[0].plan), _components(self._runs[1].plan)),
            "inputs": _inputs(self._runs[0].plan, self._runs[1].plan),
            "rows": {
                "kept_in_both": sums["kept", "kept"],
                "kept_only_in_a": sums["kept", "not"],
                "kept_only_in_b": sums["not", "kept"],
                "kept_in_neither": sums["not", "not"],
            },
            "moves": moves,
            "texts_changed": self._texts_changed,
            "columns_changed": dict(self._changed.most_common()),
            "columns_only_in_a": self._only[0],
            "columns_only_in_b": self._only[1],
            "examples": [self._example(kind, row) for kind, row in self._choice.chosen()],
        }

    def _add(self, frame: pl.DataFrame) -> None:
        frame = frame.with_columns(
            pl.col("outcome").fill_null(self._absent[0]), pl.col("outcome_b").fill_null(self._absent[1])
        )
        for a, b, count in frame.group_by("outcome", "outcome_b").len().rows():
            self._moves[a, b] += count
        changed = frame.select((pl.col(name) != pl.col(f"{name}_b")).sum() for name in self._common)
        self._changed.update(
            {name: count for name, count in zip(changed.columns, changed.row(0), strict=True) if count}
        )
        text = pl.col("text") != pl.col("text_b")
        self._texts_changed += frame.select(text.sum()).item()
        differing = frame.filter((pl.col("outcome") != pl.col("outcome_b")) | text.fill_null(False))
        for kind, rows in differing.group_by("outcome", "outcome_b"):
            hashes = rows.select(pl.coalesce("identity", "identity_b"))["identity"].to_numpy()
            self._choice.offer(kind, hashes, partial(rows.row, named=True))

    def _example(self, kind: tuple[str, str], row: dict[str, Any]) -> dict[str, Any]:
        """A row with what each run decided, the values of what decided in both, and the beginning of each text."""
        names = dict.fromkeys(name for run, rule in zip(self._runs, kind, strict=True) for name in _judged(run, rule))
        texts = [self._text(0, row, ""), self._text(1, row, "_b")]
        return {
            **{name: row[name] for name in KEY},
            "url": row["url"] if row["url"] is not None else row["url_b"],
            "a": kind[0],
            "b": kind[1],
            "values": {name: [row[name], row[f"{name}_b"]] for name in names if name in self._common},
            "text": texts[0] if texts[0] is not None else texts[1],
            "text_b": texts[1] if row["text"] != row["text_b"] and None not in texts else None,
        }

    def _text(self, number: int, row: dict[str, Any], suffix: str) -> str | None:
        part = row[f"part{suffix}"]
        if part is None:
            return None
        run = self._runs[number]
        file = [*run.documents, *run.rejects][part]
        _, found = next(run.rows_at({(file, row[f"group{suffix}"]): [row[f"row{suffix}"]]}, ["text"]))
        return found["text"] and found["text"][:EXCERPT]

    def _described(self, number: int) -> dict[str, Any]:
        run = self._runs[number]
        totals = run_totals(run.plan, run.workspace)
        return {
            "run": str(run.run),
            "recipe": run.plan.recipe.name,
            "read": totals.read,
            "kept": totals.kept,
            "dropped": totals.dropped,
            "quarantined": totals.quarantined,
            "rules": totals.rules,
            "rejects": run.plan.recipe.rejects.keep,
        }


def _keeps_all(run: PublishedRun) -> bool:
    return run.plan.recipe.rejects.keep in ("full", "no_text")


def _judged(run: PublishedRun, outcome: str) -> Sequence[str]:
    """The columns that a run's rule reads."""
    for stage in run.plan.recipe.stages.values():
        for rule in stage.rules() if isinstance(stage, Filter) else ():
            if rule.name == outcome:
                return columns_of(rule.drop_if)
    return ()


def _components(plan: Plan) -> dict[str, dict[str, Any]]:
    """What the fingerprints of all phases are made of, by label in recipe order."""
    parts = {label: part for phase in plan.phases for label, part in phase.components.items()}
    order = list(plan.recipe.stages)
    return dict(sorted(parts.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def _inputs(first: Plan, second: Plan) -> dict[str, Any]:
    a, b = first.files, second.files
    changed = sum((a[name].checksum, a[name].size) != (b[name].checksum, b[name].size) for name in a.keys() & b.keys())
    found = {"files_only_in_a": len(a.keys() - b.keys()), "files_only_in_b": len(b.keys() - a.keys())}
    same = not any(found.values()) and not changed and first.limit == second.limit
    return {"same": same, **found, "files_changed": changed, "limits": [first.limit, second.limit]}
