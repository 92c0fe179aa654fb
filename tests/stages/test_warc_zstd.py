"""WARC files compressed with zstd: as the specification wants them, and as tools leave them."""

import gzip
import json
import os
import struct

import pytest
import zstandard
from warc_files import frames, http, ids, members, record, rows, write

from stages.base import InputFile, Split
from stages.warc.source import WarcSource

NAME = "test.warc.zst"
RECORDS = [record(n, http(b"<p>page %d " % n + os.urandom(900).hex().encode())) for n in range(12)]


def skippable(content: bytes, magic: int = 0x184D2A5D) -> bytes:
    return struct.pack("<II", magic, len(content)) + content


def pages(found):
    return [(row["id"], row["url"], row["date"], row["html"], row["charset"]) for row in found]


@pytest.mark.parametrize("shape", ["frame per record", "one frame", "dictionary", "compressed dictionary", "seekable"])
def test_the_rows_are_those_of_the_gzip_file(tmp_path, shape):
    content = b"".join(RECORDS)
    dictionary = zstandard.train_dictionary(2000, [record(n, http(b"<p>%d" % n * 40)) for n in range(400)])
    table = skippable(b"\0" * 40, 0x184D2A5E)
    data = {
        "frame per record": frames(*RECORDS),
        "one frame": zstandard.compress(content),
        "dictionary": skippable(dictionary.as_bytes()) + frames(*RECORDS, dictionary=dictionary),
        "compressed dictionary": skippable(zstandard.compress(dictionary.as_bytes()))
        + frames(*RECORDS, dictionary=dictionary),
        "seekable": frames(*(content[at : at + 1000] for at in range(0, len(content), 1000))) + table,
    }[shape]
    path = write(tmp_path, data, NAME)
    found = rows(WarcSource(), path)
    assert pages(found) == pages(rows(WarcSource(), write(tmp_path, members(*RECORDS))))
    for row in found[::5]:
        again = WarcSource().read_one(InputFile(NAME, path, len(data)), row["offset"], row["ordinal"]).documents
        assert again.to_pylist() == [row]
    halves = [Split(NAME, 0, len(data) // 2, 0), Split(NAME, len(data) // 2, len(data), 0)]
    assert rows(WarcSource(), path, halves) == found


def test_real_crawls_are_the_same_in_both_compressions(shared_data, tmp_path):
    original = shared_data / "warc" / "dev-odd.warc.gz"
    data, contents = original.read_bytes(), []
    while data:
        stream = gzip.zlib.decompressobj(31)
        contents.append(stream.decompress(data))
        data = stream.unused_data
    path = write(tmp_path, frames(*contents), NAME)
    expected, found = rows(WarcSource(), original), rows(WarcSource(), path)
    outcome = [
        [(row.get("html"), row.get("rule"), row.get("error"), row["url"]) for row in side] for side in (expected, found)
    ]
    assert outcome[0] == outcome[1]
    size = path.stat().st_size
    assert rows(WarcSource(), path, WarcSource().splits(InputFile(NAME, path, size), size // 9)) == found


@pytest.mark.parametrize("position", [0, 4, 7, 100, -2])
def test_a_damaged_frame_is_one_row_and_the_next_is_read(tmp_path, position):
    parts = [frames(content) for content in RECORDS[:3]]
    bad = bytearray(parts[1])
    bad[position] ^= 0xFF
    found = rows(WarcSource(), write(tmp_path, parts[0] + bytes(bad) + parts[2], NAME))
    assert ids(found) == [0, None, 2]
    assert (found[1]["offset"], json.loads(found[1]["values"])) == (len(parts[0]), {"bytes": len(bad)})


def test_records_before_the_cut_of_one_large_frame_are_read(tmp_path):
    whole = zstandard.compress(b"".join(record(n, http(os.urandom(9000).hex().encode() + b"<p>")) for n in range(40)))
    found = rows(WarcSource(), write(tmp_path, whole[: len(whole) // 2], NAME))
    assert 10 < len(found) < 25
    assert ids(found) == list(range(len(found)))
    assert [row["error"] for row in found if row.get("error")] == ["damaged: the file is cut off"]


def test_a_dictionary_that_is_missing_makes_one_damaged_span(tmp_path):
    dictionary = zstandard.train_dictionary(2000, [record(n, http(b"<p>%d" % n * 40)) for n in range(400)])
    data = frames(*RECORDS, dictionary=dictionary)
    (row,) = rows(WarcSource(), write(tmp_path, data, NAME))
    assert (row["outcome"], json.loads(row["values"])) == ("quarantined", {"bytes": len(data)})


def test_a_frame_that_asks_for_too_much_memory_is_damage(tmp_path):
    compressor = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=29))
    stream = compressor.compressobj()
    large = stream.compress(RECORDS[1]) + stream.flush()
    found = rows(WarcSource(), write(tmp_path, frames(RECORDS[0]) + large + frames(RECORDS[2]), NAME))
    assert [row.get("error") for row in found] == [
        None,
        "damaged: the zstd frame needs a window of 512 MiB, more than 128",
        None,
    ]
