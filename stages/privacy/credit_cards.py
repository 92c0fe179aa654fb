"""Card numbers: 14 to 19 digits of a card network, with a right check digit (ISO/IEC 7812, Luhn).

Written in one run, or in groups of four (or four, six and five) with blanks or hyphens, also those that break no
line. One of ten other numbers of that shape that begins like a card passes Luhn's test too; so in a row of groups,
as tables have, either all are cards or none is. Visa's old numbers of 13 digits are left out: today numbers of that
length are times in milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_BLANK = rb"(?: |\xc2\xa0|\xe2\x80\xaf)"
_HYPHEN = rb"(?:-|\xe2\x80[\x90\x91])"


def _groups(gap: bytes) -> bytes:
    return rb"\d{4}(?:" + gap + rb"\d{4}){3}(?:" + gap + rb"\d{3})?|\d{4}" + gap + rb"\d{6}" + gap + rb"\d{4,5}"


_NUMBER = rb"(?:\d{14,19}|" + _groups(_BLANK) + rb"|" + _groups(_HYPHEN) + rb")(?!\d)"
_NUMBER_IN_ROW = re.compile(_NUMBER)
_ROW = re.compile(
    rb"(?<![\w.,/+=-])(?<!\xe2\x80[\x90\x91])(?<!\d )(?<!\d\xc2\xa0)(?<!\d\xe2\x80\xaf)"
    + (_NUMBER + rb"(?:" + _BLANK + _NUMBER + rb")*")
    + (rb"(?!\w|[.,/]\d|" + _HYPHEN + rb"\d|" + _BLANK + rb"\d{4}(?!\d))")
)
_GAPS = re.compile(rb"\D+")
_LAST_THREE = re.compile(rb"\D+\d{3}\Z")
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
    for row in _ROW.finditer(text, start, end):
        numbers = list(_NUMBER_IN_ROW.finditer(text, *row.span()))
        cards = [(number.start(), number.start() + size) for number in numbers if (size := _card_size(number.group()))]
        for first, last in cards:
            if len(cards) == len(numbers) or text[first:last].isdigit():
                yield first, last


def _card_size(number: bytes) -> int:
    """Bytes of the number that are a card's: all, or all but a last group of three (its security code), or none."""
    if _is_card(number):
        return len(number)
    before = _LAST_THREE.sub(b"", number)
    return len(before) if len(before) < len(number) and _is_card(before) else 0


def _is_card(number: bytes) -> bool:
    digits = _GAPS.sub(b"", number)
    return bool(_NETWORK.fullmatch(digits)) and _passes_luhn(digits) and len(set(digits)) > 2


def _passes_luhn(digits: bytes) -> bool:
    numbers = [digit - 48 for digit in reversed(digits)]
    return (sum(numbers[::2]) + sum(_DOUBLED[number] for number in numbers[1::2])) % 10 == 0
