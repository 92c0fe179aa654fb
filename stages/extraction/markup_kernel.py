"""Pieces of HTML's tokenizer: names, attributes, comments, raw text and character references.

Every function takes the page's bytes and a range, and returns where it stopped; none looks back, so each byte is
read a bounded number of times. Attribute values are not decoded: the words looked for in them are plain ASCII.
"""

from __future__ import annotations

import numpy as np

from stages.extraction import attribute_word_table, entity_table, tag_table
from stages.utf8_kernel import write_code_point
from stages.vector_kernel import BLOCK, byte_flags, first_flag
from tokenizer.kernel_cache import inlined_kernel, kernel

Array = np.ndarray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_TAG_MASK = np.uint64(tag_table.SLOTS - 1)
_WORD_MASK = np.uint64(attribute_word_table.SLOTS - 1)
_ENTITY_MASK = np.uint64(entity_table.SLOTS - 1)
_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_ONE = np.uint64(1)
_ARTICLE, _CONTENT = attribute_word_table.ARTICLE_BIT + 1, attribute_word_table.CONTENT_BIT + 1
_ARTICLE_BODY = np.uint64(1 << attribute_word_table.ARTICLE_BODY_BIT)
_HIDDEN = np.uint64(1 << attribute_word_table.HIDDEN_BIT)
NAVIGATION = np.uint64(1 << attribute_word_table.NAVIGATION_BIT)
_LONGEST_ENTITY = 32


def _name(text: str) -> np.uint64:
    return np.uint64(tag_table.packed(text))


_CLASS, _ID, _ROLE, _ITEMPROP = _name("class"), _name("id"), _name("role"), _name("itemprop")
_STYLE, _HIDDEN_NAME, _ARIA_HIDDEN, _TYPE = _name("style"), _name("hidden"), _name("aria-hid"), _name("type")
_DISPLAY, _TRUE, _MATH_TYPE = _name("display"), _name("true"), _name("math/tex")
_NAVIGATION_ROLE = _name("navigation")

# What `read_attributes` fills in, besides the bits: hash of the class, and whether these were seen.
A_CLASS, A_SELF_CLOSING, A_ARIA_HIDDEN, A_MATH, ATTRIBUTES = range(5)


@inlined_kernel
def next_byte(data: Array, position: int, end: int, byte: int) -> int:
    """Position of the next `byte`, or the end."""
    while position < end:
        flags = byte_flags(data, position, byte)
        if flags != 0:
            return min(end, position + first_flag(flags))
        position += BLOCK
    return end


@kernel
def find_number(name: np.uint64, keys: Array, numbers: Array, mask: np.uint64) -> int:
    """The number of a packed name in a table made by `tag_table.hash_table`, or 0."""
    slot = ((name * _GOLDEN) >> np.uint64(40)) & mask
    while keys[slot] != 0:
        if keys[slot] == name:
            return int(numbers[slot])
        slot = (slot + _ONE) & mask
    return 0


@kernel
def read_name(data: Array, position: int, end: int) -> tuple[np.uint64, int, bool]:
    """A tag or attribute name in lower case: its first 8 bytes packed, where it ends, and whether it has a hyphen."""
    name = np.uint64(0)
    shift = np.uint64(0)
    hyphen = False
    while position < end:
        byte = data[position]
        if byte <= 32 or byte == 62 or byte == 47 or byte == 61:
            break
        if 65 <= byte <= 90:
            byte += np.uint8(32)
        elif byte == 45:
            hyphen = True
        if shift < 64:
            name |= np.uint64(byte) << shift
            shift += np.uint64(8)
        position += 1
    return name, position, hyphen


@kernel
def tag_number(name: np.uint64, hyphen: bool, keys: Array, numbers: Array) -> int:
    number = find_number(name, keys, numbers, _TAG_MASK)
    if number == 0 and hyphen:
        return _CUSTOM
    return number


_CUSTOM = tag_table.TAG["custom"]


@kernel
def after_tag(data: Array, position: int, end: int) -> int:
    """Position after the `>` that ends a tag whose attributes do not matter."""
    quote = np.uint8(0)
    previous = np.uint8(0)
    while position < end:
        byte = data[position]
        if quote != 0:
            if byte == quote:
                quote = np.uint8(0)
        elif byte == 62:
            return position + 1
        elif (byte == 34 or byte == 39) and previous == 61:
            quote = byte
        if byte > 32:
            previous = byte
        position += 1
    return end


@kernel
def after_comment(data: Array, position: int, end: int) -> int:
    """Position after the `-->` of a comment; `position` is that of its first `--`, which may be part of it."""
    while True:
        position = next_byte(data, position, end, 45)
        if position + 2 >= end:
            return end
        if data[position + 1] == 45:
            if data[position + 2] == 62:
                return position + 3
            if data[position + 2] == 33 and position + 3 < end and data[position + 3] == 62:
                return position + 4
        position += 1


@kernel
def find_end_tag(data: Array, position: int, end: int, name: np.uint64) -> int:
    """Position of the next `</name`, or the end."""
    while True:
        position = next_byte(data, position, end, 60)
        if position + 2 >= end:
            return end
        if data[position + 1] == 47:
            found, _, _ = read_name(data, position + 2, end)
            if found == name:
                return position
        position += 1


@kernel
def _word_bits(data: Array, position: int, end: int, keys: Array, numbers: Array) -> np.uint64:
    """Bits of the groups that the words of an attribute value name."""
    bits = np.uint64(0)
    word = np.uint64(0)
    shift = np.uint64(0)
    article = False
    small = False
    while position <= end:
        byte = data[position] if position < end else np.uint8(32)
        letter = byte | np.uint8(32)
        if 97 <= letter <= 122:
            capital = byte < 97
            if not (capital and small):
                if shift < 64:
                    word |= np.uint64(letter) << shift
                    shift += np.uint64(8)
                small = not capital
                position += 1
                continue
        if shift > 0:
            group = find_number(word, keys, numbers, _WORD_MASK)
            if group > 0:
                bits |= _ONE << np.uint64(group - 1)
                if group == _CONTENT and article:
                    bits |= _ARTICLE_BODY
                article = group == _ARTICLE
            word = np.uint64(0)
            shift = np.uint64(0)
        small = False
        if byte <= 32:
            article = False
        if not 97 <= letter <= 122:
            position += 1
    return bits


@kernel
def _hides(data: Array, position: int, end: int) -> bool:
    """Whether a style says display:none."""
    while position + 11 < end:
        if data[position] | 32 == 100:
            name, after, _ = read_name(data, position, position + 7)
            if name == _DISPLAY:
                while after < end and (data[after] <= 32 or data[after] == 58):
                    after += 1
                return after + 3 < end and data[after] | 32 == 110 and data[after + 1] | 32 == 111
        position += 1
    return False


@kernel
def _value_range(data: Array, position: int, end: int) -> tuple[int, int, int]:
    """Start and end of an attribute's value after its `=`, and the position after it."""
    while position < end and data[position] <= 32:
        position += 1
    if position < end and (data[position] == 34 or data[position] == 39):
        start = position + 1
        position = next_byte(data, start, end, data[position])
        return start, position, min(position + 1, end)
    start = position
    while position < end and data[position] > 32 and data[position] != 62:
        position += 1
    return start, position, position


@inlined_kernel
def read_attributes(
    data: Array, position: int, end: int, word_keys: Array, word_bits: Array, found: Array
) -> tuple[int, np.uint64]:
    """Position after the tag's `>`, and the bits of its attributes; `found` (uint64) gets the A_ values."""
    bits = np.uint64(0)
    found[:] = 0
    while position < end:
        byte = data[position]
        if byte == 62:
            return position + 1, bits
        if byte <= 32 or byte == 47:
            found[A_SELF_CLOSING] = np.uint64(byte == 47 and position + 1 < end and data[position + 1] == 62)
            position += 1
            continue
        name, position, _ = read_name(data, position + (1 if byte == 61 else 0), end)
        while position < end and data[position] <= 32:
            position += 1
        if position >= end or data[position] != 61:
            if name == _HIDDEN_NAME:
                bits |= _HIDDEN
            continue
        start, stop, position = _value_range(data, position + 1, end)
        if name in (_CLASS, _ID, _ROLE, _ITEMPROP):
            bits |= _word_bits(data, start, stop, word_keys, word_bits)
            if name == _ROLE and read_name(data, start, stop)[0] == _NAVIGATION_ROLE:
                bits |= NAVIGATION
            if name == _CLASS:
                hashed = _FNV_START
                for at in range(start, stop):
                    if not 48 <= data[at] <= 57:
                        hashed = (hashed ^ np.uint64(data[at])) * _FNV_PRIME
                found[A_CLASS] = hashed
        elif name == _STYLE:
            if _hides(data, start, stop):
                bits |= _HIDDEN
        elif name == _HIDDEN_NAME:
            bits |= _HIDDEN
        elif name == _ARIA_HIDDEN:
            value, _, _ = read_name(data, start, stop)
            found[A_ARIA_HIDDEN] = np.uint64(value == _TRUE)
        elif name == _TYPE:
            found[A_MATH] = np.uint64(_is_math_type(data, start, stop))
    return end, bits


@kernel
def _is_math_type(data: Array, start: int, stop: int) -> bool:
    packed = np.uint64(0)
    for at in range(start, min(start + 8, stop)):
        packed |= np.uint64(data[at] | 32) << np.uint64(8 * (at - start))
    return packed == _MATH_TYPE


@kernel
def _numeric_reference(data: Array, position: int, end: int, windows_1252: Array) -> tuple[int, int]:
    """Code point of a numeric reference whose `&#` ends at `position`, and where it ends; 0 if it is none."""
    code = 0
    start = position
    base = 10
    if position < end and data[position] | 32 == 120:
        base = 16
        position += 1
        start = position
    while position < end:
        byte = int(data[position])
        if 48 <= byte <= 57:
            digit = byte - 48
        elif base == 16 and 97 <= byte | 32 <= 102:
            digit = (byte | 32) - 87
        else:
            break
        code = min(code * base + digit, 0x110000)
        position += 1
    if position == start:
        return 0, start
    if position < end and data[position] == 59:
        position += 1
    if 128 <= code < 160:
        code = windows_1252[code - 128]
    if code == 0 or code >= 0x110000 or 0xD800 <= code < 0xE000:
        code = 0xFFFD
    return code, position


@kernel
def read_reference(
    data: Array, position: int, end: int, text: Array, at: int, keys: Array, texts: Array, windows_1252: Array
) -> tuple[int, int]:
    """Append the character that the `&` at `position` stands for; position after the reference and in the text.

    What is no reference is the character `&` itself.
    """
    if position + 1 < end and data[position + 1] == 35:
        code, after = _numeric_reference(data, position + 2, end, windows_1252)
        if code > 0:
            return after, write_code_point(code, text, at)
        text[at] = 38
        return position + 1, at + 1
    hashed = _FNV_START
    cursor = position + 1
    best, best_after = -1, 0
    while cursor < min(end, position + _LONGEST_ENTITY):
        letter = data[cursor] | np.uint8(32)
        if not (97 <= letter <= 122 or 48 <= data[cursor] <= 57):
            break
        hashed = (hashed ^ np.uint64(data[cursor])) * _FNV_PRIME
        cursor += 1
        slot = (hashed >> np.uint64(40)) & _ENTITY_MASK
        while keys[slot] != 0 and keys[slot] != hashed:
            slot = (slot + _ONE) & _ENTITY_MASK
        if keys[slot] != 0:
            closed = cursor < end and data[cursor] == 59
            if closed or texts[slot, 1] == 1:
                best, best_after = int(np.int64(slot)), cursor + (1 if closed else 0)
    if best < 0:
        text[at] = 38
        return position + 1, at + 1
    for index in range(texts[best, 0]):
        text[at + index] = texts[best, 2 + index]
    return best_after, at + int(texts[best, 0])
