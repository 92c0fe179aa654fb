"""Union-find in which the smallest member is the root (path halving: Tarjan and van Leeuwen, 1984).

Linking by index instead of by size makes the root the survivor at once; with path halving a pass over m
pairs takes O(m log n) at worst and close to linear time in practice.
"""

from __future__ import annotations

from tokenizer.kernel_cache import kernel


@kernel
def find_root(parents, node):  # type: ignore[no-untyped-def]
    """The smallest member of the node's component so far."""
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@kernel
def join_pairs(parents, left, right):  # type: ignore[no-untyped-def]
    """Join the components of left[i] and right[i] for all i; `parents` (int64) starts as 0, 1, 2, ..."""
    for index in range(left.size):
        a = find_root(parents, left[index])
        b = find_root(parents, right[index])
        if a < b:
            parents[b] = a
        elif b < a:
            parents[a] = b


@kernel
def settle_roots(parents):  # type: ignore[no-untyped-def]
    """Point every node at its root."""
    for node in range(parents.size):
        parents[node] = parents[parents[node]]
