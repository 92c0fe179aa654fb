"""The table of all runs of words in benchmark items, and the items that a text matches.

Of an item with n words or more every run of n words is in the table; a shorter one is there as a whole, if it has
`min_words`. A match covers its words in the text and in the item; the coverage of an item is the share of its words
that some match covers, passages too short to be looked for left out. Of a run that more than MOST_ITEMS items
share, the first so many are named. Cost: building takes about 1.5 seconds and 250 MB of memory a million
words in every process, of which 40 MB stay; matched texts alone are looked at again in Python.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stages.decontamination.benchmark_files import benchmark_name, check_items, read_items
from stages.decontamination.ngrams_kernel import (
    BYTES_A_WORD,
    count_matches,
    fill_bits,
    hash_passages,
    match_words,
    read_words,
)
from stages.decontamination.word_characters import word_characters
from stages.kept_files import kept_while_files_stay
from stages.text_buffers import text_buffers

MOST_ITEMS = 10
#: Bits of the Bloom filter for each hash, so that one of 250 others passes it.
_BITS_A_HASH = 32

Interval = tuple[int, int]


@dataclass(frozen=True)
class Benchmark:
    """What a file holds: items, those of fewer than n words that are looked for as a whole, those too short."""

    name: str
    items: int
    whole: int
    too_short: int
    ngrams: int
    shared_ngrams: int


class ItemMatch(NamedTuple):
    """An item that a text matches: how, and where in the text (in bytes)."""

    benchmark: str
    line: int
    words: int
    coverage: float
    ngrams: int
    spans: list[Interval]


@dataclass(frozen=True)
class BenchmarkIndex:
    """Sorted hashes, where the runs of each occur (`occurrences[starts[i]:starts[i + 1]]`), and their items."""

    benchmarks: list[Benchmark]
    #: Words of the shortest run that could be looked for.
    lead: int
    widths: np.ndarray
    hashes: np.ndarray
    bits: np.ndarray
    shift: np.uint64
    starts: np.ndarray
    #: int64[runs, 2]: item and first word in it.
    occurrences: np.ndarray
    #: int64[items, 3]: benchmark, line, words in passages that are looked for.
    items: np.ndarray

    def count(self, data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """int64[texts, 2]: words, and matching runs of words, of the texts of an Arrow column."""
        counts = np.zeros((len(offsets) - 1, 2), dtype=np.int64)
        count_matches(data, offsets, word_characters(), *self._tables(), counts)
        return counts

    def _tables(self) -> tuple[int, np.ndarray, np.ndarray, np.ndarray, np.uint64]:
        return self.lead, self.widths, self.hashes, self.bits, self.shift

    def matches(self, text: bytes, expected: int) -> list[ItemMatch]:
        """The items that a text with `expected` matching runs matches, highest coverage first."""
        data = np.frombuffer(text, dtype=np.uint8)
        room = len(text) // BYTES_A_WORD + 2
        prefixes, spans = np.empty(room, np.uint64), np.empty((room, 2), np.int64)
        words = read_words(data, 0, len(text), word_characters(), prefixes, spans)
        found = np.empty((expected, 3), dtype=np.int64)
        match_words(prefixes, words, *self._tables(), found)
        in_text: dict[int, list[Interval]] = defaultdict(list)
        in_item: dict[int, list[Interval]] = defaultdict(list)
        items_with: dict[int, list[int]] = {}
        for first, width, place in found.tolist():
            if place not in items_with:
                occurrences = self.occurrences[self.starts[place] : self.starts[place + 1]].tolist()
                items_with[place] = list(dict.fromkeys(item for item, _ in occurrences))
                for item, position in occurrences:
                    in_item[item].append((position, position + width))
            for item in items_with[place]:
                in_text[item].append((first, first + width))
        matches = []
        for item, intervals in in_text.items():
            benchmark, line, size = self.items[item].tolist()
            covered = sum(end - start for start, end in merged(in_item[item]))
            places = [(int(spans[start, 0]), int(spans[end - 1, 1])) for start, end in merged(intervals)]
            name = self.benchmarks[benchmark].name
            matches.append(ItemMatch(name, line, size, covered / size, len(intervals), places))
        return sorted(matches, key=lambda match: (-match.coverage, -match.ngrams, match.benchmark, match.line))


@kept_while_files_stay(most=2)
def load_index(paths: tuple[Path, ...], fields: tuple[str, ...], ngram: int, min_words: int) -> BenchmarkIndex:
    """The table of files as they are now. StageError where one holds no item that could be looked for."""
    passages: list[str] = []
    item_of: list[int] = []
    lines: list[tuple[int, int]] = []
    for number, path in enumerate(paths):
        check_items(path, fields, min(ngram, min_words))
        for item in read_items(path, fields):
            passages += item.passages
            item_of += [len(lines)] * len(item.passages)
            lines.append((number, item.line))
    runs, leads, sizes = _runs(passages, ngram, min_words)
    items = np.zeros((len(lines), 3), dtype=np.int64)
    items[:, :2] = lines
    owners = np.array(item_of, dtype=np.int64)
    # Passages too short to be looked for count for nothing.
    sizes = np.where(sizes >= min(ngram, min_words), sizes, 0)
    np.add.at(items[:, 2], owners, sizes)
    # A word's number is counted through the item's passages.
    ends = np.cumsum(sizes)
    first_of_item = np.searchsorted(owners, owners, side="left")
    shifts = (ends - sizes) - (ends - sizes)[first_of_item]
    passage = runs[:, 1].astype(np.int64)
    occurrences = np.column_stack([owners[passage], runs[:, 2].astype(np.int64) + shifts[passage]])
    order = np.lexsort((occurrences[:, 1], occurrences[:, 0], runs[:, 0]))
    sorted_hashes, occurrences = runs[order, 0], occurrences[order]
    hashes, firsts, amounts = np.unique(sorted_hashes, return_index=True, return_counts=True)
    run = np.repeat(np.arange(len(hashes)), amounts)
    named = _item_ranks(run, firsts, occurrences[:, 0]) < MOST_ITEMS
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(run[named], minlength=len(hashes)))])
    bits, shift = _bit_table(leads)
    widths = np.unique(np.minimum(sizes[passage], ngram))
    shared = _shared(occurrences, run, items)
    benchmarks = [
        _describe(number, path, items, occurrences, np.bincount(owners, sizes >= ngram, len(items)) > 0, shared)
        for number, path in enumerate(paths)
    ]
    frozen = (widths, hashes, bits)
    for array in frozen:
        array.setflags(write=False)
    return BenchmarkIndex(benchmarks, min(ngram, min_words), *frozen, shift, starts, occurrences[named], items)


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The union of intervals, in order; those that touch become one."""
    union: list[Interval] = []
    for start, end in sorted(intervals):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        else:
            union.append((start, end))
    return union


def _runs(passages: Sequence[str], ngram: int, min_words: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """uint64[runs, 3] (hash, passage, first word), hashes of the runs' first words, and each passage's words."""
    data, offsets = text_buffers(pa.array(passages, pa.large_string()))
    room = int(offsets[-1]) // BYTES_A_WORD + len(passages) + 1
    runs, leads = np.empty((room, 3), dtype=np.uint64), np.empty(room, dtype=np.uint64)
    sizes = np.zeros(len(passages), dtype=np.int64)
    count = hash_passages(data, offsets, word_characters(), ngram, min_words, leads, runs, sizes)
    return runs[:count].copy(), leads[:count], sizes


def _bit_table(leads: np.ndarray) -> tuple[np.ndarray, np.uint64]:
    """A Bloom filter of the hashes, and how far to shift for the number of a bit."""
    bit_count = max(64, 1 << (len(leads) * _BITS_A_HASH).bit_length())
    shift = np.uint64(64 - (bit_count - 1).bit_length())
    bits = np.zeros(bit_count // 64, dtype=np.uint64)
    fill_bits(leads, shift, bits)
    return bits, shift


def _item_ranks(run: np.ndarray, firsts: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Which of the items with its run, from 0, each occurrence is in; occurrences by run and item."""
    numbers = np.cumsum((np.diff(run, prepend=-1) != 0) | (np.diff(item, prepend=-1) != 0))
    ranks: np.ndarray = numbers - numbers[firsts][run]
    return ranks


def _shared(occurrences: np.ndarray, run: np.ndarray, items: np.ndarray) -> dict[int, int]:
    """By benchmark, how many different runs stand in more than MOST_ITEMS of its items; occurrences by run and item."""
    changed = np.diff(run, prepend=-1) != 0
    first_in_item = changed | (np.diff(occurrences[:, 0], prepend=-1) != 0)
    run, benchmark = run[first_in_item], items[occurrences[first_in_item, 0], 0]
    groups = np.flatnonzero((np.diff(run, prepend=-1) != 0) | (np.diff(benchmark, prepend=-1) != 0))
    amounts = np.diff(groups, append=len(run))
    benchmarks, numbers = np.unique(benchmark[groups[amounts > MOST_ITEMS]], return_counts=True)
    return dict(zip(benchmarks.tolist(), numbers.tolist(), strict=True))


def _describe(
    number: int, path: Path, items: np.ndarray, occurrences: np.ndarray, long: np.ndarray, shared: dict[int, int]
) -> Benchmark:
    mine = items[:, 0] == number
    looked_for = np.bincount(occurrences[:, 0], minlength=len(items)) > 0
    return Benchmark(
        name=benchmark_name(path),
        items=int(mine.sum()),
        whole=int((mine & looked_for & ~long).sum()),
        too_short=int((mine & ~looked_for).sum()),
        ngrams=int(mine[occurrences[:, 0]].sum()),
        shared_ngrams=shared.get(number, 0),
    )
