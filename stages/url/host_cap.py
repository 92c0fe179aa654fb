"""Let no host, or no registered domain, be more than so many documents of the corpus; and tell how many each has.

    hosts    one task a part of the documents: URL -> host     about 10 microseconds a document
    cap      one task a range of hosts: order each host's documents, list those beyond the cap for removal,
             and write the table of hosts     about 100 bytes a document of the range in memory

Which of a host's documents stay depends on nothing but their identities (and the seed), so the result is the same
for any number of tasks. Documents without a URL have no host: they stay and are counted. The table is published as
hosts/: host, documents, bytes of text, removed.
"""

from __future__ import annotations

import json
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from stages.base import Exchange, Phase, Read, Task, Upstream
from stages.documents import IDENTITY, REMOVAL_SCHEMA
from stages.identity import bytes_hash, identity_hash
from stages.removals import concat_batches
from stages.url.address import registered_domain, split_url

_HOSTS_SCHEMA = pa.schema(
    [
        ("host", pa.string()),
        ("part", pa.uint32()),
        ("row", pa.uint32()),
        ("order", pa.uint64()),
        ("bytes", pa.int64()),
    ]
)
_IDENTITY_NAMES = [field.name for field in IDENTITY]


class HostCap(Exchange):
    """Keep at most `max_documents` of each host, and publish a table of hosts."""

    name: ClassVar[str] = "host_cap"
    version: ClassVar[int] = 2
    needs: ClassVar[tuple[str, ...]] = ("url", "text")
    libraries: ClassVar[tuple[str, ...]] = ("tldextract",)

    max_documents: int | None = Field(None, ge=1, description="Most documents a host keeps; null only makes the table.")
    by: Literal["host", "domain"] = Field(
        "host", description="What is capped: a host, or a registered domain with all its hosts."
    )
    keep: Literal["first", "random"] = Field(
        "first", description="Which documents of a host stay: the first by identity, or a random sample."
    )
    buckets: int | None = Field(
        None, ge=1, le=65536, description="Ranges of hosts, one task each; as many as parts unless given."
    )

    def phases(self, label: str, upstream: Upstream, seed: int) -> tuple[list[Phase], Upstream]:
        phases = [
            Phase("hosts", upstream.tasks, upstream.reads(), ("keys",), ignores=("max_documents",)),
            Phase(
                "cap",
                self._buckets(upstream),
                (Read(f"{label}.keys", "bucket"),),
                ("removals", "table"),
                publishes={"table": "hosts"},
            ),
        ]
        return phases, upstream.less(f"{label}.removals", clustered=False)

    def displaces_at_most(self) -> int:
        """The last of its host that stayed."""
        return 1

    def _buckets(self, upstream: Upstream) -> int:
        return self.buckets or min(upstream.tasks, 1024)

    def hosts(self, task: Task) -> None:
        """Write host, place, order and size of every document that has a URL."""
        batches = []
        for row, batch in task.documents([*_IDENTITY_NAMES, "url", "text"]):
            hosts = pa.array([self._key(url) for url in batch.column("url").to_pylist()], pa.string())
            part = pa.repeat(pa.scalar(task.index, pa.uint32()), len(row))
            sizes = pc.fill_null(pc.binary_length(batch.column("text")), 0).cast(pa.int64())
            columns = [hosts, part, row, pa.array(self._order(batch, task.index, row, task.seed)), sizes]
            batches.append(pa.RecordBatch.from_arrays(columns, schema=_HOSTS_SCHEMA).filter(hosts.is_valid()))
            task.count("documents_without_host", hosts.null_count)
        table = concat_batches(batches, _HOSTS_SCHEMA)
        names, count = table["host"].combine_chunks().dictionary_encode(), self._buckets(task.upstream)
        ranges = np.array([bytes_hash(name.encode()) % count for name in names.dictionary.to_pylist()], dtype=np.int64)
        task.write_buckets("keys", table, ranges[names.indices.to_numpy()] if len(names) else ranges, count)

    def _key(self, url: str | None) -> str | None:
        host = split_url(url)[0] if url else ""
        if self.by == "domain" and host:
            return registered_domain(host) or host
        return host or None

    def _order(self, batch: pa.RecordBatch, part: int, row: pa.Array, seed: int) -> np.ndarray:
        """uint64: a host's documents stay in this order, lowest first."""
        if self.keep == "first":
            return (np.uint64(part) << np.uint64(32)) | row.to_numpy().astype(np.uint64)
        file, offset, ordinal = (batch.column(name) for name in _IDENTITY_NAMES)
        return identity_hash(file, offset, ordinal, seed)

    def cap(self, task: Task) -> None:
        """Write the removal list and the table of the hosts in this task's range."""
        table = concat_batches(task.bucket("keys"), _HOSTS_SCHEMA)
        names = table["host"].combine_chunks().dictionary_encode()
        host = names.indices.to_numpy() if len(names) else np.empty(0, dtype=np.int32)
        hosts = len(names.dictionary)
        rank = _ranks(host, table["order"].to_numpy(), table["part"].to_numpy(), table["row"].to_numpy())
        over = rank > self.max_documents if self.max_documents else np.zeros(len(rank), dtype=bool)
        documents = np.bincount(host, minlength=hosts)
        self._write_removals(task, table.filter(pa.array(over)), names, host[over], rank[over], documents)
        listed = pa.table(
            {
                "host": names.dictionary.cast(pa.string()),
                "documents": documents.astype(np.int64),
                "bytes": np.bincount(host, table["bytes"].to_numpy(), minlength=hosts).astype(np.int64),
                "removed": np.bincount(host, over, minlength=hosts).astype(np.int64),
            }
        ).sort_by([("documents", "descending"), ("host", "ascending")])
        with task.create("table", f"{task.label}-{task.index:05d}.parquet") as path:
            pq.write_table(listed, path, compression="zstd")
        task.count("hosts", hosts)

    def _write_removals(
        self, task: Task, removed: pa.Table, names: pa.Array, host: np.ndarray, rank: np.ndarray, documents: np.ndarray
    ) -> None:
        words = names.dictionary.to_pylist()
        values = [
            json.dumps({self.by: words[one], "documents": int(documents[one]), "rank": int(place)}, ensure_ascii=False)
            for one, place in zip(host, rank, strict=True)
        ]
        count = removed.num_rows
        columns = {field.name: pa.nulls(count, field.type) for field in REMOVAL_SCHEMA}
        columns |= {"part": removed["part"], "row": removed["row"], "removed": pa.array([True] * count, pa.bool_())}
        columns["rule"] = pa.array(["host_cap"] * count, pa.string())
        columns["expression"] = pa.array([f"rank > {self.max_documents}"] * count, pa.string())
        columns["values"] = pa.array(values, pa.string())
        columns["cluster"] = pa.array([bytes_hash(words[one].encode()) for one in host], pa.uint64())
        task.count("over_the_cap", count)
        listed = pa.table(columns, schema=REMOVAL_SCHEMA)
        task.write_buckets("removals", listed, removed["part"].to_numpy(), task.upstream.tasks)


def _ranks(host: np.ndarray, order: np.ndarray, part: np.ndarray, row: np.ndarray) -> np.ndarray:
    """int64: place of each document among those of its host, from 1."""
    ranks = np.empty(len(host), dtype=np.int64)
    sorting = np.lexsort((row, part, order, host))
    starts = np.flatnonzero(np.append(True, np.diff(host[sorting]) != 0)) if len(host) else np.empty(0, np.int64)
    sizes = np.diff(np.append(starts, len(host)))
    ranks[sorting] = np.arange(len(host)) - np.repeat(starts, sizes) + 1
    return ranks
