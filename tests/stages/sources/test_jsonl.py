"""JSON Lines: every line is a document or a row that says what is wrong with it."""

import bz2
import gzip
import json
from functools import partial
from itertools import pairwise

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.base import InputFile, Split, StageError
from stages.sources.jsonl import JsonlSource
from tests.stages.warc_files import made_up_id, rows, splits, write

GOOD = [{"id": f"d{n}", "text": f"text {n} é", "url": f"http://e/{n}", "date": "2024-01-02"} for n in range(200)]
PLAIN = b"".join(json.dumps(record).encode() + b"\n" for record in GOOD)


def texts(found):
    return [row["text"] for row in found if "text" in row]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", PLAIN),
        ("a.jsonl.gz", gzip.compress(PLAIN)),
        ("a.jsonl.gz", gzip.compress(PLAIN[:777]) + gzip.compress(PLAIN[777:])),
        ("a.jsonl.bz2", bz2.compress(PLAIN)),
        ("a.jsonl.bz2", bz2.compress(PLAIN[:777]) + bz2.compress(PLAIN[777:])),
        ("a.jsonl.zst", zstandard.compress(PLAIN)),
        ("a.jsonl.zst", zstandard.compress(PLAIN[:777]) + zstandard.compress(PLAIN[777:])),
    ],
)
def test_plain_and_compressed_files_give_the_same_rows(tmp_path, name, content):
    path = write(tmp_path, content, name)
    found = rows(JsonlSource(), path)
    assert texts(found) == [record["text"] for record in GOOD]
    assert [row["id"] for row in found] == [record["id"] for record in GOOD]
    for row in found:
        assert json.loads(PLAIN[row["offset"] :].split(b"\n")[0])["id"] == row["id"]
    file = InputFile(name, path, path.stat().st_size)
    again = JsonlSource().read_one(file, found[77]["offset"], 0).documents.to_pylist()
    assert again == [found[77]]
    assert JsonlSource().read_one(file, found[77]["offset"] + 1, 0).documents.num_rows == 0


@given(bounds=st.lists(st.integers(1, len(PLAIN) - 1), max_size=10))
@settings(max_examples=25, deadline=None)
def test_any_cut_gives_the_same_rows(tmp_path_factory, bounds):
    path = write(tmp_path_factory.mktemp("jsonl"), b"\n \r\n" + PLAIN.replace(b"\n", b"\r\n\n"), "a.jsonl")
    edges = [0, *sorted(set(bounds)), path.stat().st_size]
    ranges = [Split("a.jsonl", start, end, 0) for start, end in pairwise(edges)]
    assert rows(JsonlSource(), path, ranges) == rows(JsonlSource(), path)
    counts = [JsonlSource().count(split, path, 1 << 30) for split in ranges]
    assert sum(counts) == len(GOOD)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"text": "x"', "is not JSON"),
        (b"nothing", "is not JSON"),
        (b'{"id": 1}', "'text' is missing"),
        (b'{"text": null}', "'text' is null, not a string"),
        (b'{"text": 7}', "'text' is a number, not a string"),
        (b'{"text": ["a"]}', "'text' is an array, not a string"),
        (b'["text"]', "is an array, not an object"),
        (b'{"text": "\xff"}', "is not UTF-8"),
        (b'{"text": "\\ud800"}', "half of a surrogate pair"),
        (b"[" * 100_000, "nests deeper than 200 levels"),
        (b'{"text": "t", "more": -' + b"9" * 5000 + b"}", "holds an integer of more than 4,300 digits"),
        (b'{"text": "\xff", "more": ' + b"[" * 200, "is not UTF-8"),
        (b'{"text": "' + b"x" * 5000 + b'"}', "the line has more than max_record_bytes (1000)"),
    ],
)
def test_bad_lines_are_quarantined_with_their_place(tmp_path, line, says):
    content = b'{"text": "one"}\n' + line + b'\n{"text": "two"}'
    found = rows(JsonlSource(max_record_bytes=1000 if b"xx" in line else 1 << 20), write(tmp_path, content, "a.jsonl"))
    assert texts(found) == ["one", "two"]
    (bad,) = [row for row in found if "text" not in row]
    assert (bad["offset"], bad["outcome"]) == (16, "quarantined")
    assert says in bad["error"]


def nested(levels: int) -> bytes:
    return b'{"text": "t", "more": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}\n"


def deepest_stack() -> int:
    """Calls that are left before the interpreter gives up."""
    try:
        return 1 + deepest_stack()
    except RecursionError:
        return 1


def called_below(calls: int, function):
    return called_below(calls - 1, function) if calls else function()


def test_the_verdict_on_a_nested_line_is_the_same_at_any_stack_depth(tmp_path):
    path = write(tmp_path, b"".join(map(nested, range(150, 251))), "a.jsonl")
    found = rows(JsonlSource(), path)
    assert len(texts(found)) == 51
    assert {row.get("error") for row in found[51:]} == {"the line nests deeper than 200 levels"}
    deep = deepest_stack() - 120
    assert called_below(deep, lambda: rows(JsonlSource(), path)) == found


def test_brackets_inside_strings_are_no_nesting(tmp_path):
    text = '[{\\"' * 300 + '"'
    content = json.dumps({"text": text, "list": [[]] * 300}).encode() + b'\n{"text": "' + b"[" * 300
    good, bad = rows(JsonlSource(), write(tmp_path, content, "a.jsonl"))
    assert good["text"] == text
    assert "is not JSON" in bad["error"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.jsonl.bz2"])
def test_an_empty_file_is_one_quarantined_row(tmp_path, name):
    path = write(tmp_path, b"", name)
    (row,) = rows(JsonlSource(), path)
    assert (row["file"], row["offset"], row["outcome"], row["error"]) == (name, 0, "quarantined", "the file is empty")
    (split,) = splits(JsonlSource(), path)
    assert JsonlSource().count(split, path, 10) == 1
    assert JsonlSource().read_one(InputFile(name, path, 0), 0, 0).rejects.to_pylist() == [row]


@pytest.mark.parametrize("own", ["", '"id": null, ', '"id": true, ', '"id": [1], '])
def test_a_row_without_an_id_is_named_by_its_place(tmp_path, own):
    content = b'{"text": "one", "id": 1.5}\n' + b'{%s"text": "two"}\nbad\n' % own.encode()
    found = rows(JsonlSource(), write(tmp_path, content, "a.jsonl"))
    assert [row["id"] for row in found] == ["1.5", *(made_up_id("a.jsonl", row["offset"]) for row in found[1:])]


def test_escaped_pairs_marks_and_odd_labels(tmp_path):
    content = b'\xef\xbb\xbf{"text": "\\ud83d\\ude00", "id": 5, "url": {"a": 1}, "date": "then"}\n'
    (row,) = rows(JsonlSource(), write(tmp_path, content, "a.jsonl"))
    assert (row["text"], row["id"], row["url"], row["date"]) == ("😀", "5", None, None)


def test_nested_fields_are_named_with_dots(tmp_path):
    fields = {"text": "raw.body", "id": "a.b", "url": "meta.at.url", "date": None, "source": "meta.from"}
    content = b"""{"raw": {"body": "one"}, "a.b": "own", "a": {"b": "inner"}, "meta": {"at": {"url": "u"}, "from": "f"}}
{"raw": {"body": "two"}, "a": {"b": 7}, "meta": "none", "date": "2024-01-02"}
{"raw": {}, "meta": {"at": [1]}}
{"raw": "three"}
{"raw": {"body": null}}"""
    one, two, *bad = rows(JsonlSource(fields=fields), write(tmp_path, content, "a.jsonl"))
    assert (one["text"], one["id"], one["url"], one["source"]) == ("one", "own", "u", "f")
    assert (two["text"], two["id"], two["url"], two["source"], two["date"]) == ("two", "7", None, "jsonl", None)
    missing = "the field 'raw.body' is missing"
    assert [row["error"] for row in bad] == [missing, missing, "the field 'raw.body' is null, not a string"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_a_file_in_a_wide_encoding_is_one_quarantined_row(tmp_path, encoding):
    content = PLAIN.decode().encode(encoding)
    path = write(tmp_path, content, "a.jsonl")
    ranges = splits(JsonlSource(), path, 5000)
    (row,) = rows(JsonlSource(), path, ranges)
    assert row["error"] == f"the file is in {encoding[:6].upper()}; convert it to UTF-8"
    assert (row["offset"], json.loads(row["values"])) == (0, {"bytes": len(content)})
    assert len(ranges) > 1 and sum(JsonlSource().count(split, path, 10) for split in ranges) == 1
    assert rows(JsonlSource(), write(tmp_path, gzip.compress(content), "a.jsonl.gz"))[0]["error"] == row["error"]


def test_fields_can_be_named(tmp_path):
    source = JsonlSource(fields={"text": "body", "id": "key"}, source="mine")
    (row,) = rows(source, write(tmp_path, b'{"body": "b", "key": "k"}', "a.jsonl"))
    assert (row["text"], row["id"], row["source"]) == ("b", "k", "mine")


COMPRESSIONS = [("gz", gzip.compress), ("zst", zstandard.compress), ("bz2", partial(bz2.compress, compresslevel=1))]


@pytest.mark.parametrize(("ending", "compress"), COMPRESSIONS, ids=["gz", "zst", "bz2"])
def test_a_cut_compressed_file_gives_what_comes_before(tmp_path, ending, compress):
    lines = b"".join(b'{"text": "%s"}\n' % hex(n**9).encode() for n in range(15_000))
    content = compress(lines)
    found = rows(JsonlSource(), write(tmp_path, content[: len(content) * 3 // 4], f"a.jsonl.{ending}"))
    assert texts(found) == [f"{hex(n**9)}" for n in range(len(found) - 1)]
    assert len(found) > 5_000
    assert "cut off" in found[-1]["error"]


def test_damaged_bzip2_gives_every_line_before_the_damage(tmp_path):
    lines = b"".join(b'{"text": "%s"}\n' % hex(n**9).encode() for n in range(15_000))
    content = bytearray(bz2.compress(lines[:200_000]) + bz2.compress(lines[200_000:]))
    content[len(bz2.compress(lines[:200_000])) + 6] ^= 0xFF
    found = rows(JsonlSource(), write(tmp_path, bytes(content), "a.jsonl.bz2"))
    whole = lines[:200_000].count(b"\n")
    assert texts(found) == [hex(n**9) for n in range(whole)]
    assert found[-1]["error"] == "the bzip2 data is damaged"
    assert (found[-1]["offset"], json.loads(found[-1]["values"])) == (
        lines.rindex(b"\n", 0, 200_000) + 1,
        {"bytes": 199_999 - lines.rindex(b"\n", 0, 200_000)},
    )


def test_damaged_zstd_gives_every_line_before_the_damage(tmp_path):
    lines = b"".join(b'{"text": "%d"}\n' % (n // 5000) for n in range(100_000))
    content = bytearray(zstandard.ZstdCompressor(write_content_size=False).compress(lines))
    # Raw, run-length and compressed blocks follow one another, each behind a header of three bytes.
    header, blocks = zstandard.frame_header_size(bytes(content)), []
    while not blocks or not blocks[-1][1] & 1:
        place = blocks[-1][2] if blocks else header
        word = int.from_bytes(content[place : place + 3], "little")
        blocks.append((place, word, place + 3 + (1 if word >> 1 & 3 == 1 else word >> 3)))
    content[blocks[4][0]] |= 0b110  # a type of block that is reserved
    assert blocks[5][0] < 1000 and len(blocks) > 6
    found = rows(JsonlSource(), write(tmp_path, bytes(content), "a.jsonl.zst"))
    assert len(texts(found)) == lines[: 4 << 17].count(b"\n")
    assert (
        "the zstd data is damaged" in found[-1]["error"] and found[-1]["offset"] == lines.rindex(b"\n", 0, 4 << 17) + 1
    )


def test_damaged_gzip_gives_every_line_before_the_damage(tmp_path):
    lines = b"".join(b'{"text": "%d"}\n' % n for n in range(15_000))
    content = bytearray(gzip.compress(lines))
    content[-4] ^= 1
    found = rows(JsonlSource(), write(tmp_path, bytes(content), "a.jsonl.gz"))
    assert len(texts(found)) == 15_000
    assert "damaged" in found[-1]["error"]


def test_long_windows_of_zstd(tmp_path):
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=27, enable_ldm=True)
    content = zstandard.ZstdCompressor(compression_params=parameters).compress(PLAIN)
    assert len(rows(JsonlSource(), write(tmp_path, content, "a.jsonl.zst"))) == 200


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl.gz", PLAIN), ("a.jsonl.zst", PLAIN), ("a.jsonl.bz2", PLAIN), ("a.jsonl", gzip.compress(PLAIN))],
)
def test_a_name_that_does_not_fit_is_one_clear_line(tmp_path, name, content):
    path = write(tmp_path, content, name)
    with pytest.raises(StageError, match=r"is (not )?compressed"):
        rows(JsonlSource(), path)


def test_rows_have_the_schema_that_is_announced(tmp_path):
    path = write(tmp_path, PLAIN, "a.jsonl")
    batch = next(JsonlSource().read(splits(JsonlSource(), path)[0], path, 1 << 20))
    assert batch.documents.schema == JsonlSource().output_schema()
    assert batch.documents.schema.field("text").type == pa.large_string()


def test_the_malformed_file_and_the_real_corpora(shared_data):
    found = rows(JsonlSource(), shared_data / "malformed" / "broken_lines.jsonl")
    assert [row["id"] for row in found if "text" in row] == ["a1", "a6"]
    assert len(found) == 7
    for name, count in (("tinyshakespeare", 7222), ("wikitext2_valid", 60)):
        assert len(texts(rows(JsonlSource(), shared_data / "text" / f"{name}.jsonl.zst"))) == count
