"""What the source `warc` makes of records: pages, or rejects that say why."""

import gzip
import io
import json
import os
from datetime import UTC, datetime

import pytest
import zstandard
from fastwarc.warc import ArchiveIterator, WarcRecordType
from warc_files import PAGE, http, ids, made_up_id, members, record, rows, splits, write

from stages.base import InputFile, StageError
from stages.warc.source import WarcSource

HTML = ("Content-Type", "text/html")


def one(tmp_path, block, **options):
    (row,) = rows(WarcSource(**options), write(tmp_path, members(record(1, block))))
    return row


def test_a_page_carries_identity_labels_and_decoded_html(tmp_path):
    path = write(tmp_path, members(record(1, b"", "warcinfo"), record(2, http())))
    (row,) = rows(WarcSource(source="crawl"), path)
    assert row == {
        "file": "test.warc.gz",
        "offset": len(members(record(1, b"", "warcinfo"))),
        "ordinal": 0,
        "id": "<urn:test:2>",
        "url": "http://example.org/2",
        "date": datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        "source": "crawl",
        "html": PAGE,
        "content_type": "text/html",
        "charset": "utf-8",
        "http_signals": None,
    }


def test_other_record_types_are_no_rows_but_counted(tmp_path):
    kinds = ["request", "revisit", "metadata", "resource", "conversion", "continuation", "unheard-of"]
    path = write(tmp_path, members(*(record(n, http(), kind) for n, kind in enumerate(kinds))))
    assert rows(WarcSource(), path) == []
    (split,) = splits(WarcSource(), path)
    assert WarcSource().count(split, path, 100) == 0
    (batch,) = WarcSource().read(split, path, 1 << 20)
    assert batch.counters == {f"{kind}_records": 1 for kind in [*kinds[:-1], "unknown"]}


def test_revisits_can_be_listed_with_what_they_refer_to(shared_data):
    path = shared_data / "warc" / "dev-history-recrawl.warc.gz"
    source = WarcSource(revisits="list")
    found = rows(source, path)
    assert source.count(splits(source, path)[0], path, 1000) == len(found) == 68
    assert {(row["outcome"], row["rule"]) for row in found} == {("dropped", "revisit")}
    earlier = {row["id"]: row["url"] for row in rows(WarcSource(), path.with_name("dev-history.warc.gz"))}
    for row in found:
        values = json.loads(row["values"])
        assert earlier[values["refers_to"]] == row["url"]
        assert values["payload_digest"].startswith("sha1:")


@pytest.mark.parametrize(
    ("block", "rule", "values"),
    [
        (http(status="404 Not Found"), "http_status", {"http_status": 404}),
        (http(status="301"), "http_status", {"http_status": 301}),
        (http(headers=[("Content-Type", "image/png")]), "media_type", {"media_type": "image/png"}),
        (http(b"plain words", headers=[]), "media_type", {"media_type": "unknown"}),
        (http(b"\x89PNG\r\n\x1a\n....", headers=[HTML]), "media_type", {"media_type": "image/png"}),
        (http(b""), "empty_payload", {"payload_bytes": 0, "blank_bytes": 0}),
        (http(b" \r\n\t "), "empty_payload", {"payload_bytes": 0, "blank_bytes": 5}),
        (b"", "empty_payload", {"payload_bytes": 0, "blank_bytes": 0}),
    ],
)
def test_rules_drop_what_is_no_page(tmp_path, block, rule, values):
    row = one(tmp_path, block)
    assert (row["outcome"], row["rule"], json.loads(row["values"])) == ("dropped", rule, values)
    assert row["url"] == "http://example.org/1"


def test_statuses_and_media_types_can_be_chosen(tmp_path):
    assert one(tmp_path, http(status="404 Not Found"), statuses=(200, 404))["html"] == PAGE
    block = http(b"words", headers=[("Content-Type", "Text/Plain")])
    assert one(tmp_path, block, media_types=("text/plain",))["content_type"] == "text/plain"


def test_html_without_content_type_is_found_by_its_first_tag(tmp_path):
    assert one(tmp_path, http(b"\n <!DOCTYPE html><p>x", headers=[]))["content_type"] == "text/html"


@pytest.mark.parametrize("size", [0, 1])
def test_records_over_the_limit_are_quarantined_unread(tmp_path, size):
    big = http(b"<p>" + b"x" * (3_000_000 + size))
    path = write(tmp_path, members(record(1, big), record(2, http()), record(3, big), level=1))
    found = rows(WarcSource(max_record_bytes=1000), path)
    assert ids(found) == [1, 2, 3]
    assert [row.get("error") for row in found] == [
        "the record is larger than max_record_bytes (1000)",
        None,
        "the record is larger than max_record_bytes (1000)",
    ]


def test_a_body_that_unpacks_beyond_the_limit_is_quarantined(tmp_path):
    bomb = gzip.compress(b"<p>" + b"\0" * 50_000_000)
    row = one(tmp_path, http(bomb, headers=[HTML, ("Content-Encoding", "gzip")]), max_record_bytes=1_000_000)
    assert row["error"] == "the decoded body is larger than 1000000 bytes"


def test_an_undecodable_body_is_quarantined(tmp_path):
    row = one(tmp_path, http(bytes(range(256)), headers=[HTML, ("Content-Encoding", "br")]))
    assert row["outcome"] == "quarantined"
    assert "br" in row["error"]


def test_a_block_without_status_line_is_quarantined_unless_it_is_a_page_by_its_record(tmp_path):
    assert one(tmp_path, b"garbage")["error"] == "the record has no HTTP status line"
    text = record(1, PAGE).replace(b"application/http; msgtype=response", b"text/html")
    (row,) = rows(WarcSource(), write(tmp_path, members(text)))
    assert row["html"] == PAGE


def test_a_bad_date_is_null_and_a_missing_id_is_made_from_the_place(tmp_path):
    content = record(1, http()).replace(b"2024-01-02T03:04:05Z", b"yesterday").replace(b"WARC-Record-ID", b"X-ID")
    (row,) = rows(WarcSource(), write(tmp_path, members(content)))
    assert (row["date"], row["id"]) == (None, made_up_id("test.warc.gz", 0))


def test_line_ends_of_every_kind_between_lines(tmp_path):
    lf = record(1, http().replace(b"\r\n", b"\n")).split(b"\r\n\r\n", 1)
    odd = lf[0].replace(b"\r\n", b"\n") + b"\n\n" + lf[1]
    crcr = record(2, http()).split(b"\r\n\r\n", 1)
    doubled = crcr[0].replace(b"\r\n", b"\r\r\n") + b"\r\r\n\r\r\n" + crcr[1]
    assert ids(rows(WarcSource(), write(tmp_path, members(odd, doubled, record(3, http()))))) == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"once upon a time\n" * 50, "is not a WARC file"),
        (gzip.compress(b"once upon a time\n" * 50, mtime=0), "is not a WARC file"),
        (zstandard.compress(b"once upon a time\n" * 50), "is not a WARC file"),
    ],
)
def test_a_file_that_is_no_warc_is_one_clear_line(tmp_path, content, says):
    path = write(tmp_path, content)
    with pytest.raises(StageError) as raised:
        rows(WarcSource(), path)
    assert str(raised.value).startswith(f"{path}: {says}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        b"WARC/1.0\r\nWARC-Type: resp",
        gzip.compress(b"WARC/1.0\r\n", mtime=0),
        b"\x1f\x8b\x08",
        gzip.compress(os.urandom(99_999))[:-50_000],
        zstandard.compress(os.urandom(99_999))[:-50_000],
        b"filedesc://x.arc 0.0.0.0 20080430204825 text/plain 68\n1 1 x\n",
    ],
    ids=["cut header", "cut header in a member", "magic alone", "cut gzip", "cut zstd", "cut ARC"],
)
def test_a_file_that_was_damaged_from_its_start_on_is_one_quarantined_row(tmp_path, content):
    (row,) = rows(WarcSource(), write(tmp_path, content))
    assert (row["outcome"], row["error"][:9], json.loads(row["values"])) == (
        "quarantined",
        "damaged: ",
        {"bytes": len(content)},
    )


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "a.warc.zst"])
def test_an_empty_file_is_one_quarantined_row(tmp_path, name):
    path = write(tmp_path, b"", name)
    (row,) = rows(WarcSource(), path)
    assert (row["file"], row["offset"], row["outcome"], row["error"]) == (name, 0, "quarantined", "the file is empty")
    (split,) = splits(WarcSource(), path)
    assert WarcSource().count(split, path, 10) == 1
    assert WarcSource().read_one(InputFile(name, path, 0), 0, 0).rejects.to_pylist() == [row]


def test_content_decides_not_the_name(tmp_path):
    path = write(tmp_path, record(1, http()) + record(2, http()), "plain.warc.gz")
    assert ids(rows(WarcSource(), path)) == [1, 2]


def test_counts_are_those_of_an_independent_reader(shared_data):
    for path in sorted((shared_data / "warc").glob("dev-*.warc.gz")):
        with path.open("rb") as stream:
            responses = ArchiveIterator(stream, parse_http=False, record_types=WarcRecordType.response)
            expected = sum(1 for _ in responses)
        (split,) = splits(WarcSource(), path)
        batches = WarcSource().read(split, path, 8 << 20)
        assert sum(b.documents.num_rows + b.rejects.num_rows for b in batches) == expected
        assert WarcSource().count(split, path, 1 << 40) == expected
        assert WarcSource().count(split, path, 5) == min(5, expected)


def test_offsets_lead_back_to_the_record(shared_data):
    path = shared_data / "warc" / "dev-history.warc.gz"
    file = InputFile(path.name, path, path.stat().st_size)
    found = rows(WarcSource(), path)
    content = path.read_bytes()
    for row in found[::7]:
        again = WarcSource().read_one(file, row["offset"], row["ordinal"])
        (same,) = again.documents.to_pylist() + again.rejects.to_pylist()
        assert same == row
        record_there = next(iter(ArchiveIterator(io.BytesIO(content[row["offset"] :]), parse_http=False)))
        assert record_there.record_id == row["id"]
    nothing = WarcSource().read_one(file, found[0]["offset"], 7)
    assert nothing.documents.num_rows + nothing.rejects.num_rows == 0


def test_batches_are_bounded_by_bytes(shared_data):
    path = shared_data / "warc" / "dev-history.warc.gz"
    (split,) = splits(WarcSource(), path)
    batches = list(WarcSource().read(split, path, 100_000))
    largest = max(len(html) for batch in batches for html in batch.documents.column("html").to_pylist())
    assert max(batch.documents.column("html").nbytes for batch in batches) < 100_000 + largest + 4096
