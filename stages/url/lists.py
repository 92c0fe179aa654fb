"""Block lists: files of domains, URLs and words, in the forms in which they are published.

A file is plain text or .gz in UTF-8, one entry a line; '#' begins a comment, and lines of a hosts file
("0.0.0.0 bad.example") count by their last word. UT1 (the blacklists of the University of Toulouse) is a folder
with a folder a category, each with files `domains` and `urls`; datatrove's is a folder with the files `domains`,
`urls`, `banned_words.txt`, `soft_banned_words.txt` and `banned_subwords.txt`, or the package's `assets`, where
the first two lie in a tar file.

Large sets are kept as sorted 64-bit hashes: 8 bytes an entry, 4.6 million adult domains in 37 MB a worker, and a
chance of about 10^-12 a lookup to be blocked wrongly.
"""

from __future__ import annotations

import gzip
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from stages.base import StageError
from stages.url.address import ascii_host, without_scheme

#: Files of datatrove's lists, by the kind of entry.
DATATROVE_FILES = {
    "domains": "domains",
    "urls": "urls",
    "words": "banned_words.txt",
    "soft_words": "soft_banned_words.txt",
    "substrings": "banned_subwords.txt",
}
_SEED = 7
_BLOCK = 8 << 20
_IN_NO_HOST = re.compile(r"[/?#@|^,;*\\]")
_COMMENT = re.compile(r"(^|\s)#.*")


class HashedSet:
    """A set of strings that answers for whole columns."""

    def __init__(self, entries: Iterable[pl.Series]) -> None:
        hashes = [_hashes(part) for part in entries]
        self._hashes = np.sort(np.concatenate(hashes)) if hashes else np.empty(0, np.uint64)

    def contains(self, values: Sequence[str]) -> np.ndarray:
        """bool, one a value."""
        if not len(self._hashes) or not len(values):
            return np.zeros(len(values), dtype=bool)
        sought = _hashes(pl.Series(values, dtype=pl.String))
        places = np.searchsorted(self._hashes, sought)
        return np.asarray(self._hashes[np.minimum(places, len(self._hashes) - 1)] == sought)


def _hashes(values: pl.Series) -> np.ndarray:
    return values.hash(_SEED).to_numpy()


class ListFile(NamedTuple):
    """A list: a file, or a member of a tar file; a published one is not the user's to correct."""

    path: Path
    member: str | None = None
    published: bool = False

    def text(self) -> str:
        """StageError names a file that cannot be read or is not text."""
        try:
            if self.member is None:
                data = self.path.read_bytes()
                data = gzip.decompress(data) if self.path.suffix == ".gz" else data
            else:
                with tarfile.open(self.path) as archive:
                    file = archive.extractfile(self.member)
                    data = file.read() if file else b""
            return data.decode().replace("\r\n", "\n")
        except (OSError, EOFError, KeyError, tarfile.TarError, UnicodeDecodeError) as error:
            raise StageError(f"{self.path} is not a list in UTF-8 text: {' '.join(str(error).split())}") from error


def read_hosts(file: ListFile) -> Iterator[pl.Series]:
    """Hosts or domains as stages/url/address.py writes them, some hundred thousand at a time.

    StageError names an entry that is none, for it would block nothing; in a published list it is passed over.
    """
    text = file.text()
    start = 0
    while start < len(text):
        end = text.find("\n", start + _BLOCK)
        end = len(text) if end < 0 else end
        lines = pl.Series([text[start:end]], dtype=pl.String).str.split("\n").explode()  # no Python string a line
        plain = lines.str.contains(r"^[a-z0-9][a-z0-9._\-]*[a-z0-9]$")
        hosts = (_host(entry, file) for entry in map(_entry, lines.filter(~plain)) if entry)
        others = [ascii_host(host) for host in hosts if host]
        yield pl.concat([lines.filter(plain), pl.Series(others, dtype=pl.String)])
        start = end + 1


def read_entries(file: ListFile, normal: Callable[[str], str]) -> list[str]:
    """The entries, each through `normal`; empty ones are left out."""
    return [entry for entry in map(normal, map(_entry, file.text().split("\n"))) if entry]


def read_lines(file: ListFile) -> list[str]:
    """The lines as they are, but those that begin with '#': how datatrove reads its lists."""
    return [line.strip() for line in file.text().splitlines() if line[:1] != "#"]


def ut1_files(folder: Path, categories: Sequence[str], kind: str) -> list[ListFile]:
    """The files `domains` or `urls` of the categories that have one.

    StageError names a category that is not there, or in which there is neither or nothing.
    """
    files = []
    for category in categories:
        if not (folder / category).is_dir():
            known = ", ".join(sorted(entry.name for entry in folder.iterdir() if entry.is_dir())) or "none"
            raise StageError(f"{folder} has no category '{category}'; its categories: {known}")
        names = ("domains", "domains.gz", "urls", "urls.gz")
        found = [folder / category / name for name in names if (folder / category / name).is_file()]
        if not any(path.stat().st_size for path in found):
            raise StageError(f"{folder / category} has no file `domains` or `urls` with entries; get it again")
        files += [ListFile(path, published=True) for path in found if path.name.removesuffix(".gz") == kind]
    return files


def datatrove_files(folder: Path, kind: str) -> list[ListFile]:
    """The file of this kind in datatrove's folder, itself or in the tar file; empty where there is none."""
    name = DATATROVE_FILES[kind]
    if (folder / name).is_file():
        return [ListFile(folder / name, published=True)]
    if kind in ("domains", "urls"):
        return [
            ListFile(path, name, published=True) for path in sorted(folder.glob("url_filterblacklists*.tar.gz"))[-1:]
        ]
    return []


def _entry(line: str) -> str:
    """A line without comment."""
    return _COMMENT.sub("", line).strip()


def _host(entry: str, file: ListFile) -> str:
    """The host of an entry such as "*.bad.example" or "https://bad.example/", or of a line of a hosts file, or ''."""
    host = without_scheme(entry.split()[-1]).removesuffix("/").removeprefix("*").removeprefix(".")
    if host and not _IN_NO_HOST.search(host) and host.count(":") != 1:
        return host
    if file.published:
        return ""
    raise StageError(
        f"{file.path}: '{entry}' is no host or domain; write it as bad.example, and pages into a list of URLs"
    )
