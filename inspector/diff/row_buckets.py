"""The rows of two runs, brought together by identity in memory that no corpus size exceeds.

The rows of each run are dealt into buckets by the hash of their identity, on a local disk, so that the same row of
both lies in buckets of one number; one pair of buckets at a time is read and joined. A row brings along its outcome
(the rule that dropped it, or `kept` or `quarantined`), its measurements, and a hash of its text.
Cost: both runs are read once; the disk holds some 100 to 400 bytes a row for a while.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from inspector.published import PublishedRun, Rows
from pipeline.document_files import open_parquet
from stages.documents import IDENTITY
from stages.identity import identity_hash

#: Rows of both runs that are joined in memory at a time.
BUCKET_ROWS = 1_000_000
KEY = [field.name for field in IDENTITY]
_SEED = 0
#: What a row brings along besides its measurements: outcome, hashes, and its place among the run's files.
_SCHEMA = {
    "file": pl.String,
    "offset": pl.Int64,
    "ordinal": pl.Int32,
    "url": pl.String,
    "outcome": pl.String,
    "identity": pl.UInt64,
    "text": pl.UInt64,
    "part": pl.Int32,
    "group": pl.Int32,
    "row": pl.UInt32,
}


def joined_rows(first: PublishedRun, second: PublishedRun, columns: list[str], folder: Path) -> Iterator[pl.DataFrame]:
    """Rows of either run, a bucket at a time: of the first run as in _SCHEMA, of the second with names in `_b`.

    All but the identity is null where a run does not have the row. `folder` is an empty one to use.
    """
    files = [file for run in (first, second) for file in (*run.documents, *run.rejects)]
    count = sum(open_parquet(file).metadata.num_rows for file in files) // BUCKET_ROWS + 1
    for run, name in ((first, "a"), (second, "b")):
        _deal(run, columns, folder / name, count)
    for number in range(count):
        left, right = (_bucket(folder / name / str(number)) for name in ("a", "b"))
        yield left.join(right, on=KEY, how="full", coalesce=True, suffix="_b", maintain_order="left_right")


def _deal(run: PublishedRun, columns: list[str], folder: Path, count: int) -> None:
    """Write all rows of a run to their buckets."""
    files = [*run.documents, *run.rejects]
    numbers = {file: number for number, file in enumerate(files)}
    for number in range(count):
        (folder / str(number)).mkdir(parents=True)
    wanted = [*KEY, "url", "text", "rule", *columns]
    for piece, rows in enumerate(run.row_groups(files, wanted)):
        file, offset, ordinal = (rows.batch.column(name) for name in KEY)
        hashes = identity_hash(file, offset, ordinal, _SEED)
        frame = _described(rows, rows.file in run.documents, numbers[rows.file], hashes, columns)
        bucket = hashes % np.uint64(count)
        for number in np.unique(bucket).tolist():
            chosen = frame.filter(pl.Series(bucket == number))
            chosen.write_ipc(folder / str(number) / f"{piece:08d}.arrow", compression="lz4")


def _described(rows: Rows, kept: bool, part: int, hashes: np.ndarray, columns: list[str]) -> pl.DataFrame:
    frame = pl.from_arrow(pa.Table.from_batches([rows.batch]))
    assert isinstance(frame, pl.DataFrame)
    text = pl.col("text")
    described: dict[str, pl.Expr] = {
        "file": pl.col("file").cast(pl.String),
        "outcome": pl.lit("kept") if kept else pl.col("rule").fill_null("quarantined"),
        "identity": pl.lit(pl.Series(hashes)),
        "text": pl.when(text.is_not_null()).then(text.hash(_SEED)),
        "part": pl.lit(part),
        "group": pl.lit(rows.group),
        "row": pl.int_range(pl.len()),
    }
    picked = [described.get(name, pl.col(name)).cast(kind).alias(name) for name, kind in _SCHEMA.items()]
    measured = [pl.col(name) if name in frame.columns else pl.lit(None).alias(name) for name in columns]
    return frame.select(*picked, *measured)


def _bucket(folder: Path) -> pl.DataFrame:
    """The rows of one bucket; a column that some parts of the run lack is null there."""
    frames = [pl.read_ipc(file) for file in sorted(folder.iterdir())]
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame(schema=_SCHEMA)
