"""Pairs and clusters against their plain definitions in Python."""

from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.minhash.clusters import find_clusters
from stages.minhash.matching import Pairs, match

keyed = st.lists(st.integers(0, 5), max_size=30).flatmap(
    lambda keys: st.tuples(st.just(keys), st.permutations([place * 7 for place in range(len(keys))]))
)


@settings(deadline=None)
@given(keyed)
def test_each_group_is_a_star_around_its_first_document(keyed: tuple[list[int], list[int]]) -> None:
    keys, places = keyed
    groups = defaultdict(list)
    for key, place in zip(keys, places, strict=True):
        groups[key].append(place)
    expected = sorted((min(group), place) for group in groups.values() for place in group if place != min(group))
    pairs = match(np.array(keys, dtype=np.uint64), np.array(places, dtype=np.uint64))
    assert list(zip(pairs.first.tolist(), pairs.other.tolist(), strict=True)) == expected


edges = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).filter(lambda e: e[0] < e[1]), max_size=60)


@settings(deadline=None)
@given(edges, st.integers(1, 5))
def test_clusters_are_the_components_with_their_first_member_as_survivor(
    edges: list[tuple[int, int]], bands: int
) -> None:
    component = {node: {node} for edge in edges for node in edge}
    for a, b in edges:
        joined = component[a] | component[b]
        for node in joined:
            component[node] = joined
    split = [np.array(edges[band::bands], dtype=np.uint64).reshape(-1, 2) for band in range(bands)]
    clusters = find_clusters([Pairs(band[:, 0], band[:, 1]) for band in split])
    assert clusters.place.tolist() == sorted(component)
    assert clusters.survivor.tolist() == [min(component[node]) for node in sorted(component)]
    assert clusters.size.tolist() == [len(component[node]) for node in sorted(component)]


def test_a_long_chain_of_pairs_is_one_cluster() -> None:
    nodes = np.random.default_rng(0).permutation(200_000).astype(np.uint64)
    first, other = np.minimum(nodes[1:], nodes[:-1]), np.maximum(nodes[1:], nodes[:-1])
    clusters = find_clusters([Pairs(first[::2], other[::2]), Pairs(first[1::2], other[1::2])])
    assert (clusters.survivor == 0).all()
    assert (clusters.size == 200_000).all()
