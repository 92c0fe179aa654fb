"""Write token shards: one Arrow IPC stream a shard, uncompressed, one batch.

    tokens: large_list<uint16|uint32>   one document a row; its values buffer is the token stream
    part, row: uint32                   the document in documents/ (part number, row number in it)
    bytes: uint32                       UTF-8 length of the document's text

Readers memory-map the values buffer without copying (shards/reader.py), and `datasets.Dataset.from_file`
opens the same file. Writing costs one pass over the tokens for the checks, one for each checksum and one
for the disk; ids that would wrap in the dtype are refused, never stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shards.errors import ShardError
from shards.index import END_OF_TEXT, ShardEntry, ShardIndex, token_dtype

if TYPE_CHECKING:
    import numpy as np


def write_shard(
    path: Path,
    tokens: np.ndarray[Any, Any],
    lengths: np.ndarray[Any, Any],
    part: np.ndarray[Any, Any],
    row: np.ndarray[Any, Any],
    text_bytes: np.ndarray[Any, Any],
    *,
    vocabulary_size: int,
    end_of_text: int,
    split: str,
    source: str,
    file: str | None = None,
) -> ShardEntry:
    """Write one shard to `path` and return its entry for the index.

    tokens: (T,) any integer dtype, documents one after another, each ending with `end_of_text`;
    lengths: (D,) tokens of each document, summing to T; part, row, text_bytes: (D,).
    `file` is the name to record where `path` is a temporary name. Not atomic: the caller renames.
    Raises ShardError for ids outside the vocabulary, documents that do not end with `end_of_text`,
    and arrays that do not fit together.
    """
    import numpy as np

    name = file or path.name
    stream = _checked_tokens(name, tokens, vocabulary_size)
    documents = np.ascontiguousarray(lengths, dtype=np.int64)
    _check_documents(name, stream, documents, end_of_text)
    columns = {
        "part": _as_uint32(name, "part", part, len(documents)),
        "row": _as_uint32(name, "row", row, len(documents)),
        "bytes": _as_uint32(name, "bytes", text_bytes, len(documents)),
    }
    _write_stream(path, stream, documents, columns)
    with path.open("rb") as written:
        sha256 = hashlib.file_digest(written, "sha256").hexdigest()
    return ShardEntry(
        file=name,
        split=split,
        source=source,
        tokens=len(stream),
        documents=len(documents),
        text_bytes=int(columns["bytes"].sum(dtype=np.int64)),
        sha256=sha256,
        tokens_sha256=tokens_digest(stream, documents),
    )


def tokens_digest(tokens: np.ndarray[Any, Any], lengths: np.ndarray[Any, Any]) -> str:
    """sha256 of the little-endian tokens followed by the document lengths as little-endian int64."""
    import numpy as np

    digest = hashlib.sha256(np.ascontiguousarray(tokens, dtype=tokens.dtype.newbyteorder("<")).data)
    digest.update(np.ascontiguousarray(lengths, dtype="<i8").data)
    return digest.hexdigest()


def write_shard_set(
    folder: Path,
    documents: Iterable[Sequence[int]],
    *,
    vocabulary_size: int,
    end_of_text: int,
    text_bytes: Sequence[int] | None = None,
    tokenizer_sha256: str = "",
    split: str = "train",
    source: str = "documents",
    shard_tokens: int = 1 << 26,
) -> ShardIndex:
    """Turn lists of token ids into shards of one split and source: for those who bring their own tokens.

    `end_of_text` is appended to every document. `text_bytes` (UTF-8 bytes of each document, else 0) is
    what bits per byte are reckoned from. Part is 0 and row counts the documents. Call it once for each
    split and source; entries join the index that is already in `folder`.
    """
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    arrays = [np.append(np.asarray(document, dtype=np.int64), end_of_text) for document in documents]
    lengths = np.array([len(array) for array in arrays], dtype=np.int64)
    sizes = np.zeros(len(arrays), dtype=np.int64) if text_bytes is None else np.asarray(text_bytes)
    shard_of = (np.cumsum(lengths) - lengths) // shard_tokens
    entries = []
    for number in np.unique(shard_of):
        rows = np.flatnonzero(shard_of == number)
        entry = write_shard(
            folder / f"{split}-{source}-{number:05d}.arrow",
            np.concatenate([arrays[document] for document in rows]),
            lengths[rows],
            np.zeros(len(rows), dtype=np.uint32),
            rows,
            sizes[rows],
            vocabulary_size=vocabulary_size,
            end_of_text=end_of_text,
            split=split,
            source=source,
        )
        entries.append(entry)
    index = ShardIndex.build(
        [*_other_entries(folder, {entry.file for entry in entries}), *entries],
        vocabulary_size=vocabulary_size,
        special_ids={END_OF_TEXT: end_of_text},
        tokenizer_sha256=tokenizer_sha256,
    )
    index.save(folder)
    return index


def _other_entries(folder: Path, replaced: set[str]) -> list[ShardEntry]:
    if not (folder / "index.json").exists():
        return []
    return [entry for entry in ShardIndex.load(folder).shards if entry.file not in replaced]


def _checked_tokens(name: str, tokens: np.ndarray[Any, Any], vocabulary_size: int) -> np.ndarray[Any, Any]:
    """The tokens in the dtype of the vocabulary, little-endian, once every id is known to be in it."""
    import numpy as np

    if tokens.ndim != 1 or not np.issubdtype(tokens.dtype, np.integer):
        raise ShardError(f"{name}: tokens must be one row of integers, not {tokens.ndim}-d {tokens.dtype}")
    if len(tokens):
        lowest, highest = int(tokens.min()), int(tokens.max())
        if lowest < 0 or highest >= vocabulary_size:
            wrong = lowest if lowest < 0 else highest
            at = int(np.argmax(tokens == wrong))
            raise ShardError(
                f"{name}: token id {wrong} at position {at} is outside the vocabulary of {vocabulary_size}"
            )
    return np.ascontiguousarray(tokens, dtype=np.dtype(token_dtype(vocabulary_size)).newbyteorder("<"))


def _check_documents(name: str, tokens: np.ndarray[Any, Any], lengths: np.ndarray[Any, Any], end_of_text: int) -> None:
    import numpy as np

    if lengths.ndim != 1 or (len(lengths) and int(lengths.min()) < 1):
        raise ShardError(f"{name}: every document must hold at least its end-of-text token")
    if int(lengths.sum()) != len(tokens):
        raise ShardError(f"{name}: document lengths sum to {int(lengths.sum())}, tokens are {len(tokens)}")
    last = np.cumsum(lengths) - 1
    wrong = np.flatnonzero(tokens[last] != end_of_text)
    if len(wrong):
        raise ShardError(f"{name}: document {int(wrong[0])} does not end with end-of-text ({end_of_text})")


def _as_uint32(name: str, column: str, values: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    import numpy as np

    if len(values) != count:
        raise ShardError(f"{name}: {len(values)} values of {column} for {count} documents")
    if len(values) and not 0 <= int(values.min()) <= int(values.max()) < 1 << 32:
        raise ShardError(f"{name}: {column} does not fit 32 bits")
    return np.ascontiguousarray(values, dtype=np.uint32)


def _write_stream(
    path: Path,
    tokens: np.ndarray[Any, Any],
    lengths: np.ndarray[Any, Any],
    columns: dict[str, np.ndarray[Any, Any]],
) -> None:
    import numpy as np
    import pyarrow as pa

    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    documents = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(tokens))
    batch = pa.RecordBatch.from_arrays(
        [documents, *(pa.array(values) for values in columns.values())], names=["tokens", *columns]
    )
    options = pa.ipc.IpcWriteOptions(compression=None)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
