"""Read texts from plain text, JSON Lines (.gz, .zst) and Parquet files as Arrow arrays of bounded size."""

from __future__ import annotations

import codecs
import gzip
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from tokenizer.errors import TokenizerError
from tokenizer.json_text import parse_json

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_BYTES = 16 << 20

_LINE_BREAKS_AND_TABS = "\t\n\v\f\r"


def read_texts(path: Path, column: str = "text") -> Iterator[pa.Array]:
    """Texts of one file, about 16 MB at a time; the kind follows from the name.

    .jsonl/.json and .parquet have one text a record, in `column`. Any other file is one text, cut where no
    word is cut (`_last_safe_cut`): one record, or one stretch of a text without such a place, is held whole.
    TokenizerError names the file that is damaged or has no text there.
    """
    kind = path.name.removesuffix(".gz").removesuffix(".zst")
    with _damage_named(path):
        if kind.endswith((".jsonl", ".ndjson", ".json")):
            yield from _read_json_lines(path, column)
        elif kind.endswith(".parquet"):
            yield from _read_parquet(path, column)
        else:
            yield from _read_plain(path)


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except EOFError:
        raise TokenizerError(f"{path}: cut off, its compressed data ends too early; copy it again") from None
    except (OSError, zlib.error, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise TokenizerError(f"{path}: damaged or not what its name says ({reason}); copy or rename it") from None


def _read_plain(path: Path) -> Iterator[pa.Array]:
    import pyarrow as pa

    held: list[str] = []
    with _open(path) as stream:
        for text in _decoded(path, stream):
            place = _last_safe_cut(text)
            if place:
                yield pa.array(["".join((*held, text[:place]))], pa.large_string())
                held = []
            held.append(text[place:])
    if rest := "".join(held):
        yield pa.array([rest], pa.large_string())


def _last_safe_cut(text: str) -> int:
    """The last place in `text` where no split pattern could tell that it is cut; 0 where there is none.

    That is between a letter or number and white space, punctuation or a symbol. No word of any pattern goes on
    there, except with the apostrophe of a contraction, and none looks ahead to what follows; the patterns never
    look back. After punctuation it would not hold (words take newlines after it), nor within or after white
    space (words look ahead from there), nor before a mark (o200k takes it for part of a letter).
    """
    for place in range(len(text) - 1, 0, -1):
        following = text[place]
        ends_words = following in _LINE_BREAKS_AND_TABS or unicodedata.category(following)[0] in "ZPS"
        if ends_words and following != "'" and unicodedata.category(text[place - 1])[0] in "LN":
            return place
    return 0


def _decoded(path: Path, stream: IO[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := stream.read(_BATCH_BYTES):
            yield decoder.decode(block)
        decoder.decode(b"", final=True)
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
        record = parse_json(line.removeprefix(codecs.BOM_UTF8))
    except ValueError as error:
        raise TokenizerError(f"{path}: line {number} {error}; mend or remove it") from None
    text = record.get(column) if isinstance(record, dict) else None
    if not isinstance(text, str):
        raise TokenizerError(f"{path}: line {number} has no text under {column!r}; name the key with --text-key")
    # json accepts halves of surrogate pairs, which no UTF-8 text can hold.
    return text.encode("utf-8", "replace").decode()


def _read_parquet(path: Path, column: str) -> Iterator[pa.Array]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        if column not in file.schema_arrow.names:
            raise TokenizerError(f"{path}: no column {column!r}; name the column with --text-key")
        kind = file.schema_arrow.field(column).type
        if not _holds_text(kind):
            raise TokenizerError(f"{path}: column {column!r} is {kind}, not text; name the column with --text-key")
        for batch in file.iter_batches(batch_size=4096, columns=[column]):
            texts = batch.column(0)
            texts.validate(full=True)
            yield texts


def _holds_text(kind: pa.DataType) -> bool:
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if path.suffix == ".zst":
        from tokenizer.zstd_frames import open_zstd

        return open_zstd(path)
    return path.open("rb")
