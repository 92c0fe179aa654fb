"""Telephone numbers, in three forms.

- international: "+" and 8 to 15 digits (ITU-T E.164) in groups, perhaps with brackets;
- North American: three, three and four digits, with hyphens or dots between them or the first three in
  brackets, perhaps after a country code 1; the first digit is neither 0 nor 1;
- any: 7 to 15 digits in groups, behind a word such as "tel", "call" or "fax" and little else.

A plain run of ten digits without such a word is taken for an identifier, a number with one dot for a decimal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_GAP = rb"(?:[ .\-/\t]|\xc2\xa0|\xe2\x80[\x90-\x93\xaf])"
_APART = rb"(?:" + _GAP + rb"?\(0\)" + _GAP + rb"?|" + _GAP + rb"{0,2}\(|\)" + _GAP + rb"{0,2}|" + _GAP + rb")"
#: Never more groups than a number has, so that lines of numbers take linear time.
_GROUPS = rb"\d++(?:" + _APART + rb"\d++){0,9}+"
_STOP = rb"(?!\w|[.,:/-]\d)"

_INTERNATIONAL = re.compile(rb"(?<![\w+*/)\]])\+\(?(?=[1-9])" + _GROUPS)
_NORTH_AMERICAN = re.compile(
    rb"(?<![\w.+/=-])(?<!\d[ (])(?:1" + _GAP + rb")?"
    rb"(?:\([2-9]\d\d\)" + _GAP + rb"?\d{3}" + _GAP + rb"\d{4}"
    rb"|[2-9]\d\d(?:-\d{3}-|\.\d{3}\.|/\d{3}-|\xe2\x80\x91\d{3}\xe2\x80\x91)\d{4})" + _STOP
)
_ANY = re.compile(rb"(?<![\w.+/-])\(?" + _GROUPS + _STOP)
#: Country codes in use, and what E.164's zones 1 and 7 ask of the digits behind them.
_COUNTRY = re.compile(
    rb"1[2-9]\d{9}|7[3-9]\d{9}|(?:2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])\d{6,13}|(?:21[1-368]|2[2346]\d|"
    rb"25[0-8]|29[0178]|35\d|37[0-8]|38[0-35-79]|42[013]|5[09]\d|67[02-9]|68\d|69[0-2]|8[0578]\d|9[67]\d|99[2-68])\d{5,12}"
)
_DATE = re.compile(rb"\d{4}[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./]\d{4}")
_DIGITS = re.compile(rb"\d+")

_WORD_BEFORE = re.compile(
    rb"(?i:\b(?:tel|telephone|t\xc3\xa9l(?:\xc3\xa9phone)?|telefono?|tel\xc3\xa9fono|telefax|phones?|cell|mobile|mobil|"
    rb"mob|fax|facsimile|hotline|helpline|calls?|calling|dial|text[ \t](?:me|us)|sms|whatsapp|contact|ring|ph)"
    rb"(?:[ \t]*+(?:number|numbers|no|nr|us|me|him|her|them|is|at|on|or|via|today|now|toll.free|office|home|work|"
    rb"direct|[:.,#=/(\-]|\xe2\x80[\x93\x94]))*+[ \t]*+)\Z"
)
_CONTEXT_BYTES = 48
_MOST = 15


def find_phone_numbers(text: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Byte spans of the numbers in text[start:end], a stretch of one line; spans of several forms may overlap."""
    if b"+" in text[start:end]:
        for match in _INTERNATIONAL.finditer(text, start, end):
            stop = _end_of_international(text, *match.span())
            if stop:
                yield match.start(), stop
    for match in _NORTH_AMERICAN.finditer(text, start, end):
        yield match.span()
    if not _may_follow_a_word(text[max(0, start - _CONTEXT_BYTES) : end].lower()):
        return
    for match in _ANY.finditer(text, start, end):
        number = match.group()
        if 7 <= _count_digits(number) <= _MOST and not _DATE.fullmatch(number):
            before = text[max(0, match.start() - _CONTEXT_BYTES) : match.start()]
            if _WORD_BEFORE.search(before):
                yield match.span()


def _may_follow_a_word(text: bytes) -> bool:
    """Whether a word that _WORD_BEFORE knows could be there: looking for this first takes a tenth of the time."""
    return (
        b"tel" in text
        or b"t\xc3\xa9l" in text
        or b"ph" in text
        or b"fa" in text
        or b"call" in text
        or b"mob" in text
        or b"line" in text
        or b"cell" in text
        or b"contact" in text
        or b"dial" in text
        or b"text" in text
        or b"sms" in text
        or b"whats" in text
        or b"ring" in text
    )


def _end_of_international(text: bytes, start: int, end: int) -> int:
    """Where the number ends whose groups may go on with others; 0 where the groups are none."""
    groups = list(_DIGITS.finditer(text, start, end))
    while sum(len(group.group()) for group in groups) > _MOST:
        groups.pop()
    digits = [group.group() for group in groups]
    if not _COUNTRY.fullmatch(b"".join(digits)) or sum(len(group) == 1 for group in digits[1:]) > 1:
        return 0
    decimal = len(groups) == 2 and b"." in text[start : groups[-1].end()]
    return 0 if decimal else groups[-1].end()


def _count_digits(number: bytes) -> int:
    return sum(map(len, _DIGITS.findall(number)))
