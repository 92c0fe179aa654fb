"""The command `corpusmill demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where everything goes.")] = Path("demo-run"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again instead of going on.")] = False,
    minutes: Annotated[float, typer.Option(min=0.05, help="How long to train.")] = 2.0,
) -> None:
    """The whole way without a network: crawl Python's documentation, curate it, train on it, trace a token."""
    from inspector.demo.tour import take_tour

    take_tour(out, fresh, minutes)
