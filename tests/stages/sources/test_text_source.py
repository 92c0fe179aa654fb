"""Plain text files as documents, whole or line by line."""

import bz2
import gzip
import json
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import Recipe, run
from stages.base import InputFile, Split
from stages.sources.text_files import TextSource
from tests.stages.warc_files import made_up_id, rows, splits, write

LINES = TextSource(documents="line")
CONTENT = "\n".join(f"line {n} é" if n % 5 else "" for n in range(300)).encode()
COMPRESSIONS = [("", bytes), (".gz", gzip.compress), (".zst", zstandard.compress), (".bz2", bz2.compress)]


@pytest.mark.parametrize(("ending", "compress"), COMPRESSIONS, ids=["plain", "gz", "zst", "bz2"])
def test_a_file_is_a_document_or_its_lines_are(tmp_path, ending, compress):
    path = write(tmp_path, compress(b"\xef\xbb\xbf" + CONTENT), f"a.txt{ending}")
    (whole,) = rows(TextSource(), path, splits(TextSource(), path, 100))
    assert (whole["text"], whole["offset"], whole["id"]) == (CONTENT.decode(), 0, made_up_id(path.name, 0))
    found = rows(LINES, path)
    assert [row["text"] for row in found] == [line for line in CONTENT.decode().split("\n") if line]
    for row in found:
        assert (b"\xef\xbb\xbf" + CONTENT)[row["offset"] :].startswith(row["text"].encode())
    file = InputFile(path.name, path, path.stat().st_size)
    assert LINES.read_one(file, found[7]["offset"], 0).documents.to_pylist() == [found[7]]
    assert LINES.read_one(file, found[7]["offset"] + 1, 0).documents.num_rows == 0
    assert TextSource().read_one(file, 0, 0).documents.to_pylist() == [whole]
    assert TextSource().read_one(file, 1, 0).documents.num_rows == 0


@given(bounds=st.lists(st.integers(1, len(CONTENT) - 1), max_size=10))
@settings(max_examples=25, deadline=None)
def test_any_cut_gives_the_same_lines(tmp_path_factory, bounds):
    path = write(tmp_path_factory.mktemp("text"), CONTENT.replace(b"\n", b"\r\n"), "a.txt")
    edges = [0, *sorted(set(bounds)), path.stat().st_size]
    ranges = [Split("a.txt", start, end, 0) for start, end in pairwise(edges)]
    found = rows(LINES, path, ranges)
    assert [row["text"] for row in found] == [line for line in CONTENT.decode().split("\n") if line]
    assert sum(LINES.count(split, path, 1 << 30) for split in ranges) == len(found)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"caf\xe9", "is not UTF-8: unexpected end of data at byte 3"),
        (b"a\0b", "holds NUL bytes; it is no text"),
        (b"x" * 5000, "has more than max_record_bytes (1000)"),
    ],
)
def test_what_is_no_text_is_quarantined_with_its_place(tmp_path, line, says):
    path = write(tmp_path, b"one\n" + line + b"\ntwo", "a.txt")
    one, bad, two = rows(TextSource(documents="line", max_record_bytes=1000), path)
    assert (one["text"], two["text"]) == ("one", "two")
    assert (bad["offset"], bad["outcome"], json.loads(bad["values"])) == (4, "quarantined", {"bytes": len(line)})
    assert bad["error"] == f"the line {says}"
    (whole,) = rows(TextSource(max_record_bytes=1000), path)
    assert (whole["offset"], whole["outcome"]) == (0, "quarantined")
    assert whole["error"].split(":")[0] == f"the file {says}".split(":")[0]
    assert json.loads(whole["values"]) == {"bytes": path.stat().st_size}


@pytest.mark.parametrize("source", [TextSource(), LINES])
def test_files_that_are_no_document_at_all(tmp_path, source):
    (empty,) = rows(source, write(tmp_path, b"", "a.txt"))
    assert (empty["error"], empty["values"]) == ("the file is empty", '{"bytes": 0}')
    (wide,) = rows(source, write(tmp_path, "text\n".encode("utf-16"), "a.txt"))
    assert wide["error"] == "the file is in UTF-16; convert it to UTF-8"
    packed = gzip.compress(CONTENT * 100)
    *_, cut = rows(source, write(tmp_path, packed[: len(packed) // 2], "a.txt.gz"))
    assert cut["error"] == "the gzip file is cut off"


def test_a_run_over_a_folder_of_texts(tmp_path):
    for number in range(5):
        (tmp_path / "in" / "deep").mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / "deep" / f"{number}.txt").write_text(f"Text {number}.\n\nIts second paragraph.\n")
    recipe = Recipe.parse({"name": "texts", "stages": [{"text": {"source": "books"}}]})
    totals = run(recipe, [tmp_path / "in"], tmp_path / "run", executor="inline", quiet=True, limit=3).totals
    assert (totals.read, totals.kept) == (3, 3)
