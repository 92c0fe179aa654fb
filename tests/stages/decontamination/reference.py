"""What contamination means, in plain Python: words by regular expression, runs of words as tuples in a dictionary."""

from __future__ import annotations

import unicodedata
from collections import defaultdict

import regex

_ACCENTS = {7, *range(10, 37), *range(200, 256)}
_IGNORED = regex.compile(r"['’ʼ＇`\p{Cf}]")
_ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Myanmar}\p{Khmer}"
_WORD = regex.compile(rf"(?=[\p{{L}}\p{{N}}\p{{M}}])[{_ALONE}]|(?:(?![{_ALONE}])[\p{{L}}\p{{N}}\p{{M}}])+")

#: Marks that several scripts share, and rare letters beside blocks of a script without blanks.
_AT_THE_EDGE = regex.compile(
    r"[\u3006\u3038-\u303B\u3099\u309A\u30FC\uFF70\uFF9E\uFF9F\U00016FE3\U00016FF0\U00016FF1\U0001AFF0-\U0001AFFF]"
)


def words(text: str) -> list[str]:
    letters = []
    for character in text:
        decomposed = without_accents(unicodedata.normalize("NFD", character))
        is_letter = unicodedata.category(character)[0] in "LNM" and len(decomposed) == 1
        letters.append(decomposed if is_letter else without_accents(character))
    lower = "".join(letter.lower()[0] if letter.lower() else letter for letter in letters)
    return _WORD.findall(_IGNORED.sub("", lower.replace("ς", "σ")))


def without_accents(text: str) -> str:
    return "".join(character for character in text if unicodedata.combining(character) not in _ACCENTS)


def is_plain(text: str) -> bool:
    """Whether no character is at the edge of what the reference and the table may see differently."""
    return all(
        unicodedata.category(character) not in ("Cn", "Co", "Cs")
        and (character.isascii() or len(character.lower()) == 1)
        and not _AT_THE_EDGE.match(character)
        for character in text
    )


class Reference:
    """Items by line, each a list of passages; counts matching runs and coverage as the stage defines them."""

    def __init__(self, items: list[list[str]], ngram: int, min_words: int) -> None:
        self.sizes = [0] * len(items)
        self.runs: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
        self.widths = set()
        for number, item in enumerate(items):
            before = 0
            for passage in item:
                found = words(passage)
                width = min(len(found), ngram)
                if width >= min(ngram, min_words):
                    self.widths.add(width)
                    self.sizes[number] += len(found)
                    for first in range(len(found) - width + 1):
                        self.runs[tuple(found[first : first + width])].append((number, before + first))
                before += len(found)

    def judge(self, text: str) -> tuple[int, float]:
        """How many runs of words in the text match, and the largest coverage of an item."""
        found = words(text)
        count, covered = 0, defaultdict(set)
        for width in self.widths:
            for first in range(len(found) - width + 1):
                places = self.runs.get(tuple(found[first : first + width]))
                if places:
                    count += 1
                    for item, position in places:
                        covered[item].update(range(position, position + width))
        return count, max((len(places) / self.sizes[item] for item, places in covered.items()), default=0.0)
