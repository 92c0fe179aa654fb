"""CSV and TSV: every row is a document, or says what is wrong with it and where."""

import bz2
import csv
import gzip
import io
import json
from itertools import pairwise

import pyarrow.csv
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import Recipe, compile_plan, run
from pipeline.errors import RecipeError
from stages.base import InputFile, Split
from stages.sources.csv_files import CsvSource
from tests.stages.warc_files import made_up_id, rows, splits, write

RECORDS = [
    {"id": f"d{n}", "text": f'Line {n} é,\nand "quoted", \r\nmore.' if n % 3 else f"plain {n}", "url": f"u{n}"}
    for n in range(200)
]


def table(records=RECORDS, **options) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, fieldnames=["id", "text", "url"], **options)
    writer.writeheader()
    writer.writerows(records)
    return stream.getvalue().encode()


def texts(found):
    return [row["text"] for row in found if "text" in row]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", table()),
        ("a.csv", b"\xef\xbb\xbf" + table(lineterminator="\n").rstrip(b"\n")),
        ("a.csv", table(quoting=csv.QUOTE_ALL)),
        ("a.tsv", table(delimiter="\t")),
        ("a.csv.gz", gzip.compress(table())),
        ("a.csv.zst", zstandard.compress(table())),
        ("a.tsv.bz2", bz2.compress(table(delimiter="\t"))),
    ],
)
def test_rows_with_quotes_and_line_ends_in_them(tmp_path, name, content):
    path = write(tmp_path, content, name)
    found = rows(CsvSource(), path, splits(CsvSource(), path, 500))
    assert [{key: row[key] for key in ("id", "text", "url")} for row in found] == RECORDS
    assert CsvSource().count(splits(CsvSource(), path)[0], path, 1 << 30) == len(RECORDS)
    file = InputFile(name, path, path.stat().st_size)
    for number in (0, 77, 199):
        assert CsvSource().read_one(file, found[number]["offset"], 0).documents.to_pylist() == [found[number]]
    inside = found[77]["offset"] + 1
    assert CsvSource().read_one(file, inside, 0).documents.num_rows == 0


FIELD = st.text(st.sampled_from('ab",\n\r é'), max_size=8)


@given(records=st.lists(st.tuples(FIELD, FIELD), max_size=12), ends=st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=60, deadline=None)
def test_what_a_writer_wrote_is_read_at_its_places(tmp_path_factory, records, ends):
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator=ends, quoting=csv.QUOTE_ALL).writerows([("id", "text"), *records])
    path = write(tmp_path_factory.mktemp("csv"), stream.getvalue().encode(), "a.csv")
    found = rows(CsvSource(), path)
    assert texts(found) == [text for _, text in records]
    assert [row["id"] for row in found] == [
        name or made_up_id("a.csv", row["offset"]) for (name, _), row in zip(records, found, strict=True)
    ]
    for row in found:
        again = next(csv.reader(io.StringIO(path.read_bytes()[row["offset"] :].decode(), newline="")))
        assert again[1] == row["text"]


def test_the_same_table_as_pyarrow_reads(tmp_path):
    path = write(tmp_path, table(), "a.csv")
    options = pyarrow.csv.ParseOptions(newlines_in_values=True)
    expected = pyarrow.csv.read_csv(path, parse_options=options)
    assert texts(rows(CsvSource(), path)) == expected["text"].to_pylist()


@given(bounds=st.lists(st.integers(1, 1000), max_size=8))
@settings(max_examples=25, deadline=None)
def test_without_quotes_any_cut_gives_the_same_rows(tmp_path_factory, bounds):
    source = CsvSource(quote=None)
    content = b"text\tid\n" + b"".join(b'a "quoted\tr%d\r\n\n' % n for n in range(80))
    path = write(tmp_path_factory.mktemp("tsv"), content, "a.tsv")
    edges = [0, *sorted(set(bounds)), len(content)]
    ranges = [Split("a.tsv", start, end, 0) for start, end in pairwise(edges)]
    found = rows(source, path, ranges)
    assert [(row["text"], row["id"]) for row in found] == [('a "quoted', f"r{n}") for n in range(80)]
    assert sum(source.count(split, path, 1 << 30) for split in ranges) == 80
    assert len(splits(source, path, 100)) > 1
    file = InputFile("a.tsv", path, len(content))
    assert source.read_one(file, found[7]["offset"], 0).documents.to_pylist() == [found[7]]


@pytest.mark.parametrize(
    ("bad", "says", "length"),
    [
        (b"2,two,u,more", "the row has 4 columns, the header 3", 12),
        (b"2", "the row has 1 columns, the header 3", 1),
        (b'2,"two\nlines"', "the row has 2 columns, the header 3", 13),
        (b"2,caf\xe9,u", "the row is not UTF-8: invalid continuation byte at byte 5", 8),
        (b'2,"a\ncaf\xe9",u', "the row is not UTF-8: invalid continuation byte at byte 8", 12),
        (b"2,a\0b,u", "the row holds NUL bytes; it is no text", 7),
        (b'2,"never closed,u', "a quote is left open, or the row has more than max_record_bytes (1000)", 17),
        (b'2,"a"b,u', "the quotes make no sense: ',' expected after '\"'", 8),
        (b"2,a\rb,u", "a carriage return stands alone outside quotes", 7),
        (b"2," + b"x" * 2000 + b",u", "the line has more than max_record_bytes (1000)", 2004),
    ],
)
def test_bad_rows_are_quarantined_with_their_place_and_the_next_is_read(tmp_path, bad, says, length):
    more = b"".join(b"%d,row %d,u\n" % (n, n) for n in range(3, 300))
    path = write(tmp_path, b"id,text,url\n1,one,u\n" + bad + b"\n" + more, "a.csv")
    found = rows(CsvSource(max_record_bytes=1000), path)
    assert texts(found) == ["one", *(f"row {n}" for n in range(3, 300))]
    (row,) = [row for row in found if "text" not in row]
    assert (row["offset"], row["outcome"], row["error"]) == (20, "quarantined", says)
    assert json.loads(row["values"]) == {"bytes": length}
    again = CsvSource(max_record_bytes=1000).read_one(InputFile("a.csv", path, 0), 20, 0)
    assert again.rejects.to_pylist() == [row]


def test_an_open_quote_at_the_end_of_the_file_costs_one_line(tmp_path):
    found = rows(CsvSource(), write(tmp_path, b'id,text\n1,"open\n2,two\n3,three\n', "a.csv"))
    assert texts(found) == ["two", "three"]
    assert "a quote is left open" in found[0]["error"]


@pytest.mark.parametrize(
    ("content", "fields", "says"),
    [
        (b"id,body\n", {}, r"a\.csv: has no column 'text'; set fields\.text: one of 'id', 'body'"),
        (b"id, text\n1,x\n", {}, r"a\.csv: has no column 'text'; set fields\.text: one of 'id', ' text'"),
        (b"id,text\n", {"url": "link"}, r"a\.csv: has no column 'link'; set fields\.url: one of 'id', 'text'"),
        (b"text,text\n", {}, r"a\.csv: its header names several columns 'text'; rename all but one$"),
        (b"text,text,b\n", {}, r"several columns 'text'; rename all but one, or set fields\.text: one of 'b'$"),
        (b'text,"id"x\n', {}, r"a\.csv: its header cannot be read: the quotes make no sense"),
    ],
)
def test_a_header_that_does_not_fit_is_refused_with_the_plan(tmp_path, content, fields, says):
    recipe = Recipe.parse({"name": "table", "stages": [{"csv": {"fields": fields}}]})
    with pytest.raises(RecipeError, match=says):
        compile_plan(recipe, [write(tmp_path, content, "a.csv")])


@pytest.mark.parametrize("options", [{"delimiter": '"'}, {"quote": "\n"}, {"delimiter": "::"}])
def test_marks_that_make_no_sense_are_refused(options):
    with pytest.raises(RecipeError, match=r"delimiter|quote"):
        Recipe.parse({"name": "table", "stages": [{"csv": options}]})


def test_files_without_rows_or_text(tmp_path):
    assert rows(CsvSource(), write(tmp_path, b"id,text\r\n", "a.csv")) == []
    assert rows(CsvSource(), write(tmp_path, b"\n\n", "a.csv")) == []
    for content, name, error in (
        (b"", "a.csv", "the file is empty"),
        (table().decode().encode("utf-16"), "a.csv", "the file is in UTF-16; convert it to UTF-8"),
        (gzip.compress(table())[:20], "a.csv.gz", "the gzip file is cut off"),
    ):
        path = write(tmp_path, content, name)
        (row,) = rows(CsvSource(), path)
        assert (row["offset"], row["error"]) == (0, error)
        assert CsvSource().count(splits(CsvSource(), path)[0], path, 10) == 1
        assert CsvSource().read_one(InputFile(name, path, 0), 0, 0).rejects.to_pylist() == [row]


def test_a_run_over_a_table(tmp_path):
    write(tmp_path, table(), "a.csv")
    fields = {"id": "url", "source": "id"}
    recipe = Recipe.parse({"name": "table", "stages": [{"csv": {"fields": fields}}, "exact_dedup"]})
    totals = run(recipe, [tmp_path / "a.csv"], tmp_path / "run", executor="inline", quiet=True, limit=50).totals
    assert (totals.read, totals.kept) == (50, 50)
