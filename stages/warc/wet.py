"""The source `wet`: the texts that Common Crawl extracts, `conversion` records of WARC files named .wet.

The text is the record's block as it stands; one that is not UTF-8 is quarantined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from stages.warc.archive_source import ArchiveSource, place_of
from stages.warc.records import Record

if TYPE_CHECKING:
    import pyarrow

    from stages.sources.rows import RowCollector


class WetSource(ArchiveSource):
    """Reads WET files: extracted texts with the address, date and record id of their pages."""

    name: ClassVar[str] = "wet"
    suffixes: ClassVar[tuple[str, ...]] = (".wet.gz", ".wet", ".wet.zst")
    record_type: ClassVar[bytes] = b"conversion"

    source: str = Field(default="web", description="what the column `source` says of every row")
    max_record_bytes: int = Field(default=20_000_000, gt=0, description="larger records are quarantined")

    def output_schema(self) -> pyarrow.Schema:
        """TEXT_SCHEMA: identity, labels and `text`."""
        from stages.documents import TEXT_SCHEMA

        return TEXT_SCHEMA

    def _add_record(self, record: Record, rows: RowCollector) -> None:
        place, size = place_of(record), {"bytes": record.length}
        if record.block is None:
            rows.quarantine(place, f"the record is larger than max_record_bytes ({self.max_record_bytes})", size)
            return
        try:
            text = record.block.decode()
        except UnicodeDecodeError as error:
            rows.quarantine(place, f"the text is not UTF-8: {error.reason} at byte {error.start}", size)
            return
        rows.keep(place, record.length, text)
