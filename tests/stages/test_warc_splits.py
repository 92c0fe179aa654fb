"""Any cut of a WARC file into ranges gives the rows of the uncut file, damage included."""

import gzip
import os
import random
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warc_files import frames, http, ids, members, record, rows, write

from stages.base import InputFile, Split
from stages.warc.source import WarcSource


def cut(path: Path, bounds: list[int]) -> list[Split]:
    size = path.stat().st_size
    edges = [0, *sorted({bound % (size + 1) for bound in bounds} - {0, size}), size]
    return [Split(path.name, start, end, end - start) for start, end in pairwise(edges)]


def stored_frame(content: bytes) -> bytes:
    """A zstd frame of one raw block (RFC 8878, section 3.1.1), which no compressor of today writes."""
    header = b"\x28\xb5\x2f\xfd\xa0" + len(content).to_bytes(4, "little")
    return header + ((len(content) << 3) | 1).to_bytes(3, "little") + content


def packed(content: bytes, chance: random.Random, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.compress(content, chance.choice([0, 6]), mtime=0)
    return chance.choice([frames, stored_frame])(content) if len(content) < 1 << 17 else frames(content)


def archive(seed: int, suffix: str) -> bytes:
    """Members of every sort: one record, several, none, empty, stored, other types, damaged, junk between."""
    chance = random.Random(seed)
    number = 0
    pieces = []
    for _ in range(chance.randrange(1, 25)):
        content = []
        for _ in range(chance.choice([0, 1, 1, 1, 1, 2, 5])):
            number += 1
            body = b"<p>" + chance.randbytes(chance.choice([10, 300, 5000])).hex().encode()
            content.append(record(number, http(body), chance.choice(["response", "response", "request"])))
        if chance.random() < 0.1:
            number += 1
            inner = b"".join(packed(record(1000 + at, http(b"<p>inner")), chance, suffix) for at in range(5))
            content.append(record(number, http(inner, headers=[("Content-Type", "application/gzip")])))
        member = bytearray(packed(b"".join(content), chance, suffix))
        if chance.random() < 0.1:
            member[chance.randrange(len(member))] ^= 0x55
        if chance.random() < 0.05:
            del member[chance.randrange(len(member)) :]
        if chance.random() < 0.05:
            member += b"junk" * chance.randrange(1, 9)
        pieces.append(bytes(member))
    return packed(record(0, http()), chance, suffix) + b"".join(pieces)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@given(seed=st.integers(0, 10_000), bounds=st.lists(st.integers(0, 1 << 20), max_size=12))
@settings(max_examples=90, deadline=None)
def test_compressed_files_of_every_sort(suffix, seed, bounds):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), archive(seed, suffix), f"test.warc{suffix}")
        whole = rows(WarcSource(), path)
        assert rows(WarcSource(), path, cut(path, bounds)) == whole
        places = [(row["offset"], row["ordinal"]) for row in whole]
        assert len(set(places)) == len(places)
        assert places == sorted(places)


@given(seed=st.integers(0, 10_000), bounds=st.lists(st.integers(0, 1 << 20), max_size=12))
@settings(max_examples=60, deadline=None)
def test_plain_files_of_every_sort(seed, bounds):
    chance = random.Random(seed)
    inner = b"".join(record(1000 + at, http(b"<p>inner")) for at in range(3))
    pieces = [record(0, http())]
    for number in range(1, chance.randrange(2, 20)):
        block = chance.choice([http(), http(inner), http(b"<p>" + b"x" * 9000)])
        length = len(block) + chance.choice([0] * 12 + [7, -7, 1 << 40])
        pieces.append(record(number, block, chance.choice(["response", "request"]), length))
        pieces.append(chance.choice([b""] * 8 + [b"\r\n", b"junk", b"\n\n\n"]))
    content = b"".join(pieces)
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), content, "test.warc")
        whole = rows(WarcSource(), path)
        assert rows(WarcSource(), path, cut(path, bounds)) == whole


@pytest.mark.parametrize("count", [2, 3, 7, 19, 64])
@pytest.mark.parametrize(
    "name",
    [
        "warc/dev-odd.warc.gz",
        "warc/dev-history.warc.gz",
        "malformed/truncated.warc.gz",
        "malformed/corrupt_middle_member.warc.gz",
        "thirdparty_warc/ia-web-commons__IAH-urls-wget.warc",
        "thirdparty_warc/pywb__example.warc",
    ],
)
def test_real_files(shared_data, name, count):
    path = shared_data / name
    size = path.stat().st_size
    ranges = WarcSource().splits(InputFile(path.name, path, size), size // count)
    assert len(ranges) >= count - 1
    assert ids_and_places(rows(WarcSource(), path, ranges)) == ids_and_places(rows(WarcSource(), path))


def ids_and_places(found):
    return [(row["offset"], row["ordinal"], row["id"], row.get("values"), row.get("error")) for row in found]


def test_ranges_touch_and_cover_the_file(tmp_path):
    path = write(tmp_path, members(*(record(n, http()) for n in range(50))))
    ranges = WarcSource().splits(InputFile(path.name, path, path.stat().st_size), 1000)
    assert ranges[0].start == 0
    assert ranges[-1].end == path.stat().st_size
    assert all(before.end == after.start for before, after in pairwise(ranges))


def test_an_archived_archive_stored_without_compression_gives_no_records(tmp_path):
    inner = members(*(record(1000 + n, http(os.urandom(3000).hex().encode())) for n in range(400)))
    outer = record(1, http(inner, headers=[("Content-Type", "application/gzip")]))
    path = write(tmp_path, members(record(0, http()), outer, record(2, http()), level=0))
    whole = rows(WarcSource(), path)
    assert ids(whole) == [0, 1, 2]
    for bound in range(1000, path.stat().st_size, 97_000):
        assert rows(WarcSource(), path, cut(path, [bound])) == whole


def test_one_gzip_stream_of_many_records_belongs_to_the_first_range(tmp_path):
    content = gzip.compress(b"".join(record(n, http(os.urandom(200).hex().encode() + b"<p>")) for n in range(300)))
    path = write(tmp_path, content)
    found = rows(WarcSource(), path, cut(path, [1000, 20_000, len(content) - 1]))
    assert ids(found) == list(range(300))
    assert [(row["offset"], row["ordinal"]) for row in found] == [(0, n) for n in range(300)]
    again = WarcSource().read_one(InputFile(path.name, path, len(content)), 0, 250).documents
    assert again.column("id").to_pylist() == ["<urn:test:250>"]


@pytest.mark.parametrize("pack", [members, frames])
@pytest.mark.parametrize("size", [90, 700, 5000])
def test_members_cut_regardless_of_records(tmp_path, pack, size):
    content = b"".join(record(n, http(os.urandom(900).hex().encode() + b"<p>")) for n in range(20))
    path = write(tmp_path, pack(*(content[at : at + size] for at in range(0, len(content), size))))
    whole = rows(WarcSource(), path)
    assert ids(whole) == list(range(20))
    for bound in range(1000, path.stat().st_size, 5000):
        assert rows(WarcSource(), path, cut(path, [bound, bound + 2500])) == whole


def test_members_that_hold_no_record_start_are_part_of_the_record_before(tmp_path):
    content = record(1, http(b"<p>" + b"y" * 5000))
    parts = [gzip.compress(part) for part in (content[:900], content[900:3000], content[3000:])]
    path = write(tmp_path, b"".join(parts) + members(record(2, http())))
    for bound in range(1, path.stat().st_size, 13):
        found = rows(WarcSource(), path, cut(path, [bound]))
        assert [(row["offset"], len(row["html"]) > 4000) for row in found] == [(0, True), (len(b"".join(parts)), False)]
