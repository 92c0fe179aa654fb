"""Arguments and options that mean the same on every command that has them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.storage import location

RecipeArgument = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe file, or a shipped recipe's name.")]
InputOption = Annotated[
    list[str],
    typer.Option("--in", metavar="PATH", help="A file, folder or pattern, here or s3://...; may be repeated."),
]
ListOption = Annotated[
    Path | None, typer.Option("--list", metavar="FILE", parser=location, help="Names of files below --in, one a line.")
]
SetOption = Annotated[list[str], typer.Option("--set", metavar="LABEL.KEY=VALUE", help="Change a parameter.")]
LimitOption = Annotated[int | None, typer.Option("--limit", metavar="ROWS", min=1, help="Read only the first rows.")]
MemoryOption = Annotated[
    str | None, typer.Option("--task-memory", metavar="SIZE", help="Fail a task that takes more, for example 2GB.")
]
SecondsOption = Annotated[
    float | None, typer.Option("--task-seconds", min=0.001, help="Fail a task that takes longer.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", parser=location, help="A run directory, here or s3://...")]
