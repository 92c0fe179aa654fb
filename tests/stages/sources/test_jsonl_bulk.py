"""Lines read in bulk give the rows that Python's json gives, whatever they hold and however a file is cut."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.base import Split
from stages.sources import byte_lines, byte_stream
from stages.sources.byte_lines import Block
from stages.sources.fields import Fields
from stages.sources.jsonl import JsonlSource
from stages.sources.jsonl_columns import PlainLines, runs_of_lines
from stages.sources.record_source import RecordSource
from tests.stages.warc_files import rows, write

FIELDS = {"text": "text", "id": "a.b", "url": "meta.at.url", "date": "date", "source": "meta"}
COLUMNS = {
    "number": {"type": "float", "field": "date"},
    "whole": {"type": "integer", "field": "a.b"},
    "flag": {"type": "boolean", "field": "other"},
    "word": {"type": "string", "field": "meta.at.url"},
}
NAMES = ["text", "a.b", "meta", "date", "other", "", "te\\u0078t", "é"]
STRINGS = [
    "", "plain", "é😀", '\\n\\t\\/\\\\\\"\\b\\f\\r', "\\u00e9\\u20AC\\u0000", "\\ud83d\\ude00", "\\ud83d", "\\ude00x",
    "\\ud83d\\ud83d\\ude00", "\\ud83d\\u0041", "\\ud83dx", "\\u12", "\\u12g4", "\\x", "\x01", "\x7f", "\\", "\xa0",
    "[{" * 40, "x" * 63 + "\\n" + "y" * 70, "x" * 64, "x" * 62 + "\\ud83d\\ude00", "2024-01-02T03:04:05+02:00",
    "then", "\x85", "\ud800",
]  # fmt: skip
VALUES = [
    *(f'"{string}"' for string in STRINGS),
    *("0", "-0", "7", "-12", "12345678901234567890", "1.5", "1e3", "-0.0", "0.0", "1E-2", "1e+5", "9" * 4301, "-"),
    *("01", "-01", "1.", ".5", "+1", "1e", "1e+", "- 1", "1.5.5", "0x1", "null", "true", "false", "nul", "True"),
    *("NaN", "Infinity", "-Infinity", "[]", "{}", "[ ]", "{ }", "[1,]", "[,]", '{"a"}', '{"a":}', '{"a":1,}'),
    *('{,}', "{1:2}", "nulll", "[1 2]", "[[1], {}]", "[1}", '{"a": 1]', "[", "]", "}", "", "'a'"),
    *('{"at": {"url": "u"}}', '{"at": {"url": 3}}', '{"at": {"url": 3.5}}', '{"at": {"url": null}}', '{"at": []}'),
    *('{"at": {"url": "\\ud83d"}}', '{"at": {"url": {"url": 1}}}', '{"at": {"url": "é\\n"}}'),
    '{"at": {"u\\u0072l": "u"}}',
    *('{"at": {"url": "u", "url": "v"}}', '{"at": {"url": "u", "b": "\\ud83d"}}', '{"at": {"url": "u"}, "at": {}}'),
    "[" * 70 + "]" * 70,
    "[" * 230 + "]" * 230,
    '{"a": [1.5, null, true, {"b": "c", "d": []}], "at": {"x": 1}}',
]  # fmt: skip
BASE = (
    '{"text": "a \\"b\\"\\u00e9", "a.b": -12, "meta": {"at": {"url": "u"}, "n": [1.5e3, true, null]}, "date": "2024"}'
)
MARKS = '"\\{}[],: \t\r\x0b-+.0e1x\x1f\x80'


def lines() -> list[bytes]:
    """Every odd value in every field and depth, and one line with each of its bytes lost or changed."""
    found = ["", " ", "\r", "\x0b\x0c", "\xa0", " {}", "{} ", "[]", '"text"', "7", "{}{}", '{"text": "a"} x', "\x0b{}"]
    for value in VALUES:
        found += [f'{{"text": "t", "{name}": {value}}}' for name in NAMES]
        found += [f'{{"{name}":{value},"text":"t"}}' for name in NAMES]
        found += [f'{{"text": "t", "o": [{value}, 1]}}', f'\t{{"text" :\t"t" , "o": {{"text": {value}}}}}\r', value]
    for place in range(len(BASE)):
        found += [BASE[:place], BASE[:place] + BASE[place + 1 :]]
        found += [BASE[:place] + mark + BASE[place + 1 :] for mark in MARKS]
    return [line.encode("utf-8", "surrogatepass") for line in found]


LINES = lines()


def one_by_one(source, path):
    """The rows that the parser of the standard library gives."""
    batches = RecordSource.read(source, Split("a.jsonl", 0, path.stat().st_size, 0), path, 1 << 30)
    found = [row for batch in batches for part in (batch.documents, batch.rejects) for row in part.to_pylist()]
    return sorted(found, key=lambda row: row["offset"])


@pytest.mark.parametrize("columns", [{}, COLUMNS], ids=["labels", "columns"])
@pytest.mark.parametrize("is_utf8", [True, False])
def test_every_odd_line_gives_the_row_that_json_gives(tmp_path, is_utf8, columns):
    chosen = [line for line in LINES if (b"\xed\xa0" not in line) or not is_utf8]
    path = write(tmp_path, b"\n".join(chosen), "a.jsonl")
    source = JsonlSource(fields=FIELDS, columns=columns)
    assert rows(source, path) == one_by_one(source, path)


@given(
    chosen=st.lists(st.sampled_from(LINES), max_size=12),
    ends=st.sampled_from([b"\n", b"\r\n", b"\n\n"]),
    edge=st.tuples(st.sampled_from([b"", b"\xef\xbb\xbf"]), st.sampled_from([b"", b"\n"])),
    cuts=st.lists(st.integers(1, 1000), max_size=3),
    block=st.integers(1, 300),
    batch=st.integers(1, 500),
)
@settings(max_examples=100, deadline=None)
def test_cuts_and_blocks_change_no_row(tmp_path_factory, chosen, ends, edge, cuts, block, batch):
    source = JsonlSource(fields=FIELDS, max_record_bytes=120)
    path = write(tmp_path_factory.mktemp("jsonl"), ends.join(chosen).join(edge), "a.jsonl")
    size = path.stat().st_size
    edges = [0, *sorted(cut for cut in set(cuts) if cut < size), size]
    ranges = [Split("a.jsonl", start, end, 0) for start, end in pairwise(edges)]
    alone = one_by_one(source, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(byte_lines, "_BLOCK", block)
        patch.setattr(byte_stream, "_PLAIN_PIECE", block)
        assert rows(source, path, ranges, batch) == alone
        assert sum(source.count(split, path, 1 << 30) for split in ranges) == len(alone)


def test_common_lines_are_read_in_bulk():
    record = {"id": 7, "text": 'a "b"\n\tc \\ é 😀 \u20ac', "meta": {"at": {"url": "u"}, "n": [1.5, None, {"x": []}]}}
    lines = "\n".join([json.dumps(record), json.dumps(record, ensure_ascii=False), "", json.dumps(record, indent=None)])
    plain = PlainLines(Fields(**FIELDS), {}, 1 << 20, 10)
    (run,) = runs_of_lines(Block(0, lines.encode()))
    assert plain.add(run) == []
    assert plain._rows == 3


def test_long_files_are_read_in_many_blocks(tmp_path):
    lines = [b'{"text": "%s"}' % (b"%d" % number * (number % 997)) for number in range(5000)]
    lines[100] = b"nothing"
    lines[200] = b'{"text": "' + b"x" * 3_000_000 + b'"}'
    lines[300] = b'{"text": "' + b"x" * 8_000_000
    found = rows(JsonlSource(max_record_bytes=4_000_000), write(tmp_path, b"\n".join(lines), "a.jsonl"))
    offsets = np.cumsum([0, *(len(line) + 1 for line in lines)])[:-1]
    assert [row["offset"] for row in found] == offsets.tolist()
    for number, (row, line) in enumerate(zip(found, lines, strict=True)):
        assert row.get("text", "") == ("" if number in (100, 300) else json.loads(line)["text"])
    assert "not JSON" in found[100]["error"] and "max_record_bytes" in found[300]["error"]
