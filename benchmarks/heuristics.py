"""Gopher quality and repetition rules on texts in memory, one thread: ours and datatrove.

    python -m benchmarks.heuristics --in texts.jsonl.zst [--megabytes 4] [--runs 5] [--json]

The input (benchmarks/texts.py says of which kinds) is cut to the first `--megabytes` of text, because datatrove
takes minutes for more. Measured is the work from texts in memory to decisions, after start-up and a first
call on a few documents. datatrove stops at a document's first failing rule; ours measures all of them.
`agreement` is the share of documents with the same decision and first reason.
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


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.heuristics", description="Gopher rules, documents a second.")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="a file or folder of texts")
    parser.add_argument("--megabytes", type=float, default=4.0, help="text to use")
    parser.add_argument("--runs", type=int, default=5)
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
        cut.write_text(json.dumps(_first_texts(options.path, options.megabytes * 1e6)), "utf-8")
        ours = _command(sys.executable, cut, "ours")
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


def _first_texts(path: Path, size: float) -> list[str]:
    from benchmarks.texts import read_texts

    texts: list[str] = []
    for text in read_texts(path):
        texts.append(text)
        size -= len(text.encode())
        if size <= 0:
            break
    return texts


def _agreement(ours: list[str], theirs: list[str]) -> float:
    root = Path(__file__).parents[1]
    sides = []
    for command in (ours, theirs):
        done = subprocess.run([*command, "--decide"], cwd=root, capture_output=True, text=True, check=True)
        sides.append(json.loads(done.stdout.splitlines()[-1]))
    mine, peers = sides
    return sum(one == other for one, other in zip(mine, peers, strict=True)) / max(len(mine), 1)


def _ours(texts: list[str]) -> Decide:
    import pyarrow as pa

    from stages.gopher import GopherFilter
    from stages.judge import Judge

    stage = GopherFilter()
    rules = stage.rules()
    judge = Judge(rules)
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    judge(stage(batch.slice(0, 10)))

    def work() -> list[str | None]:
        return [None if index < 0 else rules[index].name for index in judge(stage(batch)).first]

    return work


def _datatrove(texts: list[str]) -> Decide:
    from datatrove.data import Document
    from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter

    filters = [GopherRepetitionFilter(), GopherQualityFilter()]

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


SIDES: dict[str, Callable[[list[str]], Decide]] = {"ours": _ours, "datatrove": _datatrove}

if __name__ == "__main__":
    main()
