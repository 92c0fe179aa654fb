"""E-mail addresses: a local part, "@", and a domain or an IPv4 address.

The local part is RFC 5322's dot-atom less the characters that in running text are quotes or belong to URLs, with
letters of the Latin, Greek and Cyrillic scripts (RFC 6531), but not of scripts that put no blank before an address.
Labels of the domain may be of any script; the last is no number and no ending of files or of systemd's units
(`icon@2x.png`), and ASCII in it is not followed by scripts without blanks. Versions of packages
(`lodash@4.17.21`) and remote names (`git@host:path`) are no addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: U+00C0 to U+04FF in UTF-8 but for the signs of multiplication and division: letters, and accents that combine.
_LETTER = rb"(?:\xc3[\x80-\x96\x98-\xb6\xb8-\xbf]|[\xc4-\xd3][\x80-\xbf])"
_ASCII = rb"[A-Za-z0-9_+-]"
_WORD = rb"(?:" + _ASCII + rb"{1,64}+|" + _LETTER + rb")(?:" + _LETTER + rb"{1,64}+" + _ASCII + rb"{0,64}+){0,16}+"
_LABEL = rb"[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9\x80-\xff-]{0,61}[A-Za-z0-9\x80-\xff])?"
#: One character in UTF-8, but no punctuation: no address may end inside of one.
_BEYOND_ASCII = (
    rb"(?:[\xc3-\xdf][\x80-\xbf]|(?!\xe2[\x80-\xaf]|\xe3\x80|\xef\xbc)[\xe0-\xef][\x80-\xbf]{2}"
    rb"|[\xf0-\xf4][\x80-\xbf]{3})"
)
_OCTET = rb"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_NO_FILE = rb"(?!(?i:png|jpe?g|gif|svg|webp|ico|css|html?|service|timer|socket|target|mount)(?![\w-]))"
_LOCAL = re.compile(
    rb"(?<![A-Za-z0-9_])(?<!" + _LETTER + rb")(?![+-])" + _WORD + rb"(?:(?:[.'&]|\xe2\x80\x99)" + _WORD + rb"){0,8}@"
)
_DOMAIN = re.compile(
    rb"(?:" + _LABEL + rb"\.){1,8}" + _NO_FILE + rb"(?:(?i:xn--)[A-Za-z0-9-]{0,58}[A-Za-z0-9]"
    rb"|(?!(?i:xn--))(?:[A-Za-z]|" + _LETTER + rb"){2,24}+|" + _BEYOND_ASCII + rb"{2,20}+)(?![A-Za-z0-9_])"
    rb"|\[?" + _OCTET + rb"(?:\." + _OCTET + rb"){3}(?!\.?\d)\]?"
)
_REMOTE = re.compile(rb":[\w~./-]*[/.]")
#: How far an address may go on before and behind a chunk, in letters beyond ASCII.
_LOCAL_BYTES, _DOMAIN_BYTES = 64, 253


def find_emails(text: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Byte spans of the addresses whose "@" is in text[start:end]."""
    first = max(0, start - _LOCAL_BYTES) if text[start - 1 : start] >= b"\x80" else start
    last = min(len(text), end + _DOMAIN_BYTES) if text[end : end + 1] >= b"\x80" else end
    place = first
    while local := _LOCAL.search(text, place, end):
        place = local.end()
        domain = _DOMAIN.match(text, place, last) if place > start else None
        if domain:
            place = domain.end()
            remote = local.group() == b"git@" and _REMOTE.match(text, place)
            if not remote:
                yield local.start(), place
