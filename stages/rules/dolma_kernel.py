"""Measure documents as Dolma 1.6's taggers do: one call a batch, one visit a document, integers out.

Words are what `str.split` gives, lines what `split("\\n")` gives, blank ones among them. Cost: about 47 MB/s on
one core; nine passes over the words, one a size of n-gram, take most of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages import unicode_table
from stages.rules.counting_kernel import Groups, group, groups_for, hash_bytes, hash_grams
from stages.words_kernel import decode
from tokenizer.kernel_cache import allocating_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

LIMIT = unicode_table.LIMIT
ALPHABETIC, WHITE = unicode_table.ALPHABETIC, unicode_table.SPACE
ELLIPSIS = 0x2026

#: Columns of the counts, int64, one row a document.
CHARACTERS, WORDS, WORD_CHARACTERS, TWICE_MEDIAN, SYMBOL_WORDS, ALPHA_WORDS, REQUIRED_WORDS = range(7)
LINES, BULLET_LINES, ELLIPSIS_LINES, COPIED_LINES, COPIED_CHARACTERS = range(7, 12)
UNPUNCTUATED_LINES, SHORT_LINES, JAVASCRIPT, LOREM_IPSUM, CURLY_BRACE = range(12, 17)
TOP = 17  # 2-, 3- and 4-grams: characters of the most frequent, times its count
COPIED = 20  # 5- to 10-grams: characters of those that occur several times, each time
ALL = 26  # 5- to 10-grams: characters of all
COLUMNS = 32


@allocating_kernel
def measure_texts(data: Array, offsets: Array, classes: Array, required: Array, required_starts: Array) -> Array:
    """Counts, int64[documents, COLUMNS], of the texts data[offsets[i]:offsets[i + 1]] (valid UTF-8).

    `required` are the bytes of the required words, one after the other, `required_starts` where each starts.
    """
    documents = len(offsets) - 1
    counts = np.zeros((documents, COLUMNS), dtype=np.int64)
    longest = 0
    for document in range(documents):
        longest = max(longest, offsets[document + 1] - offsets[document])
    things = longest + 1
    scratch = groups_for(things)
    starts = np.empty(things, dtype=np.int64)
    ends = np.empty(things, dtype=np.int64)
    lengths = np.empty(things + 1, dtype=np.int64)
    hashes = np.empty(things, dtype=np.uint64)
    grams = np.empty(things, dtype=np.uint64)
    for document in range(documents):
        row = counts[document]
        low, high = offsets[document], offsets[document + 1]
        if low == high:
            continue
        words = split_at_white_space(data, low, high, classes, starts, ends)
        scan_words(data, classes, starts, ends, words, required, required_starts, lengths, hashes, row)
        row[TWICE_MEDIAN] = twice_median(lengths, words, grams)
        count_grams(hashes, grams, lengths, words, scratch, row)
        lines = scan_lines(data, low, high, classes, starts, lengths, hashes, row)
        count_copied_lines(hashes, lengths, lines, scratch, row)
    return counts


@kernel
def split_at_white_space(data: Array, low: int, high: int, classes: Array, starts: Array, ends: Array) -> int:
    """Write the byte spans of the words of data[low:high] as `str.split` gives them; returns their number."""
    count = 0
    place = low
    inside = False
    while place < high:
        point, width = decode(data, place)
        white = point < LIMIT and classes[point] & WHITE != 0
        if white and inside:
            ends[count] = place
            count += 1
        elif not white and not inside:
            starts[count] = place
        inside = not white
        place += width
    if inside:
        ends[count] = high
        count += 1
    return count


@kernel
def scan_words(
    data: Array,
    classes: Array,
    starts: Array,
    ends: Array,
    words: int,
    required: Array,
    required_starts: Array,
    lengths: Array,
    hashes: Array,
    row: Array,
) -> None:
    """Count words by kind; fill their hashes and, in `lengths`, the characters up to each word."""
    lengths[0] = 0
    for word in range(words):
        characters = 0
        symbol, alphabetic = False, False
        place = starts[word]
        while place < ends[word]:
            point, width = decode(data, place)
            symbol |= point == 35 or point == ELLIPSIS
            alphabetic |= point < LIMIT and classes[point] & ALPHABETIC != 0
            characters += 1
            place += width
        lengths[word + 1] = lengths[word] + characters
        hashes[word] = hash_bytes(data, starts[word], ends[word])
        row[SYMBOL_WORDS] += symbol
        row[ALPHA_WORDS] += alphabetic
        for entry in range(len(required_starts) - 1):
            if equal(data, starts[word], ends[word], required, required_starts[entry], required_starts[entry + 1]):
                row[REQUIRED_WORDS] += 1
                break
    row[WORDS], row[WORD_CHARACTERS] = words, lengths[words]


@kernel
def equal(data: Array, start: int, end: int, other: Array, first: int, last: int) -> bool:
    """Whether data[start:end] and other[first:last] are the same bytes."""
    if end - start != last - first:
        return False
    for step in range(end - start):  # noqa: SIM110 - numba knows no all()
        if data[start + step] != other[first + step]:
            return False
    return True


@kernel
def twice_median(lengths: Array, words: int, counts: Array) -> int:
    """Twice the median number of characters of a word; 0 without words. `counts` is scratch."""
    if words == 0:
        return 0
    longest = 0
    for word in range(words):
        longest = max(longest, lengths[word + 1] - lengths[word])
    for length in range(longest + 1):
        counts[length] = np.uint64(0)
    for word in range(words):
        counts[lengths[word + 1] - lengths[word]] += np.uint64(1)
    low, high = -1, -1
    passed = 0
    for length in range(longest + 1):
        passed += int(counts[length])
        if low < 0 and passed > (words - 1) // 2:
            low = length
        if high < 0 and passed > words // 2:
            high = length
    return low + high


@kernel
def count_grams(hashes: Array, grams: Array, lengths: Array, words: int, scratch: Groups, row: Array) -> None:
    """The most frequent 2- to 4-gram, the first of them in the text where several are, and copied 5- to 10-grams."""
    hash_grams(hashes, grams, words, 1)
    for n in range(2, 11):
        count = hash_grams(hashes, grams, words, n)
        if count == 0:
            return
        groups = group(grams, count, scratch)
        if n < 5:
            best = 0
            for candidate in range(1, groups):
                if scratch.members[candidate] > scratch.members[best]:
                    best = candidate
            first = scratch.firsts[best]
            row[TOP + n - 2] = scratch.members[best] * (lengths[first + n] - lengths[first])
            continue
        for gram in range(count):
            characters = lengths[gram + n] - lengths[gram]
            row[ALL + n - 5] += characters
            if scratch.members[scratch.group_of[gram]] > 1:
                row[COPIED + n - 5] += characters


@kernel
def scan_lines(
    data: Array, low: int, high: int, classes: Array, starts: Array, lengths: Array, hashes: Array, row: Array
) -> int:
    """Count lines by kind; fill the hash and the characters of each line. Returns the number of lines."""
    lines = 0
    begin = low
    while True:
        end = begin
        while end < high and data[end] != 10:
            end += 1
        scan_line(data, begin, end, classes, row)
        hashes[lines] = hash_bytes(data, begin, end)
        characters = 0
        for place in range(begin, end):
            characters += data[place] & 0xC0 != 0x80
        lengths[lines] = characters
        row[CHARACTERS] += characters
        lines += 1
        if end == high:
            break
        row[CHARACTERS] += 1
        begin = end + 1
    row[LINES] = lines
    return lines


@kernel
def scan_line(data: Array, begin: int, end: int, classes: Array, row: Array) -> None:
    """Count what one line is, and whether it says javascript, lorem ipsum or has a curly brace."""
    if begin < end and (data[begin] == 42 or data[begin] == 45):
        row[BULLET_LINES] += 1
    if end - begin >= 3 and data[end - 3] == 0xE2 and data[end - 2] == 0x80 and data[end - 1] == 0xA6:
        row[ELLIPSIS_LINES] += 1
    words = 0
    inside = False
    word = begin
    last = 0
    place = begin
    while place < end:
        point, width = decode(data, place)
        white = point < LIMIT and classes[point] & WHITE != 0
        if not white:
            last = int(point)
            if not inside:
                words += 1
                word = place
        elif inside and says(data, word, place, True):
            row[JAVASCRIPT] = 1
        inside = not white
        if point == 123:
            row[CURLY_BRACE] = 1
        elif (point | 32) == 108 and says(data, place, min(place + 11, end), False):
            row[LOREM_IPSUM] = 1
        place += width
    if inside and says(data, word, end, True):
        row[JAVASCRIPT] = 1
    if not (last == 46 or last == 63 or last == 33 or last == 34):
        row[UNPUNCTUATED_LINES] += 1
    if words < 3:
        row[SHORT_LINES] += 1


_JAVASCRIPT = np.frombuffer(b"javascript", dtype=np.uint8)
_LOREM_IPSUM = np.frombuffer(b"lorem ipsum", dtype=np.uint8)


@kernel
def says(data: Array, start: int, end: int, javascript: bool) -> bool:
    """Whether data[start:end] is javascript (else lorem ipsum) in whatever case."""
    words = _JAVASCRIPT if javascript else _LOREM_IPSUM
    if end - start != len(words):
        return False
    for step in range(len(words)):
        byte = data[start + step]
        lower = byte | 32 if 65 <= byte <= 90 else byte
        if lower != words[step]:
            return False
    return True


@kernel
def count_copied_lines(hashes: Array, lengths: Array, lines: int, scratch: Groups, row: Array) -> None:
    """Lines that equal another one, every copy counted."""
    group(hashes, lines, scratch)
    for line in range(lines):
        if scratch.members[scratch.group_of[line]] > 1:
            row[COPIED_LINES] += 1
            row[COPIED_CHARACTERS] += lengths[line]
