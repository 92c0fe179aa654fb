"""Rejects: every row that ended, with the columns it had, the rule or error that ended it, and the values.

Within a task the rows stand in identity order, whichever stage ended them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.document_files import RowGroupWriter
from pipeline.recipe import RejectPolicy
from stages.documents import PAGE_COLUMNS, VERDICT
from stages.identity import identity_hash


def reject_schema(stages: Sequence[pa.Schema], left_out: Sequence[str] = ()) -> pa.Schema:
    """Union of the columns a row can have at any stage but those left out, then the verdict."""
    fields: dict[str, pa.Field] = {}
    for schema in stages:
        for field in schema:
            if field.name not in PAGE_COLUMNS and field.name not in left_out:
                fields.setdefault(field.name, field)
    return pa.schema([*fields.values(), *VERDICT])


@dataclass(frozen=True)
class Ending:
    """Why some rows of a batch ended; the lists have one entry a row, or None for all rows."""

    stage: str
    outcome: str
    rules: Sequence[str | None]
    expressions: Sequence[str | None]
    values: Sequence[str | None]
    errors: Sequence[str | None]

    def columns(self) -> dict[str, pa.Array]:
        rows = len(self.rules)
        lists = (self.rules, self.expressions, self.values, self.errors)
        arrays = [pa.array([self.stage] * rows, pa.string()), pa.array([self.outcome] * rows, pa.string())]
        arrays += [pa.array(list(entries), pa.string()) for entries in lists]
        return dict(zip([field.name for field in VERDICT], arrays, strict=True))


class RejectCollector:
    """Gathers the rejects of one batch from all stages and hands them on in row order."""

    def __init__(self, schema: pa.Schema, policy: RejectPolicy, seed: int, writer: RowGroupWriter) -> None:
        self._schema, self._policy, self._seed, self._writer = schema, policy, seed, writer
        self._tables: list[pa.RecordBatch] = []
        self._positions: list[np.ndarray] = []

    def add(self, rows: pa.RecordBatch, positions: np.ndarray, verdict: dict[str, pa.Array]) -> None:
        """Rows that ended, their positions in the batch that was read, and the verdict's columns."""
        if rows.num_rows == 0 or self._policy.keep == "off":
            return
        columns = []
        for field in self._schema:
            if field.name in verdict:
                column = verdict[field.name]
            elif field.name in rows.schema.names and not (field.name == "text" and self._policy.keep == "no_text"):
                column = rows.column(field.name)
            else:
                column = pa.nulls(rows.num_rows, field.type)
            columns.append(column if column.type == field.type else column.cast(field.type))
        self._tables.append(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        self._positions.append(positions)

    def flush(self) -> None:
        """Write the batch's rejects in the order of their positions."""
        if not self._tables:
            return
        table = pa.Table.from_batches(self._tables, self._schema).unify_dictionaries()
        positions = np.concatenate(self._positions)
        if (positions[1:] < positions[:-1]).any():
            table = table.take(pa.array(np.argsort(positions, kind="stable")))
        if self._policy.keep == "sample":
            table = table.filter(pa.array(self._sampled(table)))
        for batch in table.combine_chunks().to_batches():
            self._writer.add(batch)
        self._tables, self._positions = [], []

    def _sampled(self, table: pa.Table) -> np.ndarray:
        file, offset, ordinal = (table.column(name).combine_chunks() for name in ("file", "offset", "ordinal"))
        hashed = identity_hash(file, offset, ordinal, self._seed)
        return hashed < np.uint64(min(self._policy.fraction, 1.0) * (2**64 - 1))
