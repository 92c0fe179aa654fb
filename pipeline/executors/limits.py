"""What one task may use. Limits fail a task and never decide about a document, for they depend on the machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pydantic import ByteSize, TypeAdapter, ValidationError

from pipeline.errors import RecipeError
from pipeline.memory import resident_bytes


@dataclass(frozen=True)
class Limits:
    """Memory (resident, bytes) and wall time (seconds) of a task; None for as much as it takes."""

    memory: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, memory: str | None, seconds: float | None) -> Limits:
        """Limits as the command line gives them ("2GB", 3600). RecipeError for what is no size."""
        try:
            return cls(None if memory is None else int(TypeAdapter(ByteSize).validate_python(memory)), seconds)
        except ValidationError:
            raise RecipeError(f"--task-memory {memory}: write a size like 2GB or 500MiB") from None

    def exceeded(self, process: int, started: float) -> str | None:
        """Which limit a worker process has passed with the task it began at `started` (monotonic), in words."""
        if self.seconds is not None and time.monotonic() - started > self.seconds:
            return f"it took longer than {self.seconds:,.0f} s; raise --task-seconds, or lower the recipe's task_bytes"
        if self.memory is not None and resident_bytes(process) > self.memory:
            limit = ByteSize(self.memory).human_readable(decimal=True)
            return f"it took more memory than {limit}; raise --task-memory, or lower the recipe's batch_bytes"
        return None
