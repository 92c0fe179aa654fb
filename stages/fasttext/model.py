"""A supervised fastText model in memory, and what it says of many texts: the two most probable labels, or one's score.

Labels are those of fastText's own `predict`; scores agree to about 1e-5, since rows are summed in another order.
Cost: see hidden_kernel.py and labels_kernel.py. Memory: the matrices, once for all workers of a machine where the
file is large and not quantised (reader.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

    from stages.fasttext.hidden_kernel import Tables

#: Tokens whose sums are kept: 6 MB of a model of 16 dimensions, where a batch has so many tokens.
_CACHE_SLOTS = 1 << 16


class BestTwo(NamedTuple):
    """The most probable label of each text and the next, as indices into `labels` (int64, -1 where there is none)."""

    labels: np.ndarray  # (texts, 2)
    scores: np.ndarray  # float64 (texts, 2), 0 where there is none


@dataclass(frozen=True)
class FastTextModel:
    """What reader.load_model gives."""

    labels: tuple[str, ...]  # as in the file, with their prefix
    tables: Tables
    output: np.ndarray  # float32 (dim, logits)
    loss: int  # of labels_kernel.py
    children: np.ndarray  # int64, nodes x 2: the Huffman tree, -1 in leaves; no nodes for other losses
    order: np.ndarray  # int64: the labels as fastText comes upon them

    def best_two(self, texts: pa.Array | pa.ChunkedArray, sample_bytes: int | None = None) -> BestTwo:
        """The two most probable labels of each text and their scores; a text without any known row has none.

        A text (string or binary column; null counts as empty) is one line: newlines in it are spaces. Of texts
        longer than `sample_bytes` only pieces of so many bytes together are read (sample_kernel.py).
        """
        from stages.fasttext.labels_kernel import best_two

        hidden, counts = self._hidden(texts, sample_bytes)
        found = BestTwo(np.empty((counts.size, 2), dtype=np.int64), np.empty((counts.size, 2), dtype=np.float64))
        best_two(hidden, counts, self.output, self.loss, self.children, self.order, *found)
        return found

    def scores(self, texts: pa.Array | pa.ChunkedArray, label: str) -> np.ndarray:
        """The score of one of the model's labels for each text (float64); 0 for a text without any known row."""
        from stages.fasttext.labels_kernel import scores_of

        hidden, counts = self._hidden(texts, None)
        scores = np.empty(counts.size, dtype=np.float64)
        scores_of(hidden, counts, self.output, self.loss, self.children, self.labels.index(label), scores)
        return scores

    def _hidden(self, texts: pa.Array | pa.ChunkedArray, sample_bytes: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Mean of rows (float32, texts x dim) and number of rows (int64) of each text."""
        from stages.fasttext.hidden_kernel import mean_rows
        from stages.fasttext.sample_kernel import sample_texts
        from stages.text_buffers import text_buffers

        data, offsets = text_buffers(texts)
        if sample_bytes is not None:
            data, offsets = sample_texts(data, offsets, sample_bytes)
        dim = self.tables.rows.shape[1]
        hidden = np.empty((offsets.size - 1, dim), dtype=np.float32)
        return hidden, mean_rows(data, offsets, self.tables, _CACHE_SLOTS, hidden)
