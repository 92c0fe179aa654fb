"""The phases of MinHash deduplication: what each step reads and writes, and which parameters make no difference to it.

So other thresholds and clusters are tried on the signatures and pairs that are there. An index holds for all
parameters: a run that writes or continues one ignores none.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, sqrt

from stages.base import Phase, Read, Upstream
from stages.minhash.index import INDEXED

_LATER = ("threshold", "clusters", "recall_sample")
_IGNORED = {
    "sign": (*_LATER, "verify", "compare_at_most", "keep", "buckets"),
    "match": (*_LATER, "keep", "buckets"),
    "merge": (*_LATER, "verify", "compare_at_most", "keep", "buckets"),
    "connect": (*_LATER, "verify", "compare_at_most", "keep", "buckets"),
    "route": (*_LATER, "verify", "compare_at_most", "keep"),
    "gather": (*_LATER, "compare_at_most"),
    "resolve": ("recall_sample", "compare_at_most"),
}


def minhash_phases(
    label: str, upstream: Upstream, matching: int, resolving: int, earlier_parts: int | None, write_index: bool
) -> list[Phase]:
    """The phases of stage `label`, with so many tasks that match and that resolve.

    `earlier_parts` are those of all earlier runs whose indexes are continued, None where there are none.
    """
    components, index = Read(f"{label}.components", "all"), f"index/{label}"
    members = [Read(f"{label}.members", "bucket")]
    signed = ("keys", "documents") if write_index else ("keys",)
    sealed = dict.fromkeys(signed, index) if write_index else {}
    phases = [
        Phase("sign", upstream.tasks, upstream.reads(), signed, sealed),
        Phase("match", matching, (Read(f"{label}.keys", "bucket"),), ("pairs", "forest")),
        Phase("merge", merging_tasks(matching), (Read(f"{label}.forest", "bucket"),), ("merged",)),
        Phase("connect", 1, (Read(f"{label}.merged", "all"),), ("components",)),
        Phase("route", matching, (Read(f"{label}.pairs", "same"), components), ("routed",)),
        Phase("gather", upstream.tasks, (*upstream.reads(), components), ("members",)),
    ]
    outputs, published = ["removals", "duplicates"], {"duplicates": "duplicates"}
    if earlier_parts is not None:
        phases.append(Phase("gather_earlier", earlier_parts, (components,), ("earlier_members",)))
        members.append(Read(f"{label}.earlier_members", "bucket"))
        outputs += ["changes", "retractions"]
        published["retractions"] = "retractions"
    if write_index:
        published |= {output: index for output in ("removals", "changes") if output in outputs}
    reads = (Read(f"{label}.routed", "bucket"), *members)
    phases.append(Phase("resolve", resolving, reads, tuple(outputs), published))
    if write_index:
        written = tuple(Read(f"{label}.{output}", "all") for output in (*signed, *outputs) if output in INDEXED)
        phases.append(Phase("seal", 1, written, ("index",), {"index": index}))
    if earlier_parts is not None or write_index:
        return phases
    return [replace(phase, ignores=_IGNORED[phase.step]) for phase in phases]


def merging_tasks(matching: int) -> int:
    """Tasks that merge the forests of so many matching tasks: each as many as the last one merges in the end."""
    return ceil(sqrt(matching))
