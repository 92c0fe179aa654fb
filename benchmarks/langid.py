"""Language identification of texts in memory, one thread: our reader of fastText's model and fastText's binding.

    python -m benchmarks.langid --in texts.jsonl.zst [--megabytes 8] [--model M] [--sample-bytes 4096] [--runs 5]

The input (benchmarks/texts.py says of which kinds) is cut to the first `--megabytes` of text. Measured is the
work from texts in memory (an Arrow column for ours, Python strings without newlines for the binding) to labels and
scores (ours: of the two best labels), after loading the model and a first call. `agreement` is the share of
documents with the same label; `score_difference` the largest difference between the scores of one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from benchmarks.paired import compare, measure, show
from benchmarks.texts import first_texts

Predict = Callable[[], list[tuple[str, float]]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.langid", description="Language identification, documents/s.")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="a file or folder of texts")
    parser.add_argument("--megabytes", type=float, default=8.0, help="text to use")
    parser.add_argument("--model", type=Path, help="another fastText model than lid.176.ftz")
    parser.add_argument("--sample-bytes", type=int, help="let ours read only so much of longer texts")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--predict", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        texts = json.loads(options.path.read_text("utf-8"))
        work, results = SIDES[options.side](texts, options)
        if options.predict:
            print(json.dumps(results()))
        else:
            measure(work, len(texts), sum(len(text.encode()) for text in texts))
        return
    if not options.path.exists():
        parser.error(f"--in {options.path}: no such file or folder")
    with tempfile.TemporaryDirectory() as folder:
        cut = Path(folder) / "texts.json"
        cut.write_text(json.dumps(first_texts(options.path, options.megabytes * 1e6)), "utf-8")
        ours, theirs = (_command(cut, side, options) for side in ("ours", "fasttext"))
        peers = {"fasttext": theirs} if find_spec("fasttext") else {}
        if not peers:
            print("fasttext is left out: install fasttext-numpy2-wheel", file=sys.stderr)
        report = compare("langid", ours, peers, options.runs)
        if peers:
            report["agreement"], report["score_difference"] = _agreement(ours, theirs)
    show(report, options.json)
    if not options.json and peers:
        print(f"  same label: {report['agreement']:.4%}; scores differ by {report['score_difference']:.1e} at most")


def _command(texts: Path, side: str, options: argparse.Namespace) -> list[str]:
    command = [sys.executable, "-m", "benchmarks.langid", "--in", str(texts), "--side", side]
    command += ["--model", str(options.model)] if options.model else []
    return command + (["--sample-bytes", str(options.sample_bytes)] if options.sample_bytes else [])


def _agreement(ours: list[str], theirs: list[str]) -> tuple[float, float]:
    root = Path(__file__).parents[1]
    sides = []
    for command in (ours, theirs):
        done = subprocess.run([*command, "--predict"], cwd=root, capture_output=True, text=True, check=True)
        sides.append(json.loads(done.stdout.splitlines()[-1]))
    pairs = list(zip(*sides, strict=True))
    same = sum(mine[0] == peer[0] for mine, peer in pairs) / max(len(pairs), 1)
    return same, max((abs(mine[1] - peer[1]) for mine, peer in pairs), default=0.0)


def _ours(texts: list[str], options: argparse.Namespace) -> tuple[Callable[[], object], Predict]:
    import pyarrow as pa

    from stages.fasttext.find import find_model
    from stages.fasttext.reader import load_model

    model = load_model(find_model(options.model))
    column = pa.array(texts, pa.large_string())
    model.best_two(column.slice(0, 10), options.sample_bytes)

    def results() -> list[tuple[str, float]]:
        found = model.best_two(column, options.sample_bytes)
        best = zip(found.labels[:, 0].tolist(), found.scores[:, 0].tolist(), strict=True)
        return [(model.labels[label], score) for label, score in best]

    # A copy has met no words yet: those of an earlier pass would make the next one quicker.
    return lambda: replace(model).best_two(column, options.sample_bytes), results


def _fasttext(texts: list[str], options: argparse.Namespace) -> tuple[Callable[[], object], Predict]:
    import fasttext

    from stages.fasttext.find import find_model

    classifier = fasttext.load_model(str(find_model(options.model)))
    lines = [text.replace("\n", " ") for text in texts]
    classifier.predict(lines[:10])

    def results() -> list[tuple[str, float]]:
        labels, scores = classifier.predict(lines)
        return [(label[0], float(score[0])) for label, score in zip(labels, scores, strict=True)]

    return lambda: classifier.predict(lines), results


SIDES: dict[str, Callable[[list[str], argparse.Namespace], tuple[Callable[[], object], Predict]]] = {
    "ours": _ours,
    "fasttext": _fasttext,
}

if __name__ == "__main__":
    main()
