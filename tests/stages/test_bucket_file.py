"""Bucket files give back what was written, and notice damage wherever it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stages.bucket_file import read_bucket, write_bucket_file

COUNT = 50


@pytest.fixture
def table() -> pa.Table:
    """Rows with a plain, a string and a dictionary column."""
    generator = np.random.default_rng(0)
    names = [f"file-{number}" for number in generator.integers(0, 20, 300)]
    return pa.table(
        {"row": np.arange(300), "text": [name * 2 for name in names], "file": pa.array(names).dictionary_encode()}
    )


@pytest.fixture
def buckets() -> np.ndarray:
    """Every other bucket has rows, in no order."""
    return np.random.default_rng(1).integers(0, COUNT // 2, 300) * 2


def test_each_bucket_holds_its_rows_in_their_order(tmp_path: Path, table: pa.Table, buckets: np.ndarray) -> None:
    write_bucket_file(tmp_path / "b.arrow", table, buckets, COUNT)
    for bucket in range(COUNT + 1):
        wanted = table.filter(pa.array(buckets == bucket)).to_pylist()
        found = read_bucket(tmp_path / "b.arrow", bucket)
        assert (found.to_pylist() if found else []) == wanted


def test_a_file_without_rows_has_no_bucket(tmp_path: Path, table: pa.Table) -> None:
    write_bucket_file(tmp_path / "b.arrow", table.slice(0, 0), np.empty(0, dtype=np.int64), COUNT)
    assert all(read_bucket(tmp_path / "b.arrow", bucket) is None for bucket in range(COUNT))


def test_a_bucket_out_of_range_is_refused(tmp_path: Path, table: pa.Table) -> None:
    with pytest.raises(ValueError, match="outside"):
        write_bucket_file(tmp_path / "b.arrow", table, np.full(300, COUNT), COUNT)


def test_a_changed_byte_is_noticed_or_changes_nothing(tmp_path: Path, table: pa.Table, buckets: np.ndarray) -> None:
    path = tmp_path / "b.arrow"
    write_bucket_file(path, table, buckets, COUNT)
    whole = path.read_bytes()
    wanted = table.filter(pa.array(buckets == 4)).to_pylist()
    noticed = 0
    for place in np.random.default_rng(2).choice(len(whole), 400, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        try:
            batch = read_bucket(path, 4)
            assert batch is not None and batch.to_pylist() == wanted
        except (pa.ArrowException, OSError, ValueError, LookupError):
            noticed += 1
    assert noticed > 0
