"""The pairs of each group of a sorted column: every member with at most so many of those after it. Linear in pairs."""

from __future__ import annotations

import numpy as np

from tokenizer.kernel_cache import allocating_kernel, kernel


@allocating_kernel
def pair_counts(sizes, windows):  # type: ignore[no-untyped-def]
    """int64: pairs of each group of a size (int64) whose members are paired with windows[group] next ones at most."""
    counts = np.empty(sizes.size, dtype=np.int64)
    for group in range(sizes.size):
        size = sizes[group]
        window = min(windows[group], size - 1)
        counts[group] = window * size - window * (window + 1) // 2
    return counts


@kernel
def fill_pairs(places, starts, sizes, windows, first, other):  # type: ignore[no-untyped-def]
    """Write the pairs of all groups, the smaller place (uint64) of each in `first`."""
    written = 0
    for group in range(starts.size):
        end = starts[group] + sizes[group]
        for left in range(starts[group], end):
            for right in range(left + 1, min(end, left + windows[group] + 1)):
                first[written] = min(places[left], places[right])
                other[written] = max(places[left], places[right])
                written += 1
