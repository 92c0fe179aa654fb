"""The transform `extract_text`: the text of web pages, main content by default.

Pages are decoded as browsers do (stages/charset.py), checked against limits that depend on nothing but
the page (bytes, nesting depth), and handed to Resiliparse or trafilatura. A page without text gives the
empty text, which is a result and not an error: the rules that follow decide about it.

Cost, on one core: Resiliparse some 1,000 pages of 20 kB a second, trafilatura 30 to 60; decoding and the
depth scan together under 5 % of Resiliparse's time. Resiliparse's main-content search is quadratic in the
nesting depth: 0.03 s for a page of 1,000 levels, 9 s for 20,000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from stages.base import Transform

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pyarrow

_MEND = "put it right after a source of pages such as warc, and leave it out after jsonl and parquet, which give texts"
#: Encodings in which bytes below 128 are not always ASCII characters, so tags are only found in the text.
_NOT_ASCII = ("utf-16", "iso2022_jp")


class ExtractText(Transform):
    """Replaces the columns `html`, `content_type` and `charset` by `text`; adds `error` for failed pages."""

    name: ClassVar[str] = "extract_text"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("resiliparse", "trafilatura", "lxml")

    engine: Literal["resiliparse", "trafilatura"] = Field(
        default="resiliparse", description="trafilatura is more precise on news and blogs, and 20 to 40 times slower"
    )
    main_content: bool = Field(
        default=True, description="leave out navigation, headers, footers; false: all visible text (resiliparse only)"
    )
    alt_texts: bool = Field(default=False, description="include alternative texts of images (resiliparse only)")
    list_bullets: bool = Field(default=False, description="put a bullet before list items (resiliparse only)")
    comments: bool = Field(default=False, description="treat readers' comments as main content")
    favor_precision: bool = Field(default=True, description="less text but cleaner (trafilatura only)")
    max_depth: int = Field(default=1000, gt=0, description="pages whose elements nest deeper are quarantined")
    max_bytes: int = Field(default=20_000_000, gt=0, description="larger pages are quarantined")

    @model_validator(mode="after")
    def _options_fit_engine(self) -> ExtractText:
        if self.engine == "trafilatura" and not self.main_content:
            raise ValueError("main_content: false needs engine: resiliparse (trafilatura has no whole-page text)")
        return self

    def __call__(self, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        """HTML_SCHEMA in, TEXT_SCHEMA and `error` (string, null for pages that went well) out.

        Every other column is kept. Rows with an error have the empty text.
        """
        import pyarrow as pa

        from stages.documents import PAGE_COLUMNS
        from stages.frames import needed_column

        pages, charsets = (needed_column(batch, self.name, column, _MEND) for column in ("html", "charset"))
        extract = self._engine()
        texts: list[str] = []
        errors: list[str | None] = []
        depths = _depths(pages, self.max_depth)
        for html, label, depth in zip(pages, charsets, depths, strict=True):
            text, error = self._page(html.as_py(), label.as_py(), int(depth), extract)
            texts.append(text)
            errors.append(error)
        batch = batch.drop_columns([name for name in PAGE_COLUMNS if name in batch.schema.names])
        batch = batch.append_column("text", pa.array(texts, pa.large_string()))
        return batch.append_column("error", pa.array(errors, pa.string()))

    def _page(
        self, html: bytes | None, label: str | None, depth: int, extract: Callable[[str], str]
    ) -> tuple[str, str | None]:
        from stages.charset import decode_page

        if html is None:
            return "", "the page is null"
        if len(html) > self.max_bytes:
            return "", f"the page has {len(html)} bytes, more than max_bytes ({self.max_bytes})"
        page, encoding = decode_page(html, label)
        if encoding.startswith(_NOT_ASCII):
            depth = _depth_of(page, self.max_depth)
        if depth > self.max_depth:
            return "", f"the page nests deeper than max_depth ({self.max_depth})"
        try:
            return extract(page), None
        except Exception as error:  # whatever a library raises on one page must not end the others
            return "", f"{self.engine} failed: {type(error).__name__}: {error}"

    def _engine(self) -> Callable[[str], str]:
        if self.engine == "resiliparse":
            from resiliparse.extract.html2text import extract_plain_text

            def extract(page: str) -> str:
                return extract_plain_text(
                    page,
                    main_content=self.main_content,
                    alt_texts=self.alt_texts,
                    list_bullets=self.list_bullets,
                    comments=self.comments,
                )

            return extract
        import trafilatura

        def extract_precisely(page: str) -> str:
            # No deduplication: trafilatura's remembers earlier pages, so results would depend on their order.
            text = trafilatura.extract(
                page, favor_precision=self.favor_precision, include_comments=self.comments, deduplicate=False
            )
            return text or ""

        return extract_precisely


def _depths(pages: pyarrow.Array, limit: int) -> np.ndarray:
    """Nesting depth of each page (large_binary), read from the Arrow buffers."""
    import numpy as np

    from stages.html_depth_kernel import NAME_KEYS, NAME_KINDS, nesting_depths

    if len(pages) == 0:
        return np.zeros(0, np.int32)
    _, offset_buffer, data_buffer = pages.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[pages.offset : pages.offset + len(pages) + 1]
    data = np.frombuffer(data_buffer or b"", np.uint8)
    return nesting_depths(data, offsets, limit, NAME_KEYS, NAME_KINDS)


def _depth_of(page: str, limit: int) -> int:
    import pyarrow as pa

    return int(_depths(pa.array([page.encode()], pa.large_binary()), limit)[0])
