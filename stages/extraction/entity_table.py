"""HTML's named character references as a table that the scanner looks up: hash of the name to UTF-8 bytes.

The names are those of the HTML standard, as Python's `html.entities` lists them. A reference to two characters
is kept only where it is no longer as text than as a reference, so that text never outgrows its page.
"""

from __future__ import annotations

from html.entities import html5

import numpy as np

SLOTS = 8192


def name_hash(name: bytes) -> int:
    """FNV-1a over a name's bytes, 64 bits, as the scanner computes it."""
    value = 0xCBF29CE484222325
    for byte in name:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Hashes, and rows of 8 bytes: length of the UTF-8 text, whether `;` may be absent, the text."""
    keys, rows = np.zeros(SLOTS, np.uint64), np.zeros((SLOTS, 8), np.uint8)
    for reference, characters in html5.items():
        name = reference.rstrip(";")
        text = characters.encode()
        if len(text) > len(name) + 2 or len(text) > 6:
            continue
        key = name_hash(name.encode())
        slot = (key >> 40) % SLOTS
        while keys[slot] not in (0, key):
            slot = (slot + 1) % SLOTS
        keys[slot] = key
        rows[slot, 0] = len(text)
        rows[slot, 1] = name in html5
        rows[slot, 2 : 2 + len(text)] = np.frombuffer(text, np.uint8)
    return keys, rows


ENTITY_KEYS, ENTITY_TEXTS = _tables()

#: Code points of the numeric references 128 to 159, which mean windows-1252 (HTML standard, 13.2.5.80).
WINDOWS_1252 = np.array([ord(bytes([byte]).decode("cp1252", "replace")) for byte in range(128, 160)], np.int64)
