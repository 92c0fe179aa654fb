"""Schemas of what travels between stages: documents, rejects and removal lists (docs/architecture.md)."""

from __future__ import annotations

import pyarrow as pa

FILE_TYPE = pa.dictionary(pa.int32(), pa.string())

#: Where a row comes from; every sort ends with it.
IDENTITY = [
    pa.field("file", FILE_TYPE),
    pa.field("offset", pa.int64()),
    pa.field("ordinal", pa.int32()),
]

#: What is known of every row, text or not.
LABELS = [
    pa.field("id", pa.string()),
    pa.field("url", pa.string()),
    pa.field("date", pa.timestamp("ms", tz="UTC")),
    pa.field("source", FILE_TYPE),
]

TEXT = pa.field("text", pa.large_string())

#: A source of text gives these columns.
TEXT_SCHEMA = pa.schema([*IDENTITY, *LABELS, TEXT])

#: A source of pages gives these; the extractor replaces the last three by `text`.
HTML_SCHEMA = pa.schema(
    [
        *IDENTITY,
        *LABELS,
        pa.field("html", pa.large_binary()),
        pa.field("content_type", pa.string()),
        pa.field("charset", pa.string()),
    ]
)

#: What a source of web archives gives: also the HTTP headers that say something of the page's use, null where
#: there are none: X-Robots-Tag, TDM-Reservation, TDM-Policy and Link to a licence, `name: value` a line.
WARC_SCHEMA = HTML_SCHEMA.append(pa.field("http_signals", pa.string()))

#: Columns that exist only between reader and extractor.
PAGE_COLUMNS = ("html", "content_type", "charset", "http_signals")

#: Why a row ended: added to a row's columns in rejects/.
VERDICT = [
    pa.field("stage", pa.string()),
    pa.field("outcome", pa.string()),  # dropped | quarantined
    pa.field("rule", pa.string()),  # the first failing rule; null when quarantined
    pa.field("expression", pa.string()),
    pa.field("values", pa.string()),  # JSON of the measurements the rule used
    pa.field("error", pa.string()),  # why it was quarantined
]

#: What a source gives for rows that end in the source itself (`stage` is filled in by the engine).
SOURCE_REJECT_SCHEMA = pa.schema([*IDENTITY, *LABELS, *VERDICT[1:]])

#: A removal list: rows of the upstream documents, bucketed by `part`. Rows with `removed` go to rejects/
#: under `rule`, naming the survivor that stays in their place; rows without it are survivors, listed so
#: that the columns `<label>_cluster` and `<label>_cluster_size` can be kept on them. A document that is
#: not listed stands alone: cluster null, size 1.
REMOVAL_SCHEMA = pa.schema(
    [
        pa.field("part", pa.uint32()),
        pa.field("row", pa.uint32()),
        pa.field("removed", pa.bool_()),
        pa.field("rule", pa.string()),
        pa.field("expression", pa.string()),  # null: a document of the same cluster comes first
        pa.field("values", pa.string()),  # JSON of what the expression read; null: the cluster and its survivor
        pa.field("cluster", pa.uint64()),  # identity_hash of the survivor, or of what else its rows share
        pa.field("cluster_size", pa.uint32()),
        pa.field("survivor_file", FILE_TYPE),
        pa.field("survivor_offset", pa.int64()),
        pa.field("survivor_ordinal", pa.int32()),
    ]
)
