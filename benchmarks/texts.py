"""Texts for benchmarks and comparisons, from whatever a corpus lies in.

Reads JSON Lines with `text` (plain, .gz, .zst), Parquet with `text`, WET files, and WARC files through our own
source and extractor; a folder is read file by file, in order of names. Empty texts, lines without `text`
and files without such a column are left out.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

_ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet", ".wet.gz", ".wet", ".warc.gz", ".warc")


def read_texts(path: Path) -> Iterator[str]:
    """The texts of a file, or of all files below a folder that have a known ending."""
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.name.endswith(_ENDINGS):
                yield from read_texts(file)
        return
    if path.name.endswith((".wet.gz", ".wet")):
        texts = _wet(path)
    elif path.name.endswith((".warc.gz", ".warc")):
        texts = _warc(path)
    elif path.name.endswith(".parquet"):
        texts = _parquet(path)
    else:
        texts = map(_text_of, read_lines(path))
    yield from (text for text in texts if text)


def first_texts(path: Path, size: float) -> list[str]:
    """The texts up to the first that makes them `size` bytes or more."""
    texts: list[str] = []
    for text in read_texts(path):
        texts.append(text)
        size -= len(text.encode())
        if size <= 0:
            break
    return texts


def english(texts: list[str]) -> list[str]:
    """The texts that the language stage keeps by its defaults."""
    return [text for text, is_one in zip(texts, are_english(texts), strict=True) if is_one]


def are_english(texts: list[str]) -> list[bool]:
    """Whether the language stage keeps each text by its defaults."""
    from stages.language import LanguageFilter

    verdicts: list[bool] = []
    for start in range(0, len(texts), 1000):
        part = pa.table({"text": pa.array(texts[start : start + 1000], pa.large_string())})
        verdicts += [rule is None for rule in LanguageFilter().apply(part).column("rule").to_pylist()]
    return verdicts


def _text_of(line: bytes) -> str | None:
    try:
        text = json.loads(line).get("text")
    except (ValueError, AttributeError):
        return None
    return text if isinstance(text, str) else None


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, plain or compressed (.gz, .zst)."""
    if path.suffix == ".zst":
        import io

        import zstandard

        reader = zstandard.ZstdDecompressor(max_window_size=2**27)
        with path.open("rb") as file:
            yield from io.BufferedReader(reader.stream_reader(file, read_across_frames=True))
    else:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from file


def _parquet(path: Path) -> Iterator[str]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        if "text" not in file.schema_arrow.names:
            return
        for batch in file.iter_batches(columns=["text"]):
            yield from batch.column("text").to_pylist()


def _wet(path: Path) -> Iterator[str]:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    with path.open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.conversion):
            yield record.reader.read().decode("utf-8", "replace")


def _warc(path: Path) -> Iterator[str]:
    from stages.base import InputFile
    from stages.extract_text import ExtractText
    from stages.warc.source import WarcSource

    source, extract = WarcSource(), ExtractText()
    file = InputFile(path.name, path, path.stat().st_size)
    for split in source.splits(file, file.size):
        for batch in source.read(split, path, 64_000_000):
            yield from extract(batch.documents).column("text").to_pylist()
