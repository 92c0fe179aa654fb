"""Damaged WARC files: what can be read is read, what cannot is one row a span."""

import gzip
import json

import pytest
from warc_files import PAGE, http, ids, members, record, rows, write

from stages.warc.source import WarcSource

GOOD = [members(record(n, http(b"<p>" + bytes([65 + n]) * 4000))) for n in range(4)]


def damage_of(found):
    return [(row["offset"], json.loads(row["values"])) for row in found if row.get("error")]


def flipped(member: bytes, position: int) -> bytes:
    return member[:position] + bytes([member[position] ^ 0xFF]) + member[position + 1 :]


@pytest.mark.parametrize("position", [2, 3, 40, 120, -6, -2])
def test_a_damaged_member_is_one_row_and_the_next_is_read(tmp_path, position):
    bad = flipped(GOOD[1], position % len(GOOD[1]))
    found = rows(WarcSource(), write(tmp_path, GOOD[0] + bad + GOOD[2] + GOOD[3]))
    assert [n for n in ids(found) if n in (0, 2, 3)] == [0, 2, 3]
    assert damage_of(found) == [(len(GOOD[0]), {"bytes": len(bad)})]


@pytest.mark.parametrize("cut", [1, 7, 60, 100])
def test_a_cut_file_gives_what_comes_before(tmp_path, cut):
    found = rows(WarcSource(), write(tmp_path, GOOD[0] + GOOD[1][:-cut]))
    assert ids(found)[0] == 0
    assert damage_of(found) == [(len(GOOD[0]), {"bytes": len(GOOD[1]) - cut})]


def test_junk_and_padding_between_members(tmp_path):
    found = rows(WarcSource(), write(tmp_path, GOOD[0] + b"\0" * 512 + GOOD[1] + b"junk"))
    assert ids(found) == [0, None, 1, None]
    assert damage_of(found) == [(len(GOOD[0]), {"bytes": 512}), (len(GOOD[0] + GOOD[1]) + 512, {"bytes": 4})]


def test_empty_members_and_blank_members_are_nothing(tmp_path):
    path = write(tmp_path, gzip.compress(b"") + GOOD[0] + gzip.compress(b"\r\n\r\n") + gzip.compress(b"") + GOOD[1])
    assert ids(rows(WarcSource(), path)) == [0, 1]


def test_a_member_that_is_no_record_is_one_row(tmp_path):
    other = gzip.compress(b"something else " * 99)
    found = rows(WarcSource(), write(tmp_path, GOOD[0] + other + GOOD[1]))
    assert ids(found) == [0, None, 1]
    assert damage_of(found) == [(len(GOOD[0]), {"bytes": len(other)})]


def test_a_record_cut_by_its_writer_does_not_swallow_the_next(tmp_path):
    short = members(record(7, http(b"<p>short"), length=90_000))
    found = rows(WarcSource(), write(tmp_path, GOOD[0] + short + GOOD[1] + GOOD[2]))
    assert ids(found) == [0, 7, 1, 2]
    assert damage_of(found) == [(len(GOOD[0]), {"bytes": len(short)})]


def test_a_wrong_length_inside_a_shared_member_loses_only_its_surroundings(tmp_path):
    content = record(1, http()) + record(2, http(), length=30) + record(3, http()) + record(4, http())
    found = rows(WarcSource(), write(tmp_path, gzip.compress(content)))
    assert [n for n in ids(found) if n] == [1, 2, 3, 4]
    assert ["inflated_bytes" in values for _, values in damage_of(found)] == [True]


def test_a_too_large_length_inside_a_shared_member_loses_only_its_record(tmp_path):
    content = record(1, http()) + record(2, http(), length=90_000) + record(3, http()) + record(4, http())
    path = write(tmp_path, gzip.compress(content) + GOOD[0])
    found = rows(WarcSource(), path)
    assert ids(found) == [1, 2, 3, 4, 0]
    assert [row["ordinal"] for row in found] == [0, 1, 2, 3, 0]
    assert damage_of(found) == [(0, {"inflated_bytes": len(record(2, http(), length=90_000))})]


def test_thousands_of_too_large_lengths_in_one_member_take_no_time(tmp_path):
    content = b"".join(record(n, http(), length=1 << 40) for n in range(20_000))
    found = rows(WarcSource(), write(tmp_path, gzip.compress(content) + GOOD[0]))
    assert 2 <= len(found) < 100
    assert ids(found)[-1] == 0


def test_what_ends_other_readers_is_read(tmp_path):
    html = ("Content-Type", "text/html")
    odd = [
        http(headers=[("X-Long", "y" * 100_000), html]),
        http(headers=[html, ("Transfer-Encoding", "chunked")]),
        http().replace(b"\r\n", b"\n"),
        http(headers=[html, ("Content-Encoding", "gzip")]),
    ]
    bad = flipped(GOOD[1], len(GOOD[1]) // 2)
    parts = [members(record(n, block)) for n, block in enumerate(odd, 10)]
    path = write(tmp_path, gzip.compress(b"") + bad + b"".join(parts) + gzip.compress(b"") + GOOD[2][:-60])
    found = rows(WarcSource(), path)
    assert ids(found) == [None, 10, 11, 12, 13, None]
    assert [row["html"] for row in found[1:5]] == [PAGE] * 4
    assert len(damage_of(found)) == 2


def test_a_plain_file_goes_on_at_the_next_record(tmp_path):
    content = record(1, http()) + b"not a record\r\n" + record(2, http(), length=1 << 30) + record(3, http())
    found = rows(WarcSource(), write(tmp_path, content, "test.warc"))
    assert ids(found) == [1, None, 2, 3]
    assert [values["bytes"] for _, values in damage_of(found)] == [14, len(record(2, http(), length=1 << 30))]


def test_the_malformed_files_of_the_manifest(shared_data):
    folder = shared_data / "malformed"
    for line in (folder / "MANIFEST.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if not entry["file"].endswith(".warc.gz"):
            continue
        found = rows(WarcSource(), folder / entry["file"])
        damaged = damage_of(found)
        before = [row for row in found if not damaged or row["offset"] < damaged[0][0]]
        assert len(before) == entry.get("intact_responses", entry.get("responses_before", len(found)))
        assert len(damaged) == ("nested" not in entry["file"])
        assert len(found) - len(before) - len(damaged) == entry.get("responses_after", 0)
