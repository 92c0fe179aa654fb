"""Drop documents whose URL is on a list: domains, hosts, whole URLs, or words and parts of words in it.

Lists are files of yours or public ones (stages/url/lists.py). Three definitions of what an entry blocks:

    corpusmill      a domain blocks itself and every host below it; a URL is compared without scheme, "www." and final
                    slash, "%C3%A9" being "é"; words and substrings ignore case
    datatrove-0.10  URLFilter of datatrove 0.10: the registered domain or the exact host is on the list of domains;
                    the URL as it is written is on the list of URLs (which has no schemes, so that datatrove's own
                    list never matches); words are those of the URL in its own case, against a list in lower case
    refinedweb      as DCLM's RefinedWeb recipe: the host, with or without "www.", is on the list; substrings are
                    sought with '-' and '.' deleted from the URL; words ignore case

Cost: about 10 microseconds a URL, 33 with all of datatrove's lists, whatever the length of the lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stages.base import Filter, Rule, StageError
from stages.kept_files import kept_while_files_stay
from stages.url.address import as_registered, ascii_host, parents, split_url, with_one_escaping, without_scheme

if TYPE_CHECKING:
    import pyarrow as pa

    from stages.url.lists import HashedSet, ListFile

Profile = Literal["corpusmill", "datatrove-0.10", "refinedweb"]

#: Kind of list -> rule, in the order in which they are judged.
_RULES: dict[Profile, dict[str, str]] = {
    "corpusmill": {
        "domains": "blocked_domain",
        "hosts": "blocked_host",
        "urls": "blocked_url",
        "words": "blocked_word",
        "soft_words": "soft_words",
        "substrings": "blocked_substring",
        "path_words": "blocked_path_word",
    },
    "datatrove-0.10": {
        "domains": "domain",
        "hosts": "subdomain",
        "urls": "url",
        "words": "hard_blacklisted",
        "soft_words": "soft_blacklisted",
        "substrings": "blacklisted_subword",
    },
    "refinedweb": {
        "domains": "banned_domain",
        "urls": "banned_url",
        "substrings": "strict_word",
        "words": "hard_word",
        "soft_words": "soft_words",
    },
}
_COLUMNS = {
    "domains": "url_blocked_domain",
    "hosts": "url_blocked_host",
    "urls": "url_blocked_url",
    "words": "url_blocked_word",
    "soft_words": "url_soft_words",
    "substrings": "url_blocked_substring",
    "path_words": "url_blocked_path_word",
}
_NOT_ALPHANUMERIC = re.compile(r"[^a-zA-Z0-9]+")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


class UrlFilter(Filter):
    """Drop documents by lists of domains, hosts, URLs and words; one without URL is kept, and counted."""

    name: ClassVar[str] = "url_filter"
    version: ClassVar[int] = 3
    libraries: ClassVar[tuple[str, ...]] = ("tldextract",)
    needs: ClassVar[tuple[str, ...]] = ("url",)
    measurements: ClassVar[dict[str, str]] = {
        "url_blocked_domain": "entry of the lists of domains that the host is or lies below; '' if none",
        "url_blocked_host": "entry of the lists of hosts that the host is; '' if none",
        "url_blocked_url": "the URL, as compared, if it is on a list of URLs; '' if not",
        "url_blocked_word": "first word of the URL that is on a list of words; '' if none",
        "url_soft_words": "how many different words of the URL are on a list of soft words",
        "url_blocked_substring": "first entry of the lists of substrings that the URL contains; '' if none",
        "url_blocked_path_word": "first word of path and query that is on a list of path words; '' if none",
    }

    profile: Profile = Field("corpusmill", description="Whose definition of what an entry blocks.")
    ut1: Path | None = Field(None, description="Folder of UT1's lists: a folder a category with `domains` and `urls`.")
    ut1_categories: tuple[str, ...] = Field(("adult",), description="Categories of ut1 to block.")
    datatrove: Path | None = Field(None, description="Folder of datatrove's lists, such as its package's `assets`.")
    block_domains: tuple[Path, ...] = Field(
        (), description="Files of domains: a domain blocks its own host and all hosts below it."
    )
    block_hosts: tuple[Path, ...] = Field((), description="Files of hosts: each blocks exactly that host.")
    block_urls: tuple[Path, ...] = Field((), description="Files of URLs: each blocks exactly that page.")
    block_words: tuple[Path, ...] = Field((), description="Files of words: each blocks URLs that have it as a word.")
    soft_words: tuple[Path, ...] = Field((), description="Files of words that block a URL which has several of them.")
    soft_word_threshold: int = Field(2, ge=1, description="So many different soft words block a URL.")
    block_substrings: tuple[Path, ...] = Field(
        (), description="Files of strings: each blocks URLs that contain it between whatever marks."
    )
    block_path_words: tuple[Path, ...] = Field(
        (), description="Files of words: each blocks URLs with that word in path or query, case ignored."
    )

    @model_validator(mode="after")
    def _lists_fit(self) -> Self:
        if not (self.ut1 or self.datatrove or any(self._own(kind) for kind in _COLUMNS)):
            own = ", ".join(_field(kind) for kind in _COLUMNS)
            raise ValueError(f"name at least one list: ut1, datatrove, {own}")
        for kind in _COLUMNS:
            if self._own(kind) and (kind not in _RULES[self.profile] or (kind == "hosts" and self._hosts_by_domains())):
                raise ValueError(
                    f"profile {self.profile} knows no {_field(kind)}; leave it out or take another profile"
                )
        return self

    def assets(self) -> dict[str, Path]:
        """The files of the lists. StageError names one that does not exist, and entries of yours that are no hosts."""
        for kind in ("domains", "hosts"):
            if self._own(kind):
                _host_set(self._files(kind))
        return {
            f"{_field(kind)}/{position}": file.path
            for kind in _COLUMNS
            for position, file in enumerate(self._files(kind))
        }

    def rules(self) -> list[Rule]:
        rules = []
        for kind, rule in _RULES[self.profile].items():
            if self._files("domains" if kind == "hosts" and self._hosts_by_domains() else kind):
                test = f">= {self.soft_word_threshold}" if kind == "soft_words" else "<> ''"
                rules.append(Rule(rule, f"{_COLUMNS[kind]} {test}"))
        return rules

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add a column for each kind of list that is set; needs `url`; null where the URL is null."""
        import pyarrow as pa

        from stages.frames import needed_column, with_column

        urls = needed_column(batch, self.name, "url", "the source before it gives none").to_pylist()
        present = [row for row, url in enumerate(urls) if url is not None]
        found = self._find([urls[row] for row in present])
        for kind, column in _COLUMNS.items():
            if kind in found:
                values: list[str | int | None] = [None] * len(urls)
                for row, value in zip(present, found[kind], strict=True):
                    values[row] = value
                batch = with_column(
                    batch, column, pa.array(values, pa.int64() if kind == "soft_words" else pa.string())
                )
        return batch

    def _find(self, urls: list[str]) -> dict[str, Sequence[str | int]]:
        """For each kind of list that is set, what was found in each URL."""
        found: dict[str, Sequence[str | int]] = {}
        if files := self._files("domains"):
            entries = _host_set(files)
            if self._hosts_by_domains():
                parts = [as_registered(url) for url in urls]
                found["domains"] = _first_on_list(entries, [[domain] for domain, _ in parts])
                found["hosts"] = _first_on_list(entries, [[host] for _, host in parts])
            else:
                found["domains"] = _first_on_list(entries, [self._domains_of(url) for url in urls])
        if files := self._files("hosts"):
            found["hosts"] = _first_on_list(_host_set(files), [[split_url(url)[0]] for url in urls])
        if files := self._files("urls"):
            form = _as_written if self.profile == "datatrove-0.10" else bare_url
            found["urls"] = _first_on_list(_url_set(files, self.profile), [[form(url)] for url in urls])
        for kind in ("words", "soft_words"):
            if files := self._files(kind):
                words = _word_set(files)
                met = [[word for word in self._words_of(url) if word in words] for url in urls]
                found[kind] = (
                    [len(one) for one in met] if kind == "soft_words" else [next(iter(one), "") for one in met]
                )
        if files := self._files("substrings"):
            pattern = _substrings(files, self.profile)
            searched = (_searched(url, self.profile) for url in urls)
            found["substrings"] = [match[0] if (match := pattern.search(url)) else "" for url in searched]
        if files := self._files("path_words"):
            words = _path_word_set(files)
            met = [_BETWEEN_WORDS.split(split_url(url)[1]) for url in urls]
            found["path_words"] = [next((word for word in one if word in words), "") for one in met]
        return found

    def _domains_of(self, url: str) -> list[str]:
        host = split_url(url)[0]
        return parents(host) if self.profile == "corpusmill" else [host, host.removeprefix("www.")]

    def _words_of(self, url: str) -> list[str]:
        return list(dict.fromkeys(_NOT_ALPHANUMERIC.split(url if self.profile == "datatrove-0.10" else url.lower())))

    def _hosts_by_domains(self) -> bool:
        """Whether hosts are compared with the lists of domains, as datatrove does."""
        return self.profile == "datatrove-0.10"

    def _own(self, kind: str) -> tuple[Path, ...]:
        given: tuple[Path, ...] = getattr(self, _field(kind))
        return given

    def _files(self, kind: str) -> tuple[ListFile, ...]:
        """The list files of a kind, own and public ones; StageError names one that does not exist."""
        from stages.url.lists import DATATROVE_FILES, ListFile, datatrove_files, ut1_files

        files = [ListFile(_existing(path, _field(kind))) for path in self._own(kind)]
        if self.ut1 and kind in ("domains", "urls"):
            files += ut1_files(_existing(self.ut1, "ut1", folder=True), self.ut1_categories, kind)
        if self.datatrove and kind in DATATROVE_FILES:
            files += datatrove_files(_existing(self.datatrove, "datatrove", folder=True), kind)
        return tuple(files)


def bare_url(url: str) -> str:
    """A URL without scheme, "www.", fragment and final slash, its host in lower case: what UT1's lists hold.

    Its escapes are those of stages/url/address.py.
    """
    host, slash, path = without_scheme(url.strip().partition("#")[0]).partition("/")
    return f"{ascii_host(host).removeprefix('www.')}{slash}{with_one_escaping(path)}".rstrip("/")


def _as_written(url: str) -> str:
    return url


def _alphanumeric(text: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", text).lower()


def _searched(text: str, profile: Profile) -> str:
    """The form of URLs and entries in which substrings are sought."""
    return text.lower().replace("-", "").replace(".", "") if profile == "refinedweb" else _alphanumeric(text)


def _field(kind: str) -> str:
    return kind if kind == "soft_words" else f"block_{kind}"


def _first_on_list(entries: HashedSet, candidates: list[list[str]]) -> list[str]:
    """The first of each row's candidates that is on the list, '' where none is."""
    flat = [candidate for row in candidates for candidate in row]
    hits = iter(entries.contains(flat).tolist())
    firsts = []
    for row in candidates:
        met = [candidate for candidate in row if next(hits) and candidate]
        firsts.append(met[0] if met else "")
    return firsts


@kept_while_files_stay()
def _host_set(files: tuple[ListFile, ...]) -> HashedSet:
    from stages.url.lists import HashedSet, read_hosts

    return HashedSet(block for file in files for block in read_hosts(file))


@kept_while_files_stay()
def _url_set(files: tuple[ListFile, ...], profile: Profile) -> HashedSet:
    import polars as pl

    from stages.url.lists import HashedSet, read_entries, read_lines

    read: Callable[[ListFile], list[str]] = (
        read_lines if profile == "datatrove-0.10" else lambda file: read_entries(file, bare_url)
    )
    return HashedSet([pl.Series(read(file), dtype=pl.String) for file in files])


@kept_while_files_stay()
def _word_set(files: tuple[ListFile, ...]) -> frozenset[str]:
    from stages.url.lists import read_entries

    return frozenset(entry for file in files for entry in read_entries(file, _alphanumeric))


@kept_while_files_stay()
def _path_word_set(files: tuple[ListFile, ...]) -> frozenset[str]:
    from stages.url.lists import read_entries

    return frozenset(entry for file in files for entry in read_entries(file, str.casefold))


@kept_while_files_stay()
def _substrings(files: tuple[ListFile, ...], profile: Profile) -> re.Pattern[str]:
    from stages.url.lists import read_entries

    entries = sorted({entry for file in files for entry in read_entries(file, lambda text: _searched(text, profile))})
    return re.compile("|".join(map(re.escape, entries)) or r"(?!)")


def _existing(path: Path, field: str, folder: bool = False) -> Path:
    if not (path.is_dir() if folder else path.is_file()):
        kind = "folder" if folder else "file"
        raise StageError(f"{path}, named by {field} of stage 'url_filter', is no {kind}")
    return path
