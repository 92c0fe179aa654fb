"""Read texts from plain text, JSON Lines (.gz, .zst) and Parquet files as Arrow arrays of bounded size."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from tokenizer.errors import TokenizerError

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_BYTES = 16 << 20

#: Every pattern ends a word between a letter and a newline, so cutting there changes no word.
_CUT = re.compile(rb"[A-Za-z](?=\n[A-Za-z])")


def read_texts(path: Path, column: str = "text") -> Iterator[pa.Array]:
    """Texts of one file, about 16 MB at a time; the kind follows from the name.

    .jsonl/.json and .parquet have one text a record, in `column`; any other file is one text, cut
    where no word is cut.
    """
    kind = path.name.removesuffix(".gz").removesuffix(".zst")
    if kind.endswith((".jsonl", ".ndjson", ".json")):
        return _read_json_lines(path, column)
    if kind.endswith(".parquet"):
        return _read_parquet(path, column)
    return _read_plain(path)


def _read_plain(path: Path) -> Iterator[pa.Array]:
    import pyarrow as pa

    with _open(path) as stream:
        rest = b""
        while block := stream.read(_BATCH_BYTES):
            rest += block
            places = [match.end() for match in _CUT.finditer(rest, max(0, len(rest) - (1 << 16)))]
            if places:
                yield pa.array([_decoded(path, rest[: places[-1]])], pa.large_string())
                rest = rest[places[-1] :]
        if rest:
            yield pa.array([_decoded(path, rest)], pa.large_string())


def _decoded(path: Path, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path}: not UTF-8 text ({error.reason}); convert it first") from None


def _read_json_lines(path: Path, column: str) -> Iterator[pa.Array]:
    import pyarrow as pa

    texts: list[str] = []
    size = 0
    with _open(path) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            text = _text_of_line(path, number, line, column)
            texts.append(text)
            size += len(text)
            if size >= _BATCH_BYTES:
                yield pa.array(texts, pa.large_string())
                texts, size = [], 0
    if texts:
        yield pa.array(texts, pa.large_string())


def _text_of_line(path: Path, number: int, line: bytes, column: str) -> str:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise TokenizerError(f"{path}: line {number} is not JSON ({error}); mend or remove it") from None
    text = record.get(column) if isinstance(record, dict) else None
    if not isinstance(text, str):
        raise TokenizerError(f"{path}: line {number} has no text under {column!r}; name the key with --text-key")
    # json accepts halves of surrogate pairs, which no UTF-8 text can hold.
    return text.encode("utf-8", "replace").decode()


def _read_parquet(path: Path, column: str) -> Iterator[pa.Array]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise TokenizerError(f"{path}: not Parquet ({str(error).splitlines()[0]})") from None
    if column not in file.schema_arrow.names:
        raise TokenizerError(f"{path}: no column {column!r}; name the column with --text-key")
    for batch in file.iter_batches(batch_size=4096, columns=[column]):
        yield batch.column(0)


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if path.suffix == ".zst":
        import zstandard

        reader = zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(path.open("rb"))
        return io.BufferedReader(cast("io.RawIOBase", reader), 1 << 20)
    return path.open("rb")
