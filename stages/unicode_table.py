"""One table of character classes, indexed by code point, for the kernels that read words and lines.

Built once per process from the interpreter's own Unicode data (about 50 ms), so that the classes agree
with what `str.isspace`, `str.isalpha` and `str.splitlines` say. Code points from LIMIT on are unassigned or
private: no class.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LIMIT = 0x32400

SPACE = 1 << 0  # str.isspace
LINE_BREAK = 1 << 1  # ends a line for str.splitlines
ALPHABETIC = 1 << 2  # str.isalpha
SYMBOL = 1 << 3  # a word of these alone is no word for the Gopher rules
LETTER = 1 << 4  # what the word splitter takes for a letter
LOWER = 1 << 5  # a lower-case letter, or one of a script without case
UPPER = 1 << 6  # an upper-case letter, or one of a script without case
PREFIX = 1 << 7  # split off at the start of a word
SUFFIX = 1 << 8  # split off at the end of a word
QUOTE = 1 << 9
ICON = 1 << 10  # pictures and signs: split off anywhere
BEFORE_STOP = 1 << 11  # a full stop after it is split off
HOST = 1 << 12  # may stand in a host name
CURRENCY = 1 << 13
DIGIT = 1 << 14  # 0 to 9
WORD = 1 << 15  # alphanumeric or underscore

#: ASCII punctuation and control characters, the usual European and CJK marks, and the sentence-final marks of
#: other scripts: the 281 characters that datatrove 0.10 counts as symbols.
_SYMBOLS = """
0-8 B-1F 21-2F 3A-40 5B-60 7B-9F AB B4 BB 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362
1367-1368 166E 1735-1736 17D4-17D6 17D9-17DA 1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E
1C3B-1C3C 1C7E-1C7F 2013-2014 2019 201C-201E 2026 203C-203D 2047-2049 2236 2501 25BA 2E2E 2E3C 2E53-2E54
3001-3002 3008-300D 3010-3011 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1
ABEB FE52 FE56-FE57 FF01 FF05 FF08-FF09 FF0C FF0E FF11 FF1A-FF1B FF1F FF5E FF61 10A56-10A57 10F55-10F59
10F86-10F89 11047-11048 110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9
1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11944 11946 11A42-11A43 11A9B-11A9C 11C41-11C42
11EF7-11EF8 11F43-11F44 16A6E-16A6F 16AF5 16B37-16B38 16B44 16E98 1BC9F 1DA88
"""

#: Blocks of Latin, Greek and Cyrillic whose letters have case.
_CASED = """
41-5A 61-7A C0-24F 250-2AF 1D00-1D25 1D6B-1D77 1D79-1D9A 1E00-1EFF 2C60-2C7F A722-A7FA AB30-AB64 FF21-FF3A
FF41-FF5A 386 388-38A 38C 38E-38F 391-3A9 3AC-3AF 3B1-3C9 3CC-3CE 400-45F 490-491 496-497 4A2-4A3 4AE-4AF
4BA-4BB 4D8-4D9 4E8-4E9
"""

#: Whole blocks of scripts without case (marks and punctuation of the block included): Ethiopic, Bengali,
#: Hebrew, Arabic, Sinhala, Devanagari, Kannada, Tamil, Telugu, Hangul, Kana and CJK.
_UNCASED = """
591-5F4 620-64A 66E-6D5 6E5-6FF 750-77F 8A0-8BD 900-9FF B80-BFF C00-CFF D80-DFF 1100-137F 2E80-2FDF 2FF0-30FF
31C0-31EF 3200-4DBF 4E00-9FFF AC00-D7AF F900-FAFF FB1D-FBB1 FBD3-FD3D FD50-FDC7 FDF0-FDFB FE30-FE4F FE70-FEFC
1EE00-1EEBB 1F200-1F2FF 20000-2A6DF 2A700-2EBEF 2F800-2FA1F
"""

_LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉\u2329\u232a⟦⟧"
_MARKS = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
_PREFIXES_ONLY = "§%="
_DASHES = "—–"
_CURRENCIES = "$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾₿"


@cache
def character_classes() -> np.ndarray:
    """uint16 of length LIMIT: the classes of each code point, or-ed together."""
    import numpy as np

    characters = [chr(point) for point in range(LIMIT)]
    categories = [unicodedata.category(character) for character in characters]
    table = np.zeros(LIMIT, dtype=np.uint16)

    def mark(flag: int, members: list[bool] | np.ndarray) -> None:
        table[np.asarray(members, dtype=bool)] |= np.uint16(flag)

    mark(SPACE, [character.isspace() for character in characters])
    alphabetic = np.array([character.isalpha() for character in characters])
    mark(ALPHABETIC, alphabetic)
    mark(WORD, [character.isalnum() or character == "_" for character in characters])
    mark(SYMBOL, _ranges(_SYMBOLS))
    mark(LINE_BREAK, _members(_LINE_BREAKS))

    cased, uncased = _ranges(_CASED) & alphabetic, _ranges(_UNCASED)
    mark(LETTER, cased | uncased)
    mark(LOWER, (cased & np.array([category == "Ll" for category in categories])) | uncased)
    mark(UPPER, (cased & np.array([category == "Lu" for category in categories])) | uncased)

    icons = np.array([category == "So" for category in categories])
    currency, quotes, marks = _members(_CURRENCIES), _members(_QUOTES), _members(_MARKS)
    mark(ICON, icons)
    mark(CURRENCY, currency)
    mark(QUOTE, quotes)
    mark(PREFIX, icons | currency | quotes | marks | _members(_PREFIXES_ONLY + _DASHES))
    mark(SUFFIX, icons | quotes | marks | _members(_DASHES))
    mark(DIGIT, _members("0123456789"))
    mark(HOST, _ranges("30-39 41-5A 61-7A A1-FFFF"))
    lower = (table & LOWER) != 0
    mark(BEFORE_STOP, lower | quotes | marks | _members("0123456789%²-+|"))
    table.setflags(write=False)
    return table


@cache
def decimal_digits() -> np.ndarray:
    """bool of length LIMIT: which code points are decimal digits of some script (general category Nd)."""
    import numpy as np

    table = np.array([unicodedata.category(chr(point)) == "Nd" for point in range(LIMIT)])
    table.setflags(write=False)
    return table


def _ranges(words: str) -> np.ndarray:
    import numpy as np

    members = np.zeros(LIMIT, dtype=bool)
    for word in words.split():
        first, _, last = word.partition("-")
        members[int(first, 16) : int(last or first, 16) + 1] = True
    return members


def _members(characters: str) -> np.ndarray:
    import numpy as np

    members = np.zeros(LIMIT, dtype=bool)
    members[[ord(character) for character in characters]] = True
    return members
