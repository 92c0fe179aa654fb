"""WET files: the texts of conversion records."""

import json

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from stages.base import InputFile
from stages.warc.wet import WetSource
from tests.stages.warc_files import ids, members, record, rows, splits, write

TEXTS = [f"Text {number} é.\n" for number in range(50)]
RECORDS = [record(number, text.encode(), "conversion") for number, text in enumerate(TEXTS)]
INFO = record(99, b"software: none", "warcinfo")


@pytest.mark.parametrize(
    ("name", "content"), [("a.warc.wet.gz", members(INFO, *RECORDS)), ("a.warc.wet", INFO + b"".join(RECORDS))]
)
@pytest.mark.parametrize("target", [300, 1 << 30])
def test_every_conversion_record_is_a_text(tmp_path, name, content, target):
    path = write(tmp_path, content, name)
    ranges = splits(WetSource(), path, target)
    found = rows(WetSource(), path, ranges)
    assert [row["text"] for row in found] == TEXTS
    assert ids(found) == list(range(50))
    assert found[7]["url"] == "http://example.org/7" and found[7]["date"].year == 2024
    assert sum(WetSource().count(split, path, 100) for split in ranges) == 50
    file = InputFile(name, path, path.stat().st_size)
    assert WetSource().read_one(file, found[7]["offset"], 0).documents.to_pylist() == [found[7]]


def test_texts_that_are_not_utf_8_too_large_or_damaged_are_quarantined(tmp_path):
    odd = [record(1, b"caf\xe9", "conversion"), record(2, b"x" * 2000, "conversion")]
    content = members(RECORDS[0], *odd) + b"damaged bytes" + members(RECORDS[3])
    found = rows(WetSource(max_record_bytes=1000), write(tmp_path, content, "a.warc.wet.gz"))
    assert [row.get("text", row.get("error")) for row in found] == [
        TEXTS[0],
        "the text is not UTF-8: unexpected end of data at byte 3",
        "the record is larger than max_record_bytes (1000)",
        found[3]["error"],
        TEXTS[3],
    ]
    assert found[3]["error"].startswith("damaged") and json.loads(found[3]["values"]) == {"bytes": 13}


def test_the_real_file_gives_what_fastwarc_reads(shared_data):
    path = shared_data / "wet" / "dev.warc.wet.gz"
    with path.open("rb") as stream:
        expected = [
            (each.headers["WARC-Target-URI"], each.reader.read().decode())
            for each in ArchiveIterator(stream, record_types=WarcRecordType.conversion, parse_http=False)
        ]
    found = rows(WetSource(), path, splits(WetSource(), path, 1 << 20))
    assert len(expected) > 1000
    assert [(row["url"], row.get("text")) for row in found] == expected
