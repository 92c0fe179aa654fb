"""What a running task tells the outside: batches in flight for the driver, lines for its log.

The driver sees a few numbers in shared memory (batch ordinal, rows so far, a row in flight), so that a dead
worker's last batch is known and progress costs nothing; people read the log, one JSON object a line.
"""

from __future__ import annotations

import json
import time
from collections.abc import MutableSequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.errors import RunError, Stopped
from pipeline.faults import fault_point
from pipeline.files import append_text

#: Slots of the shared numbers: ordinal of the batch in flight, rows read so far, stop wanted, in a rehearsal
#: the row in flight (number of its file in the plan counted from 1, offset, ordinal), while a source reads
#: the number of the file, and whether the process has begun to compile kernels.
BATCH, ROWS, STOP, ROW_FILE, ROW_OFFSET, ROW_ORDINAL, READ_FILE, COMPILING = range(8)
SLOTS = 8


class TaskReporter:
    """Counts batches of one attempt at a task and writes its log."""

    def __init__(self, log: Path, shared: MutableSequence[int] | None = None) -> None:
        self._shared: MutableSequence[int] = shared if shared is not None else [0] * SLOTS
        for slot in (BATCH, ROWS, ROW_FILE, READ_FILE):
            self._shared[slot] = 0
        self._log = log

    def batch(self, rows: int) -> None:
        """A batch begins. Raises Stopped when the driver wants to stop."""
        if self._shared[STOP]:
            raise Stopped("stopped; the same command goes on")
        self._shared[BATCH] += 1
        self._shared[ROWS] += rows
        fault_point("batch")

    def reading(self, file: int) -> None:
        """A source works on this file (its number in the plan counted from 1), 0 when it has given a batch."""
        self._shared[READ_FILE] = file

    def row(self, file: int, offset: int, ordinal: int) -> None:
        """In a rehearsal: this row alone is in flight."""
        self._shared[ROW_OFFSET], self._shared[ROW_ORDINAL] = offset, ordinal
        self._shared[ROW_FILE] = file

    def rows_ended(self) -> None:
        """The rehearsal is over."""
        self._shared[ROW_FILE] = 0

    @property
    def batch_ordinal(self) -> int:
        """Ordinal of the batch in flight, counted from 1."""
        return self._shared[BATCH]

    @property
    def rows(self) -> int:
        """Rows read so far."""
        return self._shared[ROWS]

    def log(self, event: str, **details: Any) -> None:
        """Append a line to the task's log. A log that cannot be written fails no task."""
        line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event, **details}
        with suppress(OSError, RunError):
            append_text(self._log, json.dumps(line, ensure_ascii=False, default=str) + "\n")
