"""Count the words that a split pattern cuts text into: all that BPE training needs to know of a corpus.

A word count table is an Arrow table (word: large_binary, count: int64) sorted by word. Tables of parts of a
corpus merge to the table of the whole, so the corpus is read once, in parallel, and any vocabulary can be
trained from the result. The kernel counts about 75 MB/s of text on one core; memory is that of the
distinct words (bytes plus about 56 bytes each).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tokenizer.character_classes import character_classes
from tokenizer.pretokenize import SplitPattern
from tokenizer.text_buffers import text_buffers

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

#: Longer words (runs of letters without blanks, base64) are cut here, so that one of them costs no more
#: than any other in training. In bytes.
LONGEST_WORD = 1024


def merge_word_counts(tables: Iterable[pa.Table]) -> pa.Table:
    """The word counts of several tables together, sorted by word; independent of their order."""
    import pyarrow as pa

    merged = pa.concat_tables([_schema().empty_table(), *tables])
    merged = merged.group_by("word", use_threads=False).aggregate([("count", "sum")])
    merged = pa.table([merged["word"], merged["count_sum"]], schema=_schema())
    return merged.sort_by("word").combine_chunks()


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema([("word", pa.large_binary()), ("count", pa.int64())])


class WordCounter:
    """Counts words of Arrow string arrays, one after another.

    `text_bytes` is what it read; `words_cut` counts cuts in words over LONGEST_WORD bytes; `slow_rows` counts
    texts that went through `tokenizers`: those with characters newer than the interpreter's Unicode data, or
    all of them for a pattern that the kernel does not know.
    """

    def __init__(self, pattern: SplitPattern, longest: int = LONGEST_WORD) -> None:
        self.pattern = pattern
        self.longest = longest
        self.text_bytes = 0
        self.words_cut = 0
        self.slow_rows = 0
        self._words = 0
        self._table = _empty_table(1 << 16, 1 << 20)
        self._slow: Counter[bytes] = Counter()
        self._splitter = pattern.splitter()

    def add(self, texts: pa.Array | pa.ChunkedArray) -> None:
        """Count the words of a string or large_string array; nulls have none."""
        import numpy as np

        from tokenizer.word_kernel import unknown_rows

        data, offsets = text_buffers(texts)
        self.text_bytes += int(offsets[-1] - offsets[0])
        classes = character_classes()
        if self.pattern.max_digits is None:
            slow = np.ones(len(offsets) - 1, dtype=np.bool_)
        else:
            slow = unknown_rows(data, offsets, classes)
            self._count(data, offsets, slow, classes)
        for row in np.flatnonzero(slow):
            self._count_slowly(bytes(data[offsets[row] : offsets[row + 1]]).decode())

    def _count(self, data: np.ndarray, offsets: np.ndarray, skip: np.ndarray, classes: np.ndarray) -> None:
        from tokenizer.word_kernel import count_words

        row, position = 0, int(offsets[0])
        while row < len(skip):
            row, position, self._words, self.words_cut = count_words(
                data,
                offsets,
                skip,
                row,
                position,
                classes,
                self.pattern.max_digits,
                self.longest,
                self._table,
                self._words,
                self.words_cut,
            )
            if row < len(skip):
                self._table = _grown_table(self._table, self._words)

    def _count_slowly(self, text: str) -> None:
        self.slow_rows += 1
        for piece, _ in self._splitter.pre_tokenize_str(text):
            word = piece.encode()
            while len(word) > self.longest:
                stop = self.longest
                while word[stop] & 0xC0 == 0x80:
                    stop -= 1
                self._slow[word[:stop]] += 1
                self.words_cut += 1
                word = word[stop:]
            self._slow[word] += 1

    def finish(self) -> pa.Table:
        """The word counts so far: (word: large_binary, count: int64), sorted by word."""
        import pyarrow as pa

        table, words = self._table, self._words
        data = pa.py_buffer(table.arena[: table.starts[words]].copy())
        offsets = pa.py_buffer(table.starts[: words + 1].copy())
        word = pa.Array.from_buffers(pa.large_binary(), words, [None, offsets, data])
        fast = pa.table([word, pa.array(table.counts[:words].copy())], schema=_schema())
        slow = pa.table([list(self._slow.keys()), list(self._slow.values())], schema=_schema())
        return merge_word_counts([fast, slow]) if self._slow else fast.sort_by("word").combine_chunks()


def _empty_table(capacity: int, arena: int) -> Any:
    import numpy as np

    from tokenizer.word_kernel import WordTable

    return WordTable(
        slots=np.zeros(2 * capacity, dtype=np.int64),
        hashes=np.zeros(capacity, dtype=np.uint64),
        starts=np.zeros(capacity + 1, dtype=np.int64),
        counts=np.zeros(capacity, dtype=np.int64),
        arena=np.zeros(arena, dtype=np.uint8),
    )


def _grown_table(table: Any, words: int) -> Any:
    """A copy with twice the room of whatever is more than half full."""
    from tokenizer.word_kernel import rebuild_slots

    used = int(table.starts[words])
    capacity = len(table.counts) * (2 if words > len(table.counts) // 2 else 1)
    arena = len(table.arena) * (2 if used > len(table.arena) // 2 else 1)
    grown = _empty_table(capacity, max(arena, 1 << 20))
    grown.hashes[:words] = table.hashes[:words]
    grown.starts[: words + 1] = table.starts[: words + 1]
    grown.counts[:words] = table.counts[:words]
    grown.arena[:used] = table.arena[:used]
    rebuild_slots(grown, words)
    return grown
