"""Measure documents for the Gopher rules: one call a batch, one visit a document, over the batch's own bytes.

For each document: split words (or take given ones), one scan of the words, one of the characters and lines,
then the repetition counts of stages/repetition_kernel.py. Only integers leave the kernel; ratios are divided
afterwards, so that they round exactly as Python's do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages import unicode_table
from stages.byte_range_kernel import hash_bytes, table_size
from stages.repetition_kernel import WINDOW, duplicate_n_grams, duplicates, find_candidates, top_n_gram
from stages.vector_kernel import load_eight, load_up_to_eight, store_eight
from stages.words_kernel import decode, split_words
from tokenizer.kernel_cache import allocating_kernel, inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

LIMIT = unicode_table.LIMIT
SPACE = unicode_table.SPACE
LINE_BREAK = unicode_table.LINE_BREAK
ALPHABETIC = unicode_table.ALPHABETIC
SYMBOL = unicode_table.SYMBOL

HIGH_BITS = np.uint64(0x8080808080808080)
ODD = np.uint64(0xD1342543DE82EF95)

ELLIPSIS = 0x2026
BULLET = 0x2022

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
    rare: Array  # bool, whether no n-gram that begins there occurs twice
    places: Array  # int64, words
    counters: Array  # uint8, table_size(2 * words)
    keys: Array  # uint64, table_size(words)
    seen: Array  # int64, twice as many


@allocating_kernel
def scratch_for(words: int) -> Scratch:
    """Scratch with room for `words` words."""
    room = table_size(words)
    return Scratch(
        np.empty(words + 1, dtype=np.int64),
        np.empty(words + 1, dtype=np.int64),
        np.empty(words, dtype=np.uint64),
        np.empty(words, dtype=np.uint64),
        np.empty(words, dtype=np.bool_),
        np.empty(words + 1, dtype=np.int64),
        np.empty(table_size(2 * words), dtype=np.uint8),
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
    piece: Array,
) -> Array:
    """Counts, int64[documents, COLUMNS], of the texts data[offsets[i]:offsets[i + 1]], with our words.

    `data` is uint8 and valid UTF-8, `offsets` int64; stop words are their bytes (uint8) and starts (int64). Repeats
    among lines as str.splitlines cuts them are counted where `split_lines` asks for them.
    """
    documents = len(offsets) - 1
    counts = np.zeros((documents, COLUMNS), dtype=np.int64)
    longest = 0
    for document in range(documents):
        longest = max(longest, offsets[document + 1] - offsets[document])
    starts = np.empty(longest + 1, dtype=np.int64)
    ends = np.empty(longest + 1, dtype=np.int64)
    joined = np.empty(longest + WINDOW, dtype=np.uint8)
    room = 0
    scratch = scratch_for(room)
    stops = stop_words, stop_starts
    for document in range(documents):
        low, high = offsets[document], offsets[document + 1]
        words = split_words(data, low, high, classes, exceptions, piece, starts, ends)
        if words > room:
            room = 2 * words
            scratch = scratch_for(room)
        spans = starts[:words], ends[:words]
        measure(data, low, high, classes, spans, stops, split_lines, joined, scratch, counts[document])
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
    joined = np.empty(longest + WINDOW, dtype=np.uint8)
    stops = stop_words, stop_starts
    for document in range(documents):
        first, last = word_offsets[document], word_offsets[document + 1]
        low, high = offsets[document], offsets[document + 1]
        spans = starts[first:last], ends[first:last]
        measure(data, low, high, classes, spans, stops, split_lines, joined, scratch, counts[document])
    return counts


@allocating_kernel
def measure(
    data: Array,
    low: int,
    high: int,
    classes: Array,
    spans: tuple[Array, Array],
    stops: tuple[Array, Array],
    split_lines: bool,
    joined: Array,
    scratch: Scratch,
    row: Array,
) -> None:
    """Fill one row of counts; `spans` are starts and ends of the words, `joined` (uint8) is scratch for the bytes."""
    starts, ends = spans
    scan_words(data, classes, starts, ends, joined, scratch, row)
    row[STOP_WORDS], row[STOP_WORD_COUNT] = count_stop_words(data, starts, ends, stops)
    scan_lines(data, low, high, classes, row)
    if split_lines:
        count_repeated_lines(data, low, high, classes, row)
    count_repeated_rows(data, low, high, row)
    count_repeated_paragraphs(data, low, high, classes, row)
    count_n_grams(joined, scratch, len(starts), row)


@kernel
def scan_words(
    data: Array, classes: Array, starts: Array, ends: Array, joined: Array, scratch: Scratch, row: Array
) -> None:
    """Count words by kind; fill their running bytes, characters and hashes, and `joined`, the bytes without spaces."""
    sizes, lengths, hashes = scratch.sizes, scratch.lengths, scratch.hashes
    sizes[0], lengths[0] = 0, 0
    real_words, real_characters, alpha_words = 0, 0, 0
    for word in range(len(starts)):
        start, end = starts[word], ends[word]
        characters = end - start
        real = alphabetic = True
        if not is_ascii_with_letter(data, start, end):
            characters, real, alphabetic = look_at_word(data, classes, start, end)
        copy_bytes(data, start, end, joined, sizes[word])
        hashes[word] = hash_bytes(data, start, end)
        sizes[word + 1] = sizes[word] + end - start
        lengths[word + 1] = lengths[word] + characters
        real_words += real
        real_characters += characters if real else 0
        alpha_words += alphabetic
    row[WORDS], row[REAL_WORDS], row[ALPHA_WORDS] = len(starts), real_words, alpha_words
    row[REAL_CHARACTERS] = real_characters


@inlined_kernel
def is_ascii_with_letter(data: Array, start: int, end: int) -> bool:
    """Whether all bytes are ASCII and one is a letter; each byte's answer is its highest bit."""
    bytes_or = letters = np.uint64(0)
    while start < end:
        value = load_up_to_eight(data, start, min(end - start, 8))
        lowered = value | np.uint64(0x2020202020202020)
        from_a = lowered + np.uint64(0x1F1F1F1F1F1F1F1F)
        beyond_z = lowered + np.uint64(0x0505050505050505)
        bytes_or |= value
        letters |= from_a & ~beyond_z
        start += 8
    return bytes_or & HIGH_BITS == 0 and letters & HIGH_BITS != 0


@inlined_kernel
def copy_bytes(data: Array, start: int, end: int, target: Array, place: int) -> None:
    """Copy the bytes to `target` from `place` on; up to seven bytes behind them are written too."""
    while start < end:
        if start + 8 <= len(data):
            store_eight(target, place, load_eight(data, start))
        else:
            for step in range(end - start):
                target[place + step] = data[start + step]
        start += 8
        place += 8


@kernel
def look_at_word(data: Array, classes: Array, start: int, end: int) -> tuple[int, bool, bool]:
    """How many characters a word has, whether one of them is no symbol, and whether one is a letter."""
    characters = 0
    real = False
    alphabetic = False
    place = start
    while place < end:
        kind = np.uint16(0)
        width = 1
        if data[place] < 0x80:
            kind = classes[data[place]]
        else:
            point, width = decode(data, place)
            if point < LIMIT:
                kind = classes[point]
        real |= (kind & SYMBOL) == 0
        alphabetic |= (kind & ALPHABETIC) != 0
        characters += 1
        place += width
    return characters, real, alphabetic


@allocating_kernel
def count_stop_words(data: Array, starts: Array, ends: Array, stops: tuple[Array, Array]) -> tuple[int, int]:
    """How many different stop words are among the words, and how many words are one."""
    stop_words, stop_starts = stops
    met = np.zeros(len(stop_starts) - 1, dtype=np.bool_)
    longest = 0
    for stop in range(len(met)):
        longest = max(longest, stop_starts[stop + 1] - stop_starts[stop])
    different, count = 0, 0
    for word in range(len(starts)):
        size = ends[word] - starts[word]
        if size > longest:
            continue
        for stop in range(len(met)):
            if size != stop_starts[stop + 1] - stop_starts[stop]:
                continue
            same = True
            for step in range(size):
                if data[starts[word] + step] != stop_words[stop_starts[stop] + step]:
                    same = False
                    break
            if same:
                different += not met[stop]
                met[stop] = True
                count += 1
    return different, count


@kernel
def scan_lines(data: Array, low: int, high: int, classes: Array, row: Array) -> None:
    """Count characters, hashes, ellipses, and lines (as str.splitlines) that begin or end in a certain way."""
    place = low
    characters, hashes, ellipses = 0, 0, 0
    lines, bullets, endings = 0, 0, 0
    run = 0  # full stops on end, for counting "..."
    blank, bullet, ellipsis = True, False, False
    stops = 0  # full stops on end up to the last character of the line that is no space
    adjacent = False
    previous = np.int64(0)
    open_line = False
    while place < high:
        begin = place
        while place < high and 97 <= (data[place] | 32) <= 122:
            place += 1
        if place > begin:  # ASCII letters, all at once
            characters += place - begin
            ellipses += run // 3
            bullet = bullet and not blank
            run, stops, previous = 0, 0, np.int64(97)
            blank, ellipsis, adjacent, open_line = False, False, True, True
            continue
        point, width = decode(data, place)
        place += width
        characters += 1
        kind = classes[point] if point < LIMIT else np.uint16(0)
        if point == 46:
            run += 1
        else:
            ellipses += run // 3
            run = 0
            if point == 35:
                hashes += 1
            elif point == ELLIPSIS:
                ellipses += 1
        if kind & LINE_BREAK:
            if not (point == 10 and previous == 13):
                lines += 1
                bullets += bullet
                endings += ellipsis or stops >= 3
            blank, bullet, ellipsis, adjacent, stops, open_line = True, False, False, False, 0, False
        else:
            open_line = True
            if kind & SPACE:
                adjacent = False
            else:
                if blank:
                    bullet = point == BULLET or point == 45
                    blank = False
                ellipsis = point == ELLIPSIS
                if point == 46:
                    stops = stops + 1 if adjacent else 1
                else:
                    stops = 0
                adjacent = True
        previous = point
    ellipses += run // 3
    if open_line:
        lines += 1
        bullets += bullet
        endings += ellipsis or stops >= 3
    row[CHARACTERS], row[HASHES], row[ELLIPSES] = characters, hashes, ellipses
    row[LINES], row[BULLET_LINES], row[ELLIPSIS_LINES] = lines, bullets, endings


@kernel
def cut(data: Array, low: int, high: int, newlines: int, starts: Array, ends: Array) -> int:
    """Cut at runs of at least `newlines` newlines; returns the number of ranges (one more than cuts)."""
    count = 0
    begin = low
    place = low
    while place < high:
        if data[place] != 10:
            place += 1
            continue
        end = place
        while place < high and data[place] == 10:
            place += 1
        if place - end >= newlines:
            starts[count], ends[count] = begin, end
            count += 1
            begin = place
    starts[count], ends[count] = begin, high
    return count + 1


@kernel
def count_newlines(data: Array, low: int, high: int) -> int:
    """How many newlines are in the range."""
    count = 0
    for place in range(low, high):
        if data[place] == 10:
            count += 1
    return count


@allocating_kernel
def count_repeated_rows(data: Array, low: int, high: int, row: Array) -> None:
    """Repeats among the ranges between runs of newlines, empty ones at both ends included."""
    room = count_newlines(data, low, high) + 1
    starts = np.empty(room, dtype=np.int64)
    ends = np.empty(room, dtype=np.int64)
    count = cut(data, low, high, 1, starts, ends)
    slots = np.empty(table_size(count), dtype=np.int64)
    row[ROWS] = count
    row[REPEATED_ROWS], row[REPEATED_ROW_CHARACTERS] = duplicates(data, starts, ends, count, slots)


@allocating_kernel
def count_repeated_lines(data: Array, low: int, high: int, classes: Array, row: Array) -> None:
    """Repeats among the lines that str.splitlines gives, blank ones among them; row[LINES] says how many there are."""
    starts = np.empty(row[LINES], dtype=np.int64)
    ends = np.empty(row[LINES], dtype=np.int64)
    place = low
    for line in range(row[LINES]):
        starts[line] = place
        ends[line] = high
        while place < high:
            point, width = decode(data, place)
            place += width
            if point < LIMIT and classes[point] & LINE_BREAK:
                ends[line] = place - width
                if point == 13 and place < high and data[place] == 10:
                    place += 1
                break
    slots = np.empty(table_size(row[LINES]), dtype=np.int64)
    repeats = duplicates(data, starts, ends, row[LINES], slots)
    row[REPEATED_LINES], row[REPEATED_LINE_CHARACTERS] = repeats


@allocating_kernel
def count_repeated_paragraphs(data: Array, low: int, high: int, classes: Array, row: Array) -> None:
    """Repeats among the paragraphs of the text without white space at its ends."""
    while low < high:
        point, width = decode(data, low)
        if point >= LIMIT or not classes[point] & SPACE:
            break
        low += width
    while low < high:
        last = high - 1
        while data[last] & 0xC0 == 0x80:
            last -= 1
        point, width = decode(data, last)
        if point >= LIMIT or not classes[point] & SPACE:
            break
        high = last
    room = count_newlines(data, low, high) + 1
    starts = np.empty(room, dtype=np.int64)
    ends = np.empty(room, dtype=np.int64)
    count = cut(data, low, high, 2, starts, ends)
    slots = np.empty(table_size(count), dtype=np.int64)
    row[PARAGRAPHS] = count
    repeats, characters = duplicates(data, starts, ends, count, slots)
    row[REPEATED_PARAGRAPHS], row[REPEATED_PARAGRAPH_CHARACTERS] = repeats, characters


@kernel
def count_n_grams(joined: Array, scratch: Scratch, words: int, row: Array) -> None:
    """Top 2- to 4-grams and duplicate 5- to 10-grams, in characters."""
    sizes, lengths, hashes, grams = scratch.sizes, scratch.lengths, scratch.hashes, scratch.grams
    counters, places, keys = scratch.counters, scratch.places, scratch.keys
    for word in range(words):
        grams[word] = hashes[word]
    for n in range(2, 5):
        count = words - n + 1
        if count < 1:
            return
        for word in range(count):
            grams[word] = grams[word] * ODD + hashes[word + n - 1]
        row[TOP + n - 2] = top_n_gram(grams, lengths, n, count, counters, places, keys, scratch.seen)
    found = find_candidates(joined, sizes, words, 5, grams, counters, scratch.rare, places)
    for n in range(5, 11):
        candidates = places[:found]
        row[DUPLICATE + n - 5] = duplicate_n_grams(joined, sizes, lengths, scratch.rare, candidates, n, words, keys)
