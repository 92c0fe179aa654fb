"""Records of ARC files, the format before WARC (Internet Archive's ARC_1.0 and ARC_2.0).

A record is a line of fields between blanks, the URL first and the length of what follows last:

    http://example.org/ 192.0.2.1 20080430204825 text/html 1591

Version 2 puts five more fields before the length. URLs were written with blanks in them, so the fields are
counted from the address and the date on. What follows is an HTTP response, or for other schemes (dns:, ftp:)
the bare content. The first record of a file, `filedesc:`, describes the file. A length that is no number, as
some writers left, stands for a record without content.

A record's header is given on as the WARC header that says the same, so that nobody downstream needs to know.
"""

from __future__ import annotations

import re

from stages.warc.records import RecordFormat, RecordHead

FIRST_RECORD = b"filedesc:"
_LINE_LIMIT = 1 << 16
_LENGTH_DIGITS = 18
_LINE = re.compile(
    rb"(?P<url>[A-Za-z][A-Za-z0-9+.-]*:[^\n]*?) +[0-9A-Fa-f.:]+ +(?P<date>\d{12,20}) +"
    rb"(?P<type>[^\s;]+)[^\n]*? (?P<length>\S+)[ \t\r]*\n"
)
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*(?::|$)")


def parse_arc_head(data: bytes | bytearray, start: int = 0) -> RecordHead | None:
    """The record line at `start`, or None where there is none with an address, a date and a length."""
    line = _LINE.match(data, start, start + _LINE_LIMIT)
    if line is None or len(line["length"]) > _LENGTH_DIGITS:
        return None
    length = int(line["length"]) if line["length"].isdigit() else 0
    kind = b"filedesc" if line["url"].startswith(FIRST_RECORD) else b"response"
    url, date = bytes(line["url"]), line["date"].decode().ljust(14, "0")
    moment = f"{date[:4]}-{date[4:6]}-{date[6:8]}T{date[8:10]}:{date[10:12]}:{date[12:14]}Z"
    header = b"ARC\nWARC-Target-URI: %s\nWARC-Date: %s\nContent-Type: %s" % (url, moment.encode(), bytes(line["type"]))
    return RecordHead(kind, length, header, line.end())


def _is_cut_off(data: bytes | bytearray) -> bool:
    return len(data) < _LINE_LIMIT and b"\n" not in data and _SCHEME.match(data) is not None


#: After damage only web pages are looked for: other schemes hold none.
ARC = RecordFormat("ARC", "Archive-length", b"\nhttp", parse_arc_head, _is_cut_off)
