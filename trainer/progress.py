"""What a person sees of training: a bar on a terminal, a line now and then in a log. All on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Shows steps as they are done; `say` prints a line without breaking the bar.

    `tokens` and `seconds` are the totals at the start, from which the pace is reckoned.
    """

    def __init__(self, opening: str, tokens: int, seconds: float) -> None:
        self._opening = opening
        self._bar: Bar | None = None
        self._task: int | None = None
        self._last_line = 0.0
        self._last_total = (tokens, seconds)

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress as Bar
            from rich.progress import TextColumn

            columns = (*Bar.get_default_columns(), TextColumn("{task.fields[values]}"))
            self._bar = Bar(*columns, console=Console(stderr=True))
            self._bar.start()
        self.say(self._opening)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def say(self, line: str) -> None:
        if self._bar:
            self._bar.console.print(line, highlight=False, markup=False)
        else:
            print(line, file=sys.stderr, flush=True)

    def tokens_per_second(self, tokens: int, seconds: float) -> float:
        """Pace since the previous call, from the totals so far."""
        previous, self._last_total = self._last_total, (tokens, seconds)
        return (tokens - previous[0]) / max(seconds - previous[1], 1e-9)

    def step(self, step: int, planned: int, loss: float, rate: float) -> None:
        values = f"loss {loss:.4f}  {rate:,.0f} tokens/s"
        if self._bar:
            if self._task is None:
                self._task = self._bar.add_task("training", values="")
            self._bar.update(self._task, completed=step, total=planned, values=values)  # type: ignore[arg-type]
        elif time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES or step == planned:
            self._last_line = time.monotonic()
            self.say(f"step {step} of {planned}  {values}")
