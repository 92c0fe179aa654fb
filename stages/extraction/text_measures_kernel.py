"""Measures of each block's text: length, words, sentences, what of it the page says twice or in its title.

Nothing here depends on a language: lengths are in code points (a Han or Kana one counts for three, as a word of
them is that much shorter and nothing separates them), sentences end with the marks of many scripts. Repetition is
found by shingles of four words in a hash table of their first occurrence; a shorter block is one shingle.

Cost: two passes over the text, which is a twentieth of a page of news.
"""

from __future__ import annotations

import numpy as np

from stages.extraction.page_table import (
    B_END,
    B_LINK_BYTES,
    B_NODE,
    B_START,
    B_VERBATIM,
    N_TAG,
    S_BLOCKS,
    Array,
    Measures,
    Page,
)
from stages.extraction.tag_table import TAG
from tokenizer.kernel_cache import kernel

# Columns of the measures of a block's text (int32); T_LINK is the length of what stands in links, T_COPY_OF the
# longest block where shingles that were seen before stood first.
(
    T_LENGTH,
    T_WORDS,
    T_SENTENCES,
    T_COMMAS,
    T_DIGITS,
    T_CAPITALS,
    T_ENDS,
    T_PROSE,
    T_SHINGLES,
    T_SEEN_BEFORE,
    T_SEEN_AFTER,
    T_IN_TITLE,
    T_HASHED_WORDS,
    T_LINK,
    T_COPY_OF,
    TEXT_COLUMNS,
) = range(16)

#: Text of sentences with at least this length and little of it in links is prose.
PROSE_LENGTH = 60
TITLE_WORDS = 64
#: A block of so many words that says what a kept one has said is a copy; shorter ones may be refrains or formulas.
COPY_WORDS = 100
#: In the place of the block that another is a copy of: that is kept, or a copy of one that is.
_COPIED = -1
_H1, _H6 = TAG["h1"], TAG["h6"]
_ONE = np.uint64(1)
_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@kernel
def _is_sentence_end(text: Array, at: int, end: int) -> bool:
    byte = text[at]
    if byte == 46 or byte == 33 or byte == 63:  # . ! ?
        # Inside a word (3.14, example.com) it ends no sentence.
        return at + 1 >= end or not (48 <= text[at + 1] <= 57 or 97 <= text[at + 1] | 32 <= 122)
    if at + 2 < end and byte == 0xE3:  # ideographic full stop
        return text[at + 1] == 0x80 and text[at + 2] == 0x82
    if at + 2 < end and byte == 0xEF:  # full-width ! and ?
        return text[at + 1] == 0xBC and (text[at + 2] == 0x81 or text[at + 2] == 0x9F)
    if at + 2 < end and byte == 0xE0:  # danda
        return text[at + 1] == 0xA5 and text[at + 2] == 0xA4
    if at + 2 < end and byte == 0xE2:  # ellipsis
        return text[at + 1] == 0x80 and text[at + 2] == 0xA6
    if at + 1 < end and byte == 0xD8:  # Arabic question mark
        return text[at + 1] == 0x9F
    return at + 1 < end and byte == 0xDB and text[at + 1] == 0x94  # Urdu full stop


@kernel
def _is_comma(text: Array, at: int, end: int) -> bool:
    byte = text[at]
    if byte == 44 or byte == 59:  # , ;
        return True
    if at + 2 < end and byte == 0xE3:  # ideographic comma
        return text[at + 1] == 0x80 and text[at + 2] == 0x81
    if at + 2 < end and byte == 0xEF:  # full-width comma
        return text[at + 1] == 0xBC and text[at + 2] == 0x8C
    return at + 1 < end and byte == 0xD8 and text[at + 1] == 0x8C  # Arabic comma


@kernel
def _measure_block(text: Array, start: int, end: int, row: Array) -> None:
    length = 0
    words = 0
    last_sentence = -1
    last_letter = -1
    in_word = False
    row[:] = 0
    for at in range(start, end):
        byte = text[at]
        if byte <= 32:
            in_word = False
            continue
        if 0x80 <= byte < 0xC0:
            continue
        length += 1
        if not in_word:
            words += 1
            in_word = True
        if 97 <= byte <= 122:
            last_letter = at
        elif 65 <= byte <= 90:
            row[T_CAPITALS] += 1
            last_letter = at
        elif 48 <= byte <= 57:
            row[T_DIGITS] += 1
            last_letter = at
        elif _is_sentence_end(text, at, end):
            row[T_SENTENCES] += 1
            last_sentence = at
        elif _is_comma(text, at, end):
            row[T_COMMAS] += 1
        elif byte >= 0x80:
            if 0xE3 <= byte <= 0xE9:
                length += 2
                words += 1
            if not (byte == 0xE2 and at + 1 < end and text[at + 1] == 0x80):  # quotes and dashes may follow an end
                last_letter = at
    row[T_LENGTH], row[T_WORDS] = length, words
    row[T_ENDS] = last_sentence > last_letter


@kernel
def measure_texts(page: Page, measures: Measures) -> int:
    """Fill a row of `measures.texts` for each block, columns of repetition apart; a bound of the number of words."""
    words = 0
    for block in range(page.state[S_BLOCKS]):
        row = measures.texts[block]
        start, end = page.blocks[block, B_START], page.blocks[block, B_END]
        _measure_block(page.text, start, end, row)
        row[T_LINK] = np.int64(row[T_LENGTH]) * min(page.blocks[block, B_LINK_BYTES], end - start) // (end - start)
        own = row[T_LENGTH] - row[T_LINK]
        if own >= PROSE_LENGTH and row[T_SENTENCES] > 0 and 2 * own > row[T_LENGTH]:
            row[T_PROSE] = own
        words += (end - start) // 2 + 1
    return words


@kernel
def _next_word(text: Array, position: int, end: int) -> tuple[np.uint64, int]:
    """Hash of the next word (in lower case; a Han or Kana character is a word) and where it ends; 0 at the end."""
    while position < end:
        byte = text[position]
        if byte >= 0x80 or 48 <= byte <= 57 or 97 <= byte | np.uint8(32) <= 122:
            break
        position += 1
    hashed = _FNV_START
    start = position
    while position < end:
        byte = text[position]
        if 0xE3 <= byte <= 0xE9:
            if position == start:
                for at in range(position, min(end, position + 3)):
                    hashed = (hashed ^ np.uint64(text[at])) * _FNV_PRIME
                position = min(end, position + 3)
            break
        if 65 <= byte <= 90:
            byte += np.uint8(32)
        elif not (byte >= 0x80 or 48 <= byte <= 57 or 97 <= byte <= 122):
            break
        hashed = (hashed ^ np.uint64(byte)) * _FNV_PRIME
        position += 1
    return (hashed | _ONE if position > start else np.uint64(0)), position


@kernel
def _mixed(fourth: np.uint64, third: np.uint64, second: np.uint64, last: np.uint64) -> np.uint64:
    return (((fourth * _FNV_PRIME ^ third) * _FNV_PRIME ^ second) * _FNV_PRIME ^ last) | _ONE


@kernel
def _note_shingle(key: np.uint64, block: int, keys: Array, measures: Measures) -> None:
    """Look a shingle up; where it stands in an earlier block, both blocks are told."""
    mask = np.uint64(len(keys) - 1)
    slot = (key * _GOLDEN >> np.uint64(20)) & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + _ONE) & mask
    measures.texts[block, T_SHINGLES] += 1
    if keys[slot] == 0:
        keys[slot] = key
        measures.first[slot] = block
    elif measures.first[slot] != block:
        row, source = measures.texts[block], measures.first[slot]
        if row[T_SEEN_BEFORE] == 0 or measures.texts[source, T_LENGTH] > measures.texts[row[T_COPY_OF], T_LENGTH]:
            row[T_COPY_OF] = source
        row[T_SEEN_BEFORE] += 1
        measures.texts[source, T_SEEN_AFTER] += 1


@kernel
def _title_words(title: Array, words: Array) -> int:
    count = 0
    position = 0
    while count < TITLE_WORDS:
        word, position = _next_word(title, position, len(title))
        if word == 0:
            break
        words[count] = word
        count += 1
    return count


@kernel
def _measure_words(block: int, in_title: int, keys: Array, page: Page, measures: Measures) -> None:
    """Count a block's words, those of the title among them, and note its shingles."""
    row = measures.texts[block]
    position, end = page.blocks[block, B_START], page.blocks[block, B_END]
    words = 0
    # Hashes of the last words; a shingle is made of four, in a shorter block of all there are.
    fourth = third = second = last = np.uint64(0)
    while True:
        word, position = _next_word(page.text, position, end)
        if word == 0:
            break
        words += 1
        fourth, third, second, last = third, second, last, word
        if words >= 4:
            _note_shingle(_mixed(fourth, third, second, last), block, keys, measures)
        if words <= TITLE_WORDS:
            for at in range(in_title):
                if measures.title_words[at] == word:
                    row[T_IN_TITLE] += 1
                    break
    if 0 < words < 4:
        _note_shingle(_mixed(fourth, third, second, last), block, keys, measures)
    row[T_HASHED_WORDS] = words


@kernel
def measure_repetition(title: Array, keys: Array, page: Page, measures: Measures) -> int:
    """Fill the columns of repetition; the block that says the page's title (given as bytes of the page), or -1.

    `keys` is the part of `measures.keys` to use: a power of two, more than twice the words.
    """
    keys[:] = 0
    in_title = _title_words(title, measures.title_words)
    best_block, best_score = -1, 0
    for block in range(page.state[S_BLOCKS]):
        _measure_words(block, in_title, keys, page, measures)
        row = measures.texts[block]
        if 5 * row[T_SEEN_BEFORE] >= 4 * row[T_SHINGLES]:
            row[T_PROSE] = 0  # a second copy must not make its container look like the article
        heading = _H1 <= page.nodes[page.blocks[block, B_NODE], N_TAG] <= _H6
        score = row[T_IN_TITLE] * (2 if heading else 1)
        if row[T_HASHED_WORDS] <= TITLE_WORDS and 5 * row[T_IN_TITLE] >= 4 * row[T_HASHED_WORDS] and score > best_score:
            best_block, best_score = block, score
    return best_block


@kernel
def drop_copies(keep: Array, page: Page, measures: Measures) -> None:
    """Unmark long blocks that say what marked blocks before said, as where a page prints its text twice.

    Either all of it was said, or nearly all and it is as long as half of what the page said until then: paragraphs
    and listings of a manual that differ in few words are no copies.
    """
    said = 0
    for block in range(page.state[S_BLOCKS]):
        row = measures.texts[block]
        source, words, new = row[T_COPY_OF], row[T_HASHED_WORDS], row[T_SHINGLES] - row[T_SEEN_BEFORE]
        kept_before = keep[source] or measures.texts[source, T_COPY_OF] == _COPIED
        repeats = new == 0 or (5 * new <= row[T_SHINGLES] and 2 * words >= said)
        if words >= COPY_WORDS and kept_before and repeats and page.blocks[block, B_VERBATIM] == 0:
            keep[block] = False
            row[T_COPY_OF] = _COPIED
        if keep[block]:
            said += words
