"""Show the status of a run: once, live on a terminal, or as lines of a log while it goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.status import PhaseStatus, RunStatus, SlowRecord, TaskSeconds, read_status
from pipeline.tables import duration, make_console, make_table

if TYPE_CHECKING:
    from rich.console import Group

#: A look at a large run takes seconds; this share of the time goes into looking at most.
LOOKING_SHARE = 0.1
LOOK_SECONDS = 1.0


def print_status(status: RunStatus) -> None:
    make_console().print(_render(status))


def watch(run: Path) -> None:
    """Show the status again and again until the run is no longer at work."""
    if sys.stdout.isatty():
        from rich.live import Live

        with Live(console=make_console(), auto_refresh=False) as live:
            for status in looks(run):
                live.update(_render(status), refresh=True)
        return
    said: set[str] = set()
    for status in looks(run):
        lines = {_line(phase) for phase in status.phases if phase.waiting < phase.tasks}
        if status.state == "running":
            for line in sorted(lines - said):
                print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)
        said = lines
    print_status(status)


def looks(run: Path) -> Iterator[RunStatus]:
    """The status of a run every second or so, the last when it is no longer at work."""
    while True:
        started = time.monotonic()
        status = read_status(run)
        yield status
        if status.state != "running":
            return
        time.sleep(max(LOOK_SECONDS, (time.monotonic() - started) / LOOKING_SHARE))


def _render(status: RunStatus) -> Group:
    from rich.console import Group
    from rich.text import Text

    header = ["phase", "done", "running", "failed", "waiting", "rows", "rows/s", "rows/s/worker", "wall time", "left"]
    rows = [_cells(phase, status.state == "running") for phase in status.phases]
    return Group(make_table(header, rows), Text("\n".join(_notes(status))))


def _cells(phase: PhaseStatus, running: bool) -> list[str]:
    left = "" if not running or phase.done == phase.tasks else "unknown"
    if running and phase.seconds_left:
        left = duration(phase.seconds_left)
    return [
        phase.phase,
        f"{phase.done}/{phase.tasks}",
        f"{phase.running}" + (f" + {phase.silent} silent" if phase.silent else ""),
        str(phase.failed),
        str(phase.waiting),
        _count(phase.rows),
        _count(phase.rows_per_second),
        _count(phase.rows_per_second_per_worker),
        duration(phase.wall_seconds) if phase.wall_seconds else "",
        left,
    ]


def _notes(status: RunStatus) -> list[str]:
    lines = [f"state: {status.state}"]
    if status.state == "running":
        known = sum(phase.seconds_left or 0 for phase in status.phases)
        whole = status.seconds_left is not None
        rest = "" if whole else ", without phases of which nothing is known yet"
        lines[0] += f", {duration(known)} left{rest}" if whole or known else ", time left unknown"
    if status.slowest_running:
        lines.append(f"running longest: {_tasks(status.slowest_running)}")
    if status.slowest_finished:
        lines.append(f"slowest finished: {_tasks(status.slowest_finished)}")
    if status.slowest_records:
        lines += ["slowest batches, with their largest record:", *map(_slow_record, status.slowest_records)]
    for failure in status.failures[:5]:
        lines += [f"{failure.task}: {failure.message}", f"  see: corpusmill logs {status.run} {failure.task}"]
    if len(status.failures) > 5:
        lines.append(f"and {len(status.failures) - 5} more failures: corpusmill logs {status.run}")
    return lines


def _tasks(tasks: list[TaskSeconds]) -> str:
    silent = " (silent)"
    return ", ".join(
        f"{task.task} {duration(task.seconds)}{silent if task.state == 'silent' else ''}" for task in tasks
    )


def _slow_record(record: SlowRecord) -> str:
    batch, largest = record.batch, record.batch.largest
    return (
        f"  {duration(batch.seconds)} for {batch.rows:,} rows of {record.task}: "
        f"{largest.file} offset {largest.offset} ({largest.bytes:,} bytes)"
    )


def _line(phase: PhaseStatus) -> str:
    """A line of a log; it changes with the counts and not with the clock."""
    line = f"{phase.phase}: {phase.done}/{phase.tasks} done, {phase.running} running, {phase.failed} failed"
    return line + (f", {phase.silent} silent" if phase.silent else "")


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"
