"""The training log: one JSON object a line, each step at most once however often training was resumed.

    {"step": 0, "parameters": ..., "windows": ..., "tail_tokens": ..., "precision": ...}       the run
    {"step": n, "loss", "learning_rate", "gradient_norm", "tokens_per_second", "samples", "seconds"}
    {"step": n, "validation_loss", "bits_per_byte", "validation_tokens"}                       nats a token
    {"step": n, "planned_steps": ...}                                         the plan was cut to the time

`loss` is the mean over all targets of the step's whole batch; floats are written so that they read back
bit for bit. Lines of steps after the checkpoint that training resumes from are removed first, and so are
lines that a crash made unreadable.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

LOG_NAME = "log.jsonl"


def read_log(path: Path) -> list[dict[str, Any]]:
    """The readable lines of a training log; others are skipped, with one warning on stderr.

    A log is never worth failing for: a crash may leave half a line, zeros or any other bytes.
    """
    if not path.exists():
        return []
    found = [_record(line) for line in path.read_bytes().split(b"\n") if line]
    records = [record for record in found if record is not None]
    if len(records) < len(found):
        print(f"{path}: skipped what cannot be read, lines: {len(found) - len(records)}", file=sys.stderr)
    return records


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("step"), int) else None


class TrainingLog:
    """Writes OUT/log.jsonl anew with the records to keep, then appends, whole lines at once."""

    def __init__(self, out: Path, kept: list[dict[str, Any]]) -> None:
        path = out / LOG_NAME
        temporary = path.with_name(f".tmp-{os.getpid()}-{LOG_NAME}")
        temporary.write_text("".join(json.dumps(record) + "\n" for record in kept), "utf-8")
        temporary.replace(path)
        self._stream = path.open("a", encoding="utf-8")

    def write(self, step: int, **values: object) -> None:
        self._stream.write(json.dumps({"step": step, **values}) + "\n")
        self._stream.flush()

    def sync(self) -> None:
        """Bring every line to the disk, before a checkpoint that counts on them."""
        os.fsync(self._stream.fileno())

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
