"""The order of training data is a pure function of seed, weights and sample number."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shards.reader import ShardSet
from trainer.errors import TrainerError
from trainer.loader import load_windows
from trainer.order import SampleOrder, window_count
from trainer.permutation import permute, round_keys


@settings(max_examples=80, deadline=None)
@given(size=st.one_of(st.integers(1, 70), st.integers(1, 5000)), key=st.integers(0, 1 << 40))
def test_the_permutation_is_a_bijection(size: int, key: int) -> None:
    image = permute(np.arange(size), size, round_keys(key))
    assert np.array_equal(np.sort(image), np.arange(size))


@given(size=st.integers(1, 1 << 40), key=st.integers(0, 9), position=st.integers(0, 1 << 40))
@settings(max_examples=60, deadline=None)
def test_large_domains_stay_within_bounds(size: int, key: int, position: int) -> None:
    found = permute(np.array([position % size, (position + 1) % size]), size, round_keys(key))
    assert 0 <= found.min() <= found.max() < size
    assert size == 1 or found[0] != found[1]


def test_the_permutation_has_no_visible_pattern() -> None:
    size = 10_000
    image = permute(np.arange(size), size, round_keys("x"))
    correlation = np.corrcoef(np.arange(size), image)[0, 1]
    assert abs(correlation) < 0.05
    # A random permutation leaves one position in place on average.
    assert np.count_nonzero(image == np.arange(size)) < 10
    steps = np.abs(np.diff(image))
    assert abs(steps.mean() / (size / 3) - 1) < 0.05


def order_of(shards: Path, seed: int = 3, **weights: float) -> SampleOrder:
    return SampleOrder(ShardSet.open(shards).of_split("train"), 16, seed, weights)


def test_every_window_once_an_epoch_and_epochs_differ(shards: Path) -> None:
    order = order_of(shards)
    everything = {
        (number, start)
        for number, shard in enumerate(order.shards)
        for start in range(0, window_count(len(shard), 16) * 16, 16)
    }
    assert order.windows == len(everything)
    passes = []
    for epoch in range(2):
        shard, start = order.locate(np.arange(epoch * order.windows, (epoch + 1) * order.windows))
        passes.append(list(zip(shard.tolist(), start.tolist(), strict=True)))
    assert set(passes[0]) == everything
    assert len(set(passes[1])) >= 0.97 * len(everything)
    assert passes[0] != passes[1]
    covered = order.windows * 16 + order.tail_tokens + len(order.shards)
    assert covered == sum(len(shard) for shard in order.shards)


def test_each_source_goes_through_its_own_epochs(shards: Path) -> None:
    order = order_of(shards, a=1, b=3)
    samples = [order.sample(number) for number in range(400)]
    for name in ("a", "b"):
        members = [n for n, shard in enumerate(order.shards) if shard.entry.source == name]
        windows = sum(window_count(len(order.shards[n]), 16) for n in members)
        own = [sample for sample in samples if sample.source == name]
        assert [sample.epoch for sample in own] == [turn // windows for turn in range(len(own))]
        first = {(sample.shard, sample.start) for sample in own[:windows]}
        assert len(first) == min(windows, len(own))
        assert {sample.shard for sample in own} <= set(members)


@settings(max_examples=20, deadline=None)
@given(a=st.floats(0.05, 20), b=st.floats(0.05, 20))
def test_sources_take_turns_by_weight(shards: Path, a: float, b: float) -> None:
    order = order_of(shards, a=a, b=b)
    is_a = np.array([sample.source == "a" for sample in map(order.sample, range(200))])
    expected = np.arange(1, 201) * a / (a + b)
    assert np.abs(np.cumsum(is_a) - expected).max() <= 0.5 + 1e-3


def test_the_order_does_not_depend_on_how_it_is_asked(shards: Path) -> None:
    order = order_of(shards, a=2, b=1)
    whole = load_windows(order, 0, 60)
    pieces = [load_windows(order_of(shards, a=2, b=1), first, 12) for first in range(0, 60, 12)]
    assert whole.tolist() == [row for piece in pieces for row in piece.tolist()]
    assert whole.tolist() != load_windows(order_of(shards, seed=4, a=2, b=1), 0, 60).tolist()


def test_a_sample_leads_back_to_its_documents(shards: Path) -> None:
    order = order_of(shards)
    for number in range(30):
        window = load_windows(order, number, 1)[0].tolist()
        place = order.sample(number)
        shard = order.shards[place.shard]
        tokens: list[int] = []
        for span in order.documents(number):
            document = shard.document(span.document)
            tokens += document[span.offset : span.offset + span.stop - span.start].tolist()
            assert span.row == shard.row[span.document]
        assert tokens == window


def test_wrong_weights_and_short_shards_are_refused(shards: Path) -> None:
    with pytest.raises(TrainerError, match="no source 'c'; the shards have a, b"):
        order_of(shards, a=1, b=1, c=1)
    with pytest.raises(TrainerError, match="every weight is 0"):
        order_of(shards, a=0, b=0)
    with pytest.raises(TrainerError, match="'b' has no weight"):
        order_of(shards, a=1)
    with pytest.raises(TrainerError, match="no shard holds a window of sequence_length 4096"):
        SampleOrder(ShardSet.open(shards).of_split("train"), 4096, 0, {})
    only_a = order_of(shards, a=1, b=0)
    assert {only_a.sample(number).source for number in range(50)} == {"a"}
