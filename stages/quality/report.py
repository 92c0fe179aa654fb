"""What a model's scores of held-out rows say: precision and recall at thresholds, and thresholds for kept shares.

A row is kept where its score is at least the threshold. Precision is the positives' share of the held-out rows that
are kept (null where none is), recall the share of the positives that are kept. Precision depends on how many rows of
each kind were held out; a crawl has far more of the one than of the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rich.console import Console

#: Shares of the negatives, which stand for the crawl, for which thresholds are reported; DCLM keeps a tenth.
KEPT_SHARES = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
EVEN_ODDS = 0.5


def threshold_for(scores: np.ndarray, keep: float) -> float:
    """The largest score that so great a share of the scores reach."""
    kept = max(1, round(keep * len(scores)))
    return float(np.partition(scores, len(scores) - kept)[len(scores) - kept])


def held_out_report(positive: np.ndarray, negative: np.ndarray) -> dict[str, Any]:
    """Rows, area under the ROC curve, and a row for each threshold, from the scores (float64) of held-out rows."""
    thresholds = [EVEN_ODDS, *(threshold_for(negative, share) for share in KEPT_SHARES)]
    return {
        "positive": len(positive),
        "negative": len(negative),
        "area_under_curve": round(area_under_curve(positive, negative), 6),
        "thresholds": [_at(threshold, positive, negative) for threshold in sorted(set(thresholds))],
    }


def area_under_curve(positive: np.ndarray, negative: np.ndarray) -> float:
    """The chance that a positive row scores more than a negative one, ties counting half (Mann and Whitney 1947)."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left")
    at_most = np.searchsorted(ordered, positive, "right")
    return float((below + at_most).sum() / (2 * len(positive) * len(negative)))


def _at(threshold: float, positive: np.ndarray, negative: np.ndarray) -> dict[str, float | None]:
    found, wrong = int((positive >= threshold).sum()), int((negative >= threshold).sum())
    return {
        "score": threshold,
        "kept_of_negatives": round(wrong / len(negative), 6),
        "precision": round(found / (found + wrong), 6) if found + wrong else None,
        "recall": round(found / len(positive), 6),
    }


def print_report(report: dict[str, Any], console: Console) -> None:
    """The report of a training in some lines."""
    from rich.table import Table

    for side, rows in report["rows"].items():
        console.print(f"{side}: " + ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in rows.items()))
    table = Table("min_score", "kept of negatives", "precision", "recall", box=None, pad_edge=False)
    for row in report["held_out"]["thresholds"]:
        precision = "none kept" if row["precision"] is None else f"{row['precision']:.4f}"
        shares = (f"{row['kept_of_negatives']:.1%}", precision, f"{row['recall']:.4f}")
        table.add_row(f"{row['score']:.6f}", *shares)
    console.print(table)
    console.print(f"area under the curve: {report['held_out']['area_under_curve']:.4f}")
