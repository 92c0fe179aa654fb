"""Bytes of a web page to text: which encoding it is in, and decoding as browsers do.

Order of evidence: byte order mark, HTTP header, `<meta>` (or XML declaration) in the first bytes,
detection. This is the WHATWG Encoding and HTML standards' order with two additions for archives, where
nobody can press reload: declared encodings in which most non-ASCII bytes make no sense are passed over,
and UTF-16 without a mark is known by its NUL bytes.

Labels mean what browsers take them for (`iso-8859-1` is windows-1252, `gb2312` is GB 18030), by
Resiliparse's WHATWG table and the Python codec that covers all of each encoding. Detection is UTF-8 with
next to no faults, else uchardet.

Cost: one strict decode where the declaration is right, about 1 GB/s for UTF-8.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

#: Python codecs that cover the encodings as browsers define them, where the plain names cover less.
_WIDER = {
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso8859-11": "cp874",
}
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_PRESCAN_BYTES = 4096
#: Characters beyond ASCII that a page in UTF-8 has for each of its faults.
_PROPER_A_FAULT = 4
_TAG = re.compile(rb"<!--.*?-->|<meta[\s/]((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>", re.IGNORECASE | re.DOTALL)
_ATTRIBUTE = re.compile(rb"([^\s=/\"'>]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_CONTENT_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([^\s\"';]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"']+)[\"']")


class DecodedPage(NamedTuple):
    """Text without byte order mark, U+FFFD for what could not be decoded, and the Python codec used."""

    text: str
    encoding: str


def decode_page(html: bytes, header_label: str | None = None) -> DecodedPage:
    """Decode a page, given the charset of its HTTP header as written there."""
    for mark, encoding in _MARKS:
        if html.startswith(mark):
            return DecodedPage(html[len(mark) :].decode(encoding, "replace"), encoding)
    for encoding in _declared(html, header_label):
        text = _decode_if_sensible(html, encoding)
        if text is not None:
            return DecodedPage(text, encoding)
    encoding = _detected(html)
    return DecodedPage(html.decode(encoding, "replace"), encoding)


def codec_of(label: str) -> str | None:
    """The Python codec for a charset label as found in headers; None for labels that browsers do not know."""
    mapped = map_encoding_to_html5(label.strip().strip("\"'").lower(), fallback_utf8=False)
    return _WIDER.get(mapped, mapped) if mapped else None


def meta_label(html: bytes) -> str | None:
    """The charset that `<meta>` or an XML declaration in the first bytes names, as written."""
    start = html[:_PRESCAN_BYTES]
    for tag in _TAG.finditer(start):
        label = _label_of(tag[1]) if tag[1] else None
        if label:
            return label.decode("ascii", "replace")
    xml = _XML_ENCODING.match(start.lstrip())
    return xml[1].decode("ascii", "replace") if xml else None


def _label_of(attributes: bytes) -> bytes | None:
    found: dict[bytes, bytes] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(attributes):
        found.setdefault(name.lower(), double or single or bare.rstrip(b"/"))
    if b"charset" in found:
        return found[b"charset"].strip()
    if found.get(b"http-equiv", b"").strip().lower() == b"content-type":
        content = _CONTENT_CHARSET.search(found.get(b"content", b""))
        return content[1] if content else None
    return None


def _declared(html: bytes, header_label: str | None) -> Iterator[str]:
    header = codec_of(header_label) if header_label else None
    if header:
        yield header
    wide = _utf16_without_mark(html)
    if wide:
        yield wide
    label = meta_label(html)
    meta = codec_of(label) if label else None
    if meta:
        # What could be read as ASCII to find this declaration is not in UTF-16, whatever it says.
        yield "utf-8" if meta.startswith("utf-16") else meta


def _utf16_without_mark(html: bytes) -> str | None:
    start = html[:256]
    even, odd = start[::2].count(0), start[1::2].count(0)
    half = len(start) // 2
    if half and max(even, odd) > half * 0.7 and min(even, odd) < half * 0.1:
        return "utf-16-le" if odd > even else "utf-16-be"
    return None


def _decode_if_sensible(html: bytes, encoding: str) -> str | None:
    try:
        return html.decode(encoding)
    except UnicodeDecodeError:
        text = html.decode(encoding, "replace")
    replaced = text.count("\ufffd")
    other = len(text) - len(text.encode("ascii", "ignore"))
    return text if replaced * 2 <= other else None


def _detected(html: bytes) -> str:
    if _is_nearly_utf8(html):
        return "utf-8"
    # The detector's own names, because its WHATWG mapping turns those it lacks into utf-8.
    return _codec_of_detector(detect_encoding(html, html5_compatible=False))


def _is_nearly_utf8(html: bytes) -> bool:
    """Whether next to nothing is not UTF-8: a page cut inside a character, or one byte of something pasted into it.

    Where bytes of other encodings make sense as UTF-8 it is by chance, and never most of them.
    """
    text = html.decode("utf-8", "replace")
    replaced = text.count("\ufffd") - html.count("\ufffd".encode())
    other = len(text) - len(text.encode("ascii", "ignore")) - replaced
    ends_inside = replaced == 1 and _is_utf8_to_its_end(html)
    return ends_inside or other >= _PROPER_A_FAULT * replaced


def _is_utf8_to_its_end(html: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(html)
    except UnicodeDecodeError:
        return False
    return True


def _codec_of_detector(name: str | None) -> str:
    try:
        codec = codec_of(name or "") or codecs.lookup(name or "").name
    except LookupError:
        return "cp1252"
    return "cp1252" if codec == "utf-8" else codec
