"""The score that a given share of a corpus reaches: what `min_score` keeps a tenth of it.

A recipe judges each document alone, so the share is measured beforehand, on the corpus or on a sample of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stages.base import StageError
from stages.quality.examples import Examples
from stages.quality.report import threshold_for
from stages.quality.stage import QualityFilter


def find_threshold(model: Path, examples: Examples, keep: float, label: str) -> dict[str, Any]:
    """`min_score` for a share of the documents, and how many of how many reach it; ties may make it more."""
    stage = QualityFilter(model=model, label=label)
    stage.assets()
    scores = [stage(pa.record_batch({"text": texts})).column("quality_score").to_numpy() for texts in examples.read()]
    everything = np.concatenate(scores) if scores else np.empty(0)
    if not len(everything):
        raise StageError(f"{', '.join(map(str, examples.paths))}: no documents to score: {examples.why_none()}")
    least = min(max(threshold_for(everything, keep), 0.0), 1.0)
    kept = int((everything >= least).sum())
    return {
        "min_score": least,
        "documents": len(everything),
        "kept": kept,
        "share": kept / len(everything),
        "unreadable": examples.unreadable,
    }
