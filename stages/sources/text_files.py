"""The source `text`: plain text in UTF-8, a document a file or a document a line.

A file that is one document has the offset 0; a line has the offset of its first byte and keeps no line end.
Blank lines are passed over, a byte order mark is no part of the text. What is not UTF-8, holds NUL bytes or is
too large is quarantined: the file, or the line alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from stages.base import InputFile, Split
from stages.sources.byte_stream import with_compressions
from stages.sources.record_source import RecordSource, whole_file

if TYPE_CHECKING:
    from stages.sources.byte_lines import Line
    from stages.sources.rows import RowCollector


class TextSource(RecordSource):
    """Reads plain text files, each as one document or each line as one."""

    name: ClassVar[str] = "text"
    suffixes: ClassVar[tuple[str, ...]] = with_compressions(".txt", ".text", ".md")

    source: str = Field(default="text", description="what the column `source` says of every row")
    documents: Literal["file", "line"] = Field(default="file", description="what is one document")
    max_record_bytes: int = Field(default=16_000_000, gt=0, description="larger documents are quarantined")

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        """Ranges of about `target_bytes` of a file of lines that is not compressed; else the file."""
        return super().splits(file, target_bytes) if self.documents == "line" else [whole_file(file)]

    def _records(self, split: Split, path: Path) -> Iterator[Line]:
        if self.documents == "line":
            return super()._records(split, path)
        return self._file_as_line(split, path)

    def _file_as_line(self, split: Split, path: Path) -> Iterator[Line]:
        from stages.sources.byte_lines import read_as_line

        if split.start == 0:
            yield read_as_line(path, self.max_record_bytes)

    def _add(self, line: Line, rows: RowCollector) -> None:
        from stages.sources.rows import Place

        place, size = Place(line.offset, 0), {"bytes": line.length}
        if line.content is None:
            rows.quarantine(place, line.fault or self._too_large(self.documents), size)
            return
        if b"\0" in line.content:
            rows.quarantine(place, f"the {self.documents} holds NUL bytes; it is no text", size)
            return
        try:
            text = line.content.decode()
        except UnicodeDecodeError as error:
            reason = f"the {self.documents} is not UTF-8: {error.reason} at byte {error.start}"
            rows.quarantine(place, reason, size)
            return
        rows.keep(place, line.length, text.removesuffix("\r") if self.documents == "line" else text)
