"""Finding the tags of a page that can say something of its use, without parsing the page.

`<meta>` tags are found by their first bytes, tags with `rel=license` by that attribute; those in comments, scripts
and other places where tags are none do not count. At most 1,000 of each are looked at, of 4 KiB each, so a page
made of them costs no more than milliseconds. Most pages have none: then the cost is two scans of their bytes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator

Attributes = dict[bytes, bytes]

_TAGS = 1000
_TAG_BYTES = 4096
_REST_OF_TAG = re.compile(rb"(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
_META = re.compile(rb"<meta[\s/]" + _REST_OF_TAG.pattern)
_NAME = re.compile(rb"name\s*=\s*[\"']?\s*([^\"'>\s]+)")
_ATTRIBUTE = re.compile(rb"([^\s=/\"'>]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_REL_LICENCE = re.compile(rb"rel\s*=\s*(?:\"[^\">]{0,300}|'[^'>]{0,300}|)\blicen[cs]e\b")
_LINK_TAG = re.compile(rb"<(?:a|link|area)\s")
#: Where tags are text: what begins such a place, and what ends it.
_TEXT_ENDS = {
    b"<!--": b"-->",
    b"<script": b"</script",
    b"<style": b"</style",
    b"<textarea": b"</textarea",
    b"<title": b"</title",
    b"<xmp": b"</xmp",
}
_TEXT_BEGINS = re.compile(b"|".join(_TEXT_ENDS))


class Tags:
    """The tags of one page. `lower` is the page in lower case (ASCII)."""

    def __init__(self, html: bytes) -> None:
        self._html = html
        self.lower = html.lower()
        self._hidden: tuple[list[int], list[int]] | None = None

    def metas(self, names: Collection[bytes]) -> Iterator[Attributes]:
        """Attributes of the `<meta>` tags with one of these names, in lower case."""
        position = -1
        for _ in range(_TAGS):
            position = self.lower.find(b"<meta", position + 1)
            if position < 0:
                return
            tag = _META.match(self.lower, position, position + _TAG_BYTES)
            name = _NAME.search(tag[0]) if tag else None
            if tag and name and name[1] in names and not self._is_hidden(position):
                yield self._attributes(position + len(b"<meta"), tag.end())

    def licence_links(self) -> Iterator[Attributes]:
        """Attributes of the links with `rel=license`."""
        if b"licen" not in self.lower:
            return
        position = 0
        for _ in range(_TAGS):
            found = _REL_LICENCE.search(self.lower, position)
            if found is None:
                return
            position = found.end()
            start = self.lower.rfind(b"<", max(0, found.start() - _TAG_BYTES), found.start())
            name = _LINK_TAG.match(self.lower, start) if start >= 0 else None
            tag = _REST_OF_TAG.match(self.lower, start + 1, start + _TAG_BYTES) if name else None
            if name and tag and tag.end() > found.end() and not self._is_hidden(start):
                yield self._attributes(name.end(), tag.end())

    def _attributes(self, start: int, end: int) -> Attributes:
        found: Attributes = {}
        for name, double, single, bare in _ATTRIBUTE.findall(self._html, start, end - 1):
            found.setdefault(name.lower(), double or single or bare)
        return found

    def _is_hidden(self, position: int) -> bool:
        starts, ends = self._hidden = self._hidden or self._text_places()
        before = bisect_right(starts, position) - 1
        return before >= 0 and position < ends[before]

    def _text_places(self) -> tuple[list[int], list[int]]:
        starts, ends, position = [], [], 0
        while begin := _TEXT_BEGINS.search(self.lower, position):
            end = self.lower.find(_TEXT_ENDS[begin[0]], begin.end())
            position = len(self.lower) if end < 0 else end + 1
            starts.append(begin.start())
            ends.append(position)
        return starts, ends
