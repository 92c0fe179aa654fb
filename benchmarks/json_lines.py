"""Reading JSON Lines into documents: the source `jsonl` against parsers of JSON, on the same file.

    python -m benchmarks.json_lines --in texts.jsonl --runs 5

The sides are the source as it is; the source with every line parsed by Python's json alone; pyarrow.json, which makes
columns too but keeps no place of a line and stops at a bad one; and orjson, one object a line, where `make peers` has
installed it. The peers give the texts and nothing else. All read the uncompressed file from the page cache, in one
thread (pyarrow reads ahead in another).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.paired import compare, measure, peers_python, show


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.json_lines")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="an uncompressed .jsonl with fields `text`")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--side", choices=sorted(_SIDES), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.side:
        read = _SIDES[options.side]
        documents = read(options.path)  # Compiles, and fills the page cache.
        measure(lambda: read(options.path), documents, options.path.stat().st_size, at_least=1.0)
        return
    python = {"ours": sys.executable, "json": sys.executable, "pyarrow": sys.executable, "orjson": peers_python()}
    commands = {
        side: [command, "-m", "benchmarks.json_lines", "--side", side, "--in", str(options.path.resolve())]
        for side, command in python.items()
        if command
    }
    show(compare("json lines", commands.pop("ours"), commands, options.runs), options.json)


def _ours(path: Path) -> int:
    from stages.base import Split
    from stages.sources.jsonl import JsonlSource

    batches = JsonlSource().read(Split(path.name, 0, path.stat().st_size, 0), path, 64_000_000)
    return sum(batch.documents.num_rows for batch in batches)


def _line_by_line(path: Path) -> int:
    from stages.base import Split
    from stages.sources.jsonl import JsonlSource
    from stages.sources.record_source import RecordSource

    batches = RecordSource.read(JsonlSource(), Split(path.name, 0, path.stat().st_size, 0), path, 64_000_000)
    return sum(batch.documents.num_rows for batch in batches)


def _pyarrow(path: Path) -> int:
    import pyarrow.json

    options = pyarrow.json.ReadOptions(use_threads=False, block_size=16 << 20)
    return len(pyarrow.json.read_json(path, read_options=options).column("text"))


def _orjson(path: Path) -> int:
    import orjson

    with path.open("rb") as file:
        return sum(isinstance(orjson.loads(line)["text"], str) for line in file)


_SIDES: dict[str, Callable[[Path], int]] = {
    "ours": _ours,
    "json": _line_by_line,
    "pyarrow": _pyarrow,
    "orjson": _orjson,
}


if __name__ == "__main__":
    main(sys.argv[1:])
