"""Texts -> shingle hashes, for signatures (signatures.py) and sets (shingle_sets.py).

A column is gone through in batches of some hundred kilobytes of text, so that what a step leaves is still in the
cache for the next one and memory does not grow with the column; the buffers are used again for every batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from stages.loaded_tokenizer import loaded_tokenizer
from stages.minhash import datatrove_text_kernel, normalize_kernel, shingles_kernel, units_kernel
from stages.minhash.character_tables import character_tables
from stages.minhash.datatrove_characters import datatrove_characters
from stages.minhash.datatrove_shingles import hash_word_grams
from stages.minhash.shingling import Shingling
from stages.text_buffers import text_buffers

if TYPE_CHECKING:
    pass

#: A column of string or large_string: an Arrow array, chunked or not, or a polars series.
Texts: TypeAlias = Any

_BATCH_BYTES = 1 << 18


class ShingleBatch(NamedTuple):
    """Shingle hashes of the texts `first` to `end` of a column; the arrays are overwritten by the next batch."""

    first: int
    end: int
    #: uint64: text first + i has hashes[offsets[i] : offsets[i + 1]], in the order of the text, repeats included.
    hashes: np.ndarray
    offsets: np.ndarray
    #: int64: units of each text.
    units: np.ndarray


def shingle_batches(texts: Texts, shingling: Shingling) -> Iterator[ShingleBatch]:
    """The shingles of all texts (string or large_string), in order; null counts as an empty text."""
    data, offsets = text_buffers(arrow_texts(texts))
    edges = _batch_edges(offsets)
    largest = max((int(offsets[end] - offsets[first]) for first, end in edges), default=0)
    most = max((end - first for first, end in edges), default=0)
    buffers = _Buffers(shingling, largest, most)
    for first, end in edges:
        normal, normal_offsets = buffers.normalize(data, offsets[first : end + 1])
        if shingling.compat:
            grams = hash_word_grams(normal, normal_offsets, shingling.width, shingling.hash == "sha1")
            yield ShingleBatch(first, end, *grams)
            continue
        units, unit_offsets = buffers.cut(normal, normal_offsets)
        hashes, hash_offsets = buffers.join(units, unit_offsets)
        yield ShingleBatch(first, end, hashes, hash_offsets, np.diff(unit_offsets))


def normalize(texts: Texts, shingling: Shingling | None = None) -> pa.LargeStringArray:
    """The texts as they are compared: see Shingling.normalize. Words are parted by one blank."""
    column = arrow_texts(texts)
    data, offsets = text_buffers(column)
    buffers = _Buffers(shingling or Shingling(), int(offsets[-1] - offsets[0]), len(column))
    out, out_offsets = buffers.normalize(data, offsets)
    valid = pa.array(column.is_valid().to_numpy(zero_copy_only=False)).buffers()[1]
    return pa.Array.from_buffers(pa.large_string(), len(column), [valid, pa.py_buffer(out_offsets), pa.py_buffer(out)])


def arrow_texts(texts: Texts) -> pa.Array | pa.ChunkedArray:
    """An Arrow column as it is, a polars one as Arrow."""
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        return texts
    import polars as pl

    return texts.to_arrow(compat_level=pl.CompatLevel.oldest())


def _batch_edges(offsets: np.ndarray) -> list[tuple[int, int]]:
    """First and end of each batch: texts of about _BATCH_BYTES together, a longer one alone."""
    edges = []
    first, count = 0, len(offsets) - 1
    while first < count:
        end = int(np.searchsorted(offsets, offsets[first] + _BATCH_BYTES, side="right")) - 1
        end = min(max(end, first + 1), first + _BATCH_BYTES // 16, count)
        edges.append((first, end))
        first = end
    return edges


class _Buffers:
    """The three steps of a batch, each into a buffer of its own with room for texts of `size` bytes together."""

    def __init__(self, shingling: Shingling, size: int, texts: int) -> None:
        self._shingling = shingling
        self._tables = character_tables()
        longest = 3 * size if shingling.normalize == "datatrove" else size + size // 2
        self._normal = np.empty(longest + 68, dtype=np.uint8)
        self._normal_offsets = np.empty(texts + 1, dtype=np.int64)
        self._units = np.empty(len(self._normal), dtype=np.uint64)
        self._unit_offsets = np.empty(texts + 1, dtype=np.int64)
        self._shingles = np.empty(len(self._normal), dtype=np.uint64)
        self._shingle_offsets = np.empty(texts + 1, dtype=np.int64)

    def normalize(self, data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The bytes of the normalised texts, and where each begins."""
        classes, lower = self._tables
        out, out_offsets = self._normal, self._normal_offsets[: len(offsets)]
        match self._shingling.normalize:
            case "raw":
                size = normalize_kernel.join_blanks(data, offsets, classes, out, out_offsets)
            case "datatrove":
                tables = datatrove_characters()
                size = datatrove_text_kernel.simplify_texts(data, offsets, classes, *tables, out, out_offsets)
            case _:
                size = normalize_kernel.delete_punctuation(data, offsets, classes, lower, out, out_offsets)
        text = out[:size]
        text.setflags(write=False)  # as the columns are that kernels elsewhere read, which saves compiling them anew
        return text, out_offsets

    def cut(self, text: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A hash for each unit of normalised texts, and where those of each text begin."""
        units, unit_offsets = self._units, self._unit_offsets[: len(offsets)]
        unit = self._shingling.unit
        if unit == "tokens":
            assert self._shingling.tokenizer is not None
            buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
            column = pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers)
            encoded = loaded_tokenizer(self._shingling.tokenizer).encode_batch(column)
            units_kernel.hash_tokens(encoded.ids.astype(np.uint32, copy=False), units)
            unit_offsets[:] = encoded.offsets
        elif unit == "characters":
            units_kernel.hash_characters(text, offsets, units, unit_offsets)
        else:
            units_kernel.hash_words(text, offsets, self._tables.classes, unit == "auto", units, unit_offsets)
        return units[: unit_offsets[-1]], unit_offsets

    def join(self, units: np.ndarray, unit_offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A hash for each shingle, and where those of each text begin."""
        shingles, offsets = self._shingles, self._shingle_offsets[: len(unit_offsets)]
        count = shingles_kernel.hash_shingles(units, unit_offsets, self._shingling.width, shingles, offsets)
        return shingles[:count], offsets
