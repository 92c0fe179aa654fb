"""Bombs: records that unfold beyond all measure end by limit, the next page is kept, the worker stays small."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import brotli
import polars as pl
import pytest
import zstandard

from inspector.run_report import run_report

ROOT = Path(__file__).parents[2]
HUGE = 300_000_000
WORKER_BYTES = 1_500_000_000
GOOD = (
    b"<html><body><article><p>"
    + b"A page that must be kept, whatever stands before it. " * 9
    + b"</p></article></body>"
)


def repeated(compress: object, finish: object, piece: bytes, total: int) -> bytes:
    """A body of `total` bytes compressed without ever being in memory."""
    return b"".join([compress(piece) for _ in range(total // len(piece))]) + finish()  # type: ignore[operator]


def bodies() -> Iterator[tuple[str, str, bytes]]:
    """Name, content encoding and body of pages that are bombs."""
    piece = b"<p>%s</p>" % (b" " * (1 << 20))
    for name, window in (("gzip", 31), ("deflate", 15)):
        packer = zlib.compressobj(9, zlib.DEFLATED, window)
        yield name, name, repeated(packer.compress, packer.flush, piece, HUGE)
    brotli_packer = brotli.Compressor(quality=5)
    yield "brotli", "br", repeated(brotli_packer.process, brotli_packer.finish, piece, HUGE)
    zstd_packer = zstandard.ZstdCompressor().compressobj()
    yield "zstd", "zstd", repeated(zstd_packer.compress, zstd_packer.flush, piece, HUGE)
    yield "twice", "gzip, gzip", gzip.compress(gzip.compress(b"\0" * 50_000_000))
    yield "line", "", b"<p>" + b"x" * 20_000_000
    yield "depth", "", b"<div>" * 200_000 + b"deep" + b"</div>" * 200_000
    yield "unclosed", "", b"<section>" * 200_000
    yield "nodes", "", b"<p>a" * 4_900_000


def entities() -> bytes:
    """A page whose entities would unfold to 10 GB (billion laughs)."""
    lines = ["<!ENTITY a0 'ha'>", *(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 11))]
    return f"<!DOCTYPE html [{''.join(lines)}]><html><body><p>".encode() + GOOD + b"&a10;</p></body></html>"


def http(body: bytes, encoding: str = "") -> bytes:
    header = b"Content-Encoding: %s\r\n" % encoding.encode() if encoding else b""
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n%s\r\n" % header + body


def head(name: str, length: int) -> bytes:
    return (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:{name}>\r\nWARC-Date: 2024-01-02T03:04:05Z\r\n"
        f"WARC-Target-URI: http://example.org/{name}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def record(name: str, block: bytes) -> bytes:
    return head(name, len(block)) + block + b"\r\n\r\n"


def large_members(suffix: str) -> Iterator[bytes]:
    """Members of 300 MB: a record, no record, a header without end."""
    for beginning in (head("record", HUGE + len(http(b""))) + http(b""), b"", b"WARC/1.0\r\nX: "):
        packer = zlib.compressobj(1, zlib.DEFLATED, 31) if suffix == "gz" else zstandard.ZstdCompressor().compressobj()
        yield packer.compress(beginning) + repeated(packer.compress, packer.flush, b"x" * 1_000_000, HUGE)


def outcome(folder: Path, stages: str) -> tuple[dict, pl.DataFrame, pl.DataFrame]:
    """Totals, documents and rejects of a run over a folder by the command line, held to the worker's memory."""
    recipe, out = folder / "recipe.yaml", folder / "run"
    recipe.write_text(f"name: bombs\nstages:\n{stages}")
    command = [sys.executable, "-m", "corpusmill", "run", recipe, "--in", folder / "in", "--out", out, "--workers", "1"]
    done = subprocess.run([*command, "--quiet"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    report = run_report(out)
    assert report["balanced"]
    assert max(phase["peak_memory_bytes"] for phase in report["phases"]) < WORKER_BYTES
    documents, rejects = (pl.read_parquet(out / name / "*.parquet") for name in ("documents", "rejects"))
    return report["totals"], documents, rejects


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path


def test_pages_and_members_that_unfold(folder: Path) -> None:
    bombs = list(bodies())
    with (folder / "in" / "pages.warc.gz").open("wb") as file:
        for name, encoding, body in bombs:
            file.write(gzip.compress(record(name, http(body, encoding)), 1))
            file.write(gzip.compress(record(f"{name}-next", http(GOOD)), 1))
        file.write(gzip.compress(record("entities", http(entities())), 1))
    for suffix, compress in (("gz", gzip.compress), ("zst", zstandard.compress)):
        with (folder / "in" / f"members.warc.{suffix}").open("wb") as file:
            for number, member in enumerate(large_members(suffix)):
                file.write(compress(record(f"{suffix}-{number}-before", http(GOOD))) + member)
            file.write(compress(record(f"{suffix}-last", http(GOOD))))
    totals, documents, rejects = outcome(folder, "  - warc\n  - page_signals\n  - extract_text\n")

    kept = dict(zip(documents["id"], documents["text"], strict=True))
    members = [
        f"{suffix}-{place}" for suffix in ("gz", "zst") for place in ("0-before", "1-before", "2-before", "last")
    ]
    expected = ["entities", *members, *(f"{name}-next" for name, _, _ in bombs)]
    assert sorted(kept) == sorted(f"<urn:{name}>" for name in expected)
    assert "whatever stands before it" in kept["<urn:entities>"] and len(kept["<urn:entities>"]) < 1000
    errors = dict(zip(rejects["id"], rejects["error"], strict=True))
    assert all("larger than" in errors[f"<urn:{name}>"] or "max_" in errors[f"<urn:{name}>"] for name, _, _ in bombs)
    ended = rejects.filter(pl.col("file").cast(pl.String).str.starts_with("members"))
    of_members = ["the record is larger than max_record_bytes (20000000)", *["damaged: no WARC record header"] * 2]
    assert ended["error"].to_list() == of_members * 2
    assert totals["quarantined"] == len(bombs) + 6


def test_lines_that_unfold(folder: Path) -> None:
    good = json.dumps({"text": GOOD.decode()}).encode() + b"\n"
    (folder / "in" / "a.jsonl").write_bytes(good + b'{"text": "' + b"x" * 20_000_000 + b'"}\n' + good)
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    line = repeated(packer.compress, lambda: packer.compress(b'"}\n' + good) + packer.flush(), b"x" * 1_000_000, HUGE)
    (folder / "in" / "b.jsonl.gz").write_bytes(gzip.compress(good + b'{"text": "') + line)
    totals, _, rejects = outcome(folder, "  - jsonl\n")
    assert totals == {"read": 6, "kept": 4, "dropped": 0, "quarantined": 2}
    assert ["max_record_bytes" in error for error in rejects["error"]] == [True, True]
