"""The whole of minhash_dedup on one batch in memory: the same functions as its phases, without tasks between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from stages import survivor
from stages.dedup_frames import Duplicates
from stages.minhash.matching import star_pairs, window_pairs
from stages.minhash.members import as_members, describe
from stages.minhash.pairs import Pairs
from stages.minhash.resolution import Members, clusters_of, verified_pairs
from stages.minhash.shingle_sets import shingle_sets
from stages.minhash.signatures import band_keys, signatures

if TYPE_CHECKING:
    from stages.minhash.stage import MinhashDedup


def find_duplicates(stage: MinhashDedup, batch: pa.RecordBatch) -> Duplicates:
    """Clusters of the rows of a batch that has identity besides the columns that the stage needs.

    Memory: 8 bytes a minimum and row.
    """
    from stages.minhash.stage import nearness_of

    bands, rows = stage.banding()
    signed = signatures(batch.column("text"), stage, bands * rows, stage.seed)
    places = np.flatnonzero(stage.has_shingles(signed.units)).astype(np.uint64)
    minima, batch = signed.minima[places], batch.take(pa.array(places))
    keys = band_keys(minima, rows) ^ survivor.scope_hashes(batch, stage.within)[:, None]
    nearness = nearness_of(batch, minima[:, ::rows])
    numbers = np.arange(len(places), dtype=np.uint64)
    found = [
        star_pairs(keys[:, band], numbers)
        if stage.verify == "none"
        else window_pairs(keys[:, band], nearness[:, band], numbers, stage.compare_at_most)
        for band in range(bands)
    ]
    candidates = Pairs(*(np.concatenate([getattr(each.pairs, side) for each in found]) for side in Pairs._fields))
    paired = np.unique(np.concatenate(candidates)).astype(np.uint32)
    batch = batch.take(pa.array(paired))
    sets = shingle_sets(batch.column("text"), stage) if stage.verify == "jaccard" else None
    described = describe(batch, paired, stage, minima[paired], sets)
    members = Members([as_members(described, 0, None)])
    pairs = verified_pairs(members, [candidates], stage.verify, stage.threshold)
    clusters = clusters_of(members, pairs, stage.clusters, stage.keep)
    several = np.flatnonzero(clusters.size > 1)
    rows_of = places.astype(np.int64)[paired]
    return Duplicates(rows_of[several], rows_of[clusters.survivor[several]], clusters.size[several])
