"""Columns of one's own: typed fields of the corpus that later stages can rank, filter and publish."""

import csv
import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import Recipe, compile_plan, run
from pipeline.errors import RecipeError
from stages.base import InputFile, Split, StageError
from stages.sources.arrow import ArrowSource
from stages.sources.csv_files import CsvSource
from stages.sources.hub import HubSource
from stages.sources.jsonl import JsonlSource
from stages.sources.parquet import ParquetSource
from tests.stages.warc_files import rows, splits, write

COLUMNS = {"score": "float", "stars": {"type": "integer", "field": "n"}, "good": "boolean", "kind": "string"}
RECORDS = [
    {"text": "a", "score": 0.25, "n": -7, "good": True, "kind": "é\n"},
    {"text": "b", "score": None, "n": None, "good": None, "kind": None},
    {"text": "c", "score": float("nan"), "n": 2**62, "good": False, "kind": "k"},
    {"text": "d", "score": 3, "n": 0, "good": True, "kind": "-"},
    {"text": "e", "score": float("inf"), "n": 123456789012345678, "good": False, "kind": "1"},
]
EXPECTED = [
    {"score": 0.25, "stars": -7, "good": True, "kind": "é\n"},
    {"score": None, "stars": None, "good": None, "kind": None},
    {"score": None, "stars": 2**62, "good": False, "kind": "k"},
    {"score": 3.0, "stars": 0, "good": True, "kind": "-"},
    {"score": float("inf"), "stars": 123456789012345678, "good": False, "kind": "1"},
]
TABLE = pa.table(
    {
        "text": [record["text"] for record in RECORDS],
        "score": pa.array([record["score"] for record in RECORDS], pa.float64()),
        **{name: [record[name] for record in RECORDS] for name in ("n", "good", "kind")},
    }
)


def jsonl_file(folder: Path) -> Path:
    return write(folder, "\n".join(map(json.dumps, RECORDS)).encode(), "a.jsonl")


def csv_file(folder: Path) -> Path:
    with (folder / "a.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, RECORDS[0])
        writer.writeheader()
        writer.writerows(RECORDS)
    return folder / "a.csv"


def parquet_file(folder: Path) -> Path:
    pq.write_table(TABLE, folder / "a.parquet")
    return folder / "a.parquet"


def arrow_file(folder: Path) -> Path:
    with pa.ipc.new_file(str(folder / "a.arrow"), TABLE.schema) as writer:
        writer.write_table(TABLE)
    return folder / "a.arrow"


WAYS = [(JsonlSource, jsonl_file), (CsvSource, csv_file), (ParquetSource, parquet_file), (ArrowSource, arrow_file)]


@pytest.mark.parametrize(("kind", "make"), WAYS, ids=["jsonl", "csv", "parquet", "arrow"])
def test_every_source_gives_the_same_columns(tmp_path, kind, make):
    path = make(tmp_path)
    source = kind(columns=COLUMNS)
    found = rows(source, path)
    assert [{name: row[name] for name in COLUMNS} for row in found] == EXPECTED
    assert rows(HubSource(columns=COLUMNS, source=source.source), path) == found
    schema = source.output_schema()
    assert [str(schema.field(name).type) for name in COLUMNS] == ["double", "int64", "bool", "string"]
    assert next(source.read(splits(source, path)[0], path, 1)).documents.schema == schema
    again = source.read_one(InputFile(path.name, path, path.stat().st_size), found[3]["offset"], 0)
    assert again.documents.to_pylist() == [found[3]]
    # What cannot be read has no rows, but the same columns.
    write(tmp_path, b"", path.name)
    (batch,) = source.read(Split(path.name, 0, 0, 0), path, 1)
    assert (batch.documents.schema, batch.rejects.num_rows) == (schema, 1)
    assert source.read_one(InputFile(path.name, path, 0), 5, 0).documents.schema == schema


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("score", "high", "the field 'score' holds \"high\", not a number"),
        ("score", True, "the field 'score' holds true, not a number"),
        ("n", 2.5, "the field 'n' holds 2.5, not an integer of 64 bits"),
        ("n", 2**63, "the field 'n' holds 9223372036854775808, not an integer of 64 bits"),
        ("n", float("inf"), "the field 'n' holds Infinity, not an integer of 64 bits"),
        ("good", 1, "the field 'good' holds 1, not a boolean"),
        ("kind", ["a"], "the field 'kind' holds [\"a\"], not a string"),
        ("kind", "\ud800", "the field 'kind' holds \"\\ud800\", not a string"),
    ],
)
def test_a_value_of_another_type_quarantines_its_row(tmp_path, field, value, says):
    lines = [*RECORDS, {"text": "bad", "id": "i", field: value}]
    found = rows(JsonlSource(columns=COLUMNS), write(tmp_path, "\n".join(map(json.dumps, lines)).encode(), "a.jsonl"))
    assert len(found) == 6 and found[5]["id"] == "i" and found[5]["error"].startswith(says)


def test_numbers_and_words_of_csv(tmp_path):
    content = b"text,score,n,good,kind\na, 1e3 ,3.0,TRUE,\nb,.5,+4,false,x\nc,1_0,,,\nd,,4x,,\ne,,,yes,\n"
    good, also, *bad = rows(CsvSource(columns=COLUMNS), write(tmp_path, content, "a.csv"))
    assert [good[name] for name in COLUMNS] == [1000.0, 3, True, None]
    assert [also[name] for name in COLUMNS] == [0.5, 4, False, "x"]
    assert [row["error"].partition(", not")[0] for row in bad] == [
        "the field 'score' holds \"1_0\"", "the field 'n' holds \"4x\"", "the field 'good' holds \"yes\"",
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "make"), WAYS[1:], ids=["csv", "parquet", "arrow"])
def test_a_field_that_is_not_there_is_refused_by_the_plan(tmp_path, kind, make):
    path = make(tmp_path)
    with pytest.raises(StageError, match=r"has no column 'grade'; set columns\.grade\.field: one of .*score"):
        splits(kind(columns={"grade": "float"}), path)
    if kind is not CsvSource:
        with pytest.raises(StageError, match=r"'score' holds double, not integers up to int64; .* one of 'n'$"):
            splits(kind(columns={"score": "integer"}), path)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"text": "string"}, "every run has a column 'text'"),
        ({"error": "string"}, "every run has a column 'error'"),
        ({"html": "string"}, "every run has a column 'html'"),
        ({"a-b": "float"}, "'a-b' is no name for a column"),
        ({"near_cluster": "integer"}, "stage 'near' adds a column 'near_cluster'"),
    ],
)
def test_names_that_a_run_uses_itself_are_refused_by_the_plan(tmp_path, columns, says):
    stages = [{"jsonl": {"columns": columns}}, {"minhash_dedup": {"label": "near"}}]
    with pytest.raises(RecipeError, match=says):
        compile_plan(Recipe.parse({"name": "own", "stages": stages}), [jsonl_file(tmp_path)])


def test_what_a_filter_measures_is_no_column_of_ones_own(tmp_path):
    stages = [{"jsonl": {"columns": {"gopher_words": "integer"}}}, "gopher"]
    with pytest.raises(RecipeError, match="stage 'gopher' adds a column 'gopher_words', which the source reads"):
        compile_plan(Recipe.parse({"name": "own", "stages": stages}), [jsonl_file(tmp_path)])


def test_columns_choose_survivors_drop_rows_and_reach_the_documents(tmp_path):
    words = [" ".join(f"w{number * part % 97}" for number in range(60)) for part in (1, 5, 11)]
    scores = [(0, 0.1, 3), (0, 0.9, 3), (0, None, 3), (1, 0.5, 1), (2, 0.4, None)]
    lines = [
        {"text": words[text], "id": str(at), "score": score, "q": {"n": n}}
        for at, (text, score, n) in enumerate(scores)
    ]
    path = write(tmp_path, "\n".join(map(json.dumps, lines)).encode(), "a.jsonl")
    stages = [
        {"jsonl": {"columns": {"score": "float"}}},
        {"filter": {"name": "poor", "drop_if": "quality < 2"}},
        {"minhash_dedup": {"keep": ["-score"]}},
    ]
    quality = "jsonl.columns.quality={type: integer, field: q.n}"
    recipe = Recipe.parse({"name": "own", "stages": stages}, overrides=[quality])
    run(recipe, [path], tmp_path / "run", executor="inline", quiet=True)
    kept = pl.read_parquet(tmp_path / "run/documents/*.parquet")
    assert kept.select("id", "score", "quality").rows() == [("1", 0.9, 3), ("4", 0.4, None)]
    ended = pl.read_parquet(tmp_path / "run/rejects/*.parquet").sort("id").select("id", "score", "quality", "rule")
    assert ended.rows() == [
        ("0", 0.1, 3, "near_duplicate"), ("2", None, 3, "near_duplicate"), ("3", 0.5, 1, "poor"),
    ]  # fmt: skip
