"""What the page scanner knows about element names: how each takes part in the tree and in the text.

A name is known by a number, its place in `NAMES`; names that are not there are unknown inline elements, or
containers when they hold a hyphen (custom elements). The table is open-addressed on the name packed into
8 bytes, longer names by their first 8, which tells all of HTML's apart.
"""

from __future__ import annotations

import numpy as np

SLOTS = 1024

# How an element takes part.
UNKNOWN, CONTAINER, INLINE, VOID, RAW, SKIPPED = range(6)

_BY_ROLE = {
    CONTAINER: "html body div p section article main header footer nav aside h1 h2 h3 h4 h5 h6 ul ol li dl dt dd "
    "table thead tbody tfoot tr td th caption blockquote pre figure figcaption form fieldset legend details summary "
    "address center dialog hgroup menu search button label custom",
    INLINE: "a span b strong i em u s small mark code kbd samp tt var sub sup cite q time abbr font ins del big strike",
    VOID: "br hr img wbr input meta link area base col embed param source track head",
    RAW: "script style textarea iframe noembed noframes xmp title",
    SKIPPED: "noscript template svg select object canvas video audio map datalist applet math",
}
NAMES = " ".join(_BY_ROLE.values()).split()
#: Number of every name; 0 is kept for unknown elements.
TAG: dict[str, int] = {name: number for number, name in enumerate(NAMES, start=1)}
ROLES = np.array([UNKNOWN, *(role for role, names in _BY_ROLE.items() for _ in names.split())], np.uint8)


def packed(name: str) -> int:
    """The first 8 bytes of a name as the scanner reads them."""
    return int.from_bytes(name.encode()[:8].ljust(8, b"\0"), "little")


def hash_table(numbers: dict[str, int], slots: int) -> tuple[np.ndarray, np.ndarray]:
    """Open-addressed table from packed names to numbers (0 = absent), looked up by `lookup` of scan_kernel."""
    keys, values = np.zeros(slots, np.uint64), np.zeros(slots, np.int64)
    for name, number in numbers.items():
        key = packed(name)
        slot = ((key * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF) >> 40
        slot %= slots
        while keys[slot] not in (0, key):
            slot = (slot + 1) % slots
        if keys[slot] and values[slot] != number:
            raise ValueError(f"two names begin with the 8 bytes of {name}")
        keys[slot], values[slot] = key, number
    return keys, values


TAG_KEYS, TAG_NUMBERS = hash_table(TAG, SLOTS)
