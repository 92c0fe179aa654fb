"""Cut lines and citations out of documents as C4 does, over the batch's own bytes.

Three passes over a batch: `edit_texts` copies the lines that stay, each followed by a newline, and counts what it
cut; stages/sentences_kernel.py counts sentences in that; `trim` takes the white space off both ends of each
document. In `edit_texts` a line is found, its words and brackets counted, its bytes copied, and phrases looked for
where their first three letters stand, all of them 64 bytes at a time (stages/vector_kernel.py); lines with white
space beyond ASCII or very long words are counted byte by byte. Cost: about 1.5 ns a byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages import unicode_table
from stages.byte_range_kernel import characters_between
from stages.lines_kernel import first_solid, last_solid, line_break_width, line_end
from stages.vector_kernel import (
    BLOCK,
    bracket_flags,
    first_flag,
    flag_count,
    flags_before,
    flags_of_starts,
    load_eight,
    space_flags,
    store_eight,
    wide_space_flags,
)
from stages.words_kernel import decode, split_words
from tokenizer.kernel_cache import allocating_kernel, inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

LIMIT = unicode_table.LIMIT
SPACE = unicode_table.SPACE

#: Columns of the counts, int64, one row a document.
LINES, LOREM_IPSUM_LINE, CURLY_BRACKET_LINE = 0, 1, 2
CITATIONS, CITATION_CHARACTERS = 3, 4
#: Reasons to cut a line: the column of its lines; the next one holds their characters.
LONG_WORD, UNENDED, FEW_WORDS, JAVASCRIPT, POLICY = 5, 7, 9, 11, 13
COLUMNS = 15

#: Phrases as lower-case bytes, one after another, and where each starts.
_PHRASES = (
    b"lorem ipsum",
    b"javascript",
    b"terms of use",
    b"privacy policy",
    b"cookie policy",
    b"uses cookies",
    b"use of cookies",
    b"use cookies",
)
PHRASES = np.frombuffer(b"".join(_PHRASES), dtype=np.uint8)
PHRASE_STARTS = np.cumsum([0, *(len(phrase) for phrase in _PHRASES)])
phrase_flags = flags_of_starts(sorted({phrase[:3] for phrase in _PHRASES}))
#: What a line holds, as bits.
HAS_LOREM_IPSUM, HAS_JAVASCRIPT, HAS_POLICY, HAS_BRACKET, HAS_CURLY = 1, 2, 4, 8, 16
KELVIN = 0x212A  # its lower case is the letter k

_EDIT = np.frombuffer(b"edit]", dtype=np.uint8)
_NEEDED = np.frombuffer(b"citation needed]", dtype=np.uint8)


class Edits(NamedTuple):
    """What to cut; 0 or an empty array turns an edit off."""

    max_word_length: int
    citations: bool
    ends: Array  # int64 code points of which one must end a line
    min_words: int
    words_after_citations: bool  # count words when citations are gone
    javascript: bool
    policy: bool


class Line(NamedTuple):
    """One line: its bytes without white space at the ends, where the next begins, and what was counted."""

    low: int
    high: int
    after: int
    words: int
    too_long: bool  # whether a word is
    holds: int


@allocating_kernel
def edit_texts(
    data: Array,
    offsets: Array,
    classes: Array,
    digits: Array,
    edits: Edits,
    words: Array,
    exceptions: Array,
    piece: Array,
) -> tuple[Array, Array, Array]:
    """The lines that stay (uint8, each with a newline behind), their offsets (int64), counts[documents, COLUMNS].

    `digits` says of each code point whether it is a decimal digit. `words` are the English words (int64) that each text
    has, and are made those that it has after the edits; -1 stays. `exceptions` and `piece` are those of split_words.
    """
    documents = len(offsets) - 1
    counts = np.zeros((documents, COLUMNS), dtype=np.int64)
    kept = np.empty(offsets[documents] - offsets[0] + documents + 8, dtype=np.uint8)
    kept_offsets = np.zeros(documents + 1, dtype=np.int64)
    starts = np.empty(piece.shape[1], dtype=np.int64)
    ends = np.empty(piece.shape[1], dtype=np.int64)
    end = 0
    for document in range(documents):
        low, high = offsets[document], offsets[document + 1]
        tables = classes, digits, exceptions
        end, words[document] = edit_text(
            data, low, high, tables, edits, kept, end, counts[document], words[document], piece, starts, ends
        )
        kept_offsets[document + 1] = end
    return kept[:end], kept_offsets, counts


@kernel
def edit_text(
    data: Array,
    place: int,
    high: int,
    tables: tuple[Array, Array, Array],
    edits: Edits,
    kept: Array,
    end: int,
    row: Array,
    words: int,
    piece: Array,
    starts: Array,
    ends: Array,
) -> tuple[int, int]:
    """Append the lines of one text that stay to `kept` at `end`; returns the new end and the words that are left."""
    classes, digits, exceptions = tables
    while place < high:
        line = read_line(data, place, high, classes, edits.max_word_length)
        place = line.after
        row[LINES] += 1
        begin, citations = end, row[CITATIONS]
        end = edit_line(data, line, classes, digits, edits, kept, end, row)
        if words >= 0 and line.low < line.high and (end == begin or row[CITATIONS] > citations):
            words -= split_words(data, line.low, line.high, classes, exceptions, piece, starts, ends)
            words += split_words(kept, begin, end, classes, exceptions, piece, starts, ends) if end > begin else 0
    return end, words


@inlined_kernel
def edit_line(
    data: Array, line: Line, classes: Array, digits: Array, edits: Edits, kept: Array, end: int, row: Array
) -> int:
    """Append the edited line to `kept` at `end`, or count why not; returns the new end."""
    if line.too_long:
        return cut(data, row, LONG_WORD, line, end)
    citations, citation_characters = 0, 0
    if edits.citations and line.holds & HAS_BRACKET:
        last, citations, citation_characters = copy_without_citations(data, line.low, line.high, digits, kept, end)
    else:
        last = end + line.high - line.low
        for step in range(0, line.high - line.low, 8):  # up to seven bytes too many, which the next line overwrites
            store_eight(kept, end + step, load_eight(data, line.low + step))
    if len(edits.ends) and not ends_well(kept, end, last, edits.ends):
        return cut(data, row, UNENDED, line, end)
    words = line.words
    if edits.words_after_citations and citations:
        words, _ = count_words(kept, end, last, classes, 0)
    if words < edits.min_words:
        return cut(data, row, FEW_WORDS, line, end)
    holds = phrases_in(kept, end, last)
    if holds & HAS_LOREM_IPSUM and row[LOREM_IPSUM_LINE] == 0:
        row[LOREM_IPSUM_LINE] = row[LINES]
    if edits.javascript and holds & HAS_JAVASCRIPT:
        return cut(data, row, JAVASCRIPT, line, end)
    if line.holds & HAS_CURLY and row[CURLY_BRACKET_LINE] == 0:
        row[CURLY_BRACKET_LINE] = row[LINES]
    if edits.policy and holds & HAS_POLICY:
        return cut(data, row, POLICY, line, end)
    kept[last] = 10
    row[CITATIONS] += citations
    row[CITATION_CHARACTERS] += citation_characters
    return last + 1


@kernel
def cut(data: Array, row: Array, reason: int, line: Line, end: int) -> int:
    """Count a line that is left out; returns the unchanged end of what is kept."""
    row[reason] += 1
    row[reason + 1] += characters_between(data, line.low, line.high)
    return end


@inlined_kernel
def read_line(data: Array, place: int, end: int, classes: Array, longest: int) -> Line:
    """One line (as str.splitlines): where its text lies, what it holds, and its words (as str.split).

    A word of more than `longest` characters is too long; 0 for no limit.
    """
    stop = line_end(data, place, end)
    after = stop + line_break_width(data, stop, end) if stop < end else stop
    low = first_solid(data, place, stop, classes)
    high = last_solid(data, low, stop, classes)
    words, too_long = count_words(data, low, high, classes, longest)
    holds = 0
    for block in range(low, high, BLOCK):
        brackets = flags_before(bracket_flags(data, block), high - block)
        while brackets:
            holds |= HAS_BRACKET if data[block + first_flag(brackets)] == 91 else HAS_CURLY
            brackets &= brackets - np.uint64(1)
    return Line(low, high, after, words, too_long, holds)


@inlined_kernel
def count_words(data: Array, low: int, high: int, classes: Array, longest: int) -> tuple[int, bool]:
    """The words (as str.split) of data[low:high], and whether one has more than `longest` characters (0: no limit)."""
    words = 0
    inside = np.uint64(0)  # 1 if the block before ended within a word
    simple = longest == 0 or longest >= 2 * BLOCK
    for block in range(low, high, BLOCK):
        size = high - block
        solid = flags_before(~space_flags(data, block), size)
        words += flag_count(solid & ~(solid << np.uint64(1) | inside))
        inside = solid >> np.uint64(BLOCK - 1)
        # A word of two blocks or more fills one.
        filled = longest > 0 and ~solid == 0
        if filled or flags_before(wide_space_flags(data, block), size):
            simple = False
    if simple:
        return words, False
    return count_words_slowly(data, low, high, classes, longest)


@kernel
def count_words_slowly(data: Array, low: int, high: int, classes: Array, longest: int) -> tuple[int, bool]:
    """As count_words, character by character."""
    words, size = 0, 0
    too_long = False
    while low < high:
        point, width = decode(data, low)
        if point < LIMIT and classes[point] & SPACE:
            size = 0
        else:
            words += size == 0
            size += 1
            too_long |= 0 < longest < size
        low += width
    return words, too_long


@kernel
def copy_without_citations(
    data: Array, low: int, high: int, digits: Array, kept: Array, end: int
) -> tuple[int, int, int]:
    """Append data[low:high] without [12], [], [edit] and [citation needed].

    Returns the new end, the number of citations and their characters.
    """
    citations, characters = 0, 0
    place = low
    while place < high:
        size, taken = 0, 0
        if data[place] == 91:
            size, taken = citation_at(data, place + 1, high, digits)
        if size:
            citations += 1
            characters += taken
            place += size
        else:
            kept[end] = data[place]
            end += 1
            place += 1
    return end, citations, characters


@kernel
def citation_at(data: Array, place: int, high: int, digits: Array) -> tuple[int, int]:
    """Bytes and characters of the citation whose opening bracket stands before `place`, or 0."""
    begin = place
    characters = 1
    while place < high and data[place] != 93:
        point, width = decode(data, place)
        if point >= LIMIT or not digits[point]:
            break
        characters += 1
        place += width
    if place < high and data[place] == 93:
        return place - begin + 2, characters + 1
    if starts_with(data, begin, high, _EDIT):
        return len(_EDIT) + 1, len(_EDIT) + 1
    if starts_with(data, begin, high, _NEEDED):
        return len(_NEEDED) + 1, len(_NEEDED) + 1
    return 0, 0


@kernel
def starts_with(data: Array, place: int, high: int, word: Array) -> bool:
    """Whether data[place:high] begins with these bytes."""
    if high - place < len(word):
        return False
    for step in range(len(word)):  # noqa: SIM110 (numba knows no generators here)
        if data[place + step] != word[step]:
            return False
    return True


@kernel
def ends_well(data: Array, low: int, high: int, ends: Array) -> bool:
    """Whether the last character is one of `ends`, and the last three are not "..."."""
    if low == high:
        return False
    if high - low >= 3 and data[high - 1] == 46 and data[high - 2] == 46 and data[high - 3] == 46:
        return False
    last = high - 1
    while data[last] & 0xC0 == 0x80:
        last -= 1
    point, _ = decode(data, last)
    for end in ends:  # noqa: SIM110
        if end == point:
            return True
    return False


@inlined_kernel
def phrases_in(data: Array, low: int, high: int) -> int:
    """Which phrases the range holds, in any case, as bits."""
    holds = 0
    for block in range(low, high, BLOCK):
        flags = flags_before(phrase_flags(data, block), high - block)
        while flags:
            place = block + first_flag(flags)
            flags &= flags - np.uint64(1)
            for phrase in range(len(PHRASE_STARTS) - 1):
                if matches(data, place, high, PHRASE_STARTS[phrase], PHRASE_STARTS[phrase + 1]):
                    holds |= HAS_LOREM_IPSUM if phrase == 0 else HAS_JAVASCRIPT if phrase == 1 else HAS_POLICY
    return holds


@kernel
def matches(data: Array, place: int, high: int, first: int, last: int) -> bool:
    """Whether the phrase PHRASES[first:last] stands at `place`, in any case (the Kelvin sign is a k)."""
    for step in range(first, last):
        if place >= high:
            return False
        byte = data[place]
        if 65 <= byte <= 90:
            byte |= 32
        if byte != PHRASES[step]:
            if byte < 0xE0 or PHRASES[step] != 107:
                return False
            point, width = decode(data, place)
            if point != KELVIN:
                return False
            place += width
        else:
            place += 1
    return True


@allocating_kernel
def trim(data: Array, offsets: Array, classes: Array) -> Array:
    """Take the white space off both ends of the texts data[offsets[i]:offsets[i + 1]], in place; their new offsets."""
    documents = len(offsets) - 1
    trimmed = np.zeros(documents + 1, dtype=np.int64)
    for document in range(documents):
        low = first_solid(data, offsets[document], offsets[document + 1], classes)
        high = last_solid(data, low, offsets[document + 1], classes)
        move_down(data, low, high, trimmed[document])
        trimmed[document + 1] = trimmed[document] + high - low
    return trimmed


@kernel
def move_down(data: Array, low: int, high: int, place: int) -> None:
    """Move data[low:high] to data[place:], which is no later; nothing behind is written."""
    if place == low:
        return
    while low + 8 <= high:
        store_eight(data, place, load_eight(data, low))
        low += 8
        place += 8
    while low < high:
        data[place] = data[low]
        low += 1
        place += 1
