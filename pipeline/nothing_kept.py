"""What to say of a complete run that kept no row: how many there were, what ended most of them, where to look.

Such a run did what its recipe says, so it is no failure; but hardly anybody wants one. The commonest error is
counted over the column `error` of rejects/. Cost: that column, and only where nothing was kept.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.compute as pc

from pipeline.document_files import open_parquet
from pipeline.storage import list_folder
from pipeline.totals import Totals
from pipeline.workspace import Workspace

#: Errors quote what they are about; more of one is not shown.
_LONGEST_ERROR = 160


def nothing_kept(run: Path, totals: Totals) -> list[str]:
    """Lines of a remark; none where a row was kept or tasks are missing."""
    if totals.kept or not totals.complete:
        return []
    if not totals.read:
        return ["nothing was kept: the input has no rows that the recipe's source reads"]
    return [
        f"nothing was kept: of {_rows(totals.read)}, {totals.quarantined:,} quarantined and {totals.dropped:,} dropped",
        *(_commonest_rule(run, totals) if totals.dropped else ()),
        *(_commonest_error(run) if totals.quarantined else ()),
    ]


def _commonest_rule(run: Path, totals: Totals) -> list[str]:
    rule, rows = next(iter(totals.rules.items()))
    return [f"  the rule that dropped most: {rule} ({_rows(rows)}); by rule and stage: corpusmill inspect {run}"]


def _commonest_error(run: Path) -> list[str]:
    kept = Workspace(run).load_plan().recipe.rejects.keep
    errors = _errors(run)
    if not errors:  # with other policies rejects/ is not published yet
        advice = "  why rows were quarantined is not recorded; to record it: the same command with --set rejects=full"
        return [advice] if kept in ("off", "sample") else []
    error, rows = min(errors.items(), key=lambda item: (-item[1], item[0]))
    shown = error if len(error) <= _LONGEST_ERROR else error[:_LONGEST_ERROR] + "..."
    sample = " of the sample in rejects/" if kept == "sample" else ""
    return [f"  the commonest error: {shown} ({_rows(rows)}{sample}); see rows: corpusmill inspect {run / 'rejects'}"]


def _errors(run: Path) -> Counter[str]:
    """Quarantined rows that rejects/ keeps, by error."""
    found: Counter[str] = Counter()
    folder = run / "rejects"
    for name in list_folder(folder):
        errors = open_parquet(folder / name).read(columns=["error"]).column("error").drop_null()
        found.update({entry["values"]: entry["counts"] for entry in pc.value_counts(errors).to_pylist()})
    return found


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")
