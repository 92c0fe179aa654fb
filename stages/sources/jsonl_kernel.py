"""JSON Lines in bulk: where lines end, where the wanted fields of each object lie, and strings without escapes.

An object is gone through once, by the whole grammar of RFC 8259: strings 64 bytes at a time (Langdale and
Lemire 2019, "Parsing Gigabytes of JSON per Second"), arrays and objects by a stack of a byte a level. What
json.loads would take otherwise than the grammar says (NaN, half a surrogate pair), or what is rare (escapes in a
key, very deep nesting, very long integers), makes an object not *plain*; such a line is for json.loads itself.

Bytes must be UTF-8, which is not checked here. Cost: some 0.3 ns for a byte of English text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stages.utf8_kernel import write_code_point
from stages.vector_kernel import BLOCK, byte_flags, copy_block, first_flag, json_mark_flags, newline_flags
from tokenizer.kernel_cache import inlined_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

#: Kinds of values. A label is written as an INTEGER is, but not as another NUMBER (1e3, -0) is.
MISSING, STRING, ESCAPED_STRING, INTEGER, NUMBER, NULL, TRUE, FALSE, OBJECT, ARRAY = range(10)
#: What a line is.
UNUSUAL, PLAIN, BLANK = range(3)

#: Levels of nesting below a line's object that the stack of `find_fields` must have room for.
LEVELS = 64
#: Python parses integers of up to 4,300 digits.
_LONGEST_INTEGER = 1000

_BROKEN = -1
_AT_VALUE, _AT_KEY, _BEHIND_VALUE = range(3)

_QUOTE, _BACKSLASH, _COLON, _COMMA, _MINUS, _POINT, _ZERO = 34, 92, 58, 44, 45, 46, 48
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY = 123, 125, 91, 93

#: What stands for itself or another character behind a backslash; 0 for what may not.
_ESCAPES = np.zeros(256, dtype=np.uint8)
for _mark, _meaning in zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t', strict=True):
    _ESCAPES[_mark] = _meaning
#: Values of hexadecimal digits; 255 for other bytes.
_DIGITS = np.full(256, 255, dtype=np.uint8)
for _digit in "0123456789abcdefABCDEF":
    _DIGITS[ord(_digit)] = int(_digit, 16)


@kernel
def find_lines(data: Array, place: int, begins: Array, ends: Array) -> tuple[int, int]:
    """Bounds of the lines from `place` on, without their ends, as far as the arrays go: (lines, next place)."""
    count, begin = 0, place
    while place < len(data):
        flags = newline_flags(data, place)
        while flags:
            end = place + first_flag(flags)
            flags &= flags - np.uint64(1)
            begins[count], ends[count] = begin, end
            count, begin = count + 1, end + 1
            if count == len(begins):
                return count, begin
        place += BLOCK
    if begin < len(data):
        begins[count], ends[count] = begin, len(data)
        count += 1
    return count, len(data)


@kernel
def find_fields(
    data: Array,
    begins: Array,
    ends: Array,
    names: Array,
    name_offsets: Array,
    stack: Array,
    states: Array,
    spans: Array,
    kinds: Array,
) -> None:
    """What each object is (`states`), and place (`spans`, begin and end) and kind of its fields with these names.

    Spans of strings lie inside of the quotes. Of fields with the same name the last counts.
    """
    for row in range(len(begins)):
        kinds[row, :] = MISSING
        states[row] = _object(data, begins[row], ends[row], names, name_offsets, stack, spans[row], kinds[row])


@kernel
def copy_strings(data: Array, spans: Array, kinds: Array, out: Array, at: int, offsets: Array) -> int:
    """Write strings, without escapes, and numbers one behind the other from out[at] on; nothing for other values.

    `offsets` (one more than rows) says where each begins; the end is given. `out` must have room for the spans and
    a BLOCK more.
    """
    offsets[0] = at
    for row in range(len(kinds)):
        place, end = spans[row, 0], spans[row, 1]
        if kinds[row] == STRING or kinds[row] == INTEGER or kinds[row] == NUMBER:
            size = end - place
            for step in range(0, size, BLOCK):
                copy_block(data, place + step, out, at + step)
            at += size
        elif kinds[row] == ESCAPED_STRING:
            at = _unescape(data, place, end, out, at)
        offsets[row + 1] = at
    return at


@inlined_kernel
def _behind_space(data: Array, place: int, end: int) -> int:
    while place < end:
        byte = data[place]
        if byte != 32 and byte != 13 and byte != 9 and byte != 10:
            break
        place += 1
    return place


@kernel
def _object(
    data: Array,
    place: int,
    end: int,
    names: Array,
    name_offsets: Array,
    stack: Array,
    spans: Array,
    kinds: Array,
) -> int:
    place = _behind_space(data, place, end)
    if place == end:
        return BLANK
    if data[place] != _OPEN_OBJECT:
        return UNUSUAL
    place = _behind_space(data, place + 1, end)
    if place < end and data[place] == _CLOSE_OBJECT:
        return PLAIN if _behind_space(data, place + 1, end) == end else UNUSUAL
    while place < end and data[place] == _QUOTE:
        begin = place + 1
        place, escaped = _string_end(data, begin, end)
        if place == _BROKEN or escaped:
            return UNUSUAL
        field = _name_at(data, begin, place, names, name_offsets)
        place = _behind_space(data, place + 1, end)
        if place >= end or data[place] != _COLON:
            return UNUSUAL
        begin = _behind_space(data, place + 1, end)
        place, kind = _value_end(data, begin, end, stack)
        if place == _BROKEN:
            return UNUSUAL
        if field >= 0:
            quote = 1 if kind in (STRING, ESCAPED_STRING) else 0
            kinds[field], spans[field, 0], spans[field, 1] = kind, begin + quote, place - quote
        place = _behind_space(data, place, end)
        if place >= end:
            return UNUSUAL
        if data[place] == _CLOSE_OBJECT:
            return PLAIN if _behind_space(data, place + 1, end) == end else UNUSUAL
        if data[place] != _COMMA:
            return UNUSUAL
        place = _behind_space(data, place + 1, end)
    return UNUSUAL


@inlined_kernel
def _name_at(data: Array, begin: int, end: int, names: Array, name_offsets: Array) -> int:
    """The number of the name that stands there, -1 if it is none of them."""
    for field in range(len(name_offsets) - 1):
        low, high = name_offsets[field], name_offsets[field + 1]
        if high - low == end - begin:
            place = 0
            while place < end - begin and data[begin + place] == names[low + place]:
                place += 1
            if place == end - begin:
                return field
    return -1


@kernel
def _string_end(data: Array, place: int, end: int) -> tuple[int, bool]:
    """The place of the quote that closes a string, and whether there are escapes in it."""
    escaped = False
    while place < end:
        if data[place] != _BACKSLASH:
            flags = json_mark_flags(data, place)
            place += first_flag(flags)
            if flags == 0:
                continue
            if place >= end:
                break
        if data[place] == _QUOTE:
            return place, escaped
        if data[place] != _BACKSLASH or place + 1 >= end:
            break
        escaped = True
        if _ESCAPES[data[place + 1]]:
            place += 2
            continue
        unit = _code_unit(data, place, end)
        place += 6
        if 0xD800 <= unit < 0xDC00:
            unit = _code_unit(data, place, end)
            if not 0xDC00 <= unit < 0xE000:
                break
            place += 6
        elif unit < 0 or 0xDC00 <= unit < 0xE000:
            break
    return _BROKEN, escaped


@inlined_kernel
def _code_unit(data: Array, place: int, end: int) -> int:
    """The UTF-16 code unit that an escape like \\u00e9 writes; -1 where none stands."""
    if place + 6 > end or data[place] != _BACKSLASH or data[place + 1] != 117:
        return -1
    first, second, third, fourth = (
        np.int64(_DIGITS[data[place + 2]]),
        np.int64(_DIGITS[data[place + 3]]),
        np.int64(_DIGITS[data[place + 4]]),
        np.int64(_DIGITS[data[place + 5]]),
    )
    if (first | second | third | fourth) > 15:
        return -1
    return int(first << 12 | second << 8 | third << 4 | fourth)


@kernel
def _value_end(data: Array, place: int, end: int, stack: Array) -> tuple[int, int]:
    """The place behind a value, and its kind."""
    if place >= end:
        return _BROKEN, MISSING
    byte = data[place]
    if byte == _OPEN_OBJECT:
        return _nested_end(data, place, end, stack), OBJECT
    if byte == _OPEN_ARRAY:
        return _nested_end(data, place, end, stack), ARRAY
    return _scalar_end(data, place, end)


@kernel
def _nested_end(data: Array, place: int, end: int, stack: Array) -> int:
    """The place behind an array or object; `stack` keeps which of the two each level is."""
    depth, expected = 0, _AT_VALUE
    while True:
        place = _behind_space(data, place, end)
        if place >= end:
            return _BROKEN
        byte = data[place]
        if expected == _AT_KEY:
            if byte != _QUOTE:
                return _BROKEN
            place, _ = _string_end(data, place + 1, end)
            if place == _BROKEN:
                return _BROKEN
            place = _behind_space(data, place + 1, end)
            if place >= end or data[place] != _COLON:
                return _BROKEN
            place, expected = place + 1, _AT_VALUE
        elif expected == _AT_VALUE and byte in (_OPEN_OBJECT, _OPEN_ARRAY):
            if depth == len(stack):
                return _BROKEN
            stack[depth] = byte
            depth += 1
            place = _behind_space(data, place + 1, end)
            if place < end and data[place] == byte + 2:
                expected = _BEHIND_VALUE
            else:
                expected = _AT_KEY if byte == _OPEN_OBJECT else _AT_VALUE
        elif expected == _AT_VALUE:
            place, _ = _scalar_end(data, place, end)
            if place == _BROKEN:
                return _BROKEN
            expected = _BEHIND_VALUE
        elif byte == _COMMA:
            place, expected = place + 1, _AT_KEY if stack[depth - 1] == _OPEN_OBJECT else _AT_VALUE
        elif byte == stack[depth - 1] + 2:
            place, depth = place + 1, depth - 1
            if depth == 0:
                return place
        else:
            return _BROKEN


@kernel
def _scalar_end(data: Array, place: int, end: int) -> tuple[int, int]:
    """The place behind a string, number or literal, and its kind."""
    byte = data[place]
    if byte == _QUOTE:
        place, escaped = _string_end(data, place + 1, end)
        return (_BROKEN if place == _BROKEN else place + 1), (ESCAPED_STRING if escaped else STRING)
    if byte == _MINUS or 48 <= byte <= 57:
        return _number_end(data, place, end)
    if byte == 110 and _stands(data, place, end, (110, 117, 108, 108)):
        return place + 4, NULL
    if byte == 116 and _stands(data, place, end, (116, 114, 117, 101)):
        return place + 4, TRUE
    if byte == 102 and _stands(data, place + 1, end, (97, 108, 115, 101)):
        return place + 5, FALSE
    return _BROKEN, MISSING


@inlined_kernel
def _stands(data: Array, place: int, end: int, four: tuple[int, int, int, int]) -> bool:
    if place + 4 > end:
        return False
    first, second, third, fourth = four
    return bool(
        data[place] == first and data[place + 1] == second and data[place + 2] == third and data[place + 3] == fourth
    )


@kernel
def _number_end(data: Array, place: int, end: int) -> tuple[int, int]:
    begin = place
    if data[place] == _MINUS:
        place += 1
    digits = _behind_digits(data, place, end)
    if digits == place or digits - place > _LONGEST_INTEGER or (data[place] == _ZERO and digits - place > 1):
        return _BROKEN, MISSING
    kind = NUMBER if data[place] == _ZERO and place > begin else INTEGER
    place = digits
    if place < end and data[place] == _POINT:
        kind, place = NUMBER, place + 1
        digits = _behind_digits(data, place, end)
        if digits == place:
            return _BROKEN, MISSING
        place = digits
    if place < end and (data[place] | 32) == 101:
        kind, place = NUMBER, place + 1
        if place < end and (data[place] == _MINUS or data[place] == 43):
            place += 1
        digits = _behind_digits(data, place, end)
        if digits == place:
            return _BROKEN, MISSING
        place = digits
    return place, kind


@inlined_kernel
def _behind_digits(data: Array, place: int, end: int) -> int:
    while place < end and 48 <= data[place] <= 57:
        place += 1
    return place


@kernel
def _unescape(data: Array, place: int, end: int, out: Array, at: int) -> int:
    """Write the string between two quotes as it is meant; the place behind it in `out`."""
    while place < end:
        if data[place] != _BACKSLASH:
            copy_block(data, place, out, at)
            plain = min(first_flag(byte_flags(data, place, np.uint8(_BACKSLASH))), end - place)
            place, at = place + plain, at + plain
            if plain == BLOCK or place == end:
                continue
        meaning = _ESCAPES[data[place + 1]]
        if meaning:
            out[at] = meaning
            place, at = place + 2, at + 1
            continue
        point = _code_unit(data, place, end)
        place += 6
        if 0xD800 <= point < 0xDC00:
            point = 0x10000 + ((point - 0xD800) << 10) + (_code_unit(data, place, end) - 0xDC00)
            place += 6
        at = write_code_point(point, out, at)
    return at
