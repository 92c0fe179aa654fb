"""The source `warc`: web pages from WARC and ARC files, plain or compressed, cut into ranges of bytes.

Every response record becomes a page or a reject with its reason. Records of other types are no pages and no rows:
they are counted by type. A revisit says that a page was met again as an earlier record holds it and has no body
of its own; on demand it is a row that names that record. A span of the file that cannot be read is one
quarantined row with its length in bytes, and reading goes on behind it. So is a file of zero bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from stages.base import InputFile, Source, SourceBatch, Split
from stages.warc.archive import open_archive
from stages.warc.file_window import FileWindow
from stages.warc.http import body_of, charset, media_type, parse_response
from stages.warc.http_body import BodyError
from stages.warc.media import binary_type, is_html
from stages.warc.records import Damage, Record, Wanted, field_of, parse_fields

if TYPE_CHECKING:
    import pyarrow

    from stages.sources.rows import Place, RowCollector

_HTTP_ALLOWANCE = 1 << 20
#: Of WARC/1.1 (section 6), and the first record of an ARC file.
_OTHER_TYPES = ("warcinfo", "resource", "request", "metadata", "revisit", "conversion", "continuation", "filedesc")
#: Of a revisit record (WARC/1.1, section 6.7): what is told of the record that holds the page.
_REFERENCES = {
    "refers_to": b"warc-refers-to",
    "refers_to_url": b"warc-refers-to-target-uri",
    "refers_to_date": b"warc-refers-to-date",
    "profile": b"warc-profile",
    "payload_digest": b"warc-payload-digest",
}
_NOTHING = Wanted(frozenset(), 0)
_BLANKS = b" \t\r\n\f\0"


class WarcSource(Source):
    """Reads the response records of WARC files as web pages."""

    name = "warc"
    version = 3
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
        """HTML_SCHEMA: identity, labels, `html` without encodings, `content_type`, `charset` of the header."""
        from stages.documents import HTML_SCHEMA

        return HTML_SCHEMA

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        """Equal ranges of about `target_bytes`; a range owns the records that begin in it."""
        count = max(1, round(file.size / target_bytes))
        bounds = [file.size * at // count for at in range(count + 1)]
        return [Split(file.name, start, end, end - start) for start, end in pairwise(bounds)]

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        """Yield pages and rejects of the records that begin in the range."""
        from stages.sources.rows import RowCollector

        rows = RowCollector(split.file, self.source, self.output_schema(), batch_bytes)
        with FileWindow(path) as window:
            archive = open_archive(window, self._wanted())
            for event in archive.events(split.start, split.end):
                self._add(event, rows)
                if rows.full:
                    yield rows.take()
        yield rows.take()

    def count(self, split: Split, path: Path, limit: int) -> int:
        """Number of response records and damaged spans of the range, counted no further than `limit`."""
        rows = 0
        with FileWindow(path) as window:
            for event in open_archive(window, _NOTHING).events(split.start, split.end):
                rows += isinstance(event, Damage) or event.type == b"response" or self._lists(event)
                if rows >= limit:
                    break
        return rows

    def read_one(self, file: InputFile, offset: int, ordinal: int) -> SourceBatch:
        """Read the record whose member (or, in a plain file, which itself) begins at `offset`."""
        from stages.sources.rows import RowCollector

        rows = RowCollector(file.name, self.source, self.output_schema(), self.max_record_bytes)
        with FileWindow(file.path) as window:
            archive = open_archive(window, self._wanted())
            for event in archive.events_at(offset):
                if (event.offset, event.ordinal) == (offset, ordinal):
                    self._add(event, rows)
                    break
        return rows.take()

    def _wanted(self) -> Wanted:
        return Wanted(frozenset([b"response"]), self.max_record_bytes + _HTTP_ALLOWANCE)

    def _add(self, event: Record | Damage, rows: RowCollector) -> None:
        if isinstance(event, Damage):
            unit = "inflated_bytes" if event.inflated else "bytes"
            error = f"damaged: {event.reason}" if event.length else event.reason
            rows.quarantine(_place(event), error, {unit: event.length})
        elif event.type == b"response":
            self._add_response(event, rows)
        elif self._lists(event):
            rows.drop(_place(event), "revisit", "record_type = 'revisit'", _referred(event))
        else:
            kind = event.type.decode("ascii", "replace")
            rows.count(f"{kind if kind in _OTHER_TYPES else 'unknown'}_records")

    def _lists(self, record: Record) -> bool:
        return self.revisits == "list" and record.type == b"revisit"

    def _add_response(self, record: Record, rows: RowCollector) -> None:
        place = _place(record)
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
        rows.keep(place, len(html), html, kind or found, charset(content_type))

    def _drop_type(self, place: Place, kind: str, rows: RowCollector) -> None:
        listed = ", ".join(f"'{name}'" for name in self.media_types)
        rows.drop(place, "media_type", f"media_type NOT IN ({listed})", {"media_type": kind})

    def _too_large(self, what: str) -> str:
        return f"the {what} is larger than max_record_bytes ({self.max_record_bytes})"


def _referred(revisit: Record) -> dict[str, str]:
    fields = parse_fields(revisit.header)
    return {name: fields[key].decode("utf-8", "replace") for name, key in _REFERENCES.items() if key in fields}


def _place(event: Record | Damage) -> Place:
    from stages.sources.rows import Place, milliseconds

    header, lower = event.header, event.header.lower()

    def text(name: bytes) -> str | None:
        value = field_of(header, lower, name)
        return value.decode("utf-8", "replace") if value else None

    url = text(b"warc-target-uri")
    if url and url.startswith("<") and url.endswith(">"):
        url = url[1:-1]
    return Place(event.offset, event.ordinal, text(b"warc-record-id"), url, milliseconds(text(b"warc-date")))
