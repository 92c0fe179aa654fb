"""Documents come back as they were written, and their files depend on the rows alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline import document_files
from pipeline.document_files import RowGroupWriter, document_batches, document_schema

FILE = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema([("file", FILE), ("text", pa.large_string()), ("score", pa.float64()), ("url", pa.string())])


def documents(rows: int, *, seed: int = 0) -> pa.RecordBatch:
    random = np.random.default_rng(seed)
    known = random.random(rows) < 0.5
    columns = {
        "file": pa.array([f"file-{number % 3}" for number in range(rows)]).dictionary_encode().cast(FILE),
        "text": pa.array(["word " * int(length) for length in random.integers(0, 40, rows)], pa.large_string()),
        "score": pa.array(random.random(rows), mask=~known),
        "url": pa.array([f"http://{number}" for number in range(rows)], mask=known),
    }
    return pa.RecordBatch.from_pydict(columns, schema=SCHEMA)


def in_batches(batch: pa.RecordBatch, rows: int) -> list[pa.RecordBatch]:
    """The same rows, so many at a time, with other values left where they are null."""
    score = batch.column("score")
    values = np.where(score.is_valid(), score.fill_null(0), rows)
    scores = pa.Array.from_buffers(pa.float64(), len(score), [score.buffers()[0], pa.py_buffer(values)])
    batch = batch.set_column(2, "score", scores)
    return [batch.slice(start, rows) for start in range(0, batch.num_rows, rows)]


def write(path: Path, batches: list[pa.RecordBatch]) -> bytes:
    with RowGroupWriter(path, SCHEMA) as writer:
        for batch in batches:
            writer.add(batch)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["part.parquet", "part.arrow"])
def test_files_depend_on_the_rows_alone(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_files, "ROW_GROUP_BYTES", 20_000)
    batch = documents(500)
    path = tmp_path / name
    assert len({write(path, in_batches(batch, rows)) for rows in (1, 7, 64, 500)}) == 1
    groups = list(document_batches(path))
    assert len(groups) > 3
    assert pa.Table.from_batches(groups).unify_dictionaries().to_pylist() == batch.to_pylist()


@pytest.mark.parametrize("name", ["part.parquet", "part.arrow"])
def test_columns_are_read_alone(name: str, tmp_path: Path) -> None:
    write(tmp_path / name, [documents(10)])
    (batch,) = document_batches(tmp_path / name, ["score", "absent", "file"])
    assert batch.schema.names == ["file", "score"]
    assert document_schema(tmp_path / name).names == SCHEMA.names
