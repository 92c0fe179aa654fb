"""Licences: which one of Creative Commons a URL names, and links of relation `license` in HTTP headers (RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MENTIONS = 1000
_CREATIVE_COMMONS = re.compile(
    rb"creativecommons\.org/(licen[cs]es|publicdomain)/([a-z]+(?:[-+][a-z]+)*)(?:/(\d\.\d))?", re.IGNORECASE
)
_PUBLIC_DOMAIN = {b"zero": "cc0", b"mark": "cc-pdm"}
_LINK = re.compile(r"<([^>]*)>((?:[^,\"]|\"[^\"]*\")*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


def creative_commons(url: bytes) -> str | None:
    """`cc-by-sa-4.0`, `cc0-1.0`, `cc-pdm-1.0`: the licence that a URL of creativecommons.org names, else None.

    The countries of licences up to 3.0 are left out.
    """
    found = _CREATIVE_COMMONS.search(url)
    return _name(found) if found else None


def mentioned(page: bytes) -> list[str]:
    """Licences of Creative Commons whose URLs stand anywhere in a page, each once, in order."""
    if b"creativecommons.org/" not in page:
        return []
    names: dict[str, None] = {}
    for number, found in enumerate(_CREATIVE_COMMONS.finditer(page)):
        if number == _MENTIONS:
            break
        names.setdefault(_name(found))
    return list(names)


def header_licences(value: str) -> Iterator[str]:
    """The targets of relation `license` of one Link header."""
    for link in _LINK.finditer(value):
        relation = _REL.search(link[2])
        if relation and "license" in (relation[1] or relation[2]).lower().split():
            yield link[1].strip()


def _name(found: re.Match[bytes]) -> str:
    kind, version = found[2].lower(), found[3]
    name = f"cc-{kind.decode()}"
    if found[1].lower() == b"publicdomain":
        name = _PUBLIC_DOMAIN.get(kind, name)
    return f"{name}-{version.decode()}" if version else name
