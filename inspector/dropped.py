"""Show documents that a run dropped, chosen at random, each with what decided about it and its text.

Of all recorded drops those with the smallest hashes of identity and seed are chosen: a sample without
replacement that is the same on every machine. A text that rejects/ did not keep is read again from the crawl, by
running the recorded stages on its record. Cost: one pass over the identities in rejects/; a record of the
crawl and its stages for each document without text. A duplicate is shown with what stayed for it
(inspector.deduplication.survivors), which costs a pass over the identities of the run.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from inspector.deduplication.survivors import Rows, removed_for, survivor_rows
from inspector.errors import InspectorError
from inspector.published import PublishedRun
from pipeline.errors import RecipeError
from stages.documents import IDENTITY
from stages.identity import identity_hash

_IDENTITY = [field.name for field in IDENTITY]
#: Columns of a row that are told.
SHOWN = (*_IDENTITY, "id", "url", "stage", "rule", "expression", "values", "error", "text")


def dropped_documents(run: Path, count: int, seed: int, rule: str | None = None) -> dict[str, Any]:
    """Up to `count` dropped documents as plain data, of one rule or any. InspectorError where there is none."""
    published = PublishedRun(run)
    policy = published.plan.recipe.rejects
    if policy.keep == "off":
        raise InspectorError(f"{run}: the recipe keeps no rejects (rejects: off), so none can be shown")
    places, recorded = _choose(published, count, seed, rule)
    if rule is not None and not recorded:
        raise InspectorError(f"{run}: no document was dropped by '{rule}'; corpusmill inspect {run} lists the rules")
    found = dict(published.rows_at(places, SHOWN))
    rows = sorted(found.values(), key=_order)
    survivors = survivor_rows(published, rows)
    documents = [described(published, row, survivors) for row in rows]
    return {
        "recorded": recorded,
        "sample_of_rejects": policy.fraction if policy.keep == "sample" else 1.0,
        "documents": documents,
    }


def _choose(
    published: PublishedRun, count: int, seed: int, rule: str | None
) -> tuple[dict[tuple[Path, int], list[int]], int]:
    """Rows by file and row group, and how many dropped rows there are."""
    best: list[tuple[int, Path, int, int]] = []
    recorded = 0
    for rows in published.row_groups(published.rejects, [*_IDENTITY, "rule"]):
        rules = rows.batch.column("rule")  # null where the row was quarantined
        dropped = np.flatnonzero(rules.is_valid() if rule is None else pc.equal(rules, rule).fill_null(False))
        recorded += len(dropped)
        file, offset, ordinal = (rows.batch.column(name) for name in _IDENTITY)
        hashes = identity_hash(file, offset, ordinal, seed)[dropped]
        smallest = np.argsort(hashes)[:count]
        best += [(int(hashes[at]), rows.file, rows.group, int(dropped[at])) for at in smallest]
        best = sorted(best, key=lambda row: row[0])[:count]
    places: dict[tuple[Path, int], list[int]] = defaultdict(list)
    for _, path, group, row in best:
        places[path, group].append(row)
    return places, recorded


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _IDENTITY)


def described(published: PublishedRun, row: dict[str, Any], survivors: Rows) -> dict[str, Any]:
    """A row of rejects/ with its values as a mapping, its text and where that comes from, and what it duplicates."""
    values = json.loads(row["values"] or "{}")
    told = {**row, "values": values, "text_from": "rejects"}
    told["text"] = told.pop("text")
    if told["text"] is None:
        told["text"], told["text_from"] = _read_again(published, row, values)
    told["removed_for"] = removed_for(published, told, survivors)
    return told


def _read_again(published: PublishedRun, row: dict[str, Any], values: dict[str, Any]) -> tuple[str | None, str]:
    from pipeline.replay import NoDocument, replay_dropped

    if row["rule"] is None:
        return None, "nowhere: the row was quarantined"
    file, offset, ordinal = _order(row)
    try:
        batch = replay_dropped(published.plan, file, offset, ordinal, row["stage"], values)
    except NoDocument:
        return None, f"nowhere: what the source '{row['stage']}' drops by '{row['rule']}' is no page, so it has no text"
    except RecipeError as error:
        return None, f"nowhere: {error}"
    return batch.column("text")[0].as_py(), "crawl"
