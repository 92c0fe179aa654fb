"""Benchmark text found in documents in memory, one thread: ours and datatrove's n-gram filter.

    python -m benchmarks.decontamination --in texts.jsonl.zst [--megabytes 8] [--items 2000] [--runs 5] [--json]

Both look for 12-grams of the same items: passages of 50 words, cut evenly out of texts beyond those that are
searched, so that almost nothing matches, as in a crawl. The input (benchmarks/texts.py says of which kinds) is cut to
the first `--megabytes` of text. Measured is the work from texts in memory to decisions, the table built before.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.paired import compare, measure, peers_python, show

Work = Callable[[], object]
NGRAM = 12


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.decontamination", description="Decontamination, MB a second.")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="a file or folder of texts")
    parser.add_argument("--megabytes", type=float, default=8.0, help="text to search")
    parser.add_argument("--items", type=int, default=2000, help="items to look for")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        texts = json.loads((options.path / "texts.json").read_text("utf-8"))
        work = SIDES[options.side](texts, options.path / "items.jsonl")
        measure(work, len(texts), sum(len(text.encode()) for text in texts))
        return
    if not options.path.exists():
        parser.error(f"--in {options.path}: no such file or folder")
    from benchmarks.texts import first_texts

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = first_texts(options.path, options.megabytes * 1e6)
        beyond = first_texts(options.path, options.megabytes * 2e6)[len(texts) :]
        (folder / "texts.json").write_text(json.dumps(texts), "utf-8")
        lines = [json.dumps({"text": item}) + "\n" for item in _items(beyond, options.items)]
        (folder / "items.jsonl").write_text("".join(lines), "utf-8")
        peers = {}
        if python := peers_python():
            peers["datatrove"] = _command(python, folder, "datatrove")
        else:
            print("datatrove is left out: `make peers` builds its environment", file=sys.stderr)
        report = compare("decontamination", _command(sys.executable, folder, "ours"), peers, options.runs)
    show(report, options.json)


def _items(texts: list[str], count: int) -> list[str]:
    """`count` passages of 50 words, cut evenly out of texts."""
    words = " ".join(texts).split()
    step = max(1, (len(words) - 50) // count)
    return [" ".join(words[start : start + 50]) for start in range(0, step * count, step)]


def _command(python: str, folder: Path, side: str) -> list[str]:
    return [python, "-m", "benchmarks.decontamination", "--in", str(folder), "--side", side]


def _ours(texts: list[str], items: Path) -> Work:
    import pyarrow as pa

    from stages.decontamination.stage import Decontaminate
    from stages.judge import Judge

    stage = Decontaminate(benchmarks=(items,), ngram=NGRAM)
    judge = Judge(stage.rules())
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    judge(stage(batch.slice(0, 10)))
    return lambda: judge(stage(batch))


def _datatrove(texts: list[str], items: Path) -> Work:
    import numpy as np
    from datatrove.data import Document
    from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
    from datatrove.utils.text import ngrams, simplify_text

    folder = items.parent / "index"
    folder.mkdir(exist_ok=True)
    config = NGramsDecontConfig(n_grams=NGRAM)
    finder = NGramsDecontFilter(str(folder), config)
    hashes = set()
    # What datatrove's indexer does, which asks for another package.
    for line in items.read_text("utf-8").splitlines():
        words = finder.tokenizer.word_tokenize(simplify_text(json.loads(line)["text"], config.norm_config))
        hashes |= {finder.hash_func(" ".join(run)) for run in ngrams(words, NGRAM)}
    np.array(sorted(hashes), dtype=config.hash_config.np_descr).tofile(folder / "items.index.hashes")
    documents = [Document(text=text, id="0") for text in texts]
    finder.filter(documents[0])
    return lambda: [finder.filter(document) for document in documents]


SIDES: dict[str, Callable[[list[str], Path], Work]] = {"ours": _ours, "datatrove": _datatrove}

if __name__ == "__main__":
    main()
