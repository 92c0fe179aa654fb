"""ARC files, the format before WARC: both versions, plain and compressed, damaged."""

import gzip
import json
from datetime import UTC, datetime

import pytest
from warc_files import PAGE, http, rows, write

from stages.base import InputFile, Split
from stages.warc.source import WarcSource


def line(url: str, length: object, kind: str = "text/html", more: str = "") -> bytes:
    return f"{url} 192.0.2.1 20080430204825 {kind}{more} {length}\n".encode()


def arc(url: str, block: bytes, kind: str = "text/html", more: str = "") -> bytes:
    return line(url, len(block), kind, more) + block + b"\n"


DESCRIPTION = arc(
    "filedesc://x.arc", b"1 0 Test\nURL IP-address Archive-date Content-type Archive-length\n", "text/plain"
)
VERSION_2 = " 200 ABC - 1234 x.arc"


def record(number: int, more: str = "") -> bytes:
    return arc(f"http://example.org/{number}", http(PAGE + b"<p>%d" % number), more=more)


def numbers(found):
    return [row["url"] and row["url"].removeprefix("http://example.org/") for row in found]


@pytest.mark.parametrize("more", ["", VERSION_2], ids=["version 1", "version 2"])
@pytest.mark.parametrize("suffix", [".arc", ".arc.gz"])
def test_records_become_pages_with_their_labels(tmp_path, suffix, more):
    contents = [DESCRIPTION, *(record(number, more) for number in range(20))]
    if suffix == ".arc.gz":
        contents = [gzip.compress(content, mtime=0) for content in contents]
    data = b"".join(contents)
    path = write(tmp_path, data, f"test{suffix}")
    found = rows(WarcSource(), path)
    assert numbers(found) == [str(number) for number in range(20)]
    assert [row["offset"] for row in found] == [len(b"".join(contents[: at + 1])) for at in range(20)]
    assert (found[3]["html"], found[3]["charset"]) == (PAGE + b"<p>3", "utf-8")
    assert found[3]["date"] == datetime(2008, 4, 30, 20, 48, 25, tzinfo=UTC)
    file = InputFile(path.name, path, len(data))
    assert WarcSource().read_one(file, found[3]["offset"], 0).documents.to_pylist() == [found[3]]
    for cut in range(1, len(data), 333):
        assert rows(WarcSource(), path, [Split(path.name, 0, cut, 0), Split(path.name, cut, len(data), 0)]) == found


def test_urls_with_blanks_other_schemes_and_bare_content(tmp_path):
    name = arc("dns:example.org", b"20080430 example.org. 60 IN A 192.0.2.1", "text/dns")
    spaced = arc("http://example.org/a b 7", http())
    bare = arc("http://example.org/bare", PAGE)
    found = rows(WarcSource(), write(tmp_path, DESCRIPTION + name + spaced + bare, "test.arc"))
    assert [(row["url"], row.get("rule"), row.get("html")) for row in found] == [
        ("dns:example.org", "media_type", None),
        ("http://example.org/a b 7", None, PAGE),
        ("http://example.org/bare", None, PAGE),
    ]


def test_damage_is_one_row_and_the_next_record_is_read(tmp_path):
    wrong = line("http://example.org/wrong", 10**9) + http() + b"\n"
    found = rows(
        WarcSource(), write(tmp_path, DESCRIPTION + record(1) + b"junk\n" * 9 + record(2) + wrong + record(3), "t.arc")
    )
    assert numbers(found) == ["1", None, "2", "wrong", "3"]
    assert [json.loads(row["values"]) for row in found if row.get("error")] == [{"bytes": 45}, {"bytes": len(wrong)}]


def test_a_length_that_is_no_number_is_a_record_without_content(tmp_path):
    content = (
        DESCRIPTION
        + line("http://example.org/1", "-1")
        + b"\n"
        + line("http://example.org/2", "abc")
        + b"\n"
        + record(3)
    )
    found = rows(WarcSource(), write(tmp_path, content, "test.arc"))
    assert [(row["url"][-1], row.get("rule")) for row in found] == [
        ("1", "empty_payload"),
        ("2", "empty_payload"),
        ("3", None),
    ]


def test_a_description_that_is_damaged_hides_nothing(tmp_path):
    data = gzip.compress(DESCRIPTION)[:-30] + gzip.compress(record(1)) + gzip.compress(record(2))
    assert numbers(rows(WarcSource(), write(tmp_path, data, "test.arc.gz"))) == [None, "1", "2"]


@pytest.mark.parametrize("suffix", [".arc", ".arc.gz"])
def test_a_record_that_is_cut_off_is_told_in_terms_of_the_format(tmp_path, suffix):
    data = DESCRIPTION + record(1) + record(2)[:-30]
    path = write(tmp_path, gzip.compress(data) if suffix == ".arc.gz" else data, f"test{suffix}")
    *_, cut = rows(WarcSource(), path)
    assert cut["error"].endswith("the record ends 29 bytes before its Archive-length")
