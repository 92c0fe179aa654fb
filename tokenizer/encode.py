"""Encode text to ids and back. Text never yields special ids, and decoding gives it back byte for byte.

Batches go through gigatoken on the calling thread (100 to 250 MB/s a core), straight from Arrow buffers.
Texts with characters newer than the interpreter's Unicode data, about which libraries of different ages
disagree, and tokenizers that gigatoken cannot load go through `tokenizers` (about 2 MB/s).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tokenizer.errors import TokenizerError
from tokenizer.file import TokenizerFile

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from tokenizers import Tokenizer as ReferenceTokenizer

#: What tokenizers that are not quite byte-level lose: blanks, controls, letters beyond ASCII.
_PROBE = "".join(map(chr, range(128))) + "  two  blanks é中😀 123456\r\n"


class EncodedBatch(NamedTuple):
    """Ids of all texts one after another; text i is ids[offsets[i]:offsets[i + 1]]."""

    ids: np.ndarray  # uint16 for vocabularies of up to 65,536, else uint32
    offsets: np.ndarray  # int64[texts + 1]


class Tokenizer:
    """A byte-level BPE tokenizer read from tokenizer.json; make one with `tokenizer.load(path)`."""

    def __init__(self, path: Path) -> None:
        self._file = TokenizerFile.read(path)
        engine_json = self._file.engine_json()
        self._reference = _load_tokenizers(self._file.path, engine_json)
        self._fast = _load_gigatoken(engine_json)
        if self.decode_bytes(self.encode(_PROBE)) != _PROBE.encode():
            raise TokenizerError(
                f"{self._file.path}: text does not come back from its ids byte for byte; "
                "give a byte-level BPE tokenizer that neither drops nor replaces characters"
            )

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, special ones included."""
        return len(self._file.tokens)

    @property
    def end_of_text(self) -> int:
        """The id that ends documents; no text encodes to it."""
        return self._file.end_of_text

    @property
    def sha256(self) -> str:
        """sha256 of tokenizer.json as it lies on disk."""
        return self._file.sha256

    @property
    def engine(self) -> str:
        """What encodes batches: gigatoken or tokenizers."""
        return "tokenizers" if self._fast is None else "gigatoken"

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token, special tokens as they are spelt."""
        self._check_ids((token,))
        return self._file.tokens[token]

    def encode(self, text: str) -> list[int]:
        """Ids of one text, by `tokenizers`: the reference that `encode_batch` is checked against."""
        return self._reference.encode(text, add_special_tokens=False).ids

    def encode_batch(self, texts: pa.Array | pa.ChunkedArray) -> EncodedBatch:
        """Ids of a string or large_string array; a null encodes as the empty text."""
        import numpy as np

        from tokenizer.text_buffers import as_large_string

        array = as_large_string(texts)
        if len(array) == 0:
            return EncodedBatch(np.empty(0, dtype=self._dtype()), np.zeros(1, dtype=np.int64))
        if self._fast is None:
            return self._join([self.encode(text) for text in array.to_pylist()])
        ids, offsets = _encode_fast(self._fast, array)
        encoded = EncodedBatch(ids.astype(self._dtype()), offsets)
        slow = _rows_for_reference(array)
        return encoded if len(slow) == 0 else self._replaced(encoded, array, slow)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; bytes that are not UTF-8 (a character cut in two) show as U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The exact bytes of ids. TokenizerError for an id outside the vocabulary."""
        chosen = [int(token) for token in ids]
        self._check_ids(chosen)
        tokens = self._file.tokens
        return b"".join([tokens[token] for token in chosen])

    def _check_ids(self, ids: Sequence[int]) -> None:
        for token in ids:
            if not 0 <= token < self.vocabulary_size:
                raise TokenizerError(f"id {token} is outside the vocabulary of {self.vocabulary_size}")

    def _dtype(self) -> str:
        return "uint16" if self.vocabulary_size <= 1 << 16 else "uint32"

    def _join(self, documents: Sequence[Sequence[int]]) -> EncodedBatch:
        import numpy as np

        offsets = np.zeros(len(documents) + 1, dtype=np.int64)
        np.cumsum([len(document) for document in documents], out=offsets[1:])
        arrays = [np.asarray(document, dtype=self._dtype()) for document in documents]
        return EncodedBatch(np.concatenate(arrays), offsets)

    def _replaced(self, encoded: EncodedBatch, array: pa.Array, rows: np.ndarray) -> EncodedBatch:
        """The batch with these rows encoded by the reference."""
        documents: list[Any] = [
            encoded.ids[start:end] for start, end in zip(encoded.offsets[:-1], encoded.offsets[1:], strict=True)
        ]
        for row in rows:
            documents[row] = self.encode(array[int(row)].as_py())
        return self._join(documents)


def _load_tokenizers(path: Path, engine_json: str) -> ReferenceTokenizer:
    from tokenizers import Tokenizer as ReferenceTokenizer

    try:
        return ReferenceTokenizer.from_str(engine_json)
    except Exception as error:  # tokenizers has no errors of its own
        reason = re.sub(r" at line \d+ column \d+$", "", str(error))
        raise TokenizerError(f"{path}: damaged ({reason}); fetch or train it again") from None


def _load_gigatoken(engine_json: str) -> Any:
    """The fast engine, or None where it is absent or does not know the split pattern."""
    try:
        from gigatoken import Tokenizer as FastTokenizer

        return FastTokenizer.from_json(engine_json)
    except (ImportError, RuntimeError, ValueError):
        return None


def _encode_fast(engine: Any, array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    import awkward
    import numpy as np

    layout = engine.encode_batch(awkward.from_arrow(array), parallel=False).layout
    offsets = np.asarray(layout.offsets.data, dtype=np.int64)
    return np.asarray(layout.content.data)[offsets[0] : offsets[-1]], offsets - offsets[0]


def _rows_for_reference(array: pa.Array) -> np.ndarray:
    import numpy as np

    from tokenizer.character_classes import character_classes
    from tokenizer.text_buffers import text_buffers
    from tokenizer.word_kernel import unknown_rows

    return np.flatnonzero(unknown_rows(*text_buffers(array), character_classes()))
