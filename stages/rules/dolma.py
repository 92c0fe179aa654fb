"""The quality rules of Dolma 1.6 (Soldaini et al. 2024, arXiv 2402.00159): Gopher's rules in Dolma's own definitions.

Words are cut at white space, punctuation stays on them, the word length is a median, every copy of a line counts
and not only the later ones, and shares are of the characters of words (docs/rules.md has the differences side by
side). Measured besides, for rules of your own, is what Dolma's C4 tagger counts. A text that has no n-gram of a
size has null there and is not dropped for it; an empty text has no values but its counts.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from stages.rules.rule_set import RuleSet, pinned

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

PROFILE = "dolma-1.6"
_pinned = partial(pinned, "dolma", profile=PROFILE)


class DolmaFilter(RuleSet):
    """Drop documents that Dolma's rules find repetitive or not like prose.

    Blank lines are lines that equal one another. Dolma's texts had none, those of extract_text have one between
    paragraphs: right after it, set blank_lines: false, else most pages are dropped for copied lines.
    """

    name: ClassVar[str] = "dolma"
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {
        "dolma_words": "words, cut at white space",
        "dolma_median_word_length": "median characters of a word",
        "dolma_symbol_words": "words that hold '#' or '…' / words",
        "dolma_alpha_words": "words with at least one letter / words",
        "dolma_required_words": "how often required words occur (case counts, punctuation stays on words)",
        "dolma_bullet_lines": "lines that begin with '*' or '-' / lines, blank ones among them",
        "dolma_ellipsis_lines": "lines that end with '…' / lines, blank ones among them",
        "dolma_copied_lines": "lines that equal another one, every copy / lines, blank ones among them",
        "dolma_copied_line_characters": "characters of lines that equal another one / characters of words",
        **{
            f"dolma_top_{n}_gram": f"characters of the most frequent run of {n} words, times its count "
            "/ characters of words"
            for n in (2, 3, 4)
        },
        **{
            f"dolma_copied_{n}_grams": f"characters of runs of {n} words that occur several times, each time "
            f"/ characters of all runs of {n} words"
            for n in (5, 6, 7, 8, 9, 10)
        },
        "dolma_unpunctuated_lines": 'lines that do not end with . ? ! or " before white space',
        "dolma_short_lines": "lines of fewer than 3 words, blank ones among them",
        "dolma_javascript": "1 where 'javascript' is a word of the text in whatever case, else 0",
        "dolma_lorem_ipsum": "1 where the text says 'lorem ipsum' in whatever case, else 0",
        "dolma_curly_brace": "1 where the text holds '{', else 0",
    }

    profile: str = Field(PROFILE, description="Whose thresholds to follow; other fields override them.")
    blank_lines: bool = Field(
        True, description="Blank lines are lines, as Dolma counts; false for texts that part paragraphs by them."
    )
    min_words: int | None = _pinned("min_words", "Fewer words drop a document.", ge=0)
    max_words: int | None = _pinned("max_words", "More words drop a document.", ge=0)
    min_median_word_length: float | None = _pinned("min_median_word_length", "Smallest median of characters.", ge=0)
    max_median_word_length: float | None = _pinned("max_median_word_length", "Largest median of characters.", ge=0)
    max_symbol_words: float | None = _pinned("max_symbol_words", "Largest share of words with '#' or '…'.", ge=0)
    min_alpha_words: float | None = _pinned("min_alpha_words", "Smallest share of words with a letter.", ge=0)
    min_required_words: int | None = _pinned("min_required_words", "How often required words must occur.", ge=0)
    required_words: tuple[str, ...] = _pinned("required_words", "The required words, case counts.")
    max_bullet_lines: float | None = _pinned("max_bullet_lines", "Largest share of lines with a bullet.", ge=0)
    max_ellipsis_lines: float | None = _pinned("max_ellipsis_lines", "Largest share of lines that trail off.", ge=0)
    max_copied_lines: float | None = _pinned("max_copied_lines", "Largest share of copied lines.", ge=0)
    max_copied_line_characters: float | None = _pinned(
        "max_copied_line_characters", "Largest share of characters in copied lines.", ge=0
    )
    max_top_2_gram: float | None = _pinned("max_top_2_gram", "Largest share of the most frequent 2 words.", ge=0)
    max_top_3_gram: float | None = _pinned("max_top_3_gram", "Largest share of the most frequent 3 words.", ge=0)
    max_top_4_gram: float | None = _pinned("max_top_4_gram", "Largest share of the most frequent 4 words.", ge=0)
    max_copied_5_grams: float | None = _pinned("max_copied_5_grams", "Largest share of copied runs of 5 words.", ge=0)
    max_copied_6_grams: float | None = _pinned("max_copied_6_grams", "Largest share of copied runs of 6 words.", ge=0)
    max_copied_7_grams: float | None = _pinned("max_copied_7_grams", "Largest share of copied runs of 7 words.", ge=0)
    max_copied_8_grams: float | None = _pinned("max_copied_8_grams", "Largest share of copied runs of 8 words.", ge=0)
    max_copied_9_grams: float | None = _pinned("max_copied_9_grams", "Largest share of copied runs of 9 words.", ge=0)
    max_copied_10_grams: float | None = _pinned(
        "max_copied_10_grams", "Largest share of copied runs of 10 words.", ge=0
    )

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add the measurement columns; needs `text` (string or large_string)."""
        from stages.frames import needed_column
        from stages.rules.dolma_kernel import measure_texts
        from stages.text_buffers import text_buffers, word_buffers
        from stages.unicode_table import character_classes

        texts = needed_column(batch, self.name, "text", "put extract_text before it")
        data, offsets = text_buffers(texts if self.blank_lines else _without_blank_lines(texts))
        counts = measure_texts(data, offsets, character_classes(), *word_buffers(self.required_words))
        return _with_measurements(batch, counts)


def _without_blank_lines(texts: pa.Array) -> pa.Array:
    import polars as pl

    lines = pl.Series(texts).str.replace_all(r"\n(?:[^\S\n]*\n)+", "\n").str.strip_chars("\n")
    return lines.to_arrow(compat_level=pl.CompatLevel.oldest())


def _with_measurements(batch: pa.RecordBatch, counts: np.ndarray) -> pa.RecordBatch:
    """Turn the kernel's integers into the columns of DolmaFilter.measurements."""
    import pyarrow as pa

    from stages.frames import with_columns
    from stages.ratios import ratio
    from stages.rules import dolma_kernel as k

    words, lines, characters = counts[:, k.WORDS], counts[:, k.LINES], counts[:, k.WORD_CHARACTERS]
    columns = {
        "dolma_words": pa.array(words),
        "dolma_median_word_length": pa.array(counts[:, k.TWICE_MEDIAN] / 2, mask=lines == 0),
        "dolma_symbol_words": ratio(counts[:, k.SYMBOL_WORDS], words),
        "dolma_alpha_words": ratio(counts[:, k.ALPHA_WORDS], words),
        "dolma_required_words": pa.array(counts[:, k.REQUIRED_WORDS]),
        "dolma_bullet_lines": ratio(counts[:, k.BULLET_LINES], lines),
        "dolma_ellipsis_lines": ratio(counts[:, k.ELLIPSIS_LINES], lines),
        "dolma_copied_lines": ratio(counts[:, k.COPIED_LINES], lines),
        "dolma_copied_line_characters": ratio(counts[:, k.COPIED_CHARACTERS], characters),
        **{f"dolma_top_{n}_gram": _of_grams(counts, k.TOP + n - 2, characters, n) for n in (2, 3, 4)},
        **{
            f"dolma_copied_{n}_grams": ratio(counts[:, k.COPIED + n - 5], counts[:, k.ALL + n - 5])
            for n in (5, 6, 7, 8, 9, 10)
        },
        "dolma_unpunctuated_lines": pa.array(counts[:, k.UNPUNCTUATED_LINES]),
        "dolma_short_lines": pa.array(counts[:, k.SHORT_LINES]),
        "dolma_javascript": pa.array(counts[:, k.JAVASCRIPT]),
        "dolma_lorem_ipsum": pa.array(counts[:, k.LOREM_IPSUM]),
        "dolma_curly_brace": pa.array(counts[:, k.CURLY_BRACE]),
    }
    return with_columns(batch, columns)


def _of_grams(counts: np.ndarray, column: int, characters: np.ndarray, n: int) -> pa.Array:
    """The ratio to the characters of words; null where there are too few words for an n-gram."""
    import numpy as np

    from stages.ratios import ratio
    from stages.rules import dolma_kernel as k

    return ratio(counts[:, column], np.where(counts[:, k.WORDS] < n, 0, characters))
