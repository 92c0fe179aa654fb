"""datatrove's side of benchmarks/curate.py, run by the peers' interpreter: WARC to filtered, signed documents.

    .venv-peers/bin/python -m benchmarks.datatrove_pipeline --in crawl.warc.gz --model lid.176.ftz

The blocks of datatrove's example examples/fineweb.py in its order, on one core: WarcReader, Trafilatura
(in a child process with its time limit, as datatrove runs it), then every filter asked of every document whatever
the others said, and MinHash signatures written. Prints documents (those that came out of Trafilatura), bytes of
their HTML, seconds, and with `--list` the record ids of the documents instead.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from datatrove.pipeline.readers import WarcReader


def main() -> None:
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(prog="benchmarks.datatrove_pipeline")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="a WARC file")
    parser.add_argument("--model", type=Path, help="fastText's language model")
    parser.add_argument("--list", action="store_true", help="print the record ids of the documents")
    options = parser.parse_args()
    pages = Pages(options.path)
    if options.list:
        print(json.dumps([document.id for document in extracted(pages)]))
        return
    filters = quality_filters(options.model)
    for block in filters:  # loads the tokenizer and the model
        block.filter(Document(text="A few words. And a few more.", id="0"))
    with tempfile.TemporaryDirectory() as folder:
        sign = MinhashDedupSignature(folder)
        started = time.perf_counter()
        documents = asked(extracted(pages), filters)
        for _ in sign.run(documents, rank=0, world_size=1) or ():
            pass
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    result = {"documents": pages.documents, "bytes": pages.bytes, "seconds": seconds, "peak_mb": peak / 1e6}
    print(json.dumps(result))


class Pages:
    """What the reader delivers, counted."""

    def __init__(self, path: Path) -> None:
        self.documents = self.bytes = 0
        self._reader = WarcReader(str(path.parent), glob_pattern=path.name)

    def __iter__(self) -> Iterator[Document]:
        for document in self._reader.run(rank=0, world_size=1):
            self.documents += 1
            self.bytes += len(document.text.encode())
            yield document


def extracted(pages: Pages) -> Iterator[Document]:
    """Documents with a text."""
    return Trafilatura(favour_precision=True).run(iter(pages))


def quality_filters(model: Path) -> list[Any]:
    """The filters of the example, the language model being a local file."""
    language = LanguageFilter(languages=["en"])
    language.model.MODEL_URL = str(model)
    return [
        language,
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
    ]


def asked(documents: Iterator[Document], filters: list[Any]) -> Iterator[Document]:
    """Every document, after every filter has judged it."""
    for document in documents:
        for block in filters:
            if document.text:
                block.filter(document)
        if document.text:
            yield document


if __name__ == "__main__":
    main()
