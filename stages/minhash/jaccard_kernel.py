"""Jaccard similarity of pairs of sorted sets by merging them: two to four ns an item."""

from __future__ import annotations

from tokenizer.kernel_cache import kernel


@kernel
def compare_sets(values, offsets, left, right, similarities):  # type: ignore[no-untyped-def]
    """similarities[pair]: what sets left[pair] and right[pair] share, by what they have together; 0 for two empty."""
    for pair in range(similarities.size):
        one, one_end = offsets[left[pair]], offsets[left[pair] + 1]
        other, other_end = offsets[right[pair]], offsets[right[pair] + 1]
        together = one_end - one + other_end - other
        shared = 0
        while one < one_end and other < other_end:
            # Which of two hashes is less is a toss-up, so that nothing here may be a branch.
            first, second = values[one], values[other]
            shared += first == second
            one += first <= second
            other += second <= first
        similarities[pair] = shared / (together - shared) if together else 0.0
