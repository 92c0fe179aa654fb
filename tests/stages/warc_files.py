"""WARC records made to order, and a source's rows as plain tuples."""

import gzip
from pathlib import Path

from stages.base import InputFile, Source, Split

PAGE = b"<html><body><p>A page.</p></body></html>"


def http(body=PAGE, status="200 OK", headers=(("Content-Type", "text/html; charset=utf-8"),)) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def record(number: int, block: bytes, kind: str = "response", length: int | None = None) -> bytes:
    length = len(block) if length is None else length
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:test:{number}>\r\n"
        f"WARC-Target-URI: <http://example.org/{number}>\r\nWARC-Date: 2024-01-02T03:04:05Z\r\n"
        f"Content-Type: application/http; msgtype={kind}\r\nContent-Length: {length}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def members(*records: bytes, level: int = 6) -> bytes:
    """One gzip member per record."""
    return b"".join(gzip.compress(content, level, mtime=0) for content in records)


def write(folder: Path, content: bytes, name: str = "test.warc.gz") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def splits(source: Source, path: Path, target_bytes: int = 1 << 40) -> list[Split]:
    return source.splits(InputFile(path.name, path, path.stat().st_size), target_bytes)


def rows(source: Source, path: Path, ranges: list[Split] | None = None, batch_bytes: int = 1 << 20) -> list[dict]:
    """Documents and rejects of all ranges, in identity order within each range."""
    found = []
    for split in splits(source, path) if ranges is None else ranges:
        of_split = []
        for batch in source.read(split, path, batch_bytes):
            of_split += batch.documents.to_pylist() + batch.rejects.to_pylist()
        found += sorted(of_split, key=lambda row: (row["offset"], row["ordinal"]))
    return found


def ids(found: list[dict]) -> list[int | None]:
    return [int(row["id"].rpartition(":")[2].rstrip(">")) if row["id"] else None for row in found]
