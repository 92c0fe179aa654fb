"""How much of a Parquet file's row groups some columns take, read from the footer itself.

pyarrow ends the process where a damaged footer says something of a column that cannot be, for it lets an exception of
C++ out of a function that may have none. So the columns of the first row group are read here, by the format's own
description (Thrift's compact protocol; parquet.thrift: FileMetaData, RowGroup, ColumnChunk, ColumnMetaData).
Cost: a few microseconds a field, of the schema and one row group.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import IO

#: Kinds of values; those between a byte and a double are integers.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
#: Numbers of fields: row groups of a file, columns of a row group, metadata of a column, its path and bytes.
_ROW_GROUPS, _COLUMNS, _METADATA, _PATH, _UNCOMPRESSED = 4, 1, 3, 3, 6
_LENGTH_AND_MAGIC = 8
_DEEPEST = 64


def share_of_columns(stream: IO[bytes], size: int, columns: Collection[str]) -> float:
    """The share of the first row group's uncompressed bytes that these columns take; 1 where it says nothing.

    ValueError where the footer makes no sense.
    """
    stream.seek(size - _LENGTH_AND_MAGIC)
    length = int.from_bytes(stream.read(4), "little")
    stream.seek(max(0, size - _LENGTH_AND_MAGIC - length))
    footer = _Compact(stream.read(length))
    try:
        sizes = list(_first_group(footer))
    except IndexError as error:
        raise ValueError("the footer ends before its end") from error
    whole = sum(found for _, found in sizes)
    return sum(found for path, found in sizes if path in columns) / whole if whole > 0 else 1.0


def _first_group(footer: _Compact) -> Iterator[tuple[str, int]]:
    """Path and uncompressed bytes of each column of the first row group."""
    for field, kind in footer.fields():
        if field != _ROW_GROUPS or kind != _LIST:
            footer.skip(kind)
            continue
        groups, _ = footer.list_header()
        if groups:
            for inner, inner_kind in footer.fields():
                if inner == _COLUMNS and inner_kind == _LIST:
                    count, _ = footer.list_header()
                    for _ in range(count):
                        yield _column(footer)
                    return
                footer.skip(inner_kind)
        return


def _column(footer: _Compact) -> tuple[str, int]:
    path, size = "", 0
    for field, kind in footer.fields():
        if field != _METADATA or kind != _STRUCT:
            footer.skip(kind)
            continue
        for inner, inner_kind in footer.fields():
            if inner == _PATH and inner_kind == _LIST:
                count, _ = footer.list_header()
                path = ".".join(footer.binary().decode("utf-8", "replace") for _ in range(count))
            elif inner == _UNCOMPRESSED:
                size = footer.integer()
            else:
                footer.skip(inner_kind)
    return path, size


class _Compact:
    """Values of Thrift's compact protocol, one after another."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """Number and kind of each field of a struct; whoever asks for the next one has read or skipped the last."""
        number = 0
        while kind := self._byte():
            number = number + (kind >> 4) if kind >> 4 else self.integer()
            yield number, kind & 15

    def integer(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)

    def binary(self) -> bytes:
        length = self._unsigned()
        self._at += length
        return self._data[self._at - length : self._at]

    def list_header(self) -> tuple[int, int]:
        """Number and kind of the elements."""
        head = self._byte()
        return (self._unsigned() if head >> 4 == 15 else head >> 4), head & 15

    def skip(self, kind: int, depth: int = 0) -> None:
        """Go behind a value. ValueError where no value is of that kind."""
        if depth > _DEEPEST:
            raise ValueError("the footer nests too deep")
        if kind in (_TRUE, _FALSE):
            return
        if kind == _BYTE:
            self._at += 1
        elif kind < _DOUBLE:
            self._unsigned()
        elif kind == _DOUBLE:
            self._at += 8
        elif kind == _BINARY:
            self.binary()
        elif kind in (_LIST, _SET):
            count, inner = self.list_header()
            for _ in range(count):
                self._skip_element(inner, depth)
        elif kind == _STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        else:
            raise ValueError("the footer holds what no footer has")

    def _skip_element(self, kind: int, depth: int) -> None:
        if kind in (_TRUE, _FALSE):
            self._at += 1
        else:
            self.skip(kind, depth + 1)
        if self._at > len(self._data):
            raise ValueError("the footer ends before its end")

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 70:
                raise ValueError("the footer holds a number without end")

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]
