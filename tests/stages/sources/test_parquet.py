"""Parquet files as a source of documents."""

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import Recipe, compile_plan, run
from pipeline.errors import RecipeError
from stages.base import InputFile, StageError
from stages.sources.parquet import ParquetSource
from tests.stages.warc_files import made_up_id, rows, splits, write

COUNT = 1000


def parquet(tmp_path, columns, group_rows=100):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=group_rows)
    return path


def test_rows_with_labels_and_row_numbers(tmp_path):
    columns = {
        "text": pa.array([f"text {n}" for n in range(COUNT)]),
        "id": pa.array(range(COUNT)),
        "date": pa.array([datetime(2024, 1, 2, 3, 4, 5, 678901)] * COUNT),
        "unused": pa.array([b"x" * 1000] * COUNT),
    }
    found = rows(ParquetSource(source="mine"), parquet(tmp_path, columns))
    assert [row["offset"] for row in found] == list(range(COUNT))
    assert found[7] == {
        "file": "a.parquet",
        "offset": 7,
        "ordinal": 0,
        "id": "7",
        "url": None,
        "date": datetime(2024, 1, 2, 3, 4, 5, 678000, UTC),
        "source": "mine",
        "text": "text 7",
    }


@pytest.mark.parametrize("target", [1, 3000, 1 << 30])
@pytest.mark.parametrize("batch_bytes", [100, 1 << 20])
def test_any_cut_gives_the_same_rows(tmp_path, target, batch_bytes):
    texts = [None if n % 7 == 0 else f"text {n}" * (n % 50) for n in range(COUNT)]
    path = parquet(tmp_path, {"text": texts})
    ranges = splits(ParquetSource(), path, target)
    found = rows(ParquetSource(), path, ranges, batch_bytes)
    assert [row.get("text") for row in found] == texts
    assert [row["offset"] for row in found] == list(range(COUNT))
    assert (len(ranges) > 1) == (target < 1 << 30)
    assert sum(ParquetSource().count(split, path, 1 << 30) for split in ranges) == COUNT
    file = InputFile(path.name, path, path.stat().st_size)
    for number in (0, 1, 555, 999):
        batch = ParquetSource().read_one(file, number, 0)
        assert batch.documents.to_pylist() + batch.rejects.to_pylist() == [found[number]]
    nothing = ParquetSource().read_one(file, COUNT, 0)
    assert nothing.documents.num_rows + nothing.rejects.num_rows == 0


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_text_of_every_string_type(tmp_path, kind):
    found = rows(ParquetSource(), parquet(tmp_path, {"text": pa.array(["a", "", "é"]).cast(kind)}))
    assert [row["text"] for row in found] == ["a", "", "é"]


def test_columns_can_be_named_and_dates_come_in_many_types(tmp_path):
    columns = {"body": ["a"], "key": ["k"], "day": [date(2024, 1, 2)], "when": ["2024-01-02T00:00:00Z"]}
    path = parquet(tmp_path, columns)
    for name in ("day", "when"):
        (row,) = rows(ParquetSource(fields={"text": "body", "id": "key", "date": name}), path)
        assert (row["text"], row["id"], row["date"]) == ("a", "k", datetime(2024, 1, 2, tzinfo=UTC))


def test_nested_columns_are_named_with_dots(tmp_path):
    columns = {
        "raw": [{"body": "one", "more": [1]}, {"body": None, "more": []}, None, {"body": "four", "more": None}],
        "meta": [{"at": {"url": "u"}}, {"at": None}, None, {"at": {"url": "v"}}],
        "a.b": ["w", "x", "y", "z"],
    }
    fields = {"text": "raw.body", "url": "meta.at.url", "id": "a.b", "source": "a.b"}
    path = parquet(tmp_path, columns, 2)
    found = rows(ParquetSource(fields=fields), path)
    assert [(row.get("text", row.get("error")), row["url"], row["id"], row["source"]) for row in found] == [
        ("one", "u", "w", "w"),
        ("the column 'raw.body' is null", None, "x", "x"),
        ("the column 'raw.body' is null", None, "y", "y"),
        ("four", "v", "z", "z"),
    ]
    file = InputFile("a.parquet", path, path.stat().st_size)
    assert ParquetSource(fields=fields).read_one(file, 3, 0).documents.to_pylist() == [found[3]]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"text": "body"}, "has no column 'body'; set fields.text: one of 'text', 'meta.url'"),
        ({"text": "meta.body"}, "has no column 'meta.body'; set fields.text"),
        ({"text": "meta"}, r"the column 'meta' holds struct<url: string>, not strings"),
        ({"url": "adress"}, "has no column 'adress'; set fields.url: one of 'text', 'id', 'meta.url'"),
        ({"id": "flag"}, "the column 'flag' holds bool, not strings; set fields.id"),
        ({"date": "id"}, "the column 'id' holds int64, not dates; set fields.date: one of 'text', 'meta.url', 'day'"),
    ],
)
def test_a_field_that_no_column_fits_is_refused_with_the_plan(tmp_path, fields, says):
    columns = {"text": ["a"], "id": [1], "meta": [{"url": "u"}], "flag": [True], "day": [date(2024, 1, 2)]}
    recipe = Recipe.parse({"name": "r", "stages": [{"parquet": {"fields": fields}}]})
    with pytest.raises(RecipeError, match=rf"a\.parquet: {says}"):
        compile_plan(recipe, [parquet(tmp_path, columns)])


def test_columns_of_one_name(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([value]) for value in "abc"], ["text", "id", "id"]), path)
    (row,) = rows(ParquetSource(), path)
    assert (row["text"], row["id"]) == ("a", made_up_id("a.parquet", 0))
    with pytest.raises(StageError, match=r"a\.parquet: has several columns 'id'; set fields\.text: one of 'text'"):
        splits(ParquetSource(fields={"text": "id"}), path)


def test_a_file_that_lost_its_end_is_one_quarantined_row(tmp_path):
    path = parquet(tmp_path, {"text": ["a" * 1000] * 100})
    path.write_bytes(path.read_bytes()[:-20])
    (row,) = rows(ParquetSource(), path)
    assert (row["offset"], row["values"]) == (0, f'{{"bytes": {path.stat().st_size}}}')
    assert "the file is cut off" in row["error"]
    (split,) = splits(ParquetSource(), path)
    assert ParquetSource().count(split, path, 10) == 1
    assert ParquetSource().read_one(InputFile("a.parquet", path, 1), 0, 0).rejects.to_pylist() == [row]


def test_text_that_is_not_utf_8_is_quarantined(tmp_path):
    bad = pa.array([b"good", b"\xff\xfe", None]).view(pa.string())
    found = rows(ParquetSource(), parquet(tmp_path, {"text": bad}))
    assert [row.get("error") for row in found] == [
        None,
        "the column 'text' is not UTF-8: invalid start byte at byte 0",
        "the column 'text' is null",
    ]


def test_a_text_that_is_too_long_is_quarantined(tmp_path):
    path = parquet(tmp_path, {"text": ["a" * 10, None, "b" * 11]})
    found = rows(ParquetSource(max_record_bytes=10), path)
    errors = ["the column 'text' is null", "the column 'text' has more than max_record_bytes (10)"]
    assert [row.get("text", row.get("error")) for row in found] == ["a" * 10, *errors]


def test_a_damaged_row_group_is_one_row_and_the_next_is_read(tmp_path):
    path = parquet(tmp_path, {"text": [f"{n:0100d}" for n in range(300)]})
    place = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content = bytearray(path.read_bytes())
    content[place : place + 200] = b"\xff" * 200
    path.write_bytes(content)
    found = rows(ParquetSource(), path)
    (bad,) = [row for row in found if "text" not in row]
    assert (bad["offset"], bad["values"]) == (100, '{"rows": 100}')
    assert len(found) == 201


def test_how_much_of_a_damaged_row_group_is_read_does_not_depend_on_batches(tmp_path):
    path = tmp_path / "a.parquet"
    texts = [f"{n:0100d}" for n in range(2000)]
    pages = {"data_page_size": 4096, "write_batch_size": 50}
    pq.write_table(pa.table({"text": texts}), path, **pages, use_dictionary=False, compression="zstd")
    content = bytearray(path.read_bytes())
    place = content.index(b"\x28\xb5\x2f\xfd", len(content) // 2)
    content[place : place + 4] = b"none"
    path.write_bytes(content)
    *found, bad = rows(ParquetSource(), path)
    assert [row["text"] for row in found] == texts[: len(found)] and 500 < len(found) < 1900
    assert (bad["offset"], bad["values"]) == (len(found), f'{{"rows": {2000 - len(found)}}}')
    for batch_bytes in (1, 5000, 50_000):
        assert rows(ParquetSource(), path, batch_bytes=batch_bytes) == [*found, bad]
    file = InputFile("a.parquet", path, path.stat().st_size)
    assert ParquetSource().read_one(file, len(found), 0).rejects.to_pylist() == [bad]
    assert ParquetSource().read_one(file, 77, 0).documents.to_pylist() == [found[77]]


def test_what_is_no_such_parquet_is_one_clear_line(tmp_path):
    with pytest.raises(StageError, match="cannot be read as Parquet"):
        rows(ParquetSource(), write(tmp_path, b"text", "b.parquet"))
    path = parquet(tmp_path, {"body": ["a"], "number": [1]})
    with pytest.raises(StageError, match=r"has no column 'text'; set fields.text: one of 'body'$"):
        rows(ParquetSource(), path)
    with pytest.raises(StageError, match="the column 'number' holds int64, not strings"):
        rows(ParquetSource(fields={"text": "number"}), path)


@pytest.mark.parametrize("columns", [{"text": pa.array([], pa.string())}, {"text": pa.nulls(0)}, {"other": []}])
def test_a_file_without_rows_gives_none_whatever_its_columns(tmp_path, columns):
    path = parquet(tmp_path, columns)
    assert splits(ParquetSource(), path) == []
    with pq.ParquetWriter(path, pa.table(columns).schema) as writer:
        writer.write_batch(pa.RecordBatch.from_pydict(columns))
    assert splits(ParquetSource(), path) == []


@pytest.mark.parametrize("limit", [None, 2])
def test_files_without_rows_or_bytes_do_not_end_the_run_of_the_others(tmp_path, limit):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.parquet").touch()
    parquet(tmp_path, {"text": pa.nulls(0)}).rename(folder / "b.parquet")
    parquet(tmp_path, {"text": ["one"]}).rename(folder / "c.parquet")
    recipe = Recipe.parse({"name": "holes", "stages": ["parquet"]})
    totals = run(recipe, [folder], tmp_path / "run", executor="inline", quiet=True, limit=limit).totals
    assert (totals.read, totals.kept, totals.quarantined) == (2, 1, 1)


def test_an_empty_file_is_one_quarantined_row(tmp_path):
    path = write(tmp_path, b"", "a.parquet")
    (row,) = rows(ParquetSource(), path)
    assert (row["offset"], row["outcome"], row["error"]) == (0, "quarantined", "the file is empty")
    (split,) = splits(ParquetSource(), path)
    assert ParquetSource().count(split, path, 10) == 1
    assert ParquetSource().read_one(InputFile("a.parquet", path, 0), 0, 0).rejects.to_pylist() == [row]


@pytest.mark.parametrize(
    ("own", "ids"),
    [
        (pa.array([1, None]), ["1", None]),
        (pa.array([1.5, None]), ["1.5", None]),
        (pa.array(["a", None]), ["a", None]),
        (pa.array([b"a", b"\xff"]), ["a", None]),
        (pa.array([b"a", b"\xff"]).view(pa.string()), ["a", None]),
        (pa.array([True, False]), [None, None]),
        (pa.array([[1], None]), [None, None]),
        (pa.nulls(2), [None, None]),
        (None, [None, None]),
    ],
)
@pytest.mark.parametrize("group_rows", [1, 2])
def test_a_row_without_an_id_is_named_by_its_place(tmp_path, own, ids, group_rows):
    columns = {"text": ["one", None]} if own is None else {"text": ["one", None], "id": own}
    found = rows(ParquetSource(), parquet(tmp_path, columns, group_rows))
    assert [row["id"] for row in found] == [name or made_up_id("a.parquet", at) for at, name in enumerate(ids)]


def test_the_malformed_file(shared_data):
    found = rows(ParquetSource(), shared_data / "malformed" / "null_texts.parquet")
    assert {row["id"]: row.get("text", row.get("error")) for row in found}["p2"] == "the column 'text' is null"
    assert {"p1", "p4"} <= {row["id"] for row in found if row.get("text")}


_WITH_EVERY_DAMAGED_BYTE = """
import sys
from pathlib import Path
from stages.base import InputFile, StageError
from stages.sources.parquet import ParquetSource

good, path, source = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]), ParquetSource()
start = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
for at in range(start, len(good) - 8):
    for value in (127,):
        path.write_bytes(good[:at] + bytes([value]) + good[at + 1 :])
        try:
            for split in source.splits(InputFile(path.name, path, len(good)), 1 << 20):
                list(source.read(split, path, 1 << 20))
        except StageError as error:
            assert str(path) in str(error) and "\\n" not in str(error)
"""


def test_no_damaged_footer_ends_the_process(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["one"]}), tmp_path / "good.parquet")
    command = [sys.executable, "-c", _WITH_EVERY_DAMAGED_BYTE, tmp_path / "good.parquet", tmp_path / "bad.parquet"]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]


def test_ranges_are_cut_by_the_columns_that_are_read(tmp_path: Path) -> None:
    rows = {"text": ["x" * 10] * 4000, "image": [f"{n:0900}" for n in range(4000)]}
    pq.write_table(pa.table(rows), tmp_path / "a.parquet", row_group_size=1000, use_dictionary=False)
    path = tmp_path / "a.parquet"
    splits = ParquetSource().splits(InputFile(path.name, path, path.stat().st_size), 30_000)
    assert [(split.start, split.end) for split in splits] == [(0, 2), (2, 4)]
    assert all(25_000 < split.bytes < 30_000 for split in splits)
