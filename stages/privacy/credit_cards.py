"""Card numbers: 14 to 19 digits of a card network, with a right check digit (ISO/IEC 7812, Luhn).

Written in one run, or in groups of four (or four, six and five) with blanks or hyphens. One of ten other
numbers of that shape that begins like a card passes Luhn's test too. Visa's old numbers of 13 digits are left
out: today numbers of that length are times in milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_NUMBER = re.compile(
    rb"(?<![\w.,/+=-])(?<!\d )(?:\d{14,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ -])\d{6}\2\d{4,5})"
    rb"(?!\w|[.,/-]\d| \d{4}(?!\d))"
)
#: First digits and lengths: Visa, Mastercard, American Express, Discover, JCB, Diners Club, UnionPay, Maestro.
_NETWORK = re.compile(
    rb"4(?:\d{15}|\d{18})"
    rb"|(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}"
    rb"|3[47]\d{13}"
    rb"|(?:6011|64[4-9]\d|65\d{2})\d{12,15}"
    rb"|35(?:2[89]|[3-8]\d)\d{12,15}"
    rb"|3(?:0[0-5]|[68]\d)\d{11}"
    rb"|62\d{14,17}"
    rb"|(?:5018|5020|5038|6304|6759|676[1-3])\d{10,15}"
)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def find_credit_cards(text: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Byte spans of the card numbers in text[start:end]."""
    for match in _NUMBER.finditer(text, start, end):
        digits = match.group().replace(b" ", b"").replace(b"-", b"")
        if _NETWORK.fullmatch(digits) and _passes_luhn(digits) and len(set(digits)) > 2:
            yield match.span()


def _passes_luhn(digits: bytes) -> bool:
    numbers = [digit - 48 for digit in reversed(digits)]
    return (sum(numbers[::2]) + sum(_DOUBLED[number] for number in numbers[1::2])) % 10 == 0
