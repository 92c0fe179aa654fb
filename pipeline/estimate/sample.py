"""Choose the splits of a corpus that are run to estimate what all of it would cost.

The corpus is cut finer than its tasks, so that few and different files still give many splits to draw from. A file
with enough splits is a stratum of its own; smaller files share strata in identity order. From every stratum the same
fraction is drawn at random without replacement, two splits at least. Nothing is read but the listing (for Parquet,
the footers).

Fine splits cost more than the tasks' own: each is opened, searched for its first record, and ends in a small batch. So
runs of neighbours are chosen too, which can be read split by split or as one (pipeline/estimate/cutting.py).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from pipeline.estimate.ratio import StratumSample
from pipeline.plan import SMALLEST_TASK, Plan, cut, task_size
from stages.base import Split

#: About so many splits are drawn where the corpus can be cut that fine.
_SPLITS_WANTED = 200
#: Below this a split costs more to open than to read.
_SMALLEST_SPLIT = 64_000
_DRAWN_IN_STRATUM = 2
#: So many runs of so many neighbours.
_RUNS, _RUN_LENGTH = 16, 4


@dataclass(frozen=True)
class Stratum:
    """Splits that are drawn from together: how many there are, and which were drawn (numbers in `Sample.splits`)."""

    units: int
    drawn: tuple[int, ...]

    @property
    def weight(self) -> float:
        """How many splits of the corpus each drawn one stands for."""
        return self.units / len(self.drawn)


@dataclass(frozen=True)
class Sample:
    """The drawn splits in identity order, by stratum, and what they were drawn from."""

    splits: tuple[Split, ...]
    strata: tuple[Stratum, ...]
    units: int
    corpus_bytes: int
    task_bytes: int
    #: Runs of neighbouring splits; none where splits are as large as tasks may be, or are whole files.
    runs: tuple[tuple[Split, ...], ...]

    @property
    def bytes(self) -> int:
        return sum(split.bytes for split in self.splits)

    @property
    def is_whole(self) -> bool:
        return len(self.splits) == self.units

    def weights(self) -> np.ndarray:
        """Weight of every drawn split."""
        weights = np.empty(len(self.splits))
        for stratum in self.strata:
            weights[list(stratum.drawn)] = stratum.weight
        return weights

    def by_stratum(self, values: np.ndarray, sizes: np.ndarray | None = None) -> list[StratumSample]:
        """One value a drawn split, as the estimator takes them; sizes are bytes of input unless given."""
        if sizes is None:
            sizes = np.array([split.bytes for split in self.splits], dtype=float)
        drawn = [list(stratum.drawn) for stratum in self.strata]
        return [
            StratumSample(stratum.units, sizes[rows], values[rows])
            for stratum, rows in zip(self.strata, drawn, strict=True)
        ]


def draw_sample(plan: Plan, fraction: float, seed: int) -> Sample:
    """Draw about `fraction` of the splits of the plan's input; the same seed draws the same."""
    corpus = sum(file.size for file in plan.files.values())
    task_bytes = task_size(plan.recipe, corpus)
    target = min(task_bytes, max(_SMALLEST_SPLIT, int(corpus * fraction / _SPLITS_WANTED)))
    splits = cut(plan.recipe, plan.files.values(), target)
    strata = _strata(splits, fraction)
    generator = random.Random(seed)
    chosen = [
        sorted(generator.sample(members, min(len(members), max(_DRAWN_IN_STRATUM, round(len(members) * fraction)))))
        for members in strata
    ]
    numbers = {number: place for place, number in enumerate(sorted(number for drawn in chosen for number in drawn))}
    return Sample(
        splits=tuple(splits[number] for number in numbers),
        strata=tuple(
            Stratum(len(members), tuple(numbers[number] for number in drawn))
            for members, drawn in zip(strata, chosen, strict=True)
        ),
        units=len(splits),
        corpus_bytes=sum(split.bytes for split in splits),
        task_bytes=task_bytes,
        runs=_runs(splits, list(numbers), generator) if target < SMALLEST_TASK else (),
    )


def _runs(splits: Sequence[Split], drawn: Sequence[int], generator: random.Random) -> tuple[tuple[Split, ...], ...]:
    """Some of the runs of neighbours in one file that begin with a drawn split."""
    runs = [tuple(splits[number : number + _RUN_LENGTH]) for number in drawn]
    whole = [run for run in runs if len(run) == _RUN_LENGTH and all(_adjoin(*pair) for pair in pairwise(run))]
    return tuple(generator.sample(whole, min(len(whole), _RUNS)))


def _adjoin(first: Split, second: Split) -> bool:
    return first.file == second.file and first.end == second.start


def _strata(splits: Sequence[Split], fraction: float) -> list[list[int]]:
    """Numbers of the splits of each stratum, none so small that two drawn splits were more than its share."""
    enough = math.ceil(_DRAWN_IN_STRATUM / fraction)
    strata: list[list[int]] = []
    shared: list[int] = []
    for _, group in groupby(range(len(splits)), key=lambda number: splits[number].file):
        numbers = list(group)
        if len(numbers) >= enough:
            strata.append(numbers)
            continue
        shared += numbers
        if len(shared) >= enough:
            strata.append(shared)
            shared = []
    if shared and len(shared) < enough and strata:
        smallest = min(strata, key=len)
        smallest.extend(shared)
        smallest.sort()
    elif shared:
        strata.append(shared)
    return strata
