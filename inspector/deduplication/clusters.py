"""Clusters of duplicates as a finished run recorded them: how large, which are the largest, on which hosts.

Where every removed document is in rejects/, these say it: a cluster of n documents removed n - 1 of them, so the
removed documents of clusters of n, divided by n - 1, are the number of those clusters. Where earlier runs have some of
a cluster's documents, the clusters are told apart by name instead. Where rejects/ are not whole, clusters are those
whose survivor is in documents/, which has the size as a column; a survivor that a later stage dropped is not seen then.

Cost: one pass over `stage` of rejects/, and over `url` and `values` of the row groups that have removed documents; or
one over two columns of documents/. Memory: what one row group takes, the hosts and the few clusters that are shown;
with earlier runs 16 bytes a cluster.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from inspector.published import PublishedRun
from stages.documents import IDENTITY

Identity = tuple[str, int, int]

_IDENTITY_NAMES = [field.name for field in IDENTITY]
_VALUES = pl.Struct(
    {
        "cluster": pl.UInt64,
        "cluster_size": pl.Int64,
        "survivor": pl.Struct({"file": pl.String, "offset": pl.Int64, "ordinal": pl.Int64}),
    }
)
_HOST = r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)"


class Cluster(NamedTuple):
    """Ordered by size, then by name, so that a choice of the largest does not depend on the order of reading."""

    size: int
    name: int
    survivor: Identity


@dataclass
class Clusters:
    """Of one stage: clusters, and documents that it removed, by size of cluster; the largest; removed ones by host."""

    sizes: Counter[int] = field(default_factory=Counter)
    removed: Counter[int] = field(default_factory=Counter)
    largest: list[Cluster] = field(default_factory=list)
    hosts: Counter[str] = field(default_factory=Counter)

    def offer(self, clusters: Sequence[Cluster], count: int) -> None:
        """Keep the `count` largest of those held and these."""
        self.largest = heapq.nlargest(count, {*self.largest, *clusters})


def clusters_of_rejects(
    published: PublishedRun, labels: Sequence[str], count: int, continuing: Collection[str]
) -> dict[str, Clusters]:
    """By stage, from the documents that it removed; holds the `count` largest.

    `continuing` are the stages whose clusters may have documents of earlier runs.
    """
    found = {label: Clusters() for label in labels}
    named: dict[str, list[pl.DataFrame]] = {label: [] for label in continuing}
    for label, rows in removed_rows(published, labels, ("url", "values")):
        clusters = found[label]
        frame = pl.DataFrame({"url": pl.Series(rows["url"]), "values": pl.Series(rows["values"])})
        hosts = frame["url"].str.extract(_HOST).str.to_lowercase().drop_nulls().value_counts()
        clusters.hosts.update(dict(hosts.iter_rows()))
        told = frame["values"].str.json_decode(_VALUES).struct.unnest()
        clusters.removed.update(dict(told["cluster_size"].value_counts().iter_rows()))
        if label in named:
            named[label].append(told.select("cluster", "cluster_size").unique())
        top = told.unique("cluster").sort("cluster_size", "cluster", descending=True).head(count)
        clusters.offer([Cluster(size, name, tuple(who.values())) for name, size, who in top.iter_rows()], count)
    for label, clusters in found.items():
        clusters.sizes = Counter({size: rows // (size - 1) for size, rows in clusters.removed.items()})
        if named.get(label):
            sizes = pl.concat(named[label]).unique()["cluster_size"].value_counts()
            clusters.sizes = Counter(dict(sizes.iter_rows()))
    return found


def clusters_of_documents(published: PublishedRun, labels: Sequence[str], count: int) -> dict[str, Clusters]:
    """By stage, from the survivors that are in documents/; holds the `count` largest."""
    found = {label: Clusters() for label in labels}
    columns = [f"{label}_cluster{end}" for label in labels for end in ("", "_size")]
    for rows in published.row_groups(published.documents, [*_IDENTITY_NAMES, *columns]):
        for label, clusters in found.items():
            names = [f"{label}_cluster_size", f"{label}_cluster", *_IDENTITY_NAMES]
            several = rows.batch.select(names).filter(pc.greater(rows.batch[names[0]], 1))
            clusters.sizes.update(dict(pl.Series(several[names[0]]).value_counts().iter_rows()))
            top = several.take(pc.select_k_unstable(several, count, [(names[0], "descending")])) if count else several
            rows_of_top = zip(*(top[name].to_pylist() for name in names), strict=True)
            clusters.offer([Cluster(size, name, tuple(who)) for size, name, *who in rows_of_top], count)
    for clusters in found.values():
        clusters.removed = Counter({size: number * (size - 1) for size, number in clusters.sizes.items()})
    return found


def removed_rows(
    published: PublishedRun, labels: Sequence[str], columns: Sequence[str]
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Label, and columns of the documents in rejects/ that it removed, a row group at a time."""
    for rows in published.row_groups(published.rejects, ["stage"]):
        present = set(labels) & set(rows.batch["stage"].unique().to_pylist())
        batch = published.row_group(rows.file, rows.group, columns) if present else None
        for label in labels:
            if batch is not None and label in present:
                yield label, batch.filter(pc.equal(rows.batch["stage"], label))


def find_rows(
    published: PublishedRun, identities: Sequence[Identity], columns: Sequence[str]
) -> dict[Identity, dict[str, Any]]:
    """Columns, and `folder`, of the rows of documents/ and rejects/ with these identities, as far as they are there."""
    wanted, found = set(identities), dict[Identity, dict[str, Any]]()
    offsets = pa.array([offset for _, offset, _ in wanted], pa.int64())
    for folder, files in (("documents", published.documents), ("rejects", published.rejects)):
        for rows in published.row_groups(files, _IDENTITY_NAMES):
            if len(found) == len(wanted):
                return found
            near = pc.indices_nonzero(pc.is_in(rows.batch["offset"], value_set=offsets))
            names = zip(*(rows.batch[name].take(near).to_pylist() for name in _IDENTITY_NAMES), strict=True)
            at = {place: who for place, who in zip(near.to_pylist(), names, strict=True) if who in wanted}
            for (_, _, place), row in published.rows_at({(rows.file, rows.group): list(at)}, columns) if at else ():
                found[at[place]] = {**row, "folder": folder}
    return found
