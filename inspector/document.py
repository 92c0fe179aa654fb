"""Show the documents of a run with a URL or id, or at a place of the crawl: kept, or what ended them.

Cost: one pass over the identities, ids and URLs of documents/ and rejects/.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from inspector.deduplication.survivors import survivor_rows
from inspector.dropped import SHOWN, described
from inspector.errors import InspectorError
from inspector.published import PublishedRun
from stages.documents import IDENTITY

_NAMES = [*(field.name for field in IDENTITY), "id", "url"]


def document_report(run: Path, wanted: str, count: int) -> dict[str, Any]:
    """Up to `count` documents with the URL or id `wanted`, or at the place "FILE OFFSET ORDINAL"."""
    published = PublishedRun(run)
    rows_of: dict[str, list[dict[str, Any]]] = {"documents": [], "rejects": []}
    found = 0
    for folder, files in (("documents", published.documents), ("rejects", published.rejects)):
        for rows in published.row_groups(files, _NAMES):
            places = np.flatnonzero(_matches(rows.batch, wanted))
            found += len(places)
            chosen = places[: count - sum(map(len, rows_of.values()))].tolist()
            if chosen:
                rows_of[folder] += [row for _, row in published.rows_at({(rows.file, rows.group): chosen}, SHOWN)]
    if not found:
        kept = "" if published.plan.recipe.rejects.keep == "full" else " (the recipe does not keep all rejects)"
        raise InspectorError(f"{run}: no document or reject with the URL, id or place '{wanted}'{kept}")
    survivors = survivor_rows(published, rows_of["rejects"])
    documents = [_kept(row) for row in rows_of["documents"]]
    documents += [described(published, row, survivors) for row in rows_of["rejects"]]
    return {"found": found, "documents": documents}


def _matches(batch: pa.RecordBatch, wanted: str) -> np.ndarray:
    matches = np.zeros(batch.num_rows, dtype=bool)
    for name in ("id", "url"):
        matches |= pc.fill_null(pc.equal(batch[name], wanted), False).to_numpy(zero_copy_only=False)
    file, *numbers = wanted.rsplit(" ", 2)
    if len(numbers) == 2 and all(number.isdecimal() and len(number) <= 18 for number in numbers):
        at = pc.equal(batch["file"].cast(pa.string()), file)
        for name, number in zip(("offset", "ordinal"), numbers, strict=True):
            at = pc.and_(at, pc.equal(batch[name], int(number)))
        matches |= at.to_numpy(zero_copy_only=False)
    return matches


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "stage": None,
        "rule": None,
        "expression": None,
        "values": {},
        "error": None,
        "text_from": "documents",
        "removed_for": None,
    }
