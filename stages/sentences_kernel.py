"""Count sentences as spaCy's sentencizer does over its English words.

A sentence ends at a word that is one sentence-final mark, and the next begins at the first word thereafter that
is neither such a mark nor punctuation alone; white space counts as a word where it is more than one space.
Only pieces between white space that may hold such a mark are looked at, and split into words
(stages/words_kernel.py) if they do: of those that follow one it is enough to know whether they are punctuation
alone. Cost: about 650 MB a second of prose on one core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages import punctuation_table, unicode_table
from stages.lines_kernel import newline_after
from stages.vector_kernel import BLOCK, first_flag, sentence_mark_flags
from stages.words_kernel import decode, split_words
from tokenizer.kernel_cache import allocating_kernel, inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

LIMIT = unicode_table.LIMIT
SPACE = unicode_table.SPACE
PUNCTUATION = punctuation_table.PUNCTUATION
SENTENCE_END = punctuation_table.SENTENCE_END


@allocating_kernel
def sentences_of_lines(
    data: Array, offsets: Array, classes: Array, marks: Array, exceptions: Array, piece: Array
) -> Array:
    """Sentences, int64, of the lines of each text data[offsets[i]:offsets[i + 1]]; each line ends with a newline."""
    documents = len(offsets) - 1
    sentences = np.zeros(documents, dtype=np.int64)
    starts = np.empty(piece.shape[1], dtype=np.int64)
    ends = np.empty(piece.shape[1], dtype=np.int64)
    for document in range(documents):
        low, high = offsets[document], offsets[document + 1]
        sentences[document] = sentences_of_text(data, low, high, classes, marks, exceptions, piece, starts, ends)
    return sentences


@kernel
def sentences_of_text(
    data: Array,
    place: int,
    high: int,
    classes: Array,
    marks: Array,
    exceptions: Array,
    piece: Array,
    starts: Array,
    ends: Array,
) -> int:
    """As sentences_of_lines, of one text."""
    sentences = 0
    while place < high:
        begin = place
        place = newline_after(data, place, high)
        sentences += count_sentences(data, begin, place, classes, marks, exceptions, piece, starts, ends)
        place += 1
    return sentences


@inlined_kernel
def count_sentences(
    data: Array,
    low: int,
    high: int,
    classes: Array,
    marks: Array,
    exceptions: Array,
    piece: Array,
    starts: Array,
    ends: Array,
) -> int:
    """How many sentences data[low:high] has; `piece`, `starts` and `ends` are scratch of split_words."""
    if low == high:
        return 0
    sentences = 1
    ended = False
    place = low
    while place < high:
        if not ended:
            place = piece_with_mark(data, place, high, classes)
        begin = place
        held = np.uint8(0)  # marks of all characters, or-ed; and of all, and-ed
        common = np.uint8(0xFF)
        width = 0
        first_space = np.int64(0)
        while place < high:
            point, width = decode(data, place)
            if point < LIMIT and classes[point] & SPACE:
                first_space = point
                break
            mark = marks[point] if point < LIMIT else np.uint8(0)
            held |= mark
            common &= mark
            place += width
        if place > begin:
            if held & SENTENCE_END:
                words = split_words(data, begin, place, classes, exceptions, piece, starts, ends)
                for word in range(words):
                    kind = marks_of_word(data, starts[word], ends[word], marks)
                    if kind & SENTENCE_END:
                        ended = True
                    elif ended and not kind & PUNCTUATION:
                        sentences += 1
                        ended = False
            elif ended and not common & PUNCTUATION:
                sentences += 1
                ended = False
        # White space is a word of its own but for one space after a word.
        begin = place
        while place < high:
            point, width = decode(data, place)
            if point >= LIMIT or not classes[point] & SPACE:
                break
            place += width
        if ended and place > begin and (first_space != 32 or place - begin > 1):
            sentences += 1
            ended = False
    return sentences


@inlined_kernel
def piece_with_mark(data: Array, place: int, high: int, classes: Array) -> int:
    """Where the next piece between ASCII white space begins that may hold a sentence-final mark; `high` for none."""
    low = place
    for block in range(low, high, BLOCK):
        flags = sentence_mark_flags(data, block)
        if flags:
            place = min(block + first_flag(flags), high)
            break
    else:
        return high
    # Bytes within a character are none, though there are white spaces of their number (U+0085, U+00A0).
    while place > low and place < high and not (data[place - 1] < 0x80 and classes[data[place - 1]] & SPACE):
        place -= 1
    return place


@kernel
def marks_of_word(data: Array, start: int, end: int, marks: Array) -> np.int64:
    """SENTENCE_END for a word of one such mark alone, else PUNCTUATION if all its characters are, else 0."""
    point, width = decode(data, start)
    kind = np.int64(marks[point]) if point < LIMIT else np.int64(0)
    if start + width == end:
        return kind & SENTENCE_END or kind & PUNCTUATION
    place = start
    while place < end:
        point, width = decode(data, place)
        if point >= LIMIT or not marks[point] & PUNCTUATION:
            return np.int64(0)
        place += width
    return np.int64(PUNCTUATION)
