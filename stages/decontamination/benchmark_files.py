"""Read benchmark files: JSON Lines (plain, .gz, .zst, .bz2), each line an item with its texts.

The name of a benchmark is the file's, up to its first dot. Of an item, either the named fields are read and joined
in their order, so that runs of words go on from question to answer, or every text in it, each a passage of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stages.base import StageError
from stages.decontamination.word_characters import count_words
from stages.kept_files import kept_while_files_stay
from stages.sources.byte_lines import is_blank, read_lines
from stages.sources.fields import MISSING, value_at
from stages.sources.jsonl import parse_object

_LONGEST_LINE = 64 << 20


class Item(NamedTuple):
    """A line of a benchmark file, counted from 1, and its passages of text."""

    line: int
    passages: list[str]


def benchmark_name(path: Path) -> str:
    return path.name.partition(".")[0]


def read_items(path: Path, fields: Sequence[str]) -> Iterator[Item]:
    """The items of a file; StageError names file, line and fault."""
    for number, line in enumerate(read_lines(path, 0, None, _LONGEST_LINE), 1):
        if is_blank(line):
            continue
        where = f"{path}, line {number}, named by benchmarks"
        if line.content is None:
            raise StageError(f"{where}: {line.fault or 'longer than 64 MB'}")
        try:
            record = parse_object(line.content)
        except ValueError as error:
            raise StageError(f"{where}: {error}; benchmarks are JSON Lines, an object a line") from error
        yield Item(number, _passages(record, fields, where))


@kept_while_files_stay(most=1000)
def check_items(path: Path, fields: Sequence[str], fewest: int) -> None:
    """Read a file to its end, so that a plan refuses what is wrong in it, or that no text has `fewest` words."""
    items = longest = 0
    for item in read_items(path, fields):
        items += 1
        if longest < fewest:
            longest = max([longest, *map(count_words, item.passages)])
    if not items:
        raise StageError(f"{path}, named by benchmarks, holds no items")
    if longest < fewest:
        within = f" under {', '.join(fields)}" if fields else ""
        raise StageError(
            f"{path}, named by benchmarks, holds nothing to look for: its longest text{within} has {longest} words, "
            f"and none of fewer than {fewest} is looked for; lower min_words, or leave the file out"
        )


def _passages(record: dict[str, Any], fields: Sequence[str], where: str) -> list[str]:
    if not fields:
        return list(_texts(record))
    found: list[str] = []
    for field in fields:
        value = value_at(record, field)
        if value is MISSING:
            raise StageError(f"{where}: no field '{field}'; fields there: {', '.join(record)}")
        found += _texts(value)
    return [" ".join(found)] if found else []


def _texts(value: Any) -> Iterator[str]:
    """All strings in a JSON value, in order."""
    if isinstance(value, str):
        yield value.encode("utf-8", "replace").decode()
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
