"""Read the batches of a row-wise task: from the corpus, or from an upstream's part less its removal lists.

Every batch comes with the positions of its rows, so that rejects can be written in identity order
whichever stage ended them, and with the rows that ended while they were read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.document_files import document_batches
from pipeline.inputs import check_unchanged
from pipeline.plan import Plan
from pipeline.removals import Removals
from stages.base import InputPart, Source, SourceBatch, Split, Upstream
from stages.documents import SOURCE_REJECT_SCHEMA, VERDICT


class ReadBatch(NamedTuple):
    """Rows to process with their positions; rows that ended while read, with the verdict's columns; counters."""

    rows: pa.RecordBatch
    positions: np.ndarray
    ended: pa.RecordBatch
    ended_positions: np.ndarray
    ended_verdict: dict[str, pa.Array]
    counters: Mapping[str, int] = MappingProxyType({})


def source_batches(plan: Plan, split: Split, label: str) -> Iterator[ReadBatch]:
    """The rows of one split, at most its cap, in identity order. Raises when its file is not the planned one."""
    source = plan.recipe.source()
    check_unchanged(plan.files[split.file])
    for documents, rejects, counters in _capped(source, split, plan):
        positions = _ranks(documents, rejects)
        verdict = {field.name: rejects.column(field.name) for field in VERDICT[1:]}
        verdict["stage"] = pa.array([label] * rejects.num_rows, pa.string())
        cut = documents.num_rows
        yield ReadBatch(documents, positions[:cut], rejects, positions[cut:], verdict, counters)
    check_unchanged(plan.files[split.file])


def upstream_batches(part: InputPart, removals: Removals) -> Iterator[ReadBatch]:
    """The rows of one part; those that a removal list takes out have ended."""
    first_row = 0
    for batch in document_batches(part.path):
        rows = np.arange(first_row, first_row + batch.num_rows, dtype=np.uint32)
        first_row += batch.num_rows
        yield _without_removed(batch, rows, removals)


def cluster_columns(upstream: Upstream) -> list[pa.Field]:
    """What removal lists that name clusters add to the rows that stay: their cluster and its size."""
    added = []
    for output in upstream.clustered:
        label = output.partition(".")[0]
        added += [pa.field(f"{label}_cluster", pa.uint64()), pa.field(f"{label}_cluster_size", pa.int64())]
    return added


def with_cluster_columns(schema: pa.Schema, upstream: Upstream) -> pa.Schema:
    """The schema of `upstream_batches` for parts of a schema."""
    return pa.schema([*schema, *cluster_columns(upstream)])


def _capped(source: Source, split: Split, plan: Plan) -> Iterator[SourceBatch]:
    left = split.rows
    for batch in source.read(split, plan.files[split.file].path, plan.recipe.batch_bytes):
        documents, rejects = batch.documents, batch.rejects.cast(SOURCE_REJECT_SCHEMA)
        if left is not None:
            chosen = _ranks(documents, rejects) < left
            documents, rejects = (
                documents.filter(pa.array(chosen[: documents.num_rows])),
                rejects.filter(pa.array(chosen[documents.num_rows :])),
            )
            left -= documents.num_rows + rejects.num_rows
        yield SourceBatch(documents, rejects, batch.counters)
        if left == 0:
            return


def _ranks(documents: pa.RecordBatch, rejects: pa.RecordBatch) -> np.ndarray:
    """Position of each row, documents then rejects, in the identity order of both (one file)."""
    offset, ordinal = (
        np.concatenate([documents.column(name).to_numpy(), rejects.column(name).to_numpy()])
        for name in ("offset", "ordinal")
    )
    ranks = np.empty(len(offset), dtype=np.int64)
    ranks[np.lexsort((ordinal, offset))] = np.arange(len(offset))
    return ranks


def _without_removed(batch: pa.RecordBatch, rows: np.ndarray, removals: Removals) -> ReadBatch:
    """Apply removal lists: removed rows end with the list's rule, survivors get cluster and size."""
    keep = np.ones(len(rows), dtype=bool)
    columns = {field.name: pa.nulls(len(rows), field.type).to_pylist() for field in VERDICT}
    for entries in removals.lists:
        found = entries.at(rows)
        if entries.clustered:
            batch = _with_clusters(batch, entries.label, found, entries.table)
        removed = entries.table.column("removed").to_numpy()
        ended = np.flatnonzero((found >= 0) & keep)
        ended = ended[removed[found[ended]]]
        keep[ended] = False
        for row, entry in zip(ended, entries.table.take(pa.array(found[ended])).to_pylist(), strict=True):
            columns["stage"][row], columns["outcome"][row] = entries.label, "dropped"
            columns["rule"][row] = entry["rule"]
            columns["expression"][row], columns["values"][row] = _reason(entries.label, entry)
    gone = np.flatnonzero(~keep)
    verdict = {f.name: pa.array([columns[f.name][row] for row in gone], f.type) for f in VERDICT}
    return ReadBatch(batch.filter(pa.array(keep)), np.flatnonzero(keep), batch.filter(pa.array(~keep)), gone, verdict)


def _reason(label: str, entry: dict[str, Any]) -> tuple[str, str]:
    """Expression and values of a removed row: what its list says, else the cluster and the survivor."""
    if entry["expression"] is not None:
        return entry["expression"], entry["values"]
    survivor = {name: entry[f"survivor_{name}"] for name in ("file", "offset", "ordinal")}
    values = {"cluster": entry["cluster"], "cluster_size": entry["cluster_size"], "survivor": survivor}
    return f"another document of its cluster in {label} comes first", json.dumps(values)


def _with_clusters(batch: pa.RecordBatch, label: str, found: np.ndarray, table: pa.Table) -> pa.RecordBatch:
    index = pa.array(np.where(found >= 0, found, 0), mask=found < 0)
    cluster = pc.take(table.column("cluster"), index).combine_chunks()
    size = pc.fill_null(pc.take(table.column("cluster_size"), index).cast(pa.int64()), 1).combine_chunks()
    batch = batch.append_column(f"{label}_cluster", cluster)
    return batch.append_column(f"{label}_cluster_size", size)
