"""A supervised fastText model in memory, and what it says of many texts: the two most probable labels, or one's score.

Labels are those of fastText's own `predict`; scores agree to about 1e-5, since rows are summed in another order.
Cost: see hidden_kernel.py and labels_kernel.py. Memory: the matrices, once for all workers of a machine where the
file is large and not quantised (reader.py), and up to 25 MB of sums of tokens that were met.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

    from stages.fasttext.hidden_kernel import Tables
    from stages.fasttext.token_cache_kernel import TokenCache

#: Short tokens whose sums are kept, at most so many bytes of sums, and how many of them there are for a long one:
#: 13 MB for a model of 16 dimensions.
_SLOTS, _MOST_BYTES, _SHORT_FOR_A_LONG = 1 << 17, 16 << 20, 32


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
    #: Those that no call is using: a call takes one, or makes one, and puts it back, so that no two share one.
    _caches: list[TokenCache] = field(default_factory=list, init=False, repr=False, compare=False)

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
        try:
            cache = self._caches.pop()
        except IndexError:
            cache = _new_cache(dim)
        counts = mean_rows(data, offsets, self.tables, cache, hidden)
        self._caches.append(cache)
        return hidden, counts


def _new_cache(dim: int) -> TokenCache:
    """An empty cache of tokens, all of whose memory has been touched."""
    from stages.fasttext.aligned import aligned_zeros
    from stages.fasttext.token_cache_kernel import LONGEST, TokenCache

    short = min(_SLOTS, max(2, 1 << (_MOST_BYTES // (4 * dim)).bit_length() >> 1))
    long = max(1, short // _SHORT_FOR_A_LONG)
    return TokenCache(
        tokens=aligned_zeros((short + long + 1, 4), np.uint64),
        sums=aligned_zeros((short + long + 1, dim), np.float32),
        recent=np.zeros(short // 2, dtype=np.uint8),
        spelled=np.zeros((long, LONGEST), dtype=np.uint8),
    )
