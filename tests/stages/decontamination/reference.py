"""What contamination means, in plain Python: words by regular expression, runs of words as tuples in a dictionary."""

from __future__ import annotations

import unicodedata
from collections import defaultdict

import regex

_ACCENTS = {7, *range(10, 37), *range(200, 256)}
_IGNORED = regex.compile(r"['’ʼ＇`\p{Cf}]")
_ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Myanmar}\p{Khmer}"
_WORD = regex.compile(rf"[{_ALONE}]|(?:(?![{_ALONE}])[\p{{L}}\p{{N}}\p{{M}}])+")


def words(text: str) -> list[str]:
    letters = []
    for character in text:
        decomposed = without_accents(unicodedata.normalize("NFD", character))
        letters.append(decomposed if len(decomposed) == 1 else without_accents(character))
    lower = "".join(letter.lower()[0] if letter.lower() else letter for letter in letters)
    return _WORD.findall(_IGNORED.sub("", lower.replace("ς", "σ")))


def without_accents(text: str) -> str:
    return "".join(character for character in text if unicodedata.combining(character) not in _ACCENTS)


def is_plain(text: str) -> bool:
    """Whether no character is at the edge of what the reference and the table may see differently."""
    return all(
        unicodedata.category(character) not in ("Cn", "Co", "Cs")
        and (character.isascii() or len(character.lower()) == 1)
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
