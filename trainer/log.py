"""The training log: one JSON object a line, each step at most once however often training was resumed.

    {"step": 0, "parameters": ..., "windows": ..., "tail_tokens": ..., "precision": ...}       the run
    {"step": n, "loss", "learning_rate", "gradient_norm", "tokens_per_second", "samples", "seconds"}
    {"step": n, "validation_loss", "bits_per_byte", "validation_tokens"}                       nats a token
    {"step": n, "planned_steps": ...}                                         the plan was cut to the time

`loss` is the mean over all targets of the step's whole batch; floats are written so that they read back
bit for bit. Lines of steps after the checkpoint that training resumes from are removed first.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

LOG_NAME = "log.jsonl"


def read_log(path: Path) -> list[dict[str, Any]]:
    """Every whole line of a training log; a last line that a killed process left half-written is not one."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text("utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records


class TrainingLog:
    """Appends to OUT/log.jsonl, whole lines at once."""

    def __init__(self, out: Path, resume_after_step: int | None) -> None:
        path = out / LOG_NAME
        kept: list[dict[str, Any]] = []
        if resume_after_step is not None:
            kept = [record for record in read_log(path) if record["step"] <= resume_after_step]
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
