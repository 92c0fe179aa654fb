"""Measure documents for the Gopher rules: one call a batch, one visit a document, over the batch's own bytes.

For each document: split words (or take given ones), one scan of the words, one of the characters and lines,
then the repetition counts of stages/repetition_kernel.py. Only integers leave the kernel; ratios are divided
afterwards, so that they round exactly as Python's do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages import unicode_table
from stages.byte_range_kernel import GOLDEN, characters_between, hash_bytes, mix, table_size
from stages.lines_kernel import cut, cut_lines, first_solid, last_solid, scan_lines
from stages.repetition_kernel import (
    LONGEST,
    SHORTEST,
    WIDEST,
    Candidates,
    duplicate_n_grams,
    duplicates,
    find_candidates,
    top_n_gram,
)
from stages.unicode_words_kernel import split_unicode_words, wide_characters
from stages.vector_kernel import flag_count, load_eight, store_eight
from stages.words_kernel import decode, split_words
from tokenizer.kernel_cache import allocating_kernel, inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

LIMIT = unicode_table.LIMIT
ALPHABETIC = unicode_table.ALPHABETIC
SYMBOL = unicode_table.SYMBOL

LOWER_CASE = np.uint64(0x2020202020202020)
HIGH_BITS = np.uint64(0x8080808080808080)
ODD = np.uint64(0xD1342543DE82EF95)

#: Columns of the counts, int64, one row a document.
WORDS, REAL_WORDS, REAL_CHARACTERS, ALPHA_WORDS, STOP_WORDS = 0, 1, 2, 3, 4
CHARACTERS, HASHES, ELLIPSES, LINES, BULLET_LINES, ELLIPSIS_LINES = 5, 6, 7, 8, 9, 10
PARAGRAPHS, REPEATED_PARAGRAPHS, REPEATED_PARAGRAPH_CHARACTERS = 11, 12, 13
ROWS, REPEATED_ROWS, REPEATED_ROW_CHARACTERS = 14, 15, 16  # rows: the text cut at runs of newlines
TOP = 17  # top 2-, 3- and 4-gram
DUPLICATE = 20  # duplicate 5- to 10-grams
STOP_WORD_COUNT = 26  # occurrences of stop words, however often each
REPEATED_LINES, REPEATED_LINE_CHARACTERS = 27, 28  # lines: as str.splitlines
COLUMNS = 29


class Scratch(NamedTuple):
    """Arrays for one document at a time, kept from document to document; each has room for so many words."""

    sizes: Array  # int64, bytes of the words up to each word
    lengths: Array  # int64, characters of the words up to each word
    hashes: Array  # uint64, of each word
    grams: Array  # uint64, of the n-gram that begins at each word
    candidates: Candidates
    keys: Array  # uint64, table_size(words)
    seen: Array  # int64, twice as many


class TextScratch(NamedTuple):
    """Arrays for one document at a time, with room for so many bytes; untouched pages cost no memory."""

    joined: Array  # uint8, the words without spaces, and WIDEST more
    row_starts: Array  # int64, of ranges between newlines
    row_ends: Array  # int64


class StopWords(NamedTuple):
    """A hash table in which every stop word has a slot of its own."""

    table: Array  # uint64, their hashes by the hash's lowest bits
    slots: Array  # int64, the slot of each
    met: Array  # int64, by slot: how often it was met, 0 between documents


@allocating_kernel
def text_scratch_for(size: int) -> TextScratch:
    """Scratch with room for texts of `size` bytes."""
    joined = np.empty(size + WIDEST, dtype=np.uint8)
    return TextScratch(joined, np.empty(size + 1, dtype=np.int64), np.empty(size + 1, dtype=np.int64))


@allocating_kernel
def scratch_for(words: int) -> Scratch:
    """Scratch with room for `words` words."""
    room = table_size(words)
    return Scratch(
        np.empty(words + 1, dtype=np.int64),
        np.empty(words + 1, dtype=np.int64),
        np.empty(words, dtype=np.uint64),
        np.empty(words, dtype=np.uint64),
        Candidates(
            np.empty(words + 1, dtype=np.int64),
            np.empty(words, dtype=np.int64),
            np.empty(words + 1, dtype=np.uint64),
            np.empty(table_size(4 * words), dtype=np.uint8),
        ),
        np.empty(room, dtype=np.uint64),
        np.empty(2 * room, dtype=np.int64),
    )


@allocating_kernel
def measure_texts(
    data: Array,
    offsets: Array,
    classes: Array,
    stop_words: Array,
    stop_starts: Array,
    split_lines: bool,
    exceptions: Array,
    breaks: Array,
    piece: Array,
) -> Array:
    """Counts, int64[documents, COLUMNS], of the texts data[offsets[i]:offsets[i + 1]], with our words.

    `data` is uint8 and valid UTF-8, `offsets` int64; stop words are their bytes (uint8) and starts (int64). Repeats
    among lines as str.splitlines cuts them are counted where `split_lines` asks for them. Words are English ones, or
    Unicode's where `breaks` is the table of stages/word_break_table.py and not empty.
    """
    documents = len(offsets) - 1
    counts = np.zeros((documents, COLUMNS), dtype=np.int64)
    longest = 0
    for document in range(documents):
        longest = max(longest, offsets[document + 1] - offsets[document])
    starts = np.empty(longest + 1, dtype=np.int64)
    ends = np.empty(longest + 1, dtype=np.int64)
    text_scratch = text_scratch_for(longest)
    room = 0
    scratch = scratch_for(room)
    stop_table = stop_words_of(stop_words, stop_starts)
    for document in range(documents):
        low, high = offsets[document], offsets[document + 1]
        if len(breaks):
            words = split_unicode_words(data, low, high, breaks, starts, ends)
        else:
            words = split_words(data, low, high, classes, exceptions, piece, starts, ends)
        if words > room:
            room = 2 * words
            scratch = scratch_for(room)
        spans = starts[:words], ends[:words]
        measure(data, low, high, classes, spans, True, stop_table, split_lines, text_scratch, scratch, counts[document])
        if len(breaks):  # every wide character is a letter or a digit, so its word is real
            counts[document, REAL_CHARACTERS] += wide_characters(data, low, high, breaks)
    return counts


@allocating_kernel
def measure_words(
    data: Array,
    offsets: Array,
    classes: Array,
    stop_words: Array,
    stop_starts: Array,
    split_lines: bool,
    word_offsets: Array,
    starts: Array,
    ends: Array,
) -> Array:
    """As measure_texts, with given words: document i has the byte spans word_offsets[i] to [i + 1]."""
    documents = len(offsets) - 1
    counts = np.zeros((documents, COLUMNS), dtype=np.int64)
    words, longest = 0, 0
    for document in range(documents):
        words = max(words, word_offsets[document + 1] - word_offsets[document])
        longest = max(longest, offsets[document + 1] - offsets[document])
    scratch = scratch_for(words)
    text_scratch = text_scratch_for(longest)
    stop_table = stop_words_of(stop_words, stop_starts)
    for document in range(documents):
        first, last = word_offsets[document], word_offsets[document + 1]
        low, high = offsets[document], offsets[document + 1]
        spans, row = (starts[first:last], ends[first:last]), counts[document]
        measure(data, low, high, classes, spans, False, stop_table, split_lines, text_scratch, scratch, row)
    return counts


@allocating_kernel
def measure(
    data: Array,
    low: int,
    high: int,
    classes: Array,
    spans: tuple[Array, Array],
    solid: bool,
    stop_words: StopWords,
    split_lines: bool,
    text_scratch: TextScratch,
    scratch: Scratch,
    row: Array,
) -> None:
    """Fill one row of counts; `spans` are starts and ends of the words, which hold no white space if `solid`."""
    starts, ends = spans
    joined, row_starts, row_ends = text_scratch
    scan_words(data, classes, starts, ends, solid, joined, scratch, row)
    row[STOP_WORDS], row[STOP_WORD_COUNT] = count_stop_words(scratch.hashes[: len(starts)], stop_words)
    lines = scan_lines(data, low, high, classes)
    row[CHARACTERS], row[HASHES], row[ELLIPSES], row[LINES], row[BULLET_LINES], row[ELLIPSIS_LINES] = lines
    if split_lines:
        count = cut_lines(data, low, high, row_starts, row_ends)
        row[REPEATED_LINES], row[REPEATED_LINE_CHARACTERS] = count_repeats(data, row_starts, row_ends, count)
    row[ROWS] = cut(data, low, high, 1, row_starts, row_ends)
    row[REPEATED_ROWS], row[REPEATED_ROW_CHARACTERS] = count_repeats(data, row_starts, row_ends, row[ROWS])
    low = first_solid(data, low, high, classes)
    high = last_solid(data, low, high, classes)
    row[PARAGRAPHS] = cut(data, low, high, 2, row_starts, row_ends)
    repeats = count_repeats(data, row_starts, row_ends, row[PARAGRAPHS])
    row[REPEATED_PARAGRAPHS], row[REPEATED_PARAGRAPH_CHARACTERS] = repeats
    count_n_grams(joined, scratch, len(starts), row)


@kernel
def scan_words(
    data: Array, classes: Array, starts: Array, ends: Array, solid: bool, joined: Array, scratch: Scratch, row: Array
) -> None:
    """Count words by kind; fill their running bytes, characters and hashes, and `joined`, the bytes without spaces."""
    sizes, lengths, hashes = scratch.sizes, scratch.lengths, scratch.hashes
    sizes[0], lengths[0] = 0, 0
    real_words, real_characters, alpha_words = 0, 0, 0
    for word in range(len(starts)):
        start, end = starts[word], ends[word]
        if 1 <= end - start <= 16:
            digest, narrow, characters, real, alphabetic = take_short_word(data, start, end, joined, sizes[word])
            known = alphabetic | (narrow & solid)
        else:
            digest, known, characters = hash_bytes(data, start, end), False, characters_between(data, start, end)
            real, alphabetic = False, False
            copy_bytes(data, start, end, joined, sizes[word])
        if not known:
            real, alphabetic = look_at_word(data, classes, start, end)
        hashes[word] = digest
        sizes[word + 1] = sizes[word] + end - start
        lengths[word + 1] = lengths[word] + characters
        real_words += real
        real_characters += characters if real else 0
        alpha_words += alphabetic
    row[WORDS], row[REAL_WORDS], row[ALPHA_WORDS] = len(starts), real_words, alpha_words
    row[REAL_CHARACTERS] = real_characters


@inlined_kernel
def bytes_between(value: np.uint64, first: int, last: int) -> np.uint64:
    """Eight bytes' answers, in their highest bits, to whether they lie in this range; all must be ASCII."""
    ones = np.uint64(0x0101010101010101)
    return (value + ones * np.uint64(0x80 - first)) & ~(value + ones * np.uint64(0x7F - last)) & HIGH_BITS


@inlined_kernel
def take_short_word(
    data: Array, start: int, end: int, target: Array, place: int
) -> tuple[np.uint64, bool, int, bool, bool]:
    """hash_bytes of up to 16 bytes, whether they are ASCII, characters, whether there are letters or digits, letters.

    Letters and digits are those of ASCII. The bytes are copied to `target`, where 16 are written. No branch depends on
    the word: it would be guessed wrong.
    """
    first, second = load_eight(data, start), load_eight(data, start + 8)
    store_eight(target, place, first)
    store_eight(target, place + 8, second)
    size = end - start
    before = 8 if size > 8 else 0
    digest = np.uint64(size) * GOLDEN
    extended = (digest ^ first) * GOLDEN
    extended ^= extended >> np.uint64(32)
    rest = (second if before else first) << np.uint64(64 - 8 * (size - before))
    first = first if before else np.uint64(0)
    low, low_rest = first & ~HIGH_BITS, rest & ~HIGH_BITS
    letters = bytes_between(low | LOWER_CASE, 97, 122) & ~first | bytes_between(low_rest | LOWER_CASE, 97, 122) & ~rest
    digits = bytes_between(low, 48, 57) & ~first | bytes_between(low_rest, 48, 57) & ~rest
    wide = (first | rest) & HIGH_BITS
    one = np.uint64(1)
    inside = (first & ~(first << one) & HIGH_BITS) >> one | rest & ~(rest << one) & HIGH_BITS
    digest = mix((extended if before else digest) ^ rest)
    return digest, wide == 0, size - flag_count(inside), (letters | digits) != 0, letters != 0


@inlined_kernel
def copy_bytes(data: Array, start: int, end: int, target: Array, place: int) -> None:
    """Copy the bytes to `target` from `place` on; up to seven bytes behind them are written too."""
    while start < end:
        store_eight(target, place, load_eight(data, start))
        start += 8
        place += 8


@kernel
def look_at_word(data: Array, classes: Array, start: int, end: int) -> tuple[bool, bool]:
    """Whether one of a word's characters is no symbol, and whether one is a letter, which is no symbol."""
    real = False
    place = start
    while place < end:
        point, width = decode(data, place)
        kind = classes[point] if point < LIMIT else np.uint16(0)
        if kind & ALPHABETIC:
            return True, True
        real |= (kind & SYMBOL) == 0
        place += width
    return real, False


@allocating_kernel
def stop_words_of(words: Array, word_starts: Array) -> StopWords:
    """The table of stop words; they are given as their bytes one after another and where each starts."""
    hashes = np.empty(len(word_starts) - 1, dtype=np.uint64)
    for word in range(len(hashes)):
        hashes[word] = hash_bytes(words, word_starts[word], word_starts[word + 1])
    size = 64
    while True:
        mask = np.uint64(size - 1)
        table = ~np.arange(size).astype(np.uint64)  # no hash that belongs to a slot equals what an empty one holds
        collided = False
        for gram in hashes:
            slot = np.int64(gram & mask)
            collided |= np.int64(table[slot] & mask) == slot
            table[slot] = gram
        if not collided:
            return StopWords(table, (hashes & mask).astype(np.int64), np.zeros(size, dtype=np.int64))
        size *= 2


@kernel
def count_stop_words(hashes: Array, stop_words: StopWords) -> tuple[int, int]:
    """How many different stop words are among the words, given as hashes, and how many words are one."""
    table, slots, met = stop_words
    mask = np.uint64(len(table) - 1)
    for word in range(len(hashes)):  # no branch: it would be guessed wrong often
        slot = np.int64(hashes[word] & mask)
        met[slot] += table[slot] == hashes[word]
    different, count = 0, 0
    for slot in slots:
        different += met[slot] > 0
        count += met[slot]
        met[slot] = 0
    return different, count


@allocating_kernel
def count_repeats(data: Array, starts: Array, ends: Array, count: int) -> tuple[int, int]:
    """How many of the first `count` ranges repeat an earlier one, and their characters."""
    if count < 2:
        return 0, 0
    return duplicates(data, starts, ends, count, np.empty(table_size(count), dtype=np.int64))


@kernel
def count_n_grams(joined: Array, scratch: Scratch, words: int, row: Array) -> None:
    """Top 2- to 4-grams and duplicate 5- to 10-grams, in characters."""
    sizes, lengths, hashes, grams = scratch.sizes, scratch.lengths, scratch.hashes, scratch.grams
    candidates, keys = scratch.candidates, scratch.keys
    for word in range(words):
        grams[word] = hashes[word]
    for n in range(2, 5):
        count = words - n + 1
        if count < 1:
            return
        for word in range(count):
            grams[word] = grams[word] * ODD + hashes[word + n - 1]
        row[TOP + n - 2] = top_n_gram(
            grams, lengths, n, count, candidates.counters, candidates.places, keys, scratch.seen
        )
    found = find_candidates(joined, sizes, words, candidates)
    for n in range(SHORTEST, LONGEST + 1):
        characters, found = duplicate_n_grams(joined, sizes, lengths, n, words, found, candidates, keys)
        row[DUPLICATE + n - SHORTEST] = characters
