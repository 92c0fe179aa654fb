"""Pages that the block classifier learns from: annotated ones, and pages of crawls labelled by Resiliparse.

The annotated pages are news and blogs; alone they would teach that lists, code and tables are no main text. So some
pages of crawls (documentation, manuals, many languages) are added with the blocks that Resiliparse takes for main
content, at a smaller weight; they are never evaluated on.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np

from benchmarks.shingles import score_page, shingles, words_of
from stages.extraction.features_kernel import FEATURES
from stages.extraction.page_reader import PageReader
from stages.extraction.page_table import B_END, B_START

#: Weight of a crawl's page relative to an annotated one, and how many are taken of each crawl.
CRAWL_WEIGHT, CRAWL_PAGES = 0.2, 30
#: Words of scripts without spaces are single characters, so that short blocks are found in a longer text.
_PIECE = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|[^\W_]+")


class AnnotatedPage(NamedTuple):
    url: str
    html: bytes
    body: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


class LabelledPage(NamedTuple):
    """A page for training: its bytes in UTF-8, features, words, label and weight of every block, and its group."""

    html: bytes
    features: np.ndarray
    words: list[list[str]]
    labels: np.ndarray
    weights: np.ndarray
    host: str
    body: list[str]


def read_annotated(path: Path) -> list[AnnotatedPage]:
    """JSON Lines (.zst or plain) with url, html and article_body."""
    data = path.read_bytes()
    if path.suffix == ".zst":
        import zstandard

        data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    rows = (json.loads(line) for line in data.splitlines())
    return [AnnotatedPage(row["url"], row["html"].encode("utf-8", "replace"), row["article_body"]) for row in rows]


def label_annotated(page: AnnotatedPage, reader: PageReader) -> LabelledPage:
    """Label the blocks whose union comes nearest to the annotated body, by climbing from those that match it."""
    features, texts = _read(page.html, reader)
    words, body = [words_of(text) for text in texts], words_of(page.body)
    return LabelledPage(
        page.html, features, words, _climb(words, body), _weights(words, len(body), 1.0), page.host, body
    )


def read_crawls(folder: Path, reader: PageReader) -> Iterator[LabelledPage]:
    """CRAWL_PAGES pages of every WARC file in a folder, chosen by hash, labelled by Resiliparse's main content."""
    from resiliparse.extract.html2text import extract_plain_text

    from stages.base import Split
    from stages.charset import decode_page
    from stages.warc.source import WarcSource

    for path in sorted(folder.glob("*.warc.gz")):
        pages: list[tuple[bytes, bytes, str | None]] = []
        for batch in WarcSource().read(Split(path.name, 0, path.stat().st_size, 0), path, 8 << 20):
            for row in batch.documents.select(["url", "html", "charset"]).to_pylist():
                if row["html"] and 500 < len(row["html"]) < 400_000:
                    key = hashlib.sha256(f"{row['url']}".encode()).digest()
                    pages.append((key, row["html"], row["charset"]))
        for _, html, charset in sorted(pages, key=lambda page: page[0])[:CRAWL_PAGES]:
            text = decode_page(html, charset).text
            main = extract_plain_text(text, main_content=True, alt_texts=False, list_bullets=False, comments=False)
            labelled = _label_by_text(text.encode("utf-8", "replace"), main, path.name, reader)
            if labelled.words:
                yield labelled


def _label_by_text(html: bytes, main: str, host: str, reader: PageReader) -> LabelledPage:
    features, texts = _read(html, reader)
    pieces = _PIECE.findall(main)
    known, running = shingles(pieces), f" {' '.join(pieces)} "
    labels = np.zeros(len(texts), np.bool_)
    for block, text in enumerate(texts):
        mine = _PIECE.findall(text)
        if len(mine) < 4:
            labels[block] = bool(mine) and f" {' '.join(mine)} " in running
        else:
            found = [piece in known for piece in shingles(mine)]
            labels[block] = 2 * sum(found) >= len(found)
    words = [words_of(text) for text in texts]
    size = sum(len(block) for block, kept in zip(words, labels, strict=True) if kept)
    return LabelledPage(html, features, words, labels, _weights(words, size, CRAWL_WEIGHT), host, [])


def _read(html: bytes, reader: PageReader) -> tuple[np.ndarray, list[str]]:
    reader.scan(html)
    features = np.empty((reader.blocks, len(FEATURES)), np.float32)
    reader.fill_features(features)
    ranges = reader.page.blocks[: reader.blocks, [B_START, B_END]]
    return features, [reader.page.text[start:end].tobytes().decode() for start, end in ranges]


def _weights(words: Sequence[Sequence[str]], body: int, scale: float) -> np.ndarray:
    """Blocks weigh by their words, and less on pages whose body is long: every page counts alike in the measure."""
    sizes = np.array([len(block) for block in words], float)
    return scale * 100 * (np.minimum(sizes, 400) + 1) / (max(body, 30) + sizes.sum() / 4)


def _climb(words: Sequence[list[str]], body: list[str]) -> np.ndarray:
    flat = [word for block in words for word in block]
    block_of = [index for index, block in enumerate(words) for _ in block]
    sizes = np.array([max(1, len(block)) for block in words])
    matched = np.zeros(len(words))
    for match in SequenceMatcher(None, flat, body, autojunk=False).get_matching_blocks():
        if match.size >= 3:
            np.add.at(matched, block_of[match.a : match.a + match.size], 1)
    labels = matched / sizes >= 0.5

    def quality(chosen: np.ndarray) -> float:
        return score_page([w for block, kept in zip(words, chosen, strict=True) if kept for w in block], body).f1

    best, in_body = quality(labels), set(body)
    for _ in range(2):
        before = best
        for block in np.argsort(-sizes, kind="stable"):
            kept = np.flatnonzero(labels)
            if not labels[block] and not in_body.intersection(words[block]):
                continue
            if not labels[block] and len(kept) and not kept[0] - 6 <= block <= kept[-1] + 6:
                continue
            changed = labels.copy()
            changed[block] = not changed[block]
            if quality(changed) > best + 1e-9:
                labels, best = changed, quality(changed)
        if best == before:
            break
    return labels
