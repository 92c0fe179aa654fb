"""What a running driver prints: one line a phase in a log, a live line on a terminal."""

from __future__ import annotations

import os
import sys
import time


class Progress:
    """Prints to standard error, so that standard output stays free for results."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._name, self._tasks, self._done = "", 0, 0
        self._rows = 0
        self._started = 0.0
        self._shown = 0.0

    def say(self, line: str) -> None:
        """A line of its own."""
        if not self._quiet:
            self._clear()
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    def say_in_signal(self, line: str) -> None:
        """A line from a signal handler, past the stream, which may be in the middle of a write."""
        if not self._quiet:
            os.write(2, f"{line}\n".encode())

    def compiling(self) -> None:
        """Kernels begin to be compiled, which looks like a standstill."""
        self.say("compiling kernels, once for each version and machine: those of a recipe take about a minute")

    def phase(self, name: str, tasks: int, done: int, why: str | None) -> None:
        """A phase begins with `done` of its tasks finished by an earlier run."""
        self._name, self._tasks, self._done, self._started = name, tasks, done, time.monotonic()
        self._rows = 0
        if done == tasks:
            self.say(f"{name}: {_tasks(tasks)}" + (", finished before" if tasks else ", nothing to read"))
            return
        before = f", {done} finished before" if done else ""
        self.say(f"{name}: {_tasks(tasks)}{before}" + (f", runs {why}" if why else ""))

    def update(self, finished: int, rows: int) -> None:
        """Called often while a phase runs; draws at most five times a second."""
        self._rows = rows
        now = time.monotonic()
        if not self._live or now - self._shown < 0.2:
            return
        self._shown = now
        seconds = max(now - self._started, 1e-6)
        done = self._done + finished
        width = 24
        bar = "#" * (width * done // max(self._tasks, 1))
        sys.stderr.write(
            f"\r  [{bar:<{width}}] {done}/{self._tasks} tasks, {rows:,} rows, {rows / seconds:,.0f} rows/s\x1b[K"
        )
        sys.stderr.flush()

    def phase_ended(self, failed: int = 0) -> None:
        """Say that the phase is done, or how many of its tasks failed."""
        seconds = time.monotonic() - self._started
        rows = f", {self._rows:,} rows" if self._rows else ""
        outcome = f"{failed} of {self._tasks} tasks failed after" if failed else "done in"
        self.say(f"{self._name}: {outcome} {seconds:.1f} s{rows}")

    def close(self) -> None:
        self._clear()

    def _clear(self) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")


def _tasks(count: int) -> str:
    return f"{count} task" + ("" if count == 1 else "s")
