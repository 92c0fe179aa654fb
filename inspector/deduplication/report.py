"""What each stage that removes duplicates did in a run, and what its settings can find.

Settings and counts stand in the plan and the manifests; clusters and hosts are read from what the run published
(inspector.deduplication.clusters), which costs a pass over a few columns, so an unfinished run is described without
them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from inspector.deduplication.clusters import (
    Cluster,
    Clusters,
    clusters_of_documents,
    clusters_of_rejects,
    find_rows,
)
from inspector.errors import InspectorError
from inspector.published import PublishedRun
from pipeline.plan import Plan
from pipeline.workspace import Workspace
from stages.keyed_dedup import KeyedDedup
from stages.minhash.settings import detection_probability
from stages.minhash.stage import MinhashDedup

#: Similarities for which the probability of detection is told.
SIMILARITIES = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
HOSTS = 10
#: Longest text told of a cluster's survivor.
EXCERPT = 80


def deduplication_report(
    plan: Plan, workspace: Workspace, counters: Mapping[str, int], examples: int
) -> list[dict[str, Any]]:
    """An account of every stage of the recipe that removes duplicates, with `examples` of the largest clusters."""
    stages = {
        label: stage for label, stage in plan.recipe.stages.items() if isinstance(stage, KeyedDedup | MinhashDedup)
    }
    found = _clusters(workspace, list(stages), examples) if stages else None
    return [
        {
            "stage": label,
            "settings": _settings(stage),
            "detection": _detection(stage),
            "counts": {
                name.partition(".")[2]: count for name, count in counters.items() if name.startswith(f"{label}.")
            },
            **(found[label] if found is not None else {}),
            "recall": _recall(workspace, label),
        }
        for label, stage in stages.items()
    ]


def _settings(stage: KeyedDedup | MinhashDedup) -> dict[str, Any]:
    """The parameters in force: bands and rows as computed where a target was given."""
    settings = stage.model_dump(mode="json")
    if isinstance(stage, MinhashDedup):
        settings["bands"], settings["rows"] = stage.banding()
    return settings


def _detection(stage: KeyedDedup | MinhashDedup) -> dict[str, float] | None:
    if not isinstance(stage, MinhashDedup):
        return None
    return {f"{value:g}": round(detection_probability(value, *stage.banding()), 6) for value in SIMILARITIES}


def _clusters(workspace: Workspace, labels: list[str], examples: int) -> dict[str, dict[str, Any]] | None:
    """By stage what is known of clusters and hosts; None before the run is published."""
    try:
        published = PublishedRun(workspace.run)
    except InspectorError:
        return None
    whole = published.plan.recipe.rejects.keep in ("full", "no_text")
    if whole:
        continuing = [label for label in labels if getattr(published.plan.recipe.stages[label], "earlier", ())]
        by_label = clusters_of_rejects(published, labels, examples, continuing)
    else:
        by_label = clusters_of_documents(published, labels, examples)
    largest = [cluster for clusters in by_label.values() for cluster in clusters.largest]
    texts = find_rows(published, [cluster.survivor for cluster in largest], ("url", "id", "text"))
    return {
        label: {
            "clusters_seen_in": "rejects" if whole else "documents",
            "cluster_sizes": _size_bins(clusters),
            "largest_clusters": [_described(cluster, texts.get(cluster.survivor, {})) for cluster in clusters.largest],
            "hosts": [{"host": host, "removed": removed} for host, removed in _most_frequent(clusters)],
        }
        for label, clusters in by_label.items()
    }


def _most_frequent(clusters: Clusters) -> list[tuple[str, int]]:
    return sorted(clusters.hosts.items(), key=lambda entry: (-entry[1], entry[0]))[:HOSTS]


def _size_bins(found: Clusters) -> list[dict[str, int]]:
    """Clusters and removed documents by size: 2, 3, 4 to 7, 8 to 15, ..."""
    bins: dict[tuple[int, int], list[int]] = {}
    for size, clusters in sorted(found.sizes.items()):
        least = 1 << (size.bit_length() - 1)
        edges = (size, size) if size < 4 else (least, 2 * least - 1)
        counts = bins.setdefault(edges, [0, 0])
        counts[0] += clusters
        counts[1] += found.removed[size]
    return [{"from": least, "to": most, "clusters": c, "removed": r} for (least, most), (c, r) in bins.items()]


def _described(cluster: Cluster, row: dict[str, Any]) -> dict[str, Any]:
    file, offset, ordinal = cluster.survivor
    text = row.get("text")
    return {
        "documents": cluster.size,
        "cluster": cluster.name,
        "survivor": {"file": file, "offset": offset, "ordinal": ordinal},
        "url": row.get("url"),
        "id": row.get("id"),
        "begins": None if text is None else " ".join(text[: 4 * EXCERPT].split())[:EXCERPT],
    }


def _recall(workspace: Workspace, label: str) -> dict[str, Any] | None:
    """What a sample compared by true Jaccard says, where the recipe asked for it and the run has come so far."""
    file = workspace.run / "recall" / f"{label}.json"
    return json.loads(file.read_text("utf-8")) if file.is_file() else None
