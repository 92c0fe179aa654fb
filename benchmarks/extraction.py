"""Pages to text, one thread: our extract_text and others'; or the reading of WARC files before it.

    python -m benchmarks.extraction --in crawl.warc.gz [--pages 200] [--runs 5] [--json]
    python -m benchmarks.extraction --in annotated.jsonl.zst [--runs 5] [--json]
    python -m benchmarks.extraction --in crawl.warc.gz --read [--runs 5] [--json]

Text is measured from decoded HTTP bodies in memory to main content, over the first `--pages` pages of the
file, decoding of characters included; our side makes Arrow batches besides. Annotated pages (JSON Lines with `html`)
are those that benchmarks.extraction_quality measures the precision of. `--read` measures a whole file
from disk to decoded bodies; FastWARC parses, decodes and drops each response, ours also makes Arrow
batches of them.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.paired import compare, measure, show

Page = tuple[bytes, str | None]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.extraction", description="Pages to text, documents a second.")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="a WARC file, or .jsonl.zst of pages")
    parser.add_argument("--pages", type=int, default=200, help="pages to use (not with --read)")
    parser.add_argument("--read", action="store_true", help="measure reading instead of extraction")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=[*EXTRACTORS, *READERS], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side in READERS:
        documents, size = _read_ours(options.path)
        measure(lambda: READERS[options.side](options.path), documents, size)
        return
    if options.side:
        pages: list[Page] = pickle.loads(options.path.read_bytes())
        work = EXTRACTORS[options.side](pages)
        measure(work, len(pages), sum(len(html) for html, _ in pages))
        return
    if not options.path.is_file():
        parser.error(f"--in {options.path}: no such file")
    with tempfile.TemporaryDirectory() as folder:
        given, sides = options.path, list(READERS)
        if not options.read:
            given, sides = Path(folder) / "pages", list(EXTRACTORS)
            given.write_bytes(pickle.dumps(_first_pages(options.path, options.pages)))
        ours, *peers = ([sys.executable, "-m", "benchmarks.extraction", "--in", str(given), "--side", s] for s in sides)
        show(compare("extraction", ours, dict(zip(sides[1:], peers, strict=True)), options.runs), options.json)


def _first_pages(path: Path, count: int) -> list[Page]:
    if path.name.endswith((".jsonl", ".jsonl.zst")):
        from benchmarks.extraction_pages import read_annotated

        return [(page.html, "utf-8") for page in read_annotated(path)[:count]]
    from stages.base import Split
    from stages.warc.source import WarcSource

    pages: list[Page] = []
    for batch in WarcSource().read(Split(path.name, 0, path.stat().st_size, 0), path, 1 << 20):
        columns = (batch.documents.column(name).to_pylist() for name in ("html", "charset"))
        pages += zip(*columns, strict=True)
        if len(pages) >= count:
            break
    return pages[:count]


def _ours(pages: list[Page]) -> Callable[[], object]:
    import pyarrow as pa

    from stages.extract_text import ExtractText

    stage = ExtractText()
    html = pa.array([html for html, _ in pages], pa.large_binary())
    charset = pa.array([label for _, label in pages], pa.string())
    batch = pa.RecordBatch.from_arrays([html, charset], names=["html", "charset"])
    stage(batch.slice(0, 3))
    return lambda: stage(batch)


def _resiliparse(pages: list[Page]) -> Callable[[], object]:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    def text_of(html: bytes, label: str | None) -> str:
        page = bytes_to_str(html, label or detect_encoding(html, from_html_meta=True) or "utf-8")
        return extract_plain_text(page, main_content=True, alt_texts=False, list_bullets=False, comments=False)

    return lambda: [text_of(html, label) for html, label in pages]


def _trafilatura(pages: list[Page]) -> Callable[[], object]:
    import trafilatura

    return lambda: [trafilatura.extract(html, favor_precision=True, include_comments=False) for html, _ in pages]


def _justext(pages: list[Page]) -> Callable[[], object]:
    import justext

    def text_of(html: bytes, label: str | None) -> str:
        paragraphs = justext.justext(html, justext.get_stoplist("English"), encoding=label)
        return "\n".join(paragraph.text for paragraph in paragraphs if not paragraph.is_boilerplate)

    return lambda: [text_of(html, label) for html, label in pages]


def _read_ours(path: Path) -> tuple[int, int]:
    from stages.base import Split
    from stages.warc.source import WarcSource

    documents = size = 0
    for batch in WarcSource().read(Split(path.name, 0, path.stat().st_size, 0), path, 64 << 20):
        documents += batch.documents.num_rows + batch.rejects.num_rows
        size += batch.documents.column("html").nbytes
    return documents, size


def _read_fastwarc(path: Path) -> tuple[int, int]:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    documents = size = 0
    for record in ArchiveIterator(str(path), record_types=WarcRecordType.response, auto_decode="all"):
        documents += 1
        size += len(record.reader.read())
    return documents, size


EXTRACTORS: dict[str, Callable[[list[Page]], Callable[[], object]]] = {
    "ours": _ours,
    "resiliparse": _resiliparse,
    "trafilatura": _trafilatura,
    "justext": _justext,
}
READERS: dict[str, Callable[[Path], tuple[int, int]]] = {"read": _read_ours, "fastwarc": _read_fastwarc}


if __name__ == "__main__":
    main()
