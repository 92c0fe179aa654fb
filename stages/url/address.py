"""The parts of a URL that lists and tables are keyed by: host, registered domain, path."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from tldextract import TLDExtract

_BEFORE_HOST = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.\-]*:)?//")
_NOT_PRINTED = re.compile(r"[^!-~]+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~\-]")


def split_url(url: str) -> tuple[str, str]:
    """Host (lower-case ASCII, no port) and path with query (unquoted, case-folded); '' where absent."""
    try:
        parts = urlsplit(f"//{without_scheme(url)}")
        host = parts.hostname or ""
    except ValueError:  # brackets that are no IPv6 address
        return "", ""
    return ascii_host(host), unquote(f"{parts.path}?{parts.query}").casefold()


def without_scheme(url: str) -> str:
    """What follows "https://" or "//"; the whole where it begins with neither."""
    scheme = _BEFORE_HOST.match(url)
    return url[scheme.end() :] if scheme else url


def with_one_escaping(text: str) -> str:
    """Part of a URL with escapes where they must be, in capitals, and nowhere else (RFC 3986, section 6.2.2)."""
    if "%" not in text and not _NOT_PRINTED.search(text):
        return text
    return _ESCAPE.sub(_escape, _NOT_PRINTED.sub(lambda match: quote(match[0]), text))


def _escape(match: re.Match[str]) -> str:
    meant = chr(int(match[1], 16))
    return meant if _UNRESERVED.fullmatch(meant) else match[0].upper()


def ascii_host(host: str) -> str:
    """A host or domain in lower case, ASCII (IDNA) and without a final dot."""
    host = host.strip().rstrip(".").lower()
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:  # labels that IDNA forbids
        return host


def parents(host: str) -> list[str]:
    """The host and every domain above it, longest first."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def registered_domain(host: str) -> str:
    """What somebody registered: one label below the longest public suffix (publicsuffix.org, ICANN section).

    '' for an IP address and for a host below no public suffix. The list is the one inside the installed
    tldextract, so that no result depends on the network or the day.
    """
    return suffixes()(host).top_domain_under_public_suffix


def as_registered(url: str) -> tuple[str, str]:
    """Registered domain and host of a URL in its own letters, as tldextract gives them; '' for addresses and none."""
    parts = suffixes()(url)
    return parts.top_domain_under_public_suffix, parts.fqdn


@cache
def suffixes() -> TLDExtract:
    """The public suffix list."""
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None)
