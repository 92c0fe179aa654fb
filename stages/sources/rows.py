"""Collecting the rows that a source reads into record batches: documents, and rows that end in the source.

Every row gets an id here: its own, or `identity_hash` of file, offset and ordinal as 16 hexadecimal digits.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from stages.base import SourceBatch
from stages.documents import FILE_TYPE, SOURCE_REJECT_SCHEMA
from stages.identity import identity_hash

#: Why a file of zero bytes is quarantined: a row of its own, at offset 0, in every source.
EMPTY_FILE = "the file is empty"
DATE_TYPE = pa.timestamp("ms", tz="UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
#: Rows without text take memory too: a batch ends after this many.
BATCH_ROWS = 1 << 14
#: A document's id does not change with the seed of the run.
_ID_SEED = 0


class Place(NamedTuple):
    """Identity within a file, and the labels known of a row; `date` is in milliseconds since 1970, UTC.

    A `source` of its own stands in the place of what the collector says of every row.
    """

    offset: int
    ordinal: int
    id: str | None = None
    url: str | None = None
    date: int | None = None
    source: str | None = None


def labelled(place: Place, labels: Mapping[str, str | None]) -> Place:
    """The place with labels by the name of their column; `date` as ISO 8601 writes it."""
    date = milliseconds(labels.get("date"))
    return Place(place.offset, place.ordinal, labels.get("id"), labels.get("url"), date, labels.get("source"))


class RowCollector:
    """Rows of one file until `batch_bytes` of content are held; `take` gives them as a SourceBatch."""

    def __init__(self, file: str, source: str, schema: pa.Schema, batch_bytes: int) -> None:
        self._file = file
        self._source = source
        self._schema = schema
        self._batch_bytes = batch_bytes
        self._begin()

    def _begin(self) -> None:
        self._documents: list[Place] = []
        self._content: list[Sequence[Any]] = []
        self._rejects: list[Place] = []
        self._verdicts: list[tuple[str, str | None, str | None, str | None, str | None]] = []
        self._counters: Counter[str] = Counter()
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether it is time to take a batch."""
        return self._bytes >= self._batch_bytes or len(self._documents) + len(self._rejects) >= BATCH_ROWS

    def keep(self, place: Place, size: int, *content: Any) -> None:
        """Add a document: the schema's columns after the labels, together about `size` bytes."""
        self._documents.append(place)
        self._content.append(content)
        self._bytes += size

    def drop(self, place: Place, rule: str, expression: str, values: Mapping[str, object]) -> None:
        """Add a row that a rule of the source refuses."""
        self._rejects.append(place)
        self._verdicts.append(("dropped", rule, expression, json.dumps(values), None))

    def quarantine(self, place: Place, error: str, values: Mapping[str, object] | None = None) -> None:
        """Add a row that could not be read."""
        self._rejects.append(place)
        self._verdicts.append(("quarantined", None, None, json.dumps(values) if values else None, error))

    def count(self, name: str) -> None:
        """Count something that is no row."""
        self._counters[name] += 1

    def take(self) -> SourceBatch:
        """The rows held so far, which are then forgotten."""
        documents = self._batch(self._documents, self._content, self._schema)
        rejects = self._batch(self._rejects, self._verdicts, SOURCE_REJECT_SCHEMA)
        counters = self._counters
        self._begin()
        return SourceBatch(documents, rejects, counters)

    def _batch(self, places: list[Place], rest: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
        columns = list(zip(*places, strict=True)) or [()] * 6
        offset, ordinal, name, url, date, source = columns
        more = list(zip(*rest, strict=True)) or [()] * (len(schema) - 7)
        common = labelled_columns(
            self._file,
            pa.array(offset, pa.int64()),
            pa.array(ordinal, pa.int32()),
            pa.array(name, pa.string()),
            pa.array(url, pa.string()),
            pa.array(date, DATE_TYPE),
            pa.array(source, pa.string()),
            self._source,
        )
        arrays = (pa.array(column, schema.field(7 + at).type) for at, column in enumerate(more))
        return pa.RecordBatch.from_arrays([*common, *arrays], schema=schema)


def labelled_columns(
    file: str,
    offset: pa.Array,
    ordinal: pa.Array,
    ids: pa.Array,
    urls: pa.Array,
    dates: pa.Array,
    sources: pa.Array,
    source: str,
) -> list[pa.Array]:
    """Identity and labels of a file's rows; a null in `ids` becomes a hash, one in `sources` is `source`."""
    identity = [repeated(file, len(offset)), offset, ordinal]
    return [*identity, with_hashed_ids(ids, *identity), urls, dates, with_default(sources, source)]


def with_hashed_ids(ids: pa.Array, file: pa.Array, offset: pa.Array, ordinal: pa.Array) -> pa.Array:
    """The ids (string) with a hash of the row's identity in the place of nulls."""
    if ids.null_count == 0:
        return ids
    absent = pc.is_null(ids)
    hashes = identity_hash(file.filter(absent), offset.filter(absent), ordinal.filter(absent), _ID_SEED)
    return pc.replace_with_mask(ids, absent, pa.array([f"{value:016x}" for value in hashes.tolist()], pa.string()))


def repeated(value: str, count: int) -> pa.DictionaryArray:
    """`value` in each of `count` rows, as the dictionary type of the columns `file` and `source`."""
    indices = pa.array([0] * count, FILE_TYPE.index_type)
    return pa.DictionaryArray.from_arrays(indices, pa.array([value], pa.string()))


def with_default(values: pa.Array, default: str) -> pa.DictionaryArray:
    """Strings as the dictionary type of the columns `file` and `source`, `default` in the place of nulls."""
    if values.null_count == len(values):
        return repeated(default, len(values))
    return values.fill_null(default).dictionary_encode().cast(FILE_TYPE)


def milliseconds(text: str | None) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 date (UTC where it names no zone); None if it is not one."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND


def milliseconds_of(texts: pa.Array) -> pa.Array:
    """`milliseconds` of each of an array of strings, as dates; dates often repeat."""
    if texts.null_count == len(texts):
        return pa.nulls(len(texts), DATE_TYPE)
    encoded = texts.dictionary_encode()
    dates = pa.array([milliseconds(text) for text in encoded.dictionary.to_pylist()], DATE_TYPE)
    return dates.take(encoded.indices)
