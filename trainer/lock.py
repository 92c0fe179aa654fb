"""One training at a time in an output folder: a second one is told of the first and stops."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainer.errors import TrainerError

LOCK_NAME = ".lock"


@contextmanager
def sole_training(out: Path) -> Iterator[None]:
    """Hold the advisory lock of `out`, which the system releases however the process ends."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / LOCK_NAME).open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read().strip() or "another process"
            raise TrainerError(f"{out}: {holder} is training here; wait for it or choose another --out") from None
        stream.truncate(0)
        stream.write(f"process {os.getpid()} on {os.uname().nodename}")
        stream.flush()
        yield
