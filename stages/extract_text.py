"""The transform `extract_text`: the text of web pages, main content by default.

Pages are decoded as browsers do (stages/charset.py), checked against limits that depend on nothing but the page, and
handed to an engine:

    blocks       our own: one scan cuts the page into blocks, trees of decisions judge them (stages/extraction/);
                 a page of which they keep none, as happens with very short ones, is left to resiliparse
    resiliparse  rules for navigation, headers and footers over a parsed tree
    trafilatura  rules and fall-backs, tuned to news and blogs

A page without text gives the empty text, which is a result and not an error: the rules that follow decide about it.

Cost, on one core and pages of news of 174 kB: `blocks` 0.7 ms a page, resiliparse 1.2 ms, trafilatura 16 ms
(`python -m benchmarks.extraction`); `python -m benchmarks.extraction_quality` measures how near their texts come to
annotated ones. Resiliparse's main-content search is quadratic in the nesting depth, 9 s for 20,000 levels, so depth
is counted before it or trafilatura parses; the engine `blocks` counts while it scans.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from stages.base import Transform

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pyarrow

    #: Text of a decoded page and why there is none, given the page's bytes too where they are valid UTF-8.
    Engine = Callable[[str, bytes | None], tuple[str, str | None]]

_MEND = "put it right after a source of pages such as warc, and leave it out after jsonl and parquet, which give texts"
#: Encodings in which bytes below 128 are not always ASCII characters, so tags are only found in the text.
_NOT_ASCII = ("utf-16", "iso2022_jp")
_MARK = b"\xef\xbb\xbf"


class ExtractText(Transform):
    """Replaces the columns `html`, `content_type` and `charset` by `text`; adds `error` for failed pages."""

    name: ClassVar[str] = "extract_text"
    version: ClassVar[int] = 8
    libraries: ClassVar[tuple[str, ...]] = ("resiliparse", "trafilatura", "lxml")

    engine: Literal["blocks", "resiliparse", "trafilatura"] = Field(
        default="blocks", description="blocks is nearly as precise as trafilatura and many times as fast"
    )
    format: Literal["text", "markdown"] = Field(
        default="text", description="markdown: headings, lists, tables and code as such (engine blocks only)"
    )
    main_content: bool = Field(
        default=True, description="leave out navigation, headers, footers; false: all text (not with trafilatura)"
    )
    comments: bool = Field(
        default=False, description="treat readers' comments as main content (resiliparse and trafilatura only)"
    )
    favor_precision: bool = Field(default=True, description="less text but cleaner (trafilatura only)")
    max_depth: int = Field(default=1000, gt=0, description="pages whose elements nest deeper are quarantined")
    max_bytes: int = Field(default=20_000_000, gt=0, description="larger pages are quarantined")
    max_nodes: int = Field(
        default=200_000, gt=0, description="pages with more containers or blocks of text are quarantined (blocks only)"
    )

    @model_validator(mode="after")
    def _options_fit_engine(self) -> ExtractText:
        if self.engine == "trafilatura" and not self.main_content:
            raise ValueError("main_content: false needs engine: blocks (trafilatura has no whole-page text)")
        if self.engine != "blocks" and self.format == "markdown":
            raise ValueError(f"format: markdown needs engine: blocks, not {self.engine}")
        if self.engine == "blocks" and self.comments:
            raise ValueError("comments: true needs engine: resiliparse or trafilatura")
        return self

    def assets(self) -> dict[str, Path]:
        """The weights, so that other ones extract anew."""
        from stages.extraction.model import WEIGHTS

        return {"weights": WEIGHTS} if self.engine == "blocks" and self.main_content else {}

    def __call__(self, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        """HTML_SCHEMA in, TEXT_SCHEMA and `error` (string, null for pages that went well) out.

        Every other column is kept. Rows with an error have the empty text.
        """
        import pyarrow as pa

        from stages.documents import PAGE_COLUMNS
        from stages.frames import needed_column

        pages, charsets = (needed_column(batch, self.name, column, _MEND) for column in ("html", "charset"))
        texts: list[str] = []
        errors: list[str | None] = []
        if len(pages):
            extract = self._engine()
            depths = [0] * len(pages) if self.engine == "blocks" else _depths(pages, self.max_depth)
            for html, label, depth in zip(pages, charsets, depths, strict=True):
                text, error = self._page(html.as_py(), label.as_py(), int(depth), extract)
                texts.append(text)
                errors.append(error)
        batch = batch.drop_columns([name for name in PAGE_COLUMNS if name in batch.schema.names])
        batch = batch.append_column("text", pa.array(texts, pa.large_string()))
        return batch.append_column("error", pa.array(errors, pa.string()))

    def _page(self, html: bytes | None, label: str | None, depth: int, extract: Engine) -> tuple[str, str | None]:
        from stages.charset import decode_page

        if html is None:
            return "", "the page is null"
        if len(html) > self.max_bytes:
            return "", f"the page has {len(html)} bytes, more than max_bytes ({self.max_bytes})"
        page, encoding = decode_page(html, label)
        if self.engine != "blocks" and encoding.startswith(_NOT_ASCII):
            depth = _depth_of(page, self.max_depth)
        if depth > self.max_depth:
            return "", f"the page nests deeper than max_depth ({self.max_depth})"
        try:
            # Without a replacement character the bytes were valid, and need not be encoded again.
            valid = encoding == "utf-8" and "\ufffd" not in page
            return extract(page, html.removeprefix(_MARK) if valid else None)
        except Exception as error:  # whatever a library raises on one page must not end the others
            return "", f"{self.engine} failed: {type(error).__name__}: {error}"

    def _engine(self) -> Engine:
        if self.engine == "blocks":
            return self._blocks()
        if self.engine == "resiliparse":
            return lambda page, _: (self._resiliparse(page), None)
        import trafilatura

        def extract_precisely(page: str, _: bytes | None) -> tuple[str, None]:
            # No deduplication: trafilatura's remembers earlier pages, so results would depend on their order.
            text = trafilatura.extract(
                page, favor_precision=self.favor_precision, include_comments=self.comments, deduplicate=False
            )
            return text or "", None

        return extract_precisely

    def _blocks(self) -> Engine:
        from stages.extraction.extractor import BlockExtractor
        from stages.extraction.model import shipped_model

        model = shipped_model() if self.main_content else None
        extractor = BlockExtractor(model, self.format == "markdown", self.max_depth, self.max_nodes)

        def extract(page: str, html: bytes | None) -> tuple[str, str | None]:
            text, error = extractor.text_of(page.encode("utf-8", "replace") if html is None else html)
            # On a short page no block may look like main text; then another opinion is better than none.
            if not text and error is None and self.main_content and _depth_of(page, self.max_depth) <= self.max_depth:
                text = self._resiliparse(page)
            return text, error

        return extract

    def _resiliparse(self, page: str) -> str:
        from resiliparse.extract.html2text import extract_plain_text

        # Bullets and texts of images are no words of the page.
        text: str = extract_plain_text(
            page, main_content=self.main_content, alt_texts=False, list_bullets=False, comments=self.comments
        )
        return text


def _depths(pages: pyarrow.Array, limit: int) -> np.ndarray:
    """Nesting depth of each page (large_binary), read from the Arrow buffers."""
    import numpy as np

    from stages.html_depth_kernel import NAME_KEYS, NAME_KINDS, nesting_depths

    _, offset_buffer, data_buffer = pages.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[pages.offset : pages.offset + len(pages) + 1]
    data = np.frombuffer(data_buffer or b"", np.uint8)
    return nesting_depths(data, offsets, limit, NAME_KEYS, NAME_KINDS)


def _depth_of(page: str, limit: int) -> int:
    import pyarrow as pa

    return int(_depths(pa.array([page.encode()], pa.large_binary()), limit)[0])
