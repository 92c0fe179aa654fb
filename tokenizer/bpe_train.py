"""Train byte-level BPE from word counts (Sennrich, Haddow, Birch: Neural Machine Translation of Rare Words
with Subword Units, ACL 2016, algorithm 1; bytes as in GPT-2).

The most frequent pair of neighbouring tokens becomes a token, again and again. Among equally frequent
pairs the one with the smaller (left id, right id) goes first, as in `tokenizers`, whose merges these are;
counts are 64-bit, so they do not wrap on large corpora. Tokens spelt alike share one id.

Memory: 24 bytes for every byte of the distinct words, plus about 60 for every pair. Time: each merge costs
its occurrences; a vocabulary of 32,768 on 30 MB of English (120,000 words) takes about 2 s on one core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tokenizer.bytes_alphabet import BYTES_BY_ID
from tokenizer.errors import TokenizerError

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_BYTES = 1 << 31


@dataclass(frozen=True)
class ByteMerges:
    """What training gives: the bytes of every token by id, and the merges as pairs of ids, best first."""

    tokens: list[bytes]
    merges: list[tuple[int, int]]


def train_merges(word_counts: pa.Table, vocabulary_size: int) -> ByteMerges:
    """Merge until there are `vocabulary_size` tokens (256 of them the bytes) or no pair is left.

    word_counts: (word: large_binary, count: int64), each word once.
    """
    if vocabulary_size < 256:
        raise TokenizerError(f"vocabulary of {vocabulary_size}: the 256 bytes alone need more; ask for 512 or so")
    tokens = [bytes([byte]) for byte in BYTES_BY_ID]
    ids = {token: number for number, token in enumerate(tokens)}
    merges: list[tuple[int, int]] = []
    state = _Training(word_counts)
    while len(tokens) < vocabulary_size:
        pair = state.most_frequent_pair()
        if pair is None:
            break
        token = tokens[pair[0]] + tokens[pair[1]]
        number = ids.setdefault(token, len(tokens))
        if number == len(tokens):
            tokens.append(token)
        state.merge(pair, number, len(tokens))
        merges.append(pair)
    return ByteMerges(tokens, merges)


class _Training:
    """The tables that the kernels work on, enlarged between merges where they must be."""

    def __init__(self, word_counts: pa.Table) -> None:
        import numpy as np

        from tokenizer import bpe_kernel

        self._kernel = bpe_kernel
        data, starts, self._weights = _words(word_counts)
        ids_of_bytes = np.empty(256, dtype=np.int32)
        ids_of_bytes[BYTES_BY_ID] = np.arange(256)
        size = int(starts[-1] - starts[0])
        self._symbols = bpe_kernel.Symbols(*(np.empty(size, dtype=np.int32) for _ in bpe_kernel.Symbols._fields))
        bpe_kernel.fill_symbols(data, starts, ids_of_bytes, self._symbols)
        self._pairs = self._empty_pairs(1 << 18)
        self._pairs_used = bpe_kernel.link_all(self._symbols, self._weights, self._pairs)
        self._heap = self._empty_heap(1 << 18)
        self._heap_size = bpe_kernel.push_all(self._pairs, self._heap, 0)
        self._merges = 0

    def most_frequent_pair(self) -> tuple[int, int] | None:
        """Ids of the pair to merge next; None when no pair is left."""
        key, _, self._heap_size = self._kernel.pop_best(self._pairs, self._heap, self._heap_size)
        return None if key < 0 else (key >> 32, key & 0xFFFFFFFF)

    def merge(self, pair: tuple[int, int], token: int, tokens: int) -> None:
        """Replace the pair by `token` everywhere; `tokens` is how many there are, this one included."""
        self._make_room(2 * tokens)
        self._heap_size, self._pairs_used = self._kernel.merge_pair(
            self._symbols,
            self._weights,
            self._pairs,
            self._heap,
            self._heap_size,
            self._pairs_used,
            pair[0] << 32 | pair[1],
            token,
            self._merges,
        )
        self._merges += 1

    def _make_room(self, new_pairs: int) -> None:
        capacity = len(self._pairs.keys)
        if self._pairs_used + new_pairs > capacity // 2:
            alive = int((self._pairs.counts > 0).sum())
            while alive + 2 * new_pairs > capacity // 2:
                capacity *= 2
            old, self._pairs = self._pairs, self._empty_pairs(capacity)
            self._pairs_used = self._kernel.rehash_pairs(old, self._pairs)
        if self._heap_size + new_pairs > len(self._heap.keys):
            old_heap, self._heap = self._heap, self._empty_heap(2 * len(self._heap.keys) + new_pairs)
            for old_column, column in zip(old_heap, self._heap, strict=True):
                column[: self._heap_size] = old_column[: self._heap_size]

    def _empty_pairs(self, capacity: int) -> Any:
        import numpy as np

        return self._kernel.Pairs(
            keys=np.full(capacity, -1, dtype=np.int64),
            counts=np.zeros(capacity, dtype=np.int64),
            heads=np.full(capacity, -1, dtype=np.int32),
            seen=np.full(capacity, -1, dtype=np.int32),
        )

    def _empty_heap(self, capacity: int) -> Any:
        import numpy as np

        return self._kernel.Heap(np.empty(capacity, dtype=np.int64), np.empty(capacity, dtype=np.int64))


def _words(word_counts: pa.Table) -> tuple[Any, Any, Any]:
    """Bytes (uint8), starts (int64[words + 1]) and counts (int64) of the words."""
    import numpy as np
    import pyarrow as pa

    table = word_counts.combine_chunks()
    words = table["word"].combine_chunks() if table.num_rows else pa.array([], pa.large_binary())
    if isinstance(words, pa.ChunkedArray):
        words = words.chunk(0)
    if len(words) == 0:
        return np.empty(0, np.uint8), np.zeros(1, np.int64), np.empty(0, np.int64)
    _, offsets, data = words.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64)[words.offset : words.offset + len(words) + 1]
    if starts[-1] - starts[0] >= _MOST_BYTES:
        raise TokenizerError(
            f"the distinct words hold {starts[-1] - starts[0]:,} bytes, more than 2^31: train on a part of the corpus"
        )
    return np.frombuffer(data, dtype=np.uint8), starts, table["count"].to_numpy().astype(np.int64)
