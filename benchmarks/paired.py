"""Compare ours with peers fairly on a noisy machine: whole sub-processes, in turn, on the same input.

Each side is a command that prints one JSON object: `documents`, `bytes`, `seconds` (of the work alone) and
`peak_mb`. The sides take turns (A B C, A B C, ...), so that whatever disturbs the machine hits all of them;
a ratio is taken within a turn.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "MKL_NUM_THREADS")
_ONE_THREAD = dict.fromkeys(_THREADS, "1")


def peers_python() -> str | None:
    """The interpreter of the peers' own environment (`make peers`), or None when there is none."""
    found = Path(os.environ.get("CORPUSMILL_PEERS_PYTHON") or _ROOT / ".venv-peers/bin/python")
    return str(found) if found.exists() else None


def compare(name: str, ours: Sequence[str], peers: Mapping[str, Sequence[str]], runs: int) -> dict[str, Any]:
    """Run every side `runs` times in turn; rates are medians, ratios are ours over the peer's of each turn."""
    sides = {"ours": ours, **peers}
    results: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(runs):
        for side, command in sides.items():
            results[side].append(_run(command))
    first = results["ours"][0]
    report: dict[str, Any] = {
        "name": name,
        "input": {"documents": first["documents"], "bytes": first["bytes"]},
        "ours": _rates(results["ours"]),
        "peers": {},
    }
    for peer in peers:
        turns = zip(results["ours"], results[peer], strict=True)
        ratios = [_speed(mine) / _speed(theirs) for mine, theirs in turns]
        ratio = {"median": round(median(ratios), 2), "min": round(min(ratios), 2), "max": round(max(ratios), 2)}
        report["peers"][peer] = {**_rates(results[peer]), "ratio": ratio}
    return report


def measure(work: Callable[[], object], documents: int, size: int, at_least: float = 0.5) -> None:
    """Repeat `work` until `at_least` seconds have passed and print this side's result (mean seconds a pass)."""
    passes = 0
    started = time.perf_counter()
    while not passes or time.perf_counter() - started < at_least:
        work()
        passes += 1
    seconds = (time.perf_counter() - started) / passes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"documents": documents, "bytes": size, "seconds": seconds, "peak_mb": peak / 1e6}))


def show(report: dict[str, Any], as_json: bool) -> None:
    """Print the report as one JSON object or as a few lines."""
    if as_json:
        print(json.dumps(report))
        return
    print(f"{report['name']}: {report['input']['documents']:,} documents, {report['input']['bytes'] / 1e6:.1f} MB")
    for side, rates in {"ours": report["ours"], **report["peers"]}.items():
        ratio = rates.get("ratio")
        more = f"   ours is {ratio['median']} times as fast ({ratio['min']} to {ratio['max']})" if ratio else ""
        print(f"  {side:12} {rates['megabytes_per_second']:9.2f} MB/s  {rates['peak_mb']:7.0f} MB peak{more}")


def _run(command: Sequence[str]) -> dict[str, Any]:
    environment = {**os.environ, **_ONE_THREAD}
    finished = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True)
    if finished.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{finished.stderr.strip()[-2000:]}")
    return dict(json.loads(finished.stdout.splitlines()[-1]))


def _speed(result: Mapping[str, Any]) -> float:
    return result["documents"] / result["seconds"]


def _rates(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {
        "documents_per_second": round(median(_speed(result) for result in results), 1),
        "megabytes_per_second": round(median(result["bytes"] / result["seconds"] / 1e6 for result in results), 3),
        "peak_mb": round(median(result["peak_mb"] for result in results), 1),
    }
