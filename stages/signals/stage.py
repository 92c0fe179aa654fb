"""The stage `page_signals`: what a page and its HTTP headers say of its use, as columns to decide by.

It reads what a record holds, not robots.txt, which is another record (and which the crawler has obeyed or not).
Cost: about 50 microseconds a page of 20 kB, 300 MB/s of one core (Zen 5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from stages.base import Filter, Rule
from stages.signals.licences import creative_commons
from stages.signals.page import TEXT_LIMIT, PageReader, Said
from stages.signals.robots import FLAGS, flags

if TYPE_CHECKING:
    import pyarrow

_MEND = "put it between a source of pages such as warc and extract_text, which takes the pages away"


class PageSignals(Filter):
    """Measure what pages and their headers say to robots, on text mining and of their licence."""

    name: ClassVar[str] = "page_signals"
    needs: ClassVar[tuple[str, ...]] = ("html",)
    measurements: ClassVar[dict[str, str]] = {
        "robots": "All directives of X-Robots-Tag and <meta name=robots>, crawlers' own as `name: directive`; or null.",
        "robots_noindex": "1 where noindex or none is said to all crawlers or to `agents`, else 0.",
        "robots_nofollow": "1 where nofollow or none is.",
        "robots_noarchive": "1 where noarchive or nocache is.",
        "robots_nosnippet": "1 where nosnippet is.",
        "robots_noai": "1 where noai is.",
        "robots_noimageai": "1 where noimageai is.",
        "tdm_reservation": "TDM reservation protocol: 1 where header or <meta> reserve text mining, 0 if not; or null.",
        "tdm_policy": "URL of the TDM policy, or null.",
        "license": "Creative Commons licence that license_url names, as cc-by-sa-4.0 or cc0-1.0; or null.",
        "license_url": "First target of relation license: Link header, <link>, <a>, Dublin Core <meta>; or null.",
        "license_mentions": "Creative Commons licences linked anywhere, blanks between; they may be other works'.",
        "rights": "Text of the first <meta> dc.rights, dcterms.rights or copyright, up to 1,000 characters; or null.",
    }

    agents: tuple[str, ...] = Field(
        default=(), description="crawlers whose own directives count like those to all, as GPTBot or CCBot"
    )
    drop: tuple[Literal["noindex", "nofollow", "noarchive", "nosnippet", "noai", "noimageai", "tdm"], ...] = Field(
        default=(), description="drop pages that say these, by rules of their columns' names"
    )

    def rules(self) -> list[Rule]:
        columns = ["tdm_reservation" if said == "tdm" else f"robots_{said}" for said in self.drop]
        return [Rule(column, f"{column} = 1") for column in columns]

    def __call__(self, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        """Adds the measurements; `http_signals` is read where a source gives it."""
        import pyarrow as pa

        from stages.frames import needed_column, with_column

        pages = needed_column(batch, self.name, "html", _MEND)
        nothing = pa.nulls(batch.num_rows, pa.string())
        headers, labels = (
            batch.column(name) if name in batch.schema.names else nothing for name in ("http_signals", "charset")
        )
        reader = PageReader(self._agents)
        rows = [
            self._columns(reader.said(page.as_py() or b"", header.as_py() or "", label.as_py()))
            for page, header, label in zip(pages, headers, labels, strict=True)
        ]
        for name in self.measurements:
            kind = pa.int64() if name in FLAGS or name == "tdm_reservation" else pa.string()
            batch = with_column(batch, name, pa.array([row[name] for row in rows], kind))
        return batch

    @property
    def _agents(self) -> frozenset[str]:
        return frozenset(agent.lower() for agent in self.agents)

    def _columns(self, said: Said) -> dict[str, int | str | None]:
        return {
            "robots": ", ".join(dict.fromkeys(map(str, said.directives)))[:TEXT_LIMIT] or None,
            **flags(said.directives, self._agents),
            "tdm_reservation": said.reservation,
            "tdm_policy": said.policy,
            "license": creative_commons(said.licence_url.encode()) if said.licence_url else None,
            "license_url": said.licence_url,
            "license_mentions": " ".join(said.mentions)[:TEXT_LIMIT] or None,
            "rights": said.rights,
        }
