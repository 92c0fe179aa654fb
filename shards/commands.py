"""Commands over shard sets: `corpusmill shards verify`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from shards.commandline import local_path

app = typer.Typer(help="Check token shards.", no_args_is_help=True)


@app.callback()
def shards() -> None:
    """Check token shards."""


@app.command(name="verify", epilog="Example: corpusmill shards verify RUN/shards")
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", parser=local_path, help="The folder that holds index.json.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check every checksum, every id against the vocabulary, and that documents end with end-of-text."""
    from shards.errors import ShardError
    from shards.verify import verify as check

    result = check(folder)
    if as_json:
        print(json.dumps({"good": not result.problems, **asdict(result)}, indent=1))
    else:
        for problem in result.problems:
            print(problem)
        counts = (_count(result.shards, "shard"), _count(result.documents, "document"), _count(result.tokens, "token"))
        print(", ".join(counts), "checked")
    if result.problems:
        # Else the faults, in their buffer, would follow the line that counts them.
        sys.stdout.flush()
        raise ShardError(f"{folder}: {_count(len(result.problems), 'fault')}; write the shards again")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
