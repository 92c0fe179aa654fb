"""Read rows of published Parquet folders: one by place, or examples that match."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from inspector.errors import InspectorError
from pipeline.document_files import open_parquet


def parquet_files(path: Path) -> list[Path]:
    """The Parquet files of a folder in order, or the file itself."""
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InspectorError(f"{path}: holds no Parquet file")
    for file in files:
        try:
            open_parquet(file)
        except (pa.ArrowInvalid, OSError) as error:
            raise InspectorError(f"{file}: not readable as Parquet: {' '.join(str(error).split())}") from error
    return files


def read_row(file: Path, row: int) -> dict[str, Any]:
    """One row by number as a mapping. InspectorError when the file has fewer."""
    parquet = open_parquet(file)
    start = 0
    for group in range(parquet.num_row_groups):
        count = parquet.metadata.row_group(group).num_rows
        if row < start + count:
            return parquet.read_row_group(group).slice(row - start, 1).to_pylist()[0]
        start += count
    raise InspectorError(f"{file}: has {start} rows, so no row {row}")


def matching_rows(files: list[Path], rule: str | None, contains: str | None, rows: int) -> list[dict[str, Any]]:
    """The first rows that match, in order; reads only as many row groups as it takes."""
    found: list[dict[str, Any]] = []
    for table in _row_groups(files):
        if len(found) >= rows:
            break
        if rule is not None:
            table = table.filter(pc.equal(table.column("rule"), rule))
        if contains is not None:
            matches = [pc.match_substring(table.column(name), contains) for name in ("id", "url")]
            table = table.filter(pc.or_kleene(*matches))
        found += table.slice(0, rows - len(found)).to_pylist()
    return found


def count_by(files: list[Path], column: str) -> dict[str, int]:
    """Rows by value of a column, most frequent first; null counts under an empty name."""
    counts: dict[str, int] = {}
    for file in files:
        values = open_parquet(file).read(columns=[column]).column(column)
        for entry in pc.value_counts(values).to_pylist():
            name = "" if entry["values"] is None else str(entry["values"])
            counts[name] = counts.get(name, 0) + entry["counts"]
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _row_groups(files: list[Path]) -> Iterator[pa.Table]:
    for file in files:
        parquet = open_parquet(file)
        for group in range(parquet.num_row_groups):
            yield parquet.read_row_group(group)
