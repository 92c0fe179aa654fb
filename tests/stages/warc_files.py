"""WARC records made to order, and a source's rows as plain tuples."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import zstandard

from stages.base import InputFile, Source, Split
from stages.identity import identity_hash

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


def frames(*records: bytes, dictionary: zstandard.ZstdCompressionDict | None = None) -> bytes:
    """One zstd frame per record, with a checksum."""
    compressor = zstandard.ZstdCompressor(6, dictionary, write_checksum=True)
    return b"".join(compressor.compress(content) for content in records)


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


def made_up_id(file: str, offset: int, ordinal: int = 0) -> str:
    return f"{int(identity_hash(pa.array([file]), np.array([offset]), np.array([ordinal]), 0)[0]):016x}"


def ids(found: list[dict]) -> list[int | None]:
    """Numbers of the records; None for rows whose id was made up from their place."""
    return [int(row["id"].removeprefix("<urn:test:").rstrip(">")) if row["id"][0] == "<" else None for row in found]
