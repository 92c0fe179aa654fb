"""How near extracted texts come to annotated article bodies: ours cross-validated, and others'.

    python -m benchmarks.extraction_quality --in annotated.jsonl.zst --crawls FOLDER [--json]

Five folds by host. For each, a model is trained on the other four (and the pages of crawls, see
benchmarks.extraction_pages) by the procedure that made the shipped weights, and extracts the pages of the fold, which
no weight has seen. The measure is that of scrapinghub's article-extraction-benchmark (benchmarks/shingles.py).
`shipped` is the model that users run: it has learned from these very pages.

Cost: some five minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.extraction_pages import AnnotatedPage, label_annotated, read_annotated, read_crawls
from benchmarks.extraction_training import MAX_DEPTH, MAX_NODES, split_by_host, train
from benchmarks.shingles import bootstrap_interval, score_page, total_scores, words_of
from stages.extraction.extractor import BlockExtractor
from stages.extraction.model import Model, shipped_model
from stages.extraction.page_reader import PageReader

_FOLDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.extraction_quality", description="F1 of extracted texts.")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="annotated pages, JSON Lines (.zst)")
    parser.add_argument("--crawls", type=Path, required=True, help="folder of WARC files to learn from besides")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pages = read_annotated(options.path)
    texts = {
        "ours": _cross_validated(pages, options.crawls),
        "shipped": _texts_of(pages, shipped_model()),
        "resiliparse": [_resiliparse(page) for page in pages],
        "trafilatura": [_trafilatura(page) for page in pages],
    }
    report = {"name": "extraction_quality", "pages": len(pages), "folds": _FOLDS}
    report |= {side: _measured(pages, found) for side, found in texts.items()}
    if options.json:
        print(json.dumps(report))
        return
    for side in texts:
        line: dict[str, Any] = report[side]  # type: ignore[assignment]
        low, high = line["interval"]
        print(
            f"{side:12} F1 {line['f1']:.4f} ({low:.4f} to {high:.4f})   precision {line['precision']:.4f}   "
            f"recall {line['recall']:.4f}   mean of pages' F1 {line['mean_page_f1']:.4f}"
        )


def _measured(pages: list[AnnotatedPage], texts: list[str]) -> dict[str, Any]:
    scores = [score_page(words_of(text), words_of(page.body)) for page, text in zip(pages, texts, strict=True)]
    found = {name: round(value, 4) for name, value in total_scores(scores)._asdict().items()}
    return {**found, "interval": [round(bound, 4) for bound in bootstrap_interval(scores)]}


def _cross_validated(pages: list[AnnotatedPage], crawls: Path) -> list[str]:
    reader = PageReader(MAX_DEPTH, MAX_NODES)
    labelled = [label_annotated(page, reader) for page in pages]
    crawled = list(read_crawls(crawls, reader))
    folds = split_by_host(labelled, _FOLDS, "outer")
    texts = [""] * len(pages)
    for fold in range(_FOLDS):
        model = train([labelled[index] for index in np.flatnonzero(folds != fold)], crawled, reader)
        held_out = np.flatnonzero(folds == fold)
        for index, text in zip(held_out, _texts_of([pages[i] for i in held_out], model), strict=True):
            texts[index] = text
    return texts


def _texts_of(pages: list[AnnotatedPage], model: Model) -> list[str]:
    extractor = BlockExtractor(model, markdown=False, max_depth=MAX_DEPTH, max_nodes=MAX_NODES)
    return [extractor.text_of(page.html)[0] for page in pages]


def _resiliparse(page: AnnotatedPage) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    html = page.html.decode()
    return extract_plain_text(html, main_content=True, alt_texts=False, list_bullets=False, comments=False)


def _trafilatura(page: AnnotatedPage) -> str:
    import trafilatura

    found = trafilatura.extract(page.html.decode(), favor_precision=True, include_comments=False)
    return found or ""


if __name__ == "__main__":
    main()
