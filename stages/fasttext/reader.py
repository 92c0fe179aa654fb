"""Read a fastText model file (.bin or .ftz, format 11 or 12): a supervised model with any of fastText's losses.

The file is arguments, dictionary, input matrix, output matrix; a matrix is dense, or product-quantised
(Jegou et al. 2011; Joulin et al. 2016, arXiv 1612.03651) and then expanded to float32 once, on loading. A large dense
input matrix is mapped, not read, so that all workers of a machine share one copy and only rows in use are loaded.
Cost: 0.2 s for lid.176.ftz, most of it for compiled code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from stages.base import StageError
from stages.fasttext.aligned import aligned_zeros

if TYPE_CHECKING:
    from stages.fasttext.hidden_kernel import Tables
    from stages.fasttext.model import FastTextModel

_MAGIC = 793712314
_SUPERVISED = 3
_HIERARCHICAL_SOFTMAX, _NEGATIVE_SAMPLING, _SOFTMAX, _ONE_VERSUS_ALL = 1, 2, 3, 4
_CENTROIDS = 256
_TOO_MANY = 10**15
#: Beyond these (fastText's defaults are 2,000,000 and 1) a file is taken for damaged, before memory is asked for.
_MOST_BUCKETS = 200_000_000
_MOST_WORDS = 64
_MAPPED_FROM = 64 << 20
#: An entry of the dictionary: its bytes, 0, count (int64), kind.
_ENTRY = re.compile(rb"([^\0]*)\0.{9}", re.DOTALL)


def load_model(path: Path) -> FastTextModel:
    """Read a model file; StageError in one line where it is none, is damaged, or is of a kind not read."""
    return _Reader(path, _mapped(path)).model()


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels of a model, with their prefix, read without the rest of it and without compiled code.

    StageError as load_model. Cost: 0.3 s a million words of the dictionary.
    """
    return _Reader(path, _mapped(path)).labels()


def _mapped(path: Path) -> np.ndarray:
    try:
        return np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
    except (OSError, ValueError) as error:
        raise StageError(f"{path} is not a fastText model; correct `model`: {error}") from error


@dataclass(frozen=True)
class _Arguments:
    dim: int
    word_ngrams: int
    loss: int
    bucket: int
    least: int
    most: int


@dataclass(frozen=True)
class _Entries:
    """The dictionary: words first, then labels."""

    data: np.ndarray  # uint8: entry, 0, count (int64), kind, and so on
    spans: np.ndarray  # int64, entries x 2
    words: int
    pruned: int  # n-grams that have a row; -1 where all have one

    def number_of(self, word: bytes) -> int:
        """The entry of a word, or -1."""
        sizes = self.spans[: self.words, 1] - self.spans[: self.words, 0]
        for entry in np.flatnonzero(sizes == len(word)).tolist():
            start = self.spans[entry, 0]
            if self.data[start : start + len(word)].tobytes() == word:
                return entry
        return -1


class _Reader:
    """Reads a file from front to back, never past its end."""

    def __init__(self, path: Path, data: np.ndarray) -> None:
        self.path = path
        self.data = data
        self.place = 0

    def fail(self, reason: str) -> NoReturn:
        raise StageError(f"{self.path} is not a fastText model that can be read; correct `model`: {reason}")

    def array(self, dtype: type, count: int) -> np.ndarray:
        """The next `count` numbers, a read-only aligned copy."""
        size = count * np.dtype(dtype).itemsize
        if count < 0 or size > self.data.size - self.place:
            self.fail(f"the file is damaged or cut short (at byte {self.place} of {self.data.size})")
        result: np.ndarray = np.frombuffer(self.data[self.place : self.place + size].tobytes(), dtype=dtype)
        self.place += size
        return result

    def number(self, dtype: type) -> int:
        return int(self.array(dtype, 1)[0])

    def model(self) -> FastTextModel:
        from stages.fasttext.labels_kernel import SIGMOID, SOFTMAX, TREE
        from stages.fasttext.model import FastTextModel

        arguments = self.arguments()
        entries = self.entries()
        pairs = self.array(np.int32, 2 * max(entries.pruned, 0)).reshape(-1, 2)
        quantised = bool(self.number(np.uint8))
        if entries.pruned >= 0 and not quantised:
            self.fail("it is pruned but not quantised")
        rows = self.matrix(quantised, arguments.dim)
        quantised_output = bool(self.number(np.uint8)) and quantised
        output = self.matrix(quantised_output, arguments.dim)
        labels = self.decoded(entries)
        if len(output) != len(labels):
            self.fail(f"{len(output)} rows of output for {len(labels)} labels")
        children, order = np.empty((0, 2), dtype=np.int64), np.arange(len(labels))
        if arguments.loss == _HIERARCHICAL_SOFTMAX:
            children = self.tree(entries)
            order = _leaves_from_left(children)
        loss = {_HIERARCHICAL_SOFTMAX: TREE, _SOFTMAX: SOFTMAX}.get(arguments.loss, SIGMOID)
        tables = self.tables(arguments, entries, pairs, rows)
        return FastTextModel(labels, tables, np.ascontiguousarray(output.T), loss, children, order)

    def labels(self) -> tuple[str, ...]:
        self.arguments()
        size, words, _ = self.dictionary_size()
        labels = []
        for entry in range(size):
            found = _ENTRY.match(self.data.data, self.place)
            if found is None:
                self.fail("its dictionary is cut short")
            if entry >= words:
                labels.append(self.data[self.place : found.end(1)].tobytes().decode("utf-8", "replace"))
            self.place = found.end()
        return tuple(labels)

    def arguments(self) -> _Arguments:
        if self.data.size < 8 or self.number(np.int32) != _MAGIC:
            self.fail("it does not begin as one")
        version = self.number(np.int32)
        if version not in (11, 12):
            self.fail(f"its format is version {version}; 11 and 12 are read")
        dim, _, _, _, _, word_ngrams, loss, kind, bucket, least, most, _ = self.array(np.int32, 12).tolist()
        self.array(np.float64, 1)
        if kind != _SUPERVISED:
            self.fail("it is no supervised model and knows no labels")
        if loss not in (_HIERARCHICAL_SOFTMAX, _NEGATIVE_SAMPLING, _SOFTMAX, _ONE_VERSUS_ALL):
            self.fail(f"its loss has the unknown number {loss}")
        if dim < 1 or not 0 <= bucket <= _MOST_BUCKETS or not 1 <= word_ngrams <= _MOST_WORDS:
            self.fail("its arguments are damaged")
        return _Arguments(dim, word_ngrams, loss, bucket, least, max(most, 0) if version == 12 else 0)

    def entries(self) -> _Entries:
        """The dictionary's words and labels."""
        from stages.fasttext.hidden_kernel import scan_entries

        size, words, pruned = self.dictionary_size()
        spans, end = scan_entries(self.data, self.place, size)
        if end < 0:
            self.fail("its dictionary is cut short")
        spans -= self.place
        return _Entries(self.array(np.uint8, end - self.place), spans, words, pruned)

    def dictionary_size(self) -> tuple[int, int, int]:
        """Numbers of entries, of words among them, and of n-grams that have a row (-1 where all have one)."""
        size, words, label_count = (int(value) for value in self.array(np.int32, 3))
        _, pruned = (int(value) for value in self.array(np.int64, 2))
        if min(words, size) < 0 or label_count < 1 or size != words + label_count:
            self.fail("its dictionary is damaged, or has no labels")
        if size * 10 > self.data.size - self.place:
            self.fail("its dictionary is cut short")
        return size, words, pruned

    def decoded(self, entries: _Entries) -> tuple[str, ...]:
        spans = entries.spans[entries.words :].tolist()
        return tuple(entries.data[start:end].tobytes().decode("utf-8", "replace") for start, end in spans)

    def matrix(self, quantised: bool, dim: int) -> np.ndarray:
        """float32 (rows, dim)."""
        normed = bool(self.number(np.uint8)) if quantised else False
        rows, columns = (int(value) for value in self.array(np.int64, 2))
        if rows < 0 or columns != dim:
            self.fail(f"a matrix of {rows} x {columns} where there should be {dim} columns")
        if not quantised:
            return self.dense(rows, columns)
        codes = self.array(np.uint8, self.number(np.int32))
        matrix = self.decode(codes, rows, dim)
        if normed:
            matrix *= self.decode(self.array(np.uint8, rows), rows, 1)
        matrix.setflags(write=False)
        return matrix

    def dense(self, rows: int, columns: int) -> np.ndarray:
        size = 4 * rows * columns
        if not _MAPPED_FROM <= size <= self.data.size - self.place:
            return self.array(np.float32, rows * columns).reshape(rows, columns)
        mapped: np.ndarray = self.data[self.place : self.place + size].view(np.float32).reshape(rows, columns)
        self.place += size
        return mapped

    def decode(self, codes: np.ndarray, rows: int, dim: int) -> np.ndarray:
        """Read a product quantiser and expand `codes`, one byte a part, to float32 (rows, dim)."""
        stated, parts, width, last = self.array(np.int32, 4).tolist()
        if stated != dim or parts < 1 or (parts - 1) * width + last != dim or not 0 < last <= width:
            self.fail("a quantiser is damaged")
        if codes.size != rows * parts:
            self.fail(f"{codes.size} codes for {rows} rows of {parts} parts")
        centroids = self.array(np.float32, dim * _CENTROIDS)
        by_row = codes.reshape(rows, parts)
        matrix = np.empty((rows, dim), dtype=np.float32)
        for part in range(parts):
            start = part * width
            end = min(start + width, dim)
            table = centroids[start * _CENTROIDS : end * _CENTROIDS].reshape(_CENTROIDS, end - start)
            matrix[:, start:end] = table[by_row[:, part]]
        return matrix

    def tree(self, entries: _Entries) -> np.ndarray:
        """The Huffman tree over labels (int64, nodes x 2), by two queues: labels lie sorted by count."""
        ends = entries.spans[entries.words :, 1].tolist()
        counts = np.frombuffer(b"".join(entries.data[end + 1 : end + 9].tobytes() for end in ends), dtype=np.int64)
        leaves = len(counts)
        if counts.min() < 0 or counts.max() >= _TOO_MANY // leaves:
            self.fail("the counts of its labels are damaged")
        totals = [*counts.tolist(), *[_TOO_MANY] * (leaves - 1)]
        children = np.full((2 * leaves - 1, 2), -1, dtype=np.int64)
        leaf, node = leaves - 1, leaves
        for parent in range(leaves, 2 * leaves - 1):
            total = 0
            for side in range(2):
                if leaf >= 0 and (node == parent or totals[leaf] < totals[node]):
                    chosen, leaf = leaf, leaf - 1
                else:
                    chosen, node = node, node + 1
                children[parent, side] = chosen
                total += totals[chosen]
            totals[parent] = total
        return children

    def tables(self, arguments: _Arguments, entries: _Entries, pairs: np.ndarray, rows: np.ndarray) -> Tables:
        from stages.fasttext.hidden_kernel import Tables, fill_slots

        words = entries.words
        has_ngrams = arguments.most > 0 or arguments.word_ngrams > 1
        buckets = arguments.bucket if has_ngrams and entries.pruned != 0 else 0
        bucket_index = np.empty(0, dtype=np.uint64)
        needed = words
        if entries.pruned > 0 and buckets:
            if pairs.min() < 0 or pairs[:, 0].max() >= buckets:
                self.fail("its table of pruned n-grams is damaged")
            needed = words + int(pairs[:, 1].max()) + 1
        elif buckets:
            needed = words + buckets
        if needed > len(rows):
            self.fail(f"{len(rows)} rows of input where {needed} are needed")
        if entries.pruned > 0 and buckets:
            kept, first = np.unique(pairs[::-1, 0], return_index=True)
            bucket_index = _bucket_index(kept, buckets)
            rows = _aligned(rows[:words], rows[words + pairs[::-1, 1][first]])
        slots = np.full(1 << (2 * len(entries.spans)).bit_length(), -1, dtype=np.int32)
        fill_slots(entries.data, entries.spans, slots)
        return Tables(
            entry_bytes=entries.data,
            entry_spans=entries.spans,
            entry_slots=slots,
            words=words,
            end_of_line=entries.number_of(b"</s>"),
            least=arguments.least,
            most=arguments.most,
            word_ngrams=arguments.word_ngrams if buckets else 1,
            buckets=buckets,
            reciprocal=_reciprocal(buckets),
            bucket_index=bucket_index,
            rows=rows,
        )


def _reciprocal(buckets: int) -> int:
    """What hidden_kernel.bucket_of multiplies with."""
    if buckets == 0:
        return 0
    shift = 31 + (buckets - 1).bit_length()
    return shift << 32 | (1 << shift) // buckets


def _bucket_index(kept: np.ndarray, buckets: int) -> np.ndarray:
    """What hidden_kernel.row_of looks up, for the buckets that have rows, ascending."""
    bits = np.zeros(-(-buckets // 32), dtype=np.uint64)
    np.bitwise_or.at(bits, kept >> 5, np.uint64(1) << (kept & 31).astype(np.uint64))
    before = np.searchsorted(kept, np.arange(len(bits)) * 32)
    return bits | before.astype(np.uint64) << np.uint64(32)


def _aligned(*parts: np.ndarray) -> np.ndarray:
    """The rows of all parts in one matrix that begins where a line of the processor's cache does."""
    rows, dim = sum(map(len, parts)), parts[0].shape[1]
    matrix: np.ndarray = np.concatenate(parts, out=aligned_zeros((rows, dim), np.float32))
    matrix.setflags(write=False)
    return matrix


def _leaves_from_left(children: np.ndarray) -> np.ndarray:
    """The leaves (int64) as a walk through the tree meets them that takes the left branch first."""
    leaves = (len(children) + 1) // 2
    found = []
    waiting = [len(children) - 1]
    while waiting:
        node = waiting.pop()
        if node < leaves:
            found.append(node)
        else:
            waiting += [int(children[node, 1]), int(children[node, 0])]
    return np.array(found, dtype=np.int64)
