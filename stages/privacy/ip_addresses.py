"""IP addresses of versions 4 and 6, as a rule only those that are routed publicly.

Four numbers with dots are an address unless they are part of a longer number, carry leading zeros, follow a word
that makes them a version or a section ("version 1.2.3.4", "Chrome/10.0.1.2"), or are all small, as in versions and
sections; small ones count behind a word that makes them an address, in URLs, or with a port or mask. One public
address in 250 is small. Version 6 is RFC 4291's text forms of three groups or more ("3000::" ends a line of
reStructuredText), also those that end as version 4 (`::ffff:8.8.8.8`). Ranges that identify nobody are those of
IANA's special-purpose registries (RFC 6890 with its updates), multicast and what is not yet assigned.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

_OCTET = rb"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_VERSION_4 = re.compile(rb"(?<![\w.])" + _OCTET + rb"(?:\." + _OCTET + rb"){3}(?!\w|\.\w|-(?!\d+\.)\w)")
_VERSION_6 = re.compile(
    rb"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?!\w|:[\w:]|\.\d)"
)
_NO_ADDRESS = re.compile(
    rb"(?:(?i:\b(?:v|ver|versions?|releases?|build|revision|rev|firmware|update|patch|kernel|sections?|sec|chapter|"
    rb"clause|article|paragraph|table|figure|fig|appendix|rule|oid)[.:=#]?(?:[ \t]|\xc2\xa0){0,2}[(\"'\[]?)"
    rb"|\xc2\xa7(?:[ \t]|\xc2\xa0)?|[<>=~!]=[ \t]?|[A-Za-z_)]/v?)\Z"
)
_ADDRESS_BEFORE = re.compile(
    rb"(?i:(?:\b(?:ip|ipv4|address|addr|host|server|nameserver|dns|ping|gateway|router|proxy|netmask|peer|client|from)"
    rb"[\"']?(?:[ \t]*+(?:is|at|to|of|:|=|\(|\[|\"|'))*+[ \t]*+|://(?:[^\s/@]*@)?|@\[?))\Z"
)
_GROUP = re.compile(rb"[0-9A-Fa-f]+")
_PORT_OR_MASK = re.compile(rb"[:/]\d")
_SMALL = 64
_CONTEXT_BYTES = 24

_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "3fff::/20"),
    )
)
_ASSIGNED_6 = ipaddress.ip_network("2000::/3")
#: Addresses of version 6 that stand for one of version 4, in their last 32 bits (RFC 4291, RFC 6052).
_EMBEDDING = (ipaddress.ip_network("::ffff:0:0/96"), ipaddress.ip_network("64:ff9b::/96"))


def find_ip_addresses(
    text: bytes, start: int, end: int, version_6: bool, public_only: bool
) -> Iterator[tuple[int, int]]:
    """Byte spans of the addresses of one version in text[start:end]."""
    for match in (_VERSION_6 if version_6 else _VERSION_4).finditer(text, start, end):
        unlikely = len(_GROUP.findall(match.group())) < 3 if version_6 else _is_version_or_section(text, match)
        if unlikely:
            continue
        value = match.group().removesuffix(b":")  # of a sentence that goes on
        try:
            address = ipaddress.ip_address(value.decode())
        except ValueError:
            continue
        if _is_public(address) or (not public_only and not address.is_unspecified):
            yield match.start(), match.start() + len(value)


def _is_version_or_section(text: bytes, match: re.Match[bytes]) -> bool:
    before = text[max(0, match.start() - _CONTEXT_BYTES) : match.start()]
    if _NO_ADDRESS.search(before):
        return True
    if any(int(number) >= _SMALL for number in match.group().split(b".")) or _PORT_OR_MASK.match(text, match.end()):
        return False
    return not _ADDRESS_BEFORE.search(before)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if any(address in network for network in _EMBEDDING):
        address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.version == 6 and address not in _ASSIGNED_6:
        return False
    return not any(address in network for network in _SPECIAL if network.version == address.version)
