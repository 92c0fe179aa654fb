"""Candidate pairs, their components and the clusters of pairs, against their plain definitions in Python."""

from collections import defaultdict
from itertools import combinations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.minhash.components import SETTLED
from stages.minhash.forests import components, merged
from stages.minhash.matching import star_pairs, window_pairs
from stages.minhash.pairs import Pairs
from stages.minhash.resolution import Members, SimilarPairs, clusters_of

keyed = st.lists(st.integers(0, 5), max_size=30).flatmap(
    lambda keys: st.tuples(st.just(keys), st.permutations([place * 7 for place in range(len(keys))]))
)


def as_set(pairs: Pairs) -> set[tuple[int, int]]:
    return set(zip(pairs.first.tolist(), pairs.other.tolist(), strict=True))


def groups_of(keys: list[int], places: list[int]) -> list[list[int]]:
    groups = defaultdict(list)
    for key, place in zip(keys, places, strict=True):
        groups[key].append(place)
    return [sorted(group) for group in groups.values()]


def joined(edges: set[tuple[int, int]]) -> dict[int, set[int]]:
    component = {node: {node} for edge in edges for node in edge}
    for a, b in edges:
        both = component[a] | component[b]
        for node in both:
            component[node] = both
    return component


@settings(deadline=None)
@given(keyed)
def test_without_verification_the_first_of_a_group_is_paired_with_each_other(
    keyed: tuple[list[int], list[int]],
) -> None:
    keys, places = keyed
    expected = {(group[0], place) for group in groups_of(keys, places) for place in group[1:]}
    found = star_pairs(np.array(keys, dtype=np.uint64), np.array(places, dtype=np.uint64))
    assert as_set(found.pairs) == expected


@settings(deadline=None)
@given(keyed, st.integers(1, 6), st.data())
def test_with_verification_a_group_gives_all_pairs_up_to_a_bound_that_is_counted(
    keyed: tuple[list[int], list[int]], at_most: int, data: st.DataObject
) -> None:
    keys, places = keyed
    nearness = data.draw(st.lists(st.integers(0, 3), min_size=len(keys), max_size=len(keys)))
    columns = (np.array(column, dtype=np.uint64) for column in (keys, nearness, places))
    found = window_pairs(*columns, at_most)
    pairs = as_set(found.pairs)
    possible = {pair for group in groups_of(keys, places) for pair in combinations(group, 2)}
    assert pairs <= possible
    assert len(pairs) == len(found.pairs.first)
    assert found.left_out == len(possible - pairs)
    small = {pair for group in groups_of(keys, places) if len(group) <= at_most + 1 for pair in combinations(group, 2)}
    assert small <= pairs
    assert joined(as_set(found.forest)) == joined(pairs) == joined(possible)


edges = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).filter(lambda e: e[0] < e[1]), max_size=60)


def in_parts(number: int) -> int:
    """A place: ten rows a part."""
    return (number // 10 << 32) | number % 10


@settings(deadline=None)
@given(edges, st.integers(1, 5))
def test_merged_forests_connect_what_all_pairs_connect(edges: list[tuple[int, int]], bands: int) -> None:
    placed = [(in_parts(a), in_parts(b)) for a, b in edges]
    split = [np.array(placed[band::bands], dtype=np.uint64).reshape(-1, 2) for band in range(bands)]
    forest = list(merged(lambda: [Pairs(band[:, 0], band[:, 1]) for band in split]))
    assert sum(len(pairs.first) for pairs in forest) < max(1, len({node for edge in edges for node in edge}))
    found = {
        (part << 32) | row: component
        for part, column in enumerate(components(lambda: forest, [5], True))
        for row, component in enumerate(column.tolist())
        if component != SETTLED
    }
    assert found == {node: min(both) for node, both in joined(set(placed)).items()}


@settings(deadline=None)
@given(edges, st.permutations(range(41)))
def test_clusters_are_components_or_stars_in_the_order_of_preference(
    edges: list[tuple[int, int]], lengths: list[int]
) -> None:
    table = {
        "part": pa.array([0] * 41, pa.uint32()),
        "row": pa.array(range(41), pa.uint32()),
        "file": ["f"] * 41,
        "offset": pa.array(range(41), pa.int64()),
        "ordinal": pa.array([0] * 41, pa.int32()),
        "keep_0": pa.array(lengths, pa.int64()),
        "minima": pa.FixedSizeListArray.from_arrays(pa.array(range(41), pa.uint32()), 1),
    }
    members = Members([pa.RecordBatch.from_pydict(table)])
    distinct = sorted(set(edges))
    left, right = (np.array([edge[side] for edge in distinct], dtype=np.int64) for side in (0, 1))
    alike = np.full(len(left), 0.9)
    pairs = SimilarPairs(left, right, left, alike, alike)
    rank = {node: -lengths[node] for node in range(41)}

    whole = clusters_of(members, pairs, "components", ["-length"])
    component = {node: {node} for node in range(41)} | joined(set(edges))
    assert whole.survivor.tolist() == [min(component[node], key=rank.__getitem__) for node in range(41)]
    assert whole.size.tolist() == [len(component[node]) for node in range(41)]
    linked = {*edges, *((b, a) for a, b in edges)}
    for node in range(41):
        path = [node]
        while path[-1] != whole.survivor[node]:
            path.append(int(whole.via[path[-1]]))
            assert (path[-2], path[-1]) in linked

    star = clusters_of(members, pairs, "star", ["-length"])
    kept: dict[int, int] = {}
    for node in sorted(range(41), key=rank.__getitem__):
        near = [other for other in kept if kept[other] == other and (node, other) in linked]
        kept[node] = min(near, key=rank.__getitem__, default=node)
    assert star.survivor.tolist() == [kept[node] for node in range(41)]


def test_a_long_chain_of_pairs_is_one_component() -> None:
    nodes = np.random.default_rng(0).permutation(200_000).astype(np.uint64)
    first, other = np.minimum(nodes[1:], nodes[:-1]), np.maximum(nodes[1:], nodes[:-1])
    forest = list(merged(lambda: [Pairs(first[::2], other[::2]), Pairs(first[1::2], other[1::2])]))
    (component,) = components(lambda: forest, [1], True)
    assert (component == 0).all()
    assert len(component) == 200_000
