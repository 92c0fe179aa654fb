"""E-mail addresses: an ASCII local part, "@", and a domain or an IPv4 address.

The local part is RFC 5322's dot-atom less the characters that in running text are quotes or belong to URLs;
labels of the domain may be of any script (RFC 6531), the last is no number and no ending of files or of
systemd's units (`icon@2x.png`). Versions of packages (`lodash@4.17.21`) and remote names (`git@host:path`) are
no addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORD = rb"[A-Za-z0-9_+-]"
_LABEL = rb"[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9\x80-\xff-]{0,61}[A-Za-z0-9\x80-\xff])?"
#: One character in UTF-8: no address may end inside of one.
_BEYOND_ASCII = rb"(?:[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})"
_OCTET = rb"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_NO_FILE = rb"(?!(?i:png|jpe?g|gif|svg|webp|ico|css|html?|service|timer|socket|target|mount)(?![\w-]))"
_ADDRESS = re.compile(
    rb"(?<![A-Za-z0-9_+-])" + _WORD + rb"{1,64}(?:[.'&]" + _WORD + rb"{1,64}){0,8}@"
    rb"(?:(?:"
    + _LABEL
    + rb"\.){1,8}(?!(?i:png|jpe?g|gif|svg|webp|ico|css|html?|service|timer|socket|target|mount)(?![\w-]))"
    rb"(?:[A-Za-z]{2,24}|xn--[A-Za-z0-9-]{1,59}|" + _BEYOND_ASCII + rb"{2,20}+)(?![A-Za-z0-9_])"
    rb"|\[?" + _OCTET + rb"(?:\." + _OCTET + rb"){3}(?!\.?\d)\]?)"
)
_REMOTE = re.compile(rb":[\w~./-]*[/.]")
#: How far behind a chunk its address may go on: in letters that are not ASCII.
_DOMAIN_BYTES = 253


def find_emails(text: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Byte spans of the addresses that begin in text[start:end]."""
    for match in _ADDRESS.finditer(text, start, min(len(text), end + _DOMAIN_BYTES)):
        if match.start() >= end:
            return
        remote = match.group().startswith(b"git@") and _REMOTE.match(text, match.end())
        if not remote:
            yield match.span()
