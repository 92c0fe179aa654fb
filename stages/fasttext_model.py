"""Read a fastText model file (.bin or .ftz, format 11 or 12) and predict the most probable label of many texts.

The file is arguments, dictionary, input matrix, output matrix; a matrix is dense, or product-quantised
(Jegou et al. 2011; Joulin et al. 2016, arXiv 1612.03651) and then expanded to float32 once, on loading. Read are
supervised models with hierarchical softmax or softmax. Labels are those of fastText's own `predict`; scores agree
to about 1e-6, since rows are summed in another order. Cost: see stages/fasttext_kernel.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from stages.base import StageError

if TYPE_CHECKING:
    import pyarrow as pa

    from stages.fasttext_kernel import Tables

_MAGIC = 793712314
_SUPERVISED = 3
_HIERARCHICAL_SOFTMAX, _SOFTMAX = 1, 3
_LOSSES = {2: "ns", 4: "ova"}
_CENTROIDS = 256
_TOO_MANY = 10**15
#: Beyond these (fastText's defaults are 2,000,000 and 1) a file is taken for damaged, before memory is asked for.
_MOST_BUCKETS = 200_000_000
_MOST_WORDS = 64
_CACHE_BYTES = 1 << 22


@dataclass(frozen=True)
class FastTextModel:
    """A supervised fastText model in memory."""

    labels: tuple[str, ...]  # as in the file, with their prefix
    tables: Tables
    output: np.ndarray  # float32, labels x dim
    tree: np.ndarray | None  # int64, nodes x 2: children of the Huffman tree, -1 in leaves; None for softmax

    def predict(self, texts: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
        """Index into `labels` (int64, -1 where the model knows nothing of a text) and score (float64) of each.

        A text (string or binary column; null counts as empty) is one line: newlines in it are spaces.
        """
        from stages.fasttext_kernel import best_by_softmax, best_by_tree, mean_rows
        from stages.text_buffers import text_buffers

        data, offsets = text_buffers(texts)
        dim = self.tables.rows.shape[1]
        hidden = np.empty((offsets.size - 1, dim), dtype=np.float32)
        slots = 1 << max(_CACHE_BYTES // (4 * dim), 1).bit_length() - 1
        counts = mean_rows(data, offsets, self.tables, slots, hidden)
        labels = np.empty(counts.size, dtype=np.int64)
        scores = np.zeros(counts.size, dtype=np.float64)
        if self.tree is None:
            best_by_softmax(hidden, counts, self.output, labels, scores)
        else:
            best_by_tree(hidden, counts, self.output, self.tree, labels, scores)
        return labels, scores


def load_model(path: Path) -> FastTextModel:
    """Read a model file; StageError in one line where it is none, is damaged, or is of a kind not read."""
    try:
        data = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
    except (OSError, ValueError) as error:
        raise StageError(f"{path} is not a fastText model; correct `model`: {error}") from error
    return _Reader(path, data).model()


@dataclass(frozen=True)
class _Arguments:
    dim: int
    word_ngrams: int
    loss: int
    bucket: int
    least: int
    most: int


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
        arguments = self.arguments()
        size, words, label_count = (int(value) for value in self.array(np.int32, 3))
        _, pruned = (int(value) for value in self.array(np.int64, 2))
        if min(words, size) < 0 or label_count < 1 or size != words + label_count:
            self.fail("its dictionary is damaged, or has no labels")
        entries, counts = self.entries(size)
        pairs = self.array(np.int32, 2 * max(pruned, 0)).reshape(-1, 2)
        quantised = bool(self.number(np.uint8))
        if pruned >= 0 and not quantised:
            self.fail("it is pruned but not quantised")
        rows = self.matrix(quantised, arguments.dim)
        quantised_output = bool(self.number(np.uint8)) and quantised
        output = self.matrix(quantised_output, arguments.dim)
        if len(output) != label_count:
            self.fail(f"{len(output)} rows of output for {label_count} labels")
        tree = self.tree(counts[words:]) if arguments.loss == _HIERARCHICAL_SOFTMAX else None
        labels = tuple(entry.decode("utf-8", "replace") for entry in entries[words:])
        return FastTextModel(labels, self.tables(arguments, entries, words, pruned, pairs, rows), output, tree)

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
        if loss not in (_HIERARCHICAL_SOFTMAX, _SOFTMAX):
            self.fail(f"its loss is {_LOSSES.get(loss, loss)}; hs and softmax are read")
        if dim < 1 or not 0 <= bucket <= _MOST_BUCKETS or not 1 <= word_ngrams <= _MOST_WORDS:
            self.fail("its arguments are damaged")
        return _Arguments(dim, word_ngrams, loss, bucket, least, max(most, 0) if version == 12 else 0)

    def entries(self, size: int) -> tuple[list[bytes], np.ndarray]:
        """The dictionary's words and labels, and their counts in the training data (int64)."""
        from stages.fasttext_kernel import scan_entries

        if size * 10 > self.data.size - self.place:
            self.fail("its dictionary is cut short")
        spans, end = scan_entries(self.data, self.place, size)
        if end < 0:
            self.fail("its dictionary is cut short")
        entries = [self.data[start:stop].tobytes() for start, stop in spans.tolist()]
        counts = np.frombuffer(
            b"".join(self.data[stop + 1 : stop + 9].tobytes() for stop in spans[:, 1].tolist()), dtype=np.int64
        )
        self.place = end
        return entries, counts

    def matrix(self, quantised: bool, dim: int) -> np.ndarray:
        """float32 (rows, dim)."""
        normed = bool(self.number(np.uint8)) if quantised else False
        rows, columns = (int(value) for value in self.array(np.int64, 2))
        if rows < 0 or columns != dim:
            self.fail(f"a matrix of {rows} x {columns} where there should be {dim} columns")
        if not quantised:
            return self.array(np.float32, rows * columns).reshape(rows, columns)
        codes = self.array(np.uint8, self.number(np.int32))
        matrix = self.decode(codes, rows, dim)
        if normed:
            matrix *= self.decode(self.array(np.uint8, rows), rows, 1)
        matrix.setflags(write=False)
        return matrix

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

    def tree(self, counts: np.ndarray) -> np.ndarray:
        """The Huffman tree over labels, by two queues; counts do not increase, as fastText writes them."""
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

    def tables(
        self,
        arguments: _Arguments,
        entries: list[bytes],
        words: int,
        pruned: int,
        pairs: np.ndarray,
        rows: np.ndarray,
    ) -> Tables:
        from stages.fasttext_kernel import Tables, fill_slots

        has_ngrams = arguments.most > 0 or arguments.word_ngrams > 1
        buckets = arguments.bucket if has_ngrams and pruned != 0 else 0
        bucket_rows = np.empty(0, dtype=np.int32)
        needed = words
        if pruned > 0 and buckets:
            if pairs.min() < 0 or pairs[:, 0].max() >= buckets:
                self.fail("its table of pruned n-grams is damaged")
            bucket_rows = np.full(buckets, -1, dtype=np.int32)
            bucket_rows[pairs[:, 0]] = words + pairs[:, 1]
            needed = words + int(pairs[:, 1].max()) + 1
        elif buckets:
            needed = words + buckets
        if needed > len(rows):
            self.fail(f"{len(rows)} rows of input where {needed} are needed")
        offsets = np.concatenate(([0], np.cumsum([len(entry) for entry in entries], dtype=np.int64)))
        entry_bytes = np.frombuffer(b"".join(entries) + b"\0", dtype=np.uint8)
        slots = np.full(1 << (2 * len(entries)).bit_length(), -1, dtype=np.int32)
        fill_slots(entry_bytes, offsets, slots)
        end_of_line = entries.index(b"</s>") if b"</s>" in entries[:words] else -1
        return Tables(
            entry_bytes=entry_bytes,
            entry_offsets=offsets,
            entry_slots=slots,
            words=words,
            end_of_line=end_of_line,
            least=arguments.least,
            most=arguments.most,
            word_ngrams=arguments.word_ngrams if buckets else 1,
            buckets=buckets,
            bucket_rows=bucket_rows,
            bucket_bits=np.packbits(bucket_rows >= 0, bitorder="little"),
            rows=rows,
        )
