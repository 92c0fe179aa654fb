"""Directives to robots: the header X-Robots-Tag and `<meta name=robots>`, as Google documents them, and the
opt-outs noai and noimageai, as DeviantArt introduced them.

A header may name a crawler before a colon (`googlebot: noindex, nofollow`): what follows is for it alone, until
another is named. A `<meta>` tag is for the crawler that is its name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

#: Directives whose value stands behind a colon, and which are no crawler's name.
_WITH_VALUE = frozenset(("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"))
#: Column -> the directives that set it.
FLAGS = {
    "robots_noindex": ("noindex", "none"),
    "robots_nofollow": ("nofollow", "none"),
    "robots_noarchive": ("noarchive", "nocache"),
    "robots_nosnippet": ("nosnippet",),
    "robots_noai": ("noai",),
    "robots_noimageai": ("noimageai",),
}
#: Names of `<meta>` tags that are crawlers', besides those that a recipe names.
CRAWLERS = frozenset(
    "robots googlebot googlebot-news google-extended bingbot msnbot slurp duckduckbot baiduspider yandex applebot "
    "applebot-extended gptbot oai-searchbot chatgpt-user ccbot claudebot anthropic-ai perplexitybot bytespider "
    "amazonbot facebookbot meta-externalagent diffbot cohere-ai omgili timpibot img2dataset".split()
)


class Directive(NamedTuple):
    """One directive in lower case, for one crawler or (None) for all."""

    agent: str | None
    name: str

    def __str__(self) -> str:
        return f"{self.agent}: {self.name}" if self.agent else self.name


def header_directives(value: str) -> Iterator[Directive]:
    """What one X-Robots-Tag header says."""
    agent = None
    for part in value.lower().split(","):
        name, colon, rest = (piece.strip() for piece in part.partition(":"))
        if colon and name not in _WITH_VALUE:
            agent, part = name, rest
        yield from (Directive(agent, word) for word in _words(part))


def meta_directives(name: str, content: str) -> Iterator[Directive]:
    """What a `<meta>` tag of this name, robots or a crawler's, says."""
    agent = None if name == "robots" else name
    for part in content.lower().split(","):
        yield from (Directive(agent, word) for word in _words(part))


def flags(directives: Iterable[Directive], agents: Collection[str]) -> dict[str, int]:
    """1 for each column of FLAGS that a directive for all crawlers or one of `agents` sets, else 0."""
    said = {directive.name for directive in directives if directive.agent is None or directive.agent in agents}
    return {column: int(not said.isdisjoint(names)) for column, names in FLAGS.items()}


def _words(part: str) -> list[str]:
    """Directives between blanks, as some pages write them; those with a value are one."""
    part = " ".join(part.split())
    return [part] if ":" in part else part.split()
