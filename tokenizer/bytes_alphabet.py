"""The printable alphabet that byte-level BPE files write bytes in, as GPT-2 chose it.

Printable bytes of Latin-1 stand for themselves, the others for the characters from U+0100 on in order of
their value. A byte's id is the rank of its character, so that ids 0 to 255 equal GPT-2's.
"""

from __future__ import annotations

_PRINTABLE = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}

_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]

#: Character of each byte value.
CHARACTERS = [chr(byte) if byte in _PRINTABLE else chr(0x100 + _OTHERS.index(byte)) for byte in range(256)]

#: Byte values in the order of their ids.
BYTES_BY_ID = sorted(range(256), key=CHARACTERS.__getitem__)

_BYTE_OF = {character: byte for byte, character in enumerate(CHARACTERS)}


def to_characters(token: bytes) -> str:
    """The token as a vocabulary writes it."""
    return "".join(map(CHARACTERS.__getitem__, token))


def to_bytes(token: str) -> bytes | None:
    """The bytes of a vocabulary entry; None when it is not written in the alphabet."""
    try:
        return bytes(map(_BYTE_OF.__getitem__, token))
    except KeyError:
        return None
