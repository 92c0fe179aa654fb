"""Tables that commands print: aligned columns without rules, wide where the output is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def make_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Rows below a header; long cells are folded on a terminal."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in header:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def make_console() -> Console:
    """Standard output; where it is no terminal there is no reason to fold lines at 80 columns."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    make_console().print(make_table(header, rows))


def duration(seconds: float) -> str:
    """A time as people say it: 7.5 s, 3 min 20 s, 5 h 10 min, 2 d 4 h."""
    for size, unit, part, part_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} {seconds % size // part:.0f} {part_unit}"
    return f"{seconds:.1f} s"


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
