"""The source `arrow`: Arrow IPC files and streams, such as the shards that `datasets` saves to disk.

One row a document, ranges of record batches; identity is the row's number in the file. In a folder that
`save_to_disk` of Hugging Face datasets wrote, the shards that its state.json names are read and nothing else
(caches of `map` lie beside them). A record batch that cannot be read is one quarantined row, as is what follows
the point where messages can no longer be told apart; a file of zero bytes is one too.

Cost: a few microseconds a record batch to find it, and Arrow's reader for the columns that are read.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, NamedTuple

from pydantic import Field

from stages.base import InputFile, Source, SourceBatch, Split, StageError
from stages.sources.arrow_messages import DICTIONARY, RECORDS, SCHEMA, BrokenMessage, Message, walk
from stages.sources.fields import Fields, fields_parameter
from stages.sources.own_columns import OwnColumns, columns_parameter, text_schema

if TYPE_CHECKING:
    import pyarrow

    from stages.sources.columns import DocumentColumns

_MOST_ROWS = 1 << 16
#: More record batches than any file has.
_ALL = 1 << 31


class ArrowSource(Source):
    """Reads Arrow IPC files and streams, and data sets that `datasets` saved to disk."""

    name: ClassVar[str] = "arrow"
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
        if file.size == 0:
            return [Split(file.name, 0, 0, 0)]
        with file.path.open("rb") as stream:
            if not isinstance(file.path, Path):
                self._columns(_Layout.beginning(stream, file.path, file.size), stream, file.path)
                return [Split(file.name, 0, _ALL, file.size)]
            found = _Layout.of(stream, file.path, file.size)
            if not found.parts:
                return []
            self._columns(found, stream, file.path)
        splits: list[Split] = []
        start, held = 0, 0
        for number, part in enumerate(found.parts):
            if held and held + part.bytes > target_bytes:
                splits.append(Split(file.name, start, number, held))
                start, held = number, 0
            held += part.bytes
        return [*splits, Split(file.name, start, len(found.parts), held)]

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        """Yield the rows of record batches [start, end); damage counts as the batch behind the last."""
        from stages.sources.columns import unreadable_file
        from stages.sources.rows import EMPTY_FILE

        size = path.stat().st_size
        if size == 0:
            yield unreadable_file(split.file, self.source, EMPTY_FILE, 0, self.output_schema())
            return
        with path.open("rb") as stream:
            found = _Layout.of(stream, path, size)
            columns = self._columns(found, stream, path)
            for part in found.parts[split.start : split.end]:
                yield from self._rows(found, part, stream, columns, split.file, batch_bytes)

    def count(self, split: Split, path: Path, limit: int) -> int:
        """Number of rows of the record batches, from their headers; damage counts one."""
        size = path.stat().st_size
        if size == 0:
            return 1
        with path.open("rb") as stream:
            parts = _Layout.of(stream, path, size).parts[split.start : split.end]
        return min(limit, sum(1 if part.damage else part.rows for part in parts))

    def read_one(self, file: InputFile, offset: int, ordinal: int) -> SourceBatch:
        """Read row `offset` of the file, through the record batch that holds it."""
        from stages.sources.columns import no_documents, only_row

        if ordinal:
            return no_documents(self.source, self.output_schema())
        with file.path.open("rb") as stream:
            parts = _Layout.of(stream, file.path, file.size).parts if file.size else ()
        number = next((number for number, part in enumerate(parts) if part.holds(offset)), 0)
        for batch in self.read(Split(file.name, number, number + 1, 0), file.path, 1 << 60):
            row = only_row(batch, offset)
            if row.documents.num_rows + row.rejects.num_rows:
                return row
        return no_documents(self.source, self.output_schema())

    def _rows(
        self, found: _Layout, part: _Part, stream: IO[bytes], columns: DocumentColumns, file: str, batch_bytes: int
    ) -> Iterator[SourceBatch]:
        from stages.sources.columns import damaged_rows, is_damage

        try:
            batch = found.batch(stream, part, columns)
        except Exception as error:
            if not is_damage(error):
                raise
            rows = {"rows": part.rows} if part.rows else {}
            yield damaged_rows(
                file, self.source, part.first, error, {**rows, "bytes": part.bytes}, self.output_schema()
            )
            return
        step = max(1, min(_MOST_ROWS, batch_bytes * part.rows // max(1, batch.nbytes)))
        for start in range(0, batch.num_rows, step):
            yield columns.batch(batch.slice(start, step), file, part.first + start)

    def _columns(self, found: _Layout, stream: IO[bytes], path: Path) -> DocumentColumns:
        from stages.sources.columns import DocumentColumns, is_damage

        try:
            return DocumentColumns(
                self.fields, self.columns, self.source, self.max_record_bytes, found.schema(stream), path
            )
        except Exception as error:
            if not is_damage(error):
                raise
            raise StageError(f"{path}: cannot be read as Arrow: {str(error).splitlines()[0]}") from error


class _Part(NamedTuple):
    """A record batch, or with `damage` the rest of the file: its rows begin with number `first`."""

    first: int
    rows: int
    start: int
    end: int
    damage: str | None = None

    def holds(self, row: int) -> bool:
        return self.first <= row < self.first + max(1, self.rows)

    @property
    def bytes(self) -> int:
        return self.end - self.start


class _Layout(NamedTuple):
    """Where the schema, the dictionaries and the parts of one file lie."""

    schema_message: Message
    dictionaries: tuple[Message, ...]
    parts: tuple[_Part, ...]

    @classmethod
    def beginning(cls, stream: IO[bytes], path: Path, size: int) -> _Layout:
        """The schema alone. StageError where the file is none of Arrow's."""
        try:
            first = next(walk(stream, size), None)
        except BrokenMessage:
            first = None
        if first is None or first.kind != SCHEMA:
            raise StageError(
                f"{path}: is no Arrow stream, nor a file that begins with its schema (polars.write_ipc makes others); "
                "write it with write_ipc_stream or with pyarrow"
            )
        return cls(first, (), ())

    @classmethod
    def of(cls, stream: IO[bytes], path: Path, size: int) -> _Layout:
        """All of it. StageError where the file is none of Arrow's."""
        found = cls.beginning(stream, path, size)
        messages: list[Message] = []
        parts: list[_Part] = []
        first = 0
        try:
            for message in walk(stream, size):
                messages.append(message)
                if message.kind == RECORDS and message.rows:
                    parts.append(_Part(first, message.rows, message.start, message.end))
                    first += message.rows
        except BrokenMessage as error:
            parts.append(_Part(first, 0, error.start, size, str(error)))
        dictionaries = tuple(message for message in messages if message.kind == DICTIONARY)
        return found._replace(dictionaries=dictionaries, parts=tuple(parts))

    def schema(self, stream: IO[bytes]) -> pyarrow.Schema:
        import pyarrow as pa

        return pa.ipc.open_stream(_Ranges(stream, [self.schema_message])).schema

    def batch(self, stream: IO[bytes], part: _Part, columns: DocumentColumns) -> pyarrow.RecordBatch:
        """The columns of one record batch, read behind the schema and the dictionaries that come before it.

        ArrowException, ValueError or OSError where it is damaged.
        """
        import pyarrow as pa

        if part.damage:
            raise ValueError(part.damage)
        before = [message for message in self.dictionaries if message.start < part.start]
        options = pa.ipc.IpcReadOptions(included_fields=columns.top_level())
        messages = _Ranges(stream, [self.schema_message, *before, part])
        batch = pa.ipc.open_stream(messages, options=options).read_next_batch()
        columns.check_sound(batch)
        return batch


class _Ranges(io.RawIOBase):
    """Some messages of a file as one stream."""

    def __init__(self, stream: IO[bytes], ranges: Sequence[Any]) -> None:
        self._stream = stream
        self._ranges = [(found.start, found.end) for found in ranges]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self._ranges and self._ranges[0][0] == self._ranges[0][1]:
            self._ranges.pop(0)
        if not self._ranges:
            return 0
        start, end = self._ranges[0]
        self._stream.seek(start)
        data = self._stream.read(min(len(buffer), end - start))
        buffer[: len(data)] = data
        self._ranges[0] = (start + len(data), end)
        return len(data)


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
