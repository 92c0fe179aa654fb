"""Union-find in which the smallest member of a component is its root.

Rem's algorithm with splicing (Dijkstra, "A Discipline of Programming", 1976; the quickest of 55 variants in
Patwary, Blair, Manne, "Experiments on union-find algorithms for the disjoint-set data structure", SEA 2010):
both ends climb together, each step hanging the larger side below the smaller one's parent.
"""

from __future__ import annotations

from tokenizer.kernel_cache import kernel


@kernel
def join_pairs(parents, left, right, joined):  # type: ignore[no-untyped-def]
    """Join the components of left[i] and right[i] for all i; `parents` (int64) starts as 0, 1, 2, ...

    joined[i] (bool) becomes whether the pair made two components one: those pairs are a spanning forest.
    """
    for index in range(left.size):
        a, b = left[index], right[index]
        joined[index] = False
        while parents[a] != parents[b]:
            if parents[a] < parents[b]:
                a, b = b, a
            above = parents[a]
            parents[a] = parents[b]
            if above == a:
                joined[index] = True
                break
            a = above


@kernel
def settle_roots(parents):  # type: ignore[no-untyped-def]
    """Point every node at its root; parents come before their children, so one pass in order does."""
    for node in range(parents.size):
        parents[node] = parents[parents[node]]
