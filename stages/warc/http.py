"""An HTTP response as a crawler stored it: status line, header fields and decoded body.

Lenient where archives are (RFC 9112 with the faults that crawls show): bare LF line ends, HTTP/2 status
lines, a missing reason, folded lines, lines without a colon, headers of any length, and headers that
describe what came over the wire although the crawler stored the decoded body.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from stages.warc.http_body import BodyError, decode_body
from stages.warc.records import BLANK_LINE, parse_fields, unfolded

_STATUS_LINE = re.compile(rb"\s*HTTP/\d+(?:\.\d+)?[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_CHARSET = re.compile(rb"charset[ \t]*=[ \t]*(?:\"([^\"]*)\"|'([^']*)'|([^\s;,\"']+))", re.IGNORECASE)
_SIGNALS = frozenset((b"x-robots-tag", b"link", b"tdm-reservation", b"tdm-policy"))
_MEDIA_TYPE = re.compile(rb"[\w!#$&^.+*-]+/[\w!#$&^.+*-]+")


class HttpResponse(NamedTuple):
    """`status` is None where the block does not start with an HTTP status line; it is all body then."""

    status: int | None
    fields: dict[bytes, bytes]
    body: bytes
    header: bytes = b""


def parse_response(block: bytes) -> HttpResponse:
    """Split a record's block into status, fields and the body as stored."""
    status = _STATUS_LINE.match(block)
    if status is None:
        return HttpResponse(None, {}, block)
    blank = BLANK_LINE.search(block, status.end())
    if blank is None:
        return HttpResponse(int(status[1]), parse_fields(block), b"", block)
    header = block[: blank.start()]
    return HttpResponse(int(status[1]), parse_fields(header), block[blank.end() :], header)


def signals(response: HttpResponse) -> str | None:
    """The fields that say something of the page's use, `name: value` a line with names in lower case; or None.

    Fields that are repeated keep lines of their own, because X-Robots-Tag names a crawler for the rest of its line.
    """
    if _SIGNALS.isdisjoint(response.fields):
        return None
    lines = (parse_fields(b"\n" + line) for line in unfolded(response.header).split(b"\n"))
    said = ((name, value) for line in lines for name, value in line.items() if name in _SIGNALS)
    wanted = (b"%s: %s" % (name, value) for name, value in said if name != b"link" or b"licen" in value.lower())
    return b"\n".join(wanted).decode("utf-8", "replace") or None


def media_type(value: bytes | None) -> str | None:
    """The first media type of a Content-Type value, in lower case without parameters; None if there is none."""
    found = _MEDIA_TYPE.search(value or b"")
    return found[0].decode("ascii", "replace").lower() if found else None


def charset(value: bytes | None) -> str | None:
    """The first charset parameter of a Content-Type value, as written; None if there is none."""
    found = _CHARSET.search(value or b"")
    if found is None:
        return None
    label = next(group for group in found.groups() if group is not None)
    return label.decode("ascii", "replace").strip() or None


def body_of(response: HttpResponse, limit: int) -> bytes:
    """The body without transfer and content encodings. Raises BodyError when it is unusable or over `limit`."""
    fields = response.fields
    encodings = [
        *_tokens(fields.get(b"content-encoding", b"")),
        *_tokens(fields.get(b"transfer-encoding", b"")),
    ]
    body = decode_body(response.body, encodings, limit) if encodings else response.body
    if len(body) > limit:
        raise BodyError(f"the body is larger than {limit} bytes")
    return body


def _tokens(value: bytes) -> list[str]:
    return [token.strip().decode("ascii", "replace").lower() for token in value.split(b",") if token.strip()]
