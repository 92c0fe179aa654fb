"""The source `arrow`: Arrow IPC files and streams, such as the shards that `datasets` saves to disk.

One row a document, ranges of record batches; identity is the row's number in the file. In a folder that
`save_to_disk` of Hugging Face datasets wrote, the shards that its state.json names are read and nothing else
(caches of `map` lie beside them). A record batch that cannot be read is one quarantined row, as is what follows
the point where messages can no longer be told apart; a file of zero bytes is one too, and one that was cut off
and can only be read by its end.

Cost: a few microseconds a record batch to find it, and Arrow's reader for the columns that are read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from stages.base import InputFile, Source, SourceBatch, Split, StageError
from stages.sources.arrow_layout import Layout, Part, find_layout
from stages.sources.arrow_messages import is_cut_off
from stages.sources.fields import Fields, fields_parameter
from stages.sources.own_columns import OwnColumns, columns_parameter, text_schema

if TYPE_CHECKING:
    import pyarrow

    from stages.sources.columns import DocumentColumns

_MOST_ROWS = 1 << 16
#: So many bytes are made of one: zstd's blocks have up to 128 KiB, of four bytes at least.
_LARGEST_COMPRESSION = 1 << 15
#: More record batches than any file has.
_ALL = 1 << 31


class ArrowSource(Source):
    """Reads Arrow IPC files and streams, and data sets that `datasets` saved to disk."""

    name: ClassVar[str] = "arrow"
    version: ClassVar[int] = 2
    suffixes: ClassVar[tuple[str, ...]] = (".arrow", ".arrows", ".feather")

    source: str = Field(default="arrow", description="what the column `source` says of every row")
    fields: Fields = fields_parameter()
    columns: OwnColumns = columns_parameter()
    max_record_bytes: int = Field(default=16_000_000, gt=0, description="longer texts are quarantined")

    def choose(self, names: Sequence[str], read: Callable[[str], bytes]) -> Sequence[str]:
        """All files, but of a folder with a state.json those that it names. StageError where one is absent."""
        folders = {name.rpartition("/")[0] for name in names}
        shards = {folder: _shards(folder, read) for folder in folders}
        for folder, named in shards.items():
            absent = set(named or ()) - set(names)
            if absent:
                state = f"{folder}/state.json".lstrip("/")
                raise StageError(f"{min(absent)}: no such file, but {state} names it; save the data set again")
        chosen = {name for named in shards.values() for name in named or ()}
        return [name for name in names if shards[name.rpartition("/")[0]] is None or name in chosen]

    def output_schema(self) -> pyarrow.Schema:
        """TEXT_SCHEMA and the columns of one's own."""
        return text_schema(self.columns)

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        """Runs of record batches of about `target_bytes` of the file; none for a file without rows.

        A remote file is one range, since finding its record batches takes as long as reading it.
        """
        if _fault(file.path):
            return [Split(file.name, 0, 0, 0)]
        with file.path.open("rb") as stream:
            found = find_layout(stream, file.path, file.size)
            if not isinstance(file.path, Path):
                self._columns(found, file.path)
                return [Split(file.name, 0, _ALL, file.size)]
            parts = found.parts
            if not parts:
                return []
            self._columns(found, file.path)
        splits: list[Split] = []
        start, held = 0, 0
        for number, part in enumerate(parts):
            if held and held + part.bytes > target_bytes:
                splits.append(Split(file.name, start, number, held))
                start, held = number, 0
            held += part.bytes
        return [*splits, Split(file.name, start, len(parts), held)]

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        """Yield the rows of record batches [start, end); damage counts as the batch behind the last."""
        from stages.sources.columns import unreadable_file

        size = path.stat().st_size
        if fault := _fault(path):
            yield unreadable_file(split.file, self.source, fault, size, self.output_schema())
            return
        with path.open("rb") as stream:
            found = find_layout(stream, path, size)
            columns = self._columns(found, path)
            for part in found.parts[split.start : split.end]:
                yield from self._rows(found, part, columns, split.file, batch_bytes)

    def count(self, split: Split, path: Path, limit: int) -> int:
        """Number of rows of the record batches, from their headers; damage counts one."""
        if _fault(path):
            return 1
        with path.open("rb") as stream:
            parts = find_layout(stream, path, path.stat().st_size).parts[split.start : split.end]
        return min(limit, sum(1 if part.damage else part.rows for part in parts))

    def read_one(self, file: InputFile, offset: int, ordinal: int) -> SourceBatch:
        """Read row `offset` of the file, through the record batch that holds it."""
        from stages.sources.columns import no_documents, only_row

        if ordinal:
            return no_documents(self.source, self.output_schema())
        number = 0
        if not _fault(file.path):
            with file.path.open("rb") as stream:
                parts = find_layout(stream, file.path, file.size).parts
            number = next((number for number, part in enumerate(parts) if part.holds(offset)), 0)
        for batch in self.read(Split(file.name, number, number + 1, 0), file.path, 1 << 60):
            row = only_row(batch, offset)
            if row.documents.num_rows + row.rejects.num_rows:
                return row
        return no_documents(self.source, self.output_schema())

    def _rows(
        self, found: Layout, part: Part, columns: DocumentColumns, file: str, batch_bytes: int
    ) -> Iterator[SourceBatch]:
        from stages.sources.columns import damaged_rows, is_damage

        try:
            batch = found.batch(part, columns)
        except Exception as error:
            if not is_damage(error, part.bytes * _LARGEST_COMPRESSION):
                raise
            rows = {"rows": part.rows} if part.rows else {}
            yield damaged_rows(
                file, self.source, part.first, error, {**rows, "bytes": part.bytes}, self.output_schema()
            )
            return
        step = max(1, min(_MOST_ROWS, batch_bytes * part.rows // max(1, batch.nbytes)))
        for start in range(0, batch.num_rows, step):
            yield columns.batch(batch.slice(start, step), file, part.first + start)

    def _columns(self, found: Layout, path: Path) -> DocumentColumns:
        from stages.sources.columns import DocumentColumns, is_damage

        try:
            return DocumentColumns(self.fields, self.columns, self.source, self.max_record_bytes, found.schema(), path)
        except Exception as error:
            if not is_damage(error):
                raise
            raise StageError(f"{path}: cannot be read as Arrow: {str(error).splitlines()[0]}") from error


def _fault(path: Path) -> str | None:
    """Why nothing of the file can be read, if so: it is empty, or was cut off before its end was written."""
    from stages.sources.rows import EMPTY_FILE

    size = path.stat().st_size
    if size == 0:
        return EMPTY_FILE
    with path.open("rb") as stream:
        cut = is_cut_off(stream, size)
    return "damaged: the file is cut off, its footer with the places of all rows is missing" if cut else None


def _shards(folder: str, read: Callable[[str], bytes]) -> list[str] | None:
    """The files that a folder's state.json names, None where there is none."""
    prefix = f"{folder}/" if folder else ""
    try:
        state = json.loads(read(f"{prefix}state.json"))
        return [prefix + file["filename"] for file in state["_data_files"]]
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise StageError(f"{prefix}state.json: does not name a data set's files; save the data set again") from error
