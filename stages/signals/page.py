"""Reading what one page and the HTTP headers that came with it say of its use."""

from __future__ import annotations

import html
from typing import NamedTuple

from stages.signals.licences import header_licences, mentioned
from stages.signals.robots import CRAWLERS, Directive, header_directives, meta_directives
from stages.signals.tags import Tags

#: Longer texts are cut.
TEXT_LIMIT = 1000
_RIGHTS = ("dc.rights", "dcterms.rights", "dc.rights.license", "dcterms.license", "dc.license", "copyright", "rights")
_TDM = ("tdm-reservation", "tdm-policy")
#: So many NUL bytes among the first 64 are UTF-16.
_NULS = 8


class Said(NamedTuple):
    """What a page says, as written: the first of each where there is one only."""

    directives: list[Directive]
    reservation: int | None
    policy: str | None
    licence_url: str | None
    mentions: list[str]
    rights: str | None


class PageReader:
    """Reads pages for crawlers: those that are known, and `agents` (in lower case)."""

    def __init__(self, agents: frozenset[str]) -> None:
        self._crawlers = CRAWLERS | agents
        self._names = self._crawlers | {*_RIGHTS, *_TDM}
        self._encoded_names = frozenset(name.encode() for name in self._names)

    def said(self, page: bytes, headers: str, label: str | None) -> Said:
        """What the page says, given its headers (one `name: value` a line) and the charset of its Content-Type."""
        page = _with_ascii_tags(page, label)
        tags = Tags(page)
        directives, licences = _of_headers(headers)
        tdm = [(name, value) for name, value in _lines(headers) if name in _TDM]
        rights = []
        links = (_text(link.get(b"href", b""), page, label) for link in tags.licence_links())
        licences += [link for link in links if link]
        for name, content in self._metas(tags, page, label):
            if name in self._crawlers:
                directives += meta_directives(name, content)
            elif name in _TDM:
                tdm.append((name, content))
            elif content.startswith(("http://", "https://")):
                licences.append(content)
            else:
                rights.append(content)
        return Said(
            directives,
            max((int(value) for name, value in tdm if name == "tdm-reservation" and value in ("0", "1")), default=None),
            next((value[:TEXT_LIMIT] for name, value in tdm if name == "tdm-policy"), None),
            next((url[:TEXT_LIMIT] for url in licences), None),
            mentioned(tags.lower),
            next((text[:TEXT_LIMIT] for text in rights), None),
        )

    def _metas(self, tags: Tags, page: bytes, label: str | None) -> list[tuple[str, str]]:
        """Names in lower case and contents, neither empty, of the tags that say something."""
        found = []
        for tag in tags.metas(self._encoded_names):
            name = tag.get(b"name", b"").decode("ascii", "replace").strip().lower()
            content = _text(tag.get(b"content", b""), page, label) if name in self._names else ""
            if content:
                found.append((name, content))
        return found


def _lines(headers: str) -> list[tuple[str, str]]:
    pairs = (line.partition(": ") for line in headers.splitlines())
    return [(name, value.strip()) for name, _, value in pairs]


def _of_headers(headers: str) -> tuple[list[Directive], list[str]]:
    directives: list[Directive] = []
    licences: list[str] = []
    for name, value in _lines(headers):
        if name == "x-robots-tag":
            directives += header_directives(value)
        elif name == "link":
            licences += header_licences(value)
    return directives, licences


def _text(value: bytes, page: bytes, label: str | None) -> str:
    """An attribute's value as text with blanks collapsed; the page's encoding is found out only where it matters."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        from stages.charset import decode_page

        text = value.decode(decode_page(page, label).encoding, "replace")
    return " ".join(html.unescape(text).split())


def _with_ascii_tags(page: bytes, label: str | None) -> bytes:
    """The page in an encoding in which tags are ASCII: only UTF-16, which is full of NUL bytes, is none."""
    if page.count(b"\0", 0, 64) < _NULS:
        return page
    from stages.charset import decode_page

    return decode_page(page, label).text.encode()
