"""Why a removed document went: the document that stayed for it, how similar both are, and what differs.

Where a removed document has no pair with its survivor, rejects/ name the next document on a path of pairs; the path
is followed through the rejects of its cluster, and the similarities of its pairs are those in duplicates/. Texts that
the run does not keep are read again from the crawl. Cost: one pass over the identities of documents/ and rejects/, for
a path one over `values` of the removed documents and one over four columns of duplicates/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from inspector.deduplication.clusters import Identity, find_rows, removed_rows
from inspector.deduplication.differences import differences
from inspector.published import PublishedRun
from inspector.rows import parquet_files
from pipeline.document_files import open_parquet
from pipeline.errors import RecipeError
from stages.base import Filter, Transform
from stages.documents import IDENTITY
from stages.keyed_dedup import KeyedDedup
from stages.minhash.stage import MinhashDedup

_IDENTITY_NAMES = [field.name for field in IDENTITY]
_SHOWN = ("id", "url", "date", "text", "stage", "rule", "values")


Rows = dict[Identity, dict[str, Any]]


def survivor_rows(published: PublishedRun, removed: Iterable[dict[str, Any]]) -> Rows:
    """What the run has of the survivors of those rows that were removed as duplicates, in one pass for all of them."""
    duplicates = [row for row in removed if _stage(published, row) is not None]
    wanted = {_identity(json.loads(row["values"])["survivor"]) for row in duplicates}
    return find_rows(published, list(wanted), _SHOWN) if wanted else {}


def removed_for(published: PublishedRun, row: dict[str, Any], survivors: Rows) -> dict[str, Any] | None:
    """The survivor of a removed document (identity, `stage`, `values` as a mapping, `text`); None for other rows."""
    stage = _stage(published, row)
    if stage is None:
        return None
    values = row["values"]
    who = _identity(values["survivor"])
    survivor = _survivor(published, row["stage"], who, survivors.get(who, {}))
    found: dict[str, Any] = {
        "stage": row["stage"],
        "cluster": values["cluster"],
        "cluster_size": values["cluster_size"],
        "survivor": survivor,
    }
    texts = row["text"], survivor["text"]
    if isinstance(stage, MinhashDedup):
        found["estimated_jaccard"] = values.get("estimated_jaccard")
        found["jaccard"] = values.get("jaccard")
        found["jaccard_of_texts"] = None if None in texts else _jaccard(stage, texts)
        found["path"] = _path(published, row, who) if "via" in values else []
    found["differences"] = None if None in texts else [segment._asdict() for segment in differences(*texts)]
    return found


def _identity(told: dict[str, Any]) -> Identity:
    return (told["file"], told["offset"], told["ordinal"])


def _stage(published: PublishedRun, row: dict[str, Any]) -> KeyedDedup | MinhashDedup | None:
    """The stage that removed the row as a duplicate; None where another one ended it."""
    stage = published.plan.recipe.stages.get(row["stage"])
    return stage if row["rule"] is not None and isinstance(stage, KeyedDedup | MinhashDedup) else None


def _survivor(published: PublishedRun, label: str, who: Identity, row: dict[str, Any]) -> dict[str, Any]:
    """The survivor with its text as the stage saw it, and what became of it later."""
    described = {
        **dict(zip(_IDENTITY_NAMES, who, strict=True)),
        "id": row.get("id"),
        "url": row.get("url"),
        "date": row.get("date"),
        "fate": _fate(row),
        "text_from": row.get("folder"),
        "text": row.get("text"),
    }
    if described["text"] is None or _edited_after(published, label):
        described.update(_read_again(published, label, who, described))
    return described


def _fate(row: dict[str, Any]) -> str:
    if not row:
        return "not recorded in this run"
    return "kept" if row["folder"] == "documents" else f"dropped later, by {row['stage']}: {row['rule']}"


def _edited_after(published: PublishedRun, label: str) -> bool:
    """Whether a later stage may have changed texts, so that documents/ have others than were compared."""
    stages = list(published.plan.recipe.stages)
    later = stages[stages.index(label) + 1 :]
    return any(
        isinstance(stage, Transform) and not isinstance(stage, Filter)
        for stage in map(published.plan.recipe.stages.__getitem__, later)
    )


def _read_again(published: PublishedRun, label: str, who: Identity, described: dict[str, Any]) -> dict[str, Any]:
    from pipeline.replay import replay_dropped

    try:
        text = replay_dropped(published.plan, *who, label, {}).column("text")[0].as_py()
    except RecipeError as error:
        return {} if described["text"] is not None else {"text_from": f"nowhere: {error}"}
    return {"text": text, "text_from": "crawl"}


def _jaccard(stage: MinhashDedup, texts: tuple[str, str]) -> float:
    from stages.minhash.shingle_sets import jaccard, shingle_sets

    return float(jaccard(shingle_sets(pa.array(texts, pa.large_string()), stage), [0], [1])[0])


def _path(published: PublishedRun, row: dict[str, Any], survivor: Identity) -> list[dict[str, Any]]:
    """The pairs from the removed document to its survivor: to whom each leads, and how similar both are."""
    following = _following(published, row["stage"], row["values"]["cluster"])
    path = [_identity(row)]
    # A row that rejects/ did not keep breaks the path.
    while path[-1] in following and path[-1] != survivor:
        path.append(following[path[-1]])
    similar = _similarities(published, row["stage"], path)
    return [
        {
            "to": dict(zip(_IDENTITY_NAMES, other, strict=True)),
            **similar.get(frozenset((one, other)), {"estimated_jaccard": None, "jaccard": None}),
        }
        for one, other in pairwise(path)
    ]


def _following(published: PublishedRun, label: str, cluster: int) -> dict[Identity, Identity]:
    """For the removed documents of a cluster: the next one towards the survivor."""
    following = {}
    for _, rows in removed_rows(published, [label], (*_IDENTITY_NAMES, "values")):
        chosen = rows.filter(pc.match_substring(rows["values"], f'"cluster": {cluster},'))
        for row in chosen.to_pylist():
            values = json.loads(row["values"])
            following[_identity(row)] = _identity(values.get("via") or values["survivor"])
    return following


def _similarities(
    published: PublishedRun, label: str, path: Sequence[Identity]
) -> dict[frozenset[Identity], dict[str, float | None]]:
    """Estimated and true Jaccard similarity of the recorded pairs of neighbours on a path."""
    wanted = {frozenset(pair) for pair in pairwise(path)}
    offsets = pa.array([offset for _, offset, _ in path], pa.int64())
    found = {}
    folder = published.run / "duplicates"
    files = [file for file in parquet_files(folder) if file.name.startswith(f"{label}-")] if folder.is_dir() else []
    for parquet in map(open_parquet, files):
        for group in range(parquet.num_row_groups):
            table = parquet.read_row_group(group)
            near = pc.and_(*(pc.is_in(table[f"offset_{side}"], value_set=offsets) for side in "ab"))
            for row in table.filter(near).to_pylist():
                pair = frozenset(tuple(row[f"{name}_{side}"] for name in _IDENTITY_NAMES) for side in "ab")
                if pair in wanted:
                    found[pair] = {name: row[name] for name in ("estimated_jaccard", "jaccard")}
    return found
