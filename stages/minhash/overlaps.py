"""Find every text whose true Jaccard similarity to one of a few sampled sets of shingles reaches a threshold.

A text shares at least threshold * |A| shingles with a set A that it is so similar to, since shared = J * |A or B| and
|A or B| >= |A|. So shared shingles are counted by an inverted index of the samples, and only texts that share enough
have their own sets made. Exact, but for equal 64-bit hashes of different shingles.

Cost: one look-up a shingle of every text (about 10 ns), and a step for each sample that has it; memory: about 40
bytes a shingle of the samples.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stages.minhash import overlap_kernel
from stages.minhash.shingle_sets import ShingleSets, shingle_sets
from stages.minhash.shingles import ShingleBatch, shingle_batches
from stages.minhash.shingling import Shingling


class Similar(NamedTuple):
    """Texts and samples by index (int64), aligned, and their true Jaccard similarity (float64)."""

    texts: np.ndarray
    samples: np.ndarray
    jaccard: np.ndarray


class SampleIndex:
    """An inverted index of some sets of shingles: which of them have a shingle."""

    def __init__(self, sets: ShingleSets, threshold: float, shingling: Shingling) -> None:
        self._sizes = np.diff(sets.offsets)
        self._threshold, self._shingling = threshold, shingling
        # A little less than the bound, so that no pair is lost by rounding.
        self._least = np.maximum(np.ceil(threshold * self._sizes - 1e-6).astype(np.int64), 1)
        order = np.argsort(sets.values, kind="stable")
        self._keys, first = np.unique(sets.values[order], return_index=True)
        self._starts = np.append(first, len(order)).astype(np.int64)
        self._owners = np.repeat(np.arange(len(self._sizes)), self._sizes)[order]
        bits = max(int(2 * len(self._keys)).bit_length(), 3)
        self._shift = np.uint64(64 - bits)
        self._slots = np.full(1 << bits, -1, dtype=np.int32)
        self._bitmap = np.zeros((1 << bits) // 8, dtype=np.uint64)
        self._marks, self._texts_before = np.zeros(len(self._keys), dtype=np.int64), 1
        overlap_kernel.fill_slots(self._keys, self._shift, self._slots, self._bitmap)

    def similar(self, texts: pa.Array) -> Similar:
        """All pairs of a text and a sample at the threshold or above, by text and sample."""
        found = [_none()]
        for batch in shingle_batches(texts, self._shingling):
            found += self._shared(batch)
        text, sample, shared = np.concatenate(found, axis=1)
        distinct, at = np.unique(text, return_inverse=True)
        sizes = np.diff(shingle_sets(texts.take(pa.array(distinct)), self._shingling).offsets)[at]
        similarity = shared / (sizes + self._sizes[sample] - shared)
        enough = similarity >= self._threshold
        order = np.lexsort((sample[enough], text[enough]))
        return Similar(text[enough][order], sample[enough][order], similarity[enough][order])

    def _shared(self, batch: ShingleBatch) -> list[np.ndarray]:
        """int64[3, pairs], in pieces: text, sample, shared shingles."""
        count = len(self._sizes)
        counts, touched = np.zeros(count, dtype=np.int64), np.empty(count, dtype=np.int64)
        progress = np.zeros(2, dtype=np.int64)
        room = np.empty((3, max(4 * count, 1 << 14)), dtype=np.int64)
        index = (self._keys, self._shift, self._slots, self._bitmap, self._starts, self._owners, self._least)
        pieces = []
        while progress[0] < len(batch.offsets) - 1:
            overlap_kernel.count_shared(
                batch.hashes,
                batch.offsets,
                *index,
                self._marks,
                self._texts_before,
                counts,
                touched,
                progress,
                room[0],
                room[1],
                room[2],
            )
            piece = room[:, : progress[1]].copy()
            piece[0] += batch.first
            pieces.append(piece)
        self._texts_before += len(batch.offsets) - 1
        return pieces


def _none() -> np.ndarray:
    return np.empty((3, 0), dtype=np.int64)
