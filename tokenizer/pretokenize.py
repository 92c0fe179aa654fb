r"""Split patterns: regular expressions that cut text into the words inside which byte pairs are merged.

    name      digits    engine that encodes    counted by
    gpt4      1 to 3    gigatoken              kernel        cl100k without possessive quantifiers; the default
    qwen2     1         gigatoken              kernel        as gpt4, every digit alone
    nanochat  1 to 2    tokenizers             kernel        as gpt4, at most two digits
    gpt2      any       gigatoken              kernel        words keep one space before them
    o200k     1 to 3    gigatoken              tokenizers    knows upper and lower case and marks

Written so that Oniguruma (`tokenizers`), gigatoken and the kernel (tokenizer/word_kernel.py) cut alike.
tiktoken's own `\p{N}{1,3}+` is left out: Oniguruma reads the plus as a repetition, not as possessive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokenizer.errors import TokenizerError

if TYPE_CHECKING:
    from tokenizers.pre_tokenizers import PreTokenizer


@dataclass(frozen=True)
class SplitPattern:
    """A named pattern; `max_digits` tells the kernel how to cut (0: as gpt2), None that it cannot."""

    name: str
    regex: str
    max_digits: int | None

    def splitter(self) -> PreTokenizer:
        """The pattern as `tokenizers` applies it: what every other way of cutting is measured by."""
        from tokenizers import Regex, pre_tokenizers

        return pre_tokenizers.Split(Regex(self.regex), "isolated")


def _gpt4_like(digits: str) -> str:
    return (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
        + digits
        + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
    )


_O200K = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)

PATTERNS = {
    pattern.name: pattern
    for pattern in (
        SplitPattern("gpt4", _gpt4_like(r"\p{N}{1,3}"), 3),
        # gigatoken knows this one by its `[\r\n]+`, which cuts no differently from `[\r\n]`.
        SplitPattern("qwen2", _gpt4_like(r"\p{N}").replace(r"\s*[\r\n]|", r"\s*[\r\n]+|"), 1),
        SplitPattern("nanochat", _gpt4_like(r"\p{N}{1,2}"), 2),
        SplitPattern("gpt2", r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", 0),
        SplitPattern("o200k", _O200K, None),
    )
}

DEFAULT_PATTERN = "gpt4"


def split_pattern(name: str) -> SplitPattern:
    """The pattern of that name; TokenizerError names the ones there are."""
    try:
        return PATTERNS[name]
    except KeyError:
        raise TokenizerError(f"pattern {name!r} is unknown; choose one of {', '.join(PATTERNS)}") from None
