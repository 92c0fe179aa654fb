"""Arrow and Parquet files with views and categories, as polars writes them unless told otherwise."""

import json
import random
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.base import InputFile, StageError
from stages.sources.arrow import ArrowSource
from stages.sources.parquet import ParquetSource
from tests.stages.warc_files import rows, splits, write

COUNT = 60
TEXTS = [None if n % 7 == 0 else f"text {n} é" * (n % 20) for n in range(COUNT)]
KINDS = [f"a kind with more than twelve letters {n % 3}" for n in range(COUNT)]
DAYS = [f"2020-01-{1 + n % 28:02d}" for n in range(COUNT)]
FRAME = pl.DataFrame(
    {
        "text": TEXTS,
        "id": [f"id {n}".encode() for n in range(COUNT)],
        "meta": [{"url": f"https://example.org/a/page/{n}", "links": [n]} for n in range(COUNT)],
        "date": DAYS,
        "kind": pl.Series(KINDS, dtype=pl.Categorical),
        "level": pl.Series(["low", "high"] * (COUNT // 2), dtype=pl.Enum(["high", "low"])),
        "score": [n / 2 for n in range(COUNT)],
    }
)
PARAMETERS = {
    "fields": {"url": "meta.url", "source": "level"},
    "columns": {"kind": "string", "score": "float"},
}


def expected() -> list[dict]:
    return [
        {
            "text": TEXTS[n],
            "id": f"id {n}",
            "url": f"https://example.org/a/page/{n}",
            "date": DAYS[n],
            "source": ["low", "high"][n % 2],
            "kind": KINDS[n] if TEXTS[n] is not None else None,
            "score": n / 2 if TEXTS[n] is not None else None,
        }
        for n in range(COUNT)
    ]


def told(found: list[dict]) -> list[dict]:
    """What rows say, rejects without the columns of one's own that they do not have."""
    return [
        {name: str(row["date"])[:10] if name == "date" else row.get(name) for name in expected()[0]} for row in found
    ]


def of_polars(folder: Path, kind: str = "file", compression: str = "uncompressed", batch: int | None = None) -> Path:
    path = folder / "polars.arrow"
    if kind == "file":
        FRAME.write_ipc(path, compression=compression, record_batch_size=batch)
    else:
        FRAME.write_ipc_stream(path, compression=compression)
    return path


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("compression", ["uncompressed", "zstd", "lz4"])
def test_what_polars_writes_is_read_as_polars_has_it(tmp_path, kind, compression):
    path = of_polars(tmp_path, kind, compression)
    assert told(rows(ArrowSource(**PARAMETERS), path)) == expected()


def test_any_cut_of_a_file_read_by_its_footer_gives_the_same_rows(tmp_path):
    path = of_polars(tmp_path, batch=10)
    source = ArrowSource(**PARAMETERS)
    ranges = splits(source, path, 1)
    assert len(ranges) == 6 and told(rows(source, path, ranges, 100)) == expected()
    assert [source.count(split, path, 1 << 30) for split in ranges] == [10] * 6
    file = InputFile(path.name, path, path.stat().st_size)
    assert source.read_one(file, 33, 0).documents["text"].to_pylist() == [TEXTS[33]]
    assert source.read_one(file, COUNT, 0).documents.num_rows == 0


def test_categories_may_be_texts_and_labels(tmp_path):
    source = ArrowSource(fields={"text": "kind", "id": "kind", "url": "level"})
    found = rows(source, of_polars(tmp_path))
    assert [row["text"] for row in found] == KINDS == [row["id"] for row in found]
    assert [row["url"] for row in found] == ["low", "high"] * (COUNT // 2)


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_views_of_pyarrow(tmp_path, form):
    words = ["a word beyond twelve bytes", "short", None]
    columns = {
        "text": pa.array(["one text that is no short one", "", "two"], pa.string_view()),
        "id": pa.array([b"1", None, b"an id of more than twelve bytes"], pa.binary_view()),
        "word": pa.array(words, pa.string_view()),
        "list": pa.array([["x"], None, []], pa.list_view(pa.string_view())),
    }
    if form == "arrow":  # pyarrow cannot write a dictionary of views as Parquet
        dictionary = pa.array(words[:2], pa.string_view())
        columns["word"] = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.uint8()), dictionary)
    table, path = pa.table(columns), tmp_path / f"views.{form}"
    if form == "arrow":
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
    else:
        pq.write_table(table, path)
    source = (ArrowSource if form == "arrow" else ParquetSource)(columns={"word": "string"})
    found = rows(source, path)
    assert [row["text"] for row in found] == columns["text"].to_pylist()
    assert [row["word"] for row in found] == words
    assert (found[0]["id"], found[2]["id"]) == ("1", "an id of more than twelve bytes")


def test_a_file_that_was_cut_off_before_its_footer_is_one_quarantined_row(tmp_path):
    whole = of_polars(tmp_path, batch=10).read_bytes()
    path = write(tmp_path, whole[:-20], "cut.arrow")
    (row,) = rows(ArrowSource(), path)
    assert "the file is cut off, its footer with the places of all rows is missing" in row["error"]
    assert ArrowSource().count(splits(ArrowSource(), path)[0], path, 10) == 1
    assert ArrowSource().read_one(InputFile("cut.arrow", path, len(whole) - 20), 0, 0).rejects.num_rows == 1


def test_a_damaged_record_batch_is_one_row_and_those_around_it_are_read(tmp_path):
    path = of_polars(tmp_path, compression="zstd", batch=10)
    content = bytearray(path.read_bytes())
    place = content.index(b"\x28\xb5\x2f\xfd", len(content) // 3)
    content[place : place + 4] = b"none"
    found = rows(ArrowSource(), write(tmp_path, bytes(content), "b.arrow"))
    (bad,) = [row for row in found if row.get("error", "").startswith("damaged")]
    assert bad["offset"] % 10 == 0 and json.loads(bad["values"])["rows"] == 10 and len(found) == COUNT - 9


def test_a_frame_without_rows_is_nothing(tmp_path):
    FRAME.clear().write_ipc(tmp_path / "none.arrow")
    assert splits(ArrowSource(**PARAMETERS), tmp_path / "none.arrow") == []


def test_no_damage_loses_all_rows_silently_or_raises_anything_but_one_line(tmp_path):
    chance = random.Random(1)
    content = of_polars(tmp_path, compression="lz4", batch=30).read_bytes()
    for _ in range(150):
        broken = bytearray(content)
        place = chance.randrange(len(broken)) if chance.random() < 0.3 else -chance.randrange(1, 1200)
        broken[place] = chance.randrange(256)
        path = write(tmp_path, bytes(broken), "b.arrow")
        try:
            assert rows(ArrowSource(**PARAMETERS), path)
        except StageError as error:
            assert "b.arrow: " in str(error)
