"""The candidate component of every document, as the phase `connect` leaves it: one Arrow batch a part."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from stages.removals import part_of, row_of

#: Marks documents about which there is nothing to decide: no pair, or only such as earlier runs decided about.
SETTLED = np.uint64(0xFFFFFFFFFFFFFFFF)
_SCHEMA = pa.schema([("component", pa.uint64())])


def write_components(path: Path, parts: Iterable[np.ndarray]) -> None:
    """Write the component (uint64) of the rows of each part."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(str(path), _SCHEMA, options=options) as writer:
        for component in parts:
            writer.write_batch(pa.RecordBatch.from_arrays([pa.array(component)], schema=_SCHEMA))


class Components:
    """Looks components up; one is named by the place (uint64) of its first document."""

    def __init__(self, path: Path) -> None:
        self._reader = pa.ipc.open_file(pa.memory_map(str(path)))

    def of_row(self, part: int, row: np.ndarray) -> np.ndarray:
        """Component (uint64) of rows (uint32) of a part, or SETTLED."""
        found = np.full(len(row), SETTLED)
        stored = self._of_part(part)
        known = row < len(stored)
        found[known] = stored[row[known]]
        return found

    def of(self, places: np.ndarray) -> np.ndarray:
        """Component (uint64) of documents given by ascending places (uint64), or SETTLED."""
        found = np.empty(len(places), dtype=np.uint64)
        parts, starts = np.unique(part_of(places), return_index=True)
        for part, start, end in zip(parts.tolist(), starts, np.append(starts, len(places))[1:], strict=True):
            found[start:end] = self.of_row(part, row_of(places[start:end]))
        return found

    def _of_part(self, part: int) -> np.ndarray:
        """Of the rows of a part up to the last that has a pair."""
        if part >= self._reader.num_record_batches:
            return np.empty(0, dtype=np.uint64)
        return self._reader.get_batch(part).column("component").to_numpy()
