"""Accuracy of language identification on real pages whose language is known, ours and fastText's binding.

    python -m benchmarks.language_accuracy --truth ../shared/data/langid/dev_lang.parquet \\
        --in ../shared/data/warc [--sample-bytes 4096] [--json]

`--truth` is Parquet with `url` and `truth_lang` (pages without one are left out), `--in` the WARC files that hold the
pages. Text is what `extract_text` gives by its defaults; pages without text are left out. Printed are the share of
pages with the right label for each language and overall, and how many labels differ between the two.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_PREFIX = "__label__"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.language_accuracy", description="Language identification, truth.")
    parser.add_argument("--truth", type=Path, required=True, help="Parquet with url and truth_lang")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="a WARC file or a folder of them")
    parser.add_argument("--sample-bytes", type=int, help="let ours read only so much of longer texts")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for path in (options.truth, options.path):
        if not path.exists():
            parser.error(f"{path}: no such file or folder")
    truth = _known_languages(options.truth)
    pages = [(text, truth[url]) for url, text in _pages(options.path) if url in truth and text]
    if not pages:
        parser.error(f"{options.path} holds none of the pages of {options.truth}")
    texts, languages = [text for text, _ in pages], [language for _, language in pages]
    sides = {"ours": _ours(texts, options.sample_bytes)}
    if find_spec("fasttext"):
        sides["fasttext"] = _fasttext(texts)
    else:
        print("fasttext is left out: install fasttext-numpy2-wheel", file=sys.stderr)
    report = _report(sides, languages)
    print(json.dumps(report)) if options.json else _show(report)


def _known_languages(path: Path) -> dict[str, str]:
    table = pq.read_table(path, columns=["url", "truth_lang"])
    known = zip(table["url"].to_pylist(), table["truth_lang"].to_pylist(), strict=True)
    return {url: language for url, language in known if language is not None}


def _pages(path: Path) -> Iterator[tuple[str, str]]:
    """Address and extracted text of every page; of an address that comes twice, the first page."""
    from stages.base import InputFile
    from stages.extract_text import ExtractText
    from stages.warc.source import WarcSource

    source, extract = WarcSource(), ExtractText()
    seen: set[str] = set()
    for file in [path] if path.is_file() else sorted(path.rglob("*.warc.gz")):
        whole = InputFile(file.name, file, file.stat().st_size)
        for split in source.splits(whole, whole.size):
            for read in source.read(split, file, 64_000_000):
                batch = extract(read.documents)
                for url, text in zip(batch["url"].to_pylist(), batch["text"].to_pylist(), strict=True):
                    if url not in seen:
                        seen.add(url)
                        yield url, text or ""


def _ours(texts: Sequence[str], sample_bytes: int | None) -> list[str]:
    from stages.language import LanguageFilter

    stage = LanguageFilter(languages=None, min_score=None, sample_bytes=sample_bytes)
    labels: list[str] = stage.apply(pa.table({"text": pa.array(texts, pa.large_string())}))["language"].to_pylist()
    return labels


def _fasttext(texts: Sequence[str]) -> list[str]:
    import fasttext

    from stages.fasttext.find import find_model

    classifier = fasttext.load_model(str(find_model()))
    found, _ = classifier.predict([text.replace("\n", " ") for text in texts])
    return [labels[0].removeprefix(_PREFIX) for labels in found]


def _report(sides: dict[str, list[str]], languages: list[str]) -> dict[str, Any]:
    pages = Counter(languages)
    right = {
        side: Counter(truth for truth, label in zip(languages, labels, strict=True) if truth == label)
        for side, labels in sides.items()
    }
    by_language = {
        name: {"pages": number, **{side: counts[name] / number for side, counts in right.items()}}
        for name, number in pages.most_common()
    }
    return {
        "name": "language_accuracy",
        "pages": len(languages),
        "accuracy": {side: counts.total() / len(languages) for side, counts in right.items()},
        "languages": by_language,
        "different_labels": sum(len(set(labels)) > 1 for labels in zip(*sides.values(), strict=True)),
    }


def _show(report: dict[str, Any]) -> None:
    sides = list(report["accuracy"])
    print(f"{'language':10}{'pages':>7}" + "".join(f"{side:>11}" for side in sides))
    for name, row in report["languages"].items():
        print(f"{name:10}{row['pages']:7}" + "".join(f"{row[side]:11.4f}" for side in sides))
    print(f"{'all':10}{report['pages']:7}" + "".join(f"{report['accuracy'][side]:11.4f}" for side in sides))
    print(f"labels that differ: {report['different_labels']}")


if __name__ == "__main__":
    main()
