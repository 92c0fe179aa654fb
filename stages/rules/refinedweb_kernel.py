"""Measure documents as DCLM's RefinedWeb filters do: one call a batch, one visit a document, integers out.

Three kinds of words are in use there: fastText's tokens that begin alphanumerically (counts), what `str.split` gives
(lengths, letters, stop words), and Unicode's words (repetition). Segments are lines, or paragraphs, without white
space around them and not blank. Cost: about 31 MB/s on one core, most of it nine passes over the words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages import unicode_table
from stages.rules.counting_kernel import Groups, group, groups_for, hash_bytes, hash_grams
from stages.rules.dolma_kernel import split_at_white_space
from stages.unicode_words_kernel import split_unicode_words
from stages.words_kernel import decode
from tokenizer.kernel_cache import allocating_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

LIMIT = unicode_table.LIMIT
ALPHABETIC, WHITE = unicode_table.ALPHABETIC, unicode_table.SPACE
WORD = unicode_table.WORD

#: Columns of the counts, int64, one row a document.
WORDS, TOKENS, TOKEN_CHARACTERS, TOKENS_WITHOUT_LETTERS, STOP_WORDS, SYMBOLS = range(6)
LINES, BULLET_LINES, ELLIPSIS_LINES = range(6, 9)
LINE_CHARACTERS, COPIED_LINES, COPIED_LINE_CHARACTERS = range(9, 12)
PARAGRAPHS, PARAGRAPH_CHARACTERS, COPIED_PARAGRAPHS, COPIED_PARAGRAPH_CHARACTERS = range(12, 16)
UNICODE_WORDS, WORD_CHARACTERS = 16, 17
TOP = 18  # 2-, 3- and 4-grams: characters of the longest of the most frequent, times its count; 0 if none repeats
COPIED = 21  # 5- to 10-grams: characters of words in some that occurs several times
COLUMNS = 27


@allocating_kernel
def measure_texts(
    data: Array, offsets: Array, classes: Array, breaks: Array, stop_words: Array, stop_starts: Array
) -> Array:
    """Counts, int64[documents, COLUMNS], of the texts data[offsets[i]:offsets[i + 1]] (valid UTF-8).

    `classes` is the table of stages/unicode_table.py, `breaks` that of Unicode's default word breaks.
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
        row[WORDS] = count_fasttext_words(data, low, high, classes)
        tokens = split_at_white_space(data, low, high, classes, starts, ends)
        scan_tokens(data, classes, starts, ends, tokens, stop_words, stop_starts, row)
        row[SYMBOLS] = count_symbols(data, low, high)
        lines = segments(data, low, high, 1, classes, starts, ends)
        scan_lines(data, starts, ends, lines, row)
        count_copies(data, starts, ends, lines, hashes, scratch, row, LINES)
        paragraphs = segments(data, low, high, 2, classes, starts, ends)
        count_copies(data, starts, ends, paragraphs, hashes, scratch, row, PARAGRAPHS)
        words = unicode_words(data, low, high, classes, breaks, starts, ends)
        count_grams(data, starts, ends, words, lengths, hashes, grams, scratch, row)
    return counts


@allocating_kernel
def fasttext_word_counts(data: Array, offsets: Array, classes: Array) -> Array:
    """int64, one a document: words as `count_fasttext_words` counts them."""
    counts = np.empty(len(offsets) - 1, dtype=np.int64)
    for document in range(len(counts)):
        counts[document] = count_fasttext_words(data, offsets[document], offsets[document + 1], classes)
    return counts


@kernel
def count_fasttext_words(data: Array, low: int, high: int, classes: Array) -> int:
    """Tokens, cut at fastText's white space (ASCII and NUL), whose first character is alphanumeric."""
    count = 0
    inside = False
    for place in range(low, high):
        byte = data[place]
        white = byte == 32 or 9 <= byte <= 13 or byte == 0
        if not white and not inside:
            count += is_alphanumeric(data, place, classes)
        inside = not white
    return count


@kernel
def is_alphanumeric(data: Array, place: int, classes: Array) -> bool:
    """What `str.isalnum` says of the character at `place`."""
    point, _ = decode(data, place)
    return point != 95 and point < LIMIT and classes[point] & WORD != 0


@kernel
def unicode_words(data: Array, low: int, high: int, classes: Array, breaks: Array, starts: Array, ends: Array) -> int:
    """Write the byte spans of Unicode's words that begin alphanumerically; returns their number."""
    count = 0
    for word in range(split_unicode_words(data, low, high, breaks, starts, ends)):
        if is_alphanumeric(data, starts[word], classes):
            starts[count], ends[count] = starts[word], ends[word]
            count += 1
    return count


@kernel
def scan_tokens(
    data: Array, classes: Array, starts: Array, ends: Array, tokens: int, stop: Array, stop_starts: Array, row: Array
) -> None:
    """Count the characters of tokens, those without a letter, and stop words in whatever case."""
    for token in range(tokens):
        alphabetic = False
        place = starts[token]
        while place < ends[token]:
            point, width = decode(data, place)
            alphabetic |= point < LIMIT and classes[point] & ALPHABETIC != 0
            row[TOKEN_CHARACTERS] += 1
            place += width
        row[TOKENS_WITHOUT_LETTERS] += not alphabetic
        for word in range(len(stop_starts) - 1):
            if same_letters(data, starts[token], ends[token], stop, stop_starts[word], stop_starts[word + 1]):
                row[STOP_WORDS] += 1
                break
    row[TOKENS] = tokens


@kernel
def same_letters(data: Array, start: int, end: int, other: Array, first: int, last: int) -> bool:
    """Whether data[start:end] is the lower-case ASCII word other[first:last] in whatever case."""
    if end - start != last - first:
        return False
    for step in range(end - start):
        byte = data[start + step]
        if (byte | 32 if 65 <= byte <= 90 else byte) != other[first + step]:
            return False
    return True


@kernel
def count_symbols(data: Array, low: int, high: int) -> int:
    """Occurrences, none overlapping another of its kind, of '#', '...', '. . .' and '…'."""
    count = 0
    dots, spaced = low, low  # where the next '...' and '. . .' may begin
    for place in range(low, high):
        byte = data[place]
        if byte == 35 or (byte == 0xE2 and place + 2 < high and data[place + 1] == 0x80 and data[place + 2] == 0xA6):
            count += 1
        elif byte == 46:
            if place >= dots and place + 2 < high and data[place + 1] == 46 and data[place + 2] == 46:
                count += 1
                dots = place + 3
            if place >= spaced and place + 4 < high and is_spaced_ellipsis(data, place):
                count += 1
                spaced = place + 5
    return count


@kernel
def is_spaced_ellipsis(data: Array, place: int) -> bool:
    """Whether '. . .' stands at `place`."""
    odd = data[place] == 46 and data[place + 2] == 46 and data[place + 4] == 46
    return odd and data[place + 1] == 32 and data[place + 3] == 32


@kernel
def segments(data: Array, low: int, high: int, newlines: int, classes: Array, starts: Array, ends: Array) -> int:
    """Cut at every so many newlines; write the spans without white space around them that are not empty."""
    count = 0
    begin = low
    place = low
    while place <= high:
        cut = place + newlines <= high
        for step in range(newlines):
            cut = cut and data[place + step] == 10
        if not cut and place < high:
            place += 1
            continue
        start, end = stripped(data, begin, place, classes)
        if start < end:
            starts[count], ends[count] = start, end
            count += 1
        place += newlines
        begin = place
    return count


@kernel
def stripped(data: Array, start: int, end: int, classes: Array) -> tuple[int, int]:
    """The span without white space (`str.isspace`) at its ends."""
    while start < end:
        point, width = decode(data, start)
        if point >= LIMIT or not classes[point] & WHITE:
            break
        start += width
    while start < end:
        last = end - 1
        while data[last] & 0xC0 == 0x80:
            last -= 1
        point, _ = decode(data, last)
        if point >= LIMIT or not classes[point] & WHITE:
            break
        end = last
    return start, end


@kernel
def scan_lines(data: Array, starts: Array, ends: Array, lines: int, row: Array) -> None:
    """Lines that begin with a bullet (● • * -), and those that end in an ellipsis of any of the three kinds."""
    for line in range(lines):
        start, end = starts[line], ends[line]
        first = data[start]
        round_bullet = first == 0xE2 and (
            (data[start + 1] == 0x97 and data[start + 2] == 0x8F)
            or (data[start + 1] == 0x80 and data[start + 2] == 0xA2)
        )
        row[BULLET_LINES] += first == 42 or first == 45 or round_bullet
        ellipsis = False
        if end - start >= 3:
            dots = data[end - 3] == 46 and data[end - 2] == 46 and data[end - 1] == 46
            ellipsis = dots or (data[end - 3] == 0xE2 and data[end - 2] == 0x80 and data[end - 1] == 0xA6)
        row[ELLIPSIS_LINES] += ellipsis or (end - start >= 5 and is_spaced_ellipsis(data, end - 5))


@kernel
def count_copies(
    data: Array, starts: Array, ends: Array, count: int, hashes: Array, scratch: Groups, row: Array, column: int
) -> None:
    """Segments, their characters, and both of those that equal another one, every copy counted.

    They go to the columns LINES, LINE_CHARACTERS, ... or PARAGRAPHS, PARAGRAPH_CHARACTERS, ...
    """
    characters_at = LINE_CHARACTERS if column == LINES else PARAGRAPH_CHARACTERS
    for segment in range(count):
        hashes[segment] = hash_bytes(data, starts[segment], ends[segment])
    group(hashes, count, scratch)
    for segment in range(count):
        characters = characters_of(data, starts[segment], ends[segment])
        row[characters_at] += characters
        if scratch.members[scratch.group_of[segment]] > 1:
            row[characters_at + 1] += 1
            row[characters_at + 2] += characters
    row[column] = count


@kernel
def characters_of(data: Array, start: int, end: int) -> int:
    characters = 0
    for place in range(start, end):
        characters += data[place] & 0xC0 != 0x80
    return characters


@kernel
def count_grams(
    data: Array,
    starts: Array,
    ends: Array,
    words: int,
    lengths: Array,
    hashes: Array,
    grams: Array,
    scratch: Groups,
    row: Array,
) -> None:
    """The most frequent 2- to 4-gram, the longest where several are, and words covered by copied 5- to 10-grams."""
    lengths[0] = 0
    for word in range(words):
        lengths[word + 1] = lengths[word] + characters_of(data, starts[word], ends[word])
        hashes[word] = hash_bytes(data, starts[word], ends[word])
    row[UNICODE_WORDS], row[WORD_CHARACTERS] = words, lengths[words]
    hash_grams(hashes, grams, words, 1)
    for n in range(2, 11):
        count = hash_grams(hashes, grams, words, n)
        if count == 0:
            return
        groups = group(grams, count, scratch)
        if n < 5:
            row[TOP + n - 2] = top_characters(lengths, groups, n, scratch)
            continue
        covered = 0
        for gram in range(count):
            if scratch.members[scratch.group_of[gram]] > 1:
                row[COPIED + n - 5] += lengths[gram + n] - lengths[max(gram, covered)]
                covered = gram + n


@kernel
def top_characters(lengths: Array, groups: int, n: int, scratch: Groups) -> int:
    """Count of the most frequent n-grams times the characters of the longest of them; 0 if none repeats."""
    most = 1
    for candidate in range(groups):
        most = max(most, scratch.members[candidate])
    if most == 1:
        return 0
    longest = 0
    for candidate in range(groups):
        if scratch.members[candidate] == most:
            first = scratch.firsts[candidate]
            longest = max(longest, lengths[first + n] - lengths[first])
    return most * longest
