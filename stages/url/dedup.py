"""Keep one document of each URL, in its canonical form (stages.url.canonical), the newest unless told otherwise."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa
from pydantic import Field

from stages import survivor
from stages.keyed_dedup import KeyedDedup
from stages.url.canonical import canonical_url


class UrlDedup(KeyedDedup):
    """Remove documents of a URL that another document has as well, such as earlier crawls of a page."""

    name: ClassVar[str] = "url_dedup"
    version: ClassVar[int] = 2
    needs: ClassVar[tuple[str, ...]] = ("url",)
    libraries: ClassVar[tuple[str, ...]] = ("w3lib", "tldextract")
    rule: ClassVar[str] = "url_duplicate"

    keep: survivor.Preferences = Field(
        ("-date",), description="Which document of a URL stays, e.g. [-date] or [-length]; identity comes last."
    )
    canonical: bool = Field(True, description="Compare canonical forms of URLs; false: as they are written.")
    tracking: bool = Field(False, description="keep parameters that only follow a reader around, such as utm_source")

    def key(self, batch: pa.RecordBatch) -> pa.Array:
        urls = batch.column("url")
        if not self.canonical:
            return urls
        forms = [canonical_url(url, self.tracking) if url else None for url in urls.to_pylist()]
        return pa.array(forms, pa.string())
