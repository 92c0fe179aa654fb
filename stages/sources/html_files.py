"""The source `html`: a tree of HTML files, each one page for `extract_text`.

The page's address is `base_url` and the file's path below the input folder. What the file's bytes show to be
an image, a PDF or the like is dropped by the rule `media_type`, as it is of a crawl. The encoding is found by
`extract_text`: by byte order mark, `<meta>` or detection, since there is no HTTP header.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from pydantic import Field

from stages.base import InputFile, Source, SourceBatch, Split
from stages.sources.byte_stream import with_compressions
from stages.sources.record_source import whole_file

if TYPE_CHECKING:
    import pyarrow

    from stages.sources.rows import RowCollector

#: What a file's path may have in an address as it is: '?' or '#' would end the path, and different files would be one.
_UNQUOTED = "/:[]@!$&'()*+,;=~"


class HtmlSource(Source):
    """Reads HTML files as web pages, one a file."""

    name: ClassVar[str] = "html"
    version: ClassVar[int] = 2
    suffixes: ClassVar[tuple[str, ...]] = with_compressions(".html", ".htm", ".xhtml")

    source: str = Field(default="html", description="what the column `source` says of every row")
    base_url: str | None = Field(
        default=None,
        description="what stands before a file's path in its url: https://host/ for the files of one site, https:// "
        "for folders named by hosts; null: pages have no url",
    )
    max_record_bytes: int = Field(default=20_000_000, gt=0, description="larger files are quarantined")

    def output_schema(self) -> pyarrow.Schema:
        """HTML_SCHEMA: identity, labels, `html` without encodings, `content_type`, and `charset`, which is null."""
        from stages.documents import HTML_SCHEMA

        return HTML_SCHEMA

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        """The file."""
        return [whole_file(file)]

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        """Yield the file's one row."""
        yield self._row(split.file, path)

    def count(self, split: Split, path: Path, limit: int) -> int:
        """1."""
        return 1

    def read_one(self, file: InputFile, offset: int, ordinal: int) -> SourceBatch:
        """Read the file, if this is its identity."""
        found = self._row(file.name, file.path)
        return found if offset == ordinal == 0 else SourceBatch(found.documents.slice(0, 0), found.rejects.slice(0, 0))

    def _row(self, file: str, path: Path) -> SourceBatch:
        from stages.sources.rows import RowCollector

        rows = RowCollector(file, self.source, self.output_schema(), self.max_record_bytes)
        self._add(file, path, rows)
        return rows.take()

    def _add(self, file: str, path: Path, rows: RowCollector) -> None:
        from stages.sources.byte_stream import read_content
        from stages.sources.rows import EMPTY_FILE, Place
        from stages.warc.media import binary_type

        place = Place(0, 0, url=self._url(file))
        if path.stat().st_size == 0:
            rows.quarantine(place, EMPTY_FILE, {"bytes": 0})
            return
        html, length, fault = read_content(path, self.max_record_bytes)
        if html is None:
            large = f"the file has more than max_record_bytes ({self.max_record_bytes})"
            rows.quarantine(place, fault or large, {"bytes": length})
            return
        found = binary_type(html)
        if found:
            rows.drop(place, "media_type", "media_type NOT IN ('text/html')", {"media_type": found})
            return
        xhtml = ".xhtml" in Path(file).suffixes
        rows.keep(place, len(html), html, "application/xhtml+xml" if xhtml else "text/html", None)

    def _url(self, file: str) -> str | None:
        if self.base_url is None:
            return None
        base = self.base_url if self.base_url.endswith("/") else f"{self.base_url}/"
        return base + quote(file, safe=_UNQUOTED)
