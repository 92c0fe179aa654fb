"""The Gopher, C4 and FineWeb rules on texts in memory, one thread: ours and datatrove.

    python -m benchmarks.heuristics --in texts.jsonl.zst [--megabytes 4] [--runs 5] [--english] [--keep-all] [--json]

Ours are the stages of recipes/fineweb.yaml from `gopher` to `fineweb`, fed one batch, a dropped row gone before the
next stage as in a run; with `--keep-all` every stage measures every row. datatrove's are its four filters one after
another (C4's with filter_no_terminal_punct=False, as FineWeb has it), stopping at a document's first failing rule.
The input (benchmarks/texts.py says of which kinds) is cut to the first `--megabytes` of text, because datatrove
takes minutes for more; with `--english`, the English texts alone (as a recipe keeps them before these rules) are
taken, evenly spread over the whole input. Measured is the work from texts in memory to decisions, after start-up and a
first call on a few documents. `agreement` is the share of documents with the same decision and first reason.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.paired import compare, measure, peers_python, show

Decide = Callable[[], list[str | None]]
_RECIPE = Path(__file__).parents[1] / "recipes" / "fineweb.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.heuristics", description="Quality rules, documents a second.")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="a file or folder of texts")
    parser.add_argument("--megabytes", type=float, default=4.0, help="text to use")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--english", action="store_true", help="English texts alone, spread over the input")
    parser.add_argument("--keep-all", action="store_true", help="ours measures rows that it has dropped, too")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--decide", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        texts = json.loads(options.path.read_text("utf-8"))
        work = SIDES[options.side](texts)
        if options.decide:
            print(json.dumps(work()))
        else:
            measure(work, len(texts), sum(len(text.encode()) for text in texts))
        return
    if not options.path.exists():
        parser.error(f"--in {options.path}: no such file or folder")
    with tempfile.TemporaryDirectory() as folder:
        cut = Path(folder) / "texts.json"
        from benchmarks.texts import first_texts  # not in the peers' environment

        take = _english_sample if options.english else first_texts
        cut.write_text(json.dumps(take(options.path, options.megabytes * 1e6)), "utf-8")
        ours = _command(sys.executable, cut, "ours_keeping_all" if options.keep_all else "ours")
        peers = {}
        if python := peers_python():
            peers["datatrove"] = _command(python, cut, "datatrove")
        else:
            print("datatrove is left out: `make peers` builds its environment", file=sys.stderr)
        report = compare("heuristics", ours, peers, options.runs)
        if peers:
            report["agreement"] = _agreement(ours, peers["datatrove"])
    show(report, options.json)
    if not options.json and peers:
        print(f"  same decision and first reason: {report['agreement']:.4%}")


def _command(python: str, texts: Path, side: str) -> list[str]:
    return [python, "-m", "benchmarks.heuristics", "--in", str(texts), "--side", side]


def _english_sample(path: Path, size: float) -> list[str]:
    """English texts of about `size` bytes in all, evenly spread over the input."""
    from benchmarks.texts import english, read_texts

    texts = english(list(read_texts(path)))
    step = max(int(sum(len(text.encode()) for text in texts) // size), 1)
    return texts[::step]


def _agreement(ours: list[str], theirs: list[str]) -> float:
    root = Path(__file__).parents[1]
    sides = []
    for command in (ours, theirs):
        done = subprocess.run([*command, "--decide"], cwd=root, capture_output=True, text=True, check=True)
        sides.append(json.loads(done.stdout.splitlines()[-1]))
    mine, peers = sides
    return sum(one == other for one, other in zip(mine, peers, strict=True)) / max(len(mine), 1)


def _ours(texts: list[str], keep_all: bool = False) -> Decide:
    import numpy as np
    import pyarrow as pa

    from pipeline.recipe import Recipe
    from stages.base import Filter, Transform
    from stages.judge import Judge

    recipe = Recipe.load(_RECIPE).stages
    labels = list(recipe)
    chain = [recipe[label] for label in labels[labels.index("gopher") : labels.index("fineweb") + 1]]
    transforms = [stage for stage in chain if isinstance(stage, Transform)]
    judges = [Judge(stage.rules()) if isinstance(stage, Filter) else None for stage in transforms]
    whole = pa.record_batch({"text": pa.array(texts, pa.large_string())})

    def decide() -> list[str | None]:
        batch, rows = whole, np.arange(whole.num_rows)
        reasons: list[str | None] = [None] * whole.num_rows
        for stage, judge in zip(transforms, judges, strict=True):
            batch = stage(batch)
            if judge is None:
                continue
            first = judge(batch).first
            for row in np.flatnonzero(first >= 0):
                reasons[rows[row]] = reasons[rows[row]] or judge.rules[first[row]].name
            if not keep_all:
                batch, rows = batch.filter(pa.array(first < 0)), rows[first < 0]
        return reasons

    few = whole.slice(0, 10)
    for stage in transforms:
        few = stage(few)
    return decide


def _ours_keeping_all(texts: list[str]) -> Decide:
    return _ours(texts, keep_all=True)


def _datatrove(texts: list[str]) -> Decide:
    from datatrove.data import Document
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    filters = [
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
    ]

    def decide(text: str) -> str | None:
        document = Document(text=text, id="0")
        for block in filters:
            verdict = block.filter(document)
            if verdict is not True:
                return str(verdict[1])
        return None

    for text in texts[:3]:
        decide(text)
    return lambda: [decide(text) for text in texts]


SIDES: dict[str, Callable[[list[str]], Decide]] = {
    "ours": _ours,
    "ours_keeping_all": _ours_keeping_all,
    "datatrove": _datatrove,
}

if __name__ == "__main__":
    main()
