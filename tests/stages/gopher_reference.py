"""The Gopher measurements, slow and straight from the definitions, for property tests."""

import re
from collections import Counter

from stages.unicode_table import SYMBOL, character_classes

STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}


def measure(text: str, words: list[str]) -> dict[str, float | int | None]:
    classes = character_classes()

    def is_symbol(character: str) -> bool:
        return ord(character) < len(classes) and bool(classes[ord(character)] & SYMBOL)

    def over(numerator: int, denominator: int) -> float | None:
        return numerator / denominator if denominator else None

    def of_text(characters: int) -> float:
        return characters / len(text) if text else 0.0

    real = [word for word in words if not all(is_symbol(character) for character in word)]
    lines = text.splitlines()
    rows = re.split("\n+", text)
    paragraphs = re.split("\n{2,}", text.strip())
    values: dict[str, float | int | None] = {
        "gopher_words": len(words),
        "gopher_real_words": len(real),
        "gopher_word_length": over(sum(map(len, real)), len(real)),
        "gopher_hash_ratio": over(text.count("#"), len(words)),
        "gopher_ellipsis_ratio": over(text.count("...") + text.count("…"), len(words)),
        "gopher_bullet_lines": over(
            sum(line.lstrip()[:1] in ("•", "-") and line.strip() != "" for line in lines), len(lines)
        ),
        "gopher_ellipsis_lines": over(sum(line.rstrip().endswith(("...", "…")) for line in lines), len(lines)),
        "gopher_alpha_words": over(sum(any(map(str.isalpha, word)) for word in words), len(words)),
        "gopher_stop_words": len(STOP_WORDS & set(words)),
        "gopher_stop_word_count": sum(word in STOP_WORDS for word in words),
        "gopher_dup_para_frac": len(repeats(paragraphs)) / len(paragraphs),
        "gopher_dup_para_char_frac": of_text(sum(map(len, repeats(paragraphs)))),
        "gopher_dup_line_frac": len(repeats(rows)) / len(rows),
        "gopher_dup_line_char_frac": of_text(sum(map(len, repeats(rows)))),
        "gopher_dup_split_line_frac": over(len(repeats(lines)), len(lines)),
        "gopher_dup_split_line_char_frac": of_text(sum(map(len, repeats(lines)))),
    }
    for n in (2, 3, 4):
        values[f"gopher_top_{n}_gram"] = of_text(top_n_gram(words, n))
    for n in (5, 6, 7, 8, 9, 10):
        values[f"gopher_dup_{n}_gram"] = of_text(duplicate_n_grams(words, n))
    return values


def repeats(items: list[str]) -> list[str]:
    return [item for index, item in enumerate(items) if item in items[:index]]


def top_n_gram(words: list[str], n: int) -> int:
    grams = [" ".join(words[start : start + n]) for start in range(len(words) - n + 1)]
    if not grams:
        return 0
    counts = Counter(grams)
    top = max(counts.values())
    first = next(gram for gram in grams if counts[gram] == top)
    return len(first) * top


def duplicate_n_grams(words: list[str], n: int) -> int:
    seen, characters, start = set(), 0, 0
    while start + n <= len(words):
        gram = "".join(words[start : start + n])
        if gram in seen:
            characters += len(gram)
            start += n
        else:
            seen.add(gram)
            start += 1
    return characters
