"""Characters as UTF-8 bytes (RFC 3629). Cost: a branch for each length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenizer.kernel_cache import kernel

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray


@kernel
def write_code_point(code: int, text: Array, at: int) -> int:
    """Write a code point to `text` (uint8) from `at` on; the position after it."""
    if code < 0x80:
        text[at] = code
        return at + 1
    if code < 0x800:
        text[at] = 0xC0 | code >> 6
        text[at + 1] = 0x80 | code & 63
        return at + 2
    if code < 0x10000:
        text[at] = 0xE0 | code >> 12
        text[at + 1] = 0x80 | code >> 6 & 63
        text[at + 2] = 0x80 | code & 63
        return at + 3
    text[at] = 0xF0 | code >> 18
    text[at + 1] = 0x80 | code >> 12 & 63
    text[at + 2] = 0x80 | code >> 6 & 63
    text[at + 3] = 0x80 | code & 63
    return at + 4
