"""From text to token ids, one thread: ours (whole Arrow batches) and `tokenizers`, with the same vocabulary.

    python -m benchmarks.encode --in texts.jsonl.zst [--megabytes 8] [--vocab-size 32768] [--runs 5] [--json]

The vocabulary is trained on the input. Measured is the work from texts in memory to ids, after start-up,
reading and a first call on a few documents; a quick side repeats it for half a second. `agreement` is the share
of documents whose ids are equal on both sides.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

import tokenizer
from benchmarks.paired import compare, measure, show
from tokenizer.bpe_train import train_merges
from tokenizer.file import write_tokenizer
from tokenizer.pretokenize import DEFAULT_PATTERN, split_pattern
from tokenizer.text_files import read_texts
from tokenizer.word_counts import WordCounter


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.encode", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="text, JSON Lines or Parquet")
    parser.add_argument("--megabytes", type=float, default=8.0, help="text to use")
    parser.add_argument("--vocab-size", type=int, default=32768)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        texts = json.loads((options.path / "texts.json").read_text("utf-8"))
        work = SIDES[options.side](options.path / "tokenizer.json", texts)
        measure(work, len(texts), sum(len(text.encode()) for text in texts))
        return
    if not options.path.is_file():
        parser.error(f"--in {options.path}: no such file")
    with tempfile.TemporaryDirectory() as folder:
        texts = _prepare(Path(folder), options.path, options.megabytes * 1e6, options.vocab_size)

        def command(side: str) -> list[str]:
            return [sys.executable, "-m", "benchmarks.encode", "--in", folder, "--side", side]

        report = compare("encode", command("ours"), {"tokenizers": command("tokenizers")}, options.runs)
        report["agreement"] = _agreement(Path(folder) / "tokenizer.json", texts)
        show(report, options.json)


def _prepare(folder: Path, path: Path, size: float, vocabulary_size: int) -> list[str]:
    """Write the first texts and a tokenizer trained on them to `folder`."""
    texts: list[str] = []
    for batch in read_texts(path):
        for text in batch.to_pylist():
            if size > 0:
                texts.append(text)
                size -= len(text.encode())
    pattern = split_pattern(DEFAULT_PATTERN)
    counter = WordCounter(pattern)
    counter.add(pa.array(texts, pa.large_string()))
    write_tokenizer(folder / "tokenizer.json", train_merges(counter.finish(), vocabulary_size - 1), pattern)
    (folder / "texts.json").write_text(json.dumps(texts), "utf-8")
    return texts


def _ours(path: Path, texts: list[str]) -> Callable[[], object]:
    bpe = tokenizer.load(path)
    array = pa.array(texts, pa.large_string())
    bpe.encode_batch(array[:10])
    return lambda: bpe.encode_batch(array)


def _tokenizers(path: Path, texts: list[str]) -> Callable[[], object]:
    from tokenizers import Tokenizer

    bpe = Tokenizer.from_file(str(path))
    bpe.encode_batch(texts[:10])
    return lambda: bpe.encode_batch_fast(texts)


def _agreement(path: Path, texts: list[str]) -> float:
    bpe = tokenizer.load(path)
    ids, offsets = bpe.encode_batch(pa.array(texts, pa.large_string()))
    equal = sum(ids[offsets[row] : offsets[row + 1]].tolist() == bpe.encode(text) for row, text in enumerate(texts))
    return equal / max(len(texts), 1)


SIDES: dict[str, Callable[[Path, list[str]], Callable[[], object]]] = {"ours": _ours, "tokenizers": _tokenizers}

if __name__ == "__main__":
    main()
