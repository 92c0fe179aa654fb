"""The source `warc`: web pages from WARC and ARC files, plain or compressed, cut into ranges of bytes.

Every response record becomes a page or a reject with its reason. Records of other types are no pages and no rows:
they are counted by type. A revisit says that a page was met again as an earlier record holds it and has no body
of its own; on demand it is a row that names that record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from stages.warc.archive_source import ArchiveSource, place_of
from stages.warc.http import body_of, charset, media_type, parse_response, signals
from stages.warc.http_body import BodyError
from stages.warc.media import binary_type, is_html
from stages.warc.records import Record, Wanted, parse_fields

if TYPE_CHECKING:
    import pyarrow

    from stages.sources.rows import Place, RowCollector

_HTTP_ALLOWANCE = 1 << 20
#: Of a revisit record (WARC/1.1, section 6.7): what is told of the record that holds the page.
_REFERENCES = {
    "refers_to": b"warc-refers-to",
    "refers_to_url": b"warc-refers-to-target-uri",
    "refers_to_date": b"warc-refers-to-date",
    "profile": b"warc-profile",
    "payload_digest": b"warc-payload-digest",
}
_RESPONSES = frozenset([b"response"])
_BLANKS = b" \t\r\n\f\0"


class WarcSource(ArchiveSource):
    """Reads the response records of WARC files as web pages."""

    name = "warc"
    version = 3
    record_type: ClassVar[bytes] = b"response"
    libraries = ("brotli", "zstandard")
    suffixes: ClassVar[tuple[str, ...]] = (".warc.gz", ".warc", ".warc.zst", ".arc.gz", ".arc")

    source: str = Field(default="web", description="what the column `source` says of every row")
    statuses: tuple[int, ...] = Field(default=(200,), description="HTTP statuses to keep; others: rule http_status")
    media_types: tuple[str, ...] = Field(
        default=("text/html", "application/xhtml+xml"), description="media types to keep; others: rule media_type"
    )
    max_record_bytes: int = Field(
        default=20_000_000, gt=0, description="a larger record, or a body that unpacks to more, is quarantined"
    )
    revisits: Literal["count", "list"] = Field(
        default="count",
        description="list: revisit records are rows too, dropped by rule revisit with what they refer to",
    )

    def output_schema(self) -> pyarrow.Schema:
        """WARC_SCHEMA: identity, labels, `html` without encodings, `content_type`, `charset` of the header, signals."""
        from stages.documents import WARC_SCHEMA

        return WARC_SCHEMA

    def accepting(self, values: dict[str, Any]) -> WarcSource:
        """A page with another HTTP status can be read; what is no page cannot."""
        return self.model_copy(update={"statuses": (*self.statuses, values.get("http_status"))})

    def _row_types(self) -> frozenset[bytes]:
        return _RESPONSES | {b"revisit"} if self.revisits == "list" else _RESPONSES

    def _wanted(self) -> Wanted:
        return Wanted(_RESPONSES, self.max_record_bytes + _HTTP_ALLOWANCE)

    def _add_record(self, record: Record, rows: RowCollector) -> None:
        if record.type == b"revisit":
            rows.drop(place_of(record), "revisit", "record_type = 'revisit'", _referred(record))
        else:
            self._add_response(record, rows)

    def _add_response(self, record: Record, rows: RowCollector) -> None:
        place = place_of(record)
        if record.block is None:
            rows.quarantine(place, self._too_large("record"), {"bytes": record.length})
            return
        response = parse_response(record.block)
        content_type = response.fields.get(b"content-type")
        if response.status is None and record.block:
            content_type = parse_fields(record.header).get(b"content-type")
            if media_type(content_type) in (None, "application/http"):
                rows.quarantine(place, "the record has no HTTP status line")
                return
        elif response.status is not None and response.status not in self.statuses:
            listed = ", ".join(map(str, self.statuses))
            rows.drop(place, "http_status", f"http_status NOT IN ({listed})", {"http_status": response.status})
            return
        kind = media_type(content_type)
        if kind is not None and kind not in self.media_types:
            self._drop_type(place, kind, rows)
            return
        try:
            html = body_of(response, self.max_record_bytes)
        except BodyError as error:
            rows.quarantine(place, str(error))
            return
        if not html[:64].strip(_BLANKS) and not html.strip(_BLANKS):
            rows.drop(place, "empty_payload", "payload_bytes = 0", {"payload_bytes": 0, "blank_bytes": len(html)})
            return
        found = binary_type(html) or (kind or ("text/html" if is_html(html) else "unknown"))
        if found not in self.media_types:
            self._drop_type(place, found, rows)
            return
        rows.keep(place, len(html), html, kind or found, charset(content_type), signals(response))

    def _drop_type(self, place: Place, kind: str, rows: RowCollector) -> None:
        listed = ", ".join(f"'{name}'" for name in self.media_types)
        rows.drop(place, "media_type", f"media_type NOT IN ({listed})", {"media_type": kind})

    def _too_large(self, what: str) -> str:
        return f"the {what} is larger than max_record_bytes ({self.max_record_bytes})"


def _referred(revisit: Record) -> dict[str, str]:
    fields = parse_fields(revisit.header)
    return {name: fields[key].decode("utf-8", "replace") for name, key in _REFERENCES.items() if key in fields}
