"""Removal lists (stages.documents.REMOVAL_SCHEMA) as a phase that goes through one part of the documents sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.task_inputs import TaskInputs
from stages.base import Upstream
from stages.documents import REMOVAL_SCHEMA


@dataclass(frozen=True)
class RemovalList:
    """One exchange's list for one part, sorted by row (each row at most once)."""

    label: str
    clustered: bool
    rows: np.ndarray
    table: pa.Table

    def at(self, rows: np.ndarray) -> np.ndarray:
        """For each document row the index of its entry in the list, or -1."""
        found = np.searchsorted(self.rows, rows)
        found[found == len(self.rows)] = -1
        if len(self.rows):
            found[self.rows[found] != rows] = -1
        return found


@dataclass(frozen=True)
class Removals:
    """All lists that apply to one part, in recipe order: the first that removes a row names the rule."""

    lists: tuple[RemovalList, ...]

    def kept(self, rows: np.ndarray) -> np.ndarray:
        """Which of the document rows stay (bool)."""
        keep = np.ones(len(rows), dtype=bool)
        for entries in self.lists:
            found = entries.at(rows)
            removed = entries.table.column("removed").to_numpy()
            hit = found >= 0
            keep[hit] &= ~removed[found[hit]]
        return keep


def removals_of(upstream: Upstream, inputs: TaskInputs, part: int) -> Removals:
    """The removal lists of an upstream, cut to one part."""
    lists = []
    for output in upstream.removals:
        tables = [pa.Table.from_batches([batch]) for batch in inputs.bucket(output, part)]
        table = pa.concat_tables(tables).unify_dictionaries() if tables else REMOVAL_SCHEMA.empty_table()
        rows = table.column("row").to_numpy()
        label, clustered = output.partition(".")[0], output in upstream.clustered
        order = np.argsort(rows, kind="stable")
        lists.append(RemovalList(label, clustered, rows[order], table.take(pa.array(order)).combine_chunks()))
    return Removals(tuple(lists))
