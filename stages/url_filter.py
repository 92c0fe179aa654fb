"""Drop documents whose URL is on a list: a domain with all its hosts, one host, or a word in the path.

Lists are text files (plain or .gz), one entry a line; '#' begins a comment. Hosts are compared in lower
case and in ASCII (IDNA), so "BÜCHER.example." and "xn--bcher-kva.example" are one. Cost: about 5
microseconds a URL, whatever the length of the lists.
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, model_validator

from stages.base import Filter, Rule, StageError

if TYPE_CHECKING:
    import pyarrow as pa

_LISTS = {
    "block_domains": ("blocked_domain", "url_blocked_domain"),
    "block_hosts": ("blocked_host", "url_blocked_host"),
    "block_path_words": ("blocked_path_word", "url_blocked_path_word"),
}
_BETWEEN_WORDS = re.compile(r"[\W_]+")


class UrlFilter(Filter):
    """Drop documents by lists of domains, hosts and path words; one without URL is kept, and counted."""

    name: ClassVar[str] = "url_filter"
    needs: ClassVar[tuple[str, ...]] = ("url",)
    measurements: ClassVar[dict[str, str]] = {
        "url_blocked_domain": "entry of block_domains that the host is or lies below; '' if none",
        "url_blocked_host": "entry of block_hosts that the host is; '' if none",
        "url_blocked_path_word": "first word of path and query that is in block_path_words; '' if none",
    }

    block_domains: tuple[Path, ...] = Field(
        (), description="Files of domains: a domain blocks its own host and all hosts below it."
    )
    block_hosts: tuple[Path, ...] = Field((), description="Files of hosts: each blocks exactly that host.")
    block_path_words: tuple[Path, ...] = Field(
        (), description="Files of words: each blocks URLs with that word in path or query, case ignored."
    )

    @model_validator(mode="after")
    def _has_a_list(self) -> Self:
        if not any(getattr(self, field) for field in _LISTS):
            raise ValueError(f"name at least one list: {', '.join(_LISTS)}")
        return self

    def assets(self) -> dict[str, Path]:
        return {
            f"{field}/{position}": _existing(path, field)
            for field in _LISTS
            for position, path in enumerate(getattr(self, field))
        }

    def rules(self) -> list[Rule]:
        return [Rule(rule, f"{column} <> ''") for field, (rule, column) in _LISTS.items() if getattr(self, field)]

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add a string column for each list that is set; needs `url`; null where the URL is null."""
        import pyarrow as pa

        from stages.frames import needed_column, with_column

        urls = needed_column(batch, self.name, "url", "the source before it gives none")
        domains = _entries(self.block_domains, "block_domains")
        hosts = _entries(self.block_hosts, "block_hosts")
        words = _entries(self.block_path_words, "block_path_words")
        found: dict[str, list[str | None]] = {field: [] for field in _LISTS}
        for url in urls.to_pylist():
            if url is None:
                for column in found.values():
                    column.append(None)
                continue
            host, path = split_url(url)
            found["block_domains"].append(next((part for part in _parents(host) if part in domains), ""))
            found["block_hosts"].append(host if host in hosts else "")
            met = _BETWEEN_WORDS.split(path) if words else ()
            found["block_path_words"].append(next((word for word in met if word in words), ""))
        for field, (_, name) in _LISTS.items():
            if getattr(self, field):
                batch = with_column(batch, name, pa.array(found[field], pa.string()))
        return batch


def split_url(url: str) -> tuple[str, str]:
    """Host (lower-case ASCII, no port) and path with query (unquoted, case-folded); '' where absent."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host = parts.hostname or ""
    except ValueError:  # brackets that are no IPv6 address
        return "", ""
    return ascii_host(host), unquote(f"{parts.path}?{parts.query}").casefold()


def ascii_host(host: str) -> str:
    """A host or domain in lower case, ASCII (IDNA) and without a final dot."""
    host = host.strip().rstrip(".").lower()
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:  # labels that IDNA forbids
        return host


def _parents(host: str) -> list[str]:
    """The host and every domain above it, longest first."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


@cache
def _entries(paths: tuple[Path, ...], field: str) -> frozenset[str]:
    normal = str.casefold if field == "block_path_words" else _domain
    entries = set()
    for path in paths:
        for line in _read(_existing(path, field), field).splitlines():
            entry = normal(line.partition("#")[0].strip())
            if entry:
                entries.add(entry)
    return frozenset(entries)


def _domain(entry: str) -> str:
    return ascii_host(entry.removeprefix("*.").removeprefix("."))


def _existing(path: Path, field: str) -> Path:
    if not path.is_file():
        raise StageError(f"{path}, named by {field} of stage 'url_filter', does not exist")
    return path


def _read(path: Path, field: str) -> str:
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise StageError(f"{path}, named by {field}, is not a list in UTF-8 text: {error}") from error
