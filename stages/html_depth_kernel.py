"""Nesting depth of HTML, estimated from its tags without parsing.

Parsers and extractors need time that grows with the square of the depth, so pages of absurd depth must be
known before. The scan keeps a stack of open element names as the HTML standard's tree builder would,
simplified: void elements, elements whose end tag may be left out, and `a` (which closes itself) are not
counted; an end tag closes down to its start tag, or is ignored when there is none. Formatting elements
(`b`, `font`, ...) survive the end of the elements around them, as in the standard's list of active
formatting elements, so they are counted apart. Comments, `script`, `style` and other raw text, and quoted
attribute values are passed over.

The estimate may be a few levels off on sloppy pages, never by orders of magnitude. Cost: one pass, about
1 GB/s on web pages, and a stack no larger than the limit.
"""

from __future__ import annotations

import numpy as np

from tokenizer.kernel_cache import allocating_kernel, kernel

Array = np.ndarray

_COUNTED, _UNCOUNTED, _FORMATTING, _RAW = 0, 1, 2, 3
_SLOTS = 1024

_NAMES = {
    _UNCOUNTED: "area base br col embed hr img input link meta param source track wbr basefont bgsound frame keygen "
    "p li dt dd td th tr tbody thead tfoot option optgroup colgroup rt rp rb rtc html head body a nobr",
    _FORMATTING: "b big code em font i s small strike strong tt u",
    _RAW: "script style title textarea xmp iframe noembed noframes",
}


def _slot(packed: int) -> int:
    return ((packed * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF) >> 54


def _name_table() -> tuple[np.ndarray, np.ndarray]:
    """Open-addressed table: name packed in 8 bytes (longer ones by their first 8), and its kind."""
    keys, kinds = np.zeros(_SLOTS, np.uint64), np.zeros(_SLOTS, np.uint8)
    for kind, names in _NAMES.items():
        for name in names.split():
            packed = int.from_bytes(name.encode()[:8].ljust(8, b"\0"), "little")
            slot = _slot(packed)
            while keys[slot] not in (0, packed):
                slot = (slot + 1) % _SLOTS
            keys[slot], kinds[slot] = packed, kind
    return keys, kinds


NAME_KEYS, NAME_KINDS = _name_table()


@kernel
def _kind_of(packed: np.uint64, keys: Array, kinds: Array) -> int:
    slot = (packed * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(54)
    while keys[slot] != 0:
        if keys[slot] == packed:
            return int(kinds[slot])
        slot = (slot + np.uint64(1)) % np.uint64(_SLOTS)
    return _COUNTED


@kernel
def _end_of_tag(data: Array, position: int, end: int) -> tuple[int, bool]:
    """Position after the `>` that ends a tag, and whether a `/` stood before it."""
    quote = np.uint8(0)
    previous = np.uint8(0)
    while position < end:
        byte = data[position]
        if quote != 0:
            if byte == quote:
                quote = np.uint8(0)
        elif byte == 62:  # >
            return position + 1, previous == 47
        elif (byte == 34 or byte == 39) and previous == 61:  # a quote after =
            quote = byte
        if byte != 32 and byte != 10 and byte != 13 and byte != 9:
            previous = byte
        position += 1
    return end, False


@kernel
def _after_comment(data: Array, position: int, end: int) -> int:
    while position + 2 < end:
        if data[position] == 45 and data[position + 1] == 45 and data[position + 2] == 62:
            return position + 3
        position += 1
    return end


@kernel
def _packed_name(data: Array, position: int, end: int) -> tuple[np.uint64, int]:
    """The tag name at `position` in lower case, its first 8 bytes packed, and where it ends."""
    packed = np.uint64(0)
    shift = np.uint64(0)
    while position < end:
        byte = data[position]
        if byte <= 32 or byte == 62 or byte == 47:
            break
        if 65 <= byte <= 90:
            byte += 32
        if shift < 64:
            packed |= np.uint64(byte) << shift
            shift += np.uint64(8)
        position += 1
    return packed, position


@kernel
def _after_raw_text(data: Array, position: int, end: int, name: np.uint64) -> int:
    """Position of the end tag `</name`, or the end."""
    while position + 1 < end:
        if data[position] == 60 and data[position + 1] == 47:
            packed, _ = _packed_name(data, position + 2, end)
            if packed == name:
                return position
        position += 1
    return end


@kernel
def _page_depth(
    data: Array, position: int, end: int, limit: int, keys: Array, kinds: Array, stack: Array, formatting: Array
) -> int:
    open_elements = 0
    open_formatting = 0
    foreign = 0
    deepest = 0
    formatting[:] = 0
    svg, math = np.uint64(0x677673), np.uint64(0x6874616D)
    while position < end:
        if data[position] != 60 or position + 1 >= end:
            position += 1
            continue
        byte = data[position + 1]
        if byte == 33 and position + 3 < end and data[position + 2] == 45 and data[position + 3] == 45:
            position = _after_comment(data, position + 2, end)
            continue
        closing = byte == 47
        name_start = position + 2 if closing else position + 1
        letter = data[name_start] | 32 if name_start < end else 0
        if not 97 <= letter <= 122:
            position += 1
            continue
        name, position = _packed_name(data, name_start, end)
        position, self_closing = _end_of_tag(data, position, end)
        kind = _kind_of(name, keys, kinds)
        if kind == _UNCOUNTED:
            continue
        if kind == _FORMATTING:
            slot = np.int64(name % np.uint64(251))
            if not closing:
                formatting[slot] += 1
                open_formatting += 1
            elif formatting[slot] > 0:
                formatting[slot] -= 1
                open_formatting -= 1
        elif closing:
            at = open_elements - 1
            while at >= 0 and stack[at] != name:
                at -= 1
            if at >= 0:
                while open_elements > at:
                    open_elements -= 1
                    if stack[open_elements] == svg or stack[open_elements] == math:
                        foreign -= 1
        elif kind == _RAW and foreign == 0:
            position = _after_raw_text(data, position, end, name)
        elif not (self_closing and foreign > 0):
            stack[open_elements] = name
            open_elements += 1
            if name in (svg, math):
                foreign += 1
        if open_elements + open_formatting > deepest:
            deepest = open_elements + open_formatting
            if deepest > limit:
                return deepest
    return deepest


@allocating_kernel
def nesting_depths(data: Array, offsets: Array, limit: int, keys: Array, kinds: Array) -> Array:
    """Depth (int32) of each page data[offsets[i]:offsets[i + 1]] (uint8, int64); `limit` + 1 if it is more.

    `keys` and `kinds` are NAME_KEYS and NAME_KINDS.
    """
    count = len(offsets) - 1
    depths = np.zeros(count, np.int32)
    stack = np.zeros(limit + 2, np.uint64)
    formatting = np.zeros(251, np.int32)
    for page in range(count):
        start, end = offsets[page], offsets[page + 1]
        depths[page] = _page_depth(data, start, end, limit, keys, kinds, stack, formatting)
    return depths
