"""The quality and repetition rules of RefinedWeb (Penedo et al. 2023, arXiv 2306.01116) as DCLM-baseline runs them.

Gopher's rules once more, in the definitions of DCLM's code (Li et al. 2024, arXiv 2406.11794): every copy of a line
counts, shares are of the characters of words, punctuation is no word, stop words are counted with repetition and in
whatever case (docs/rules.md has the definitions side by side). Documents without any word are dropped. Line edits
come after, in `refinedweb_lines`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from stages.rules.rule_set import RuleSet, pinned

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

PROFILE = "dclm"
STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
_pinned = partial(pinned, "refinedweb", profile=PROFILE)


class RefinedWebFilter(RuleSet):
    """Drop documents that RefinedWeb's rules find repetitive or not like prose."""

    name: ClassVar[str] = "refinedweb"
    libraries: ClassVar[tuple[str, ...]] = ("regex",)
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {
        "refinedweb_tokens": "words, cut at white space",
        "refinedweb_words": "those of fastText's tokens that begin with a letter or digit",
        "refinedweb_word_length": "mean characters of words cut at white space",
        "refinedweb_symbols": "'#', '...', '. . .' and '…' in the text / words cut at white space",
        "refinedweb_bullet_lines": "lines that begin with ● • * or - / lines that are not blank",
        "refinedweb_ellipsis_lines": "lines that end with '...', '. . .' or '…' / lines that are not blank",
        "refinedweb_words_without_letters": "words without a letter / words, both cut at white space",
        "refinedweb_stop_words": "how often stop words occur (case ignored, punctuation stays on words)",
        "refinedweb_copied_lines": "lines that equal another one, every copy / lines, blank ones left out",
        "refinedweb_copied_paragraphs": "paragraphs (cut at every two newlines) that equal another one / paragraphs",
        "refinedweb_copied_line_characters": "characters of copied lines / characters of lines",
        "refinedweb_copied_paragraph_characters": "characters of copied paragraphs / characters of paragraphs",
        **{
            f"refinedweb_top_{n}_gram": f"characters of the most frequent run of {n} words (the longest where several "
            "are), times its count / characters of words; 0 where none repeats (words: UAX #29, no punctuation)"
            for n in (2, 3, 4)
        },
        **{
            f"refinedweb_copied_{n}_grams": f"characters of words that are part of some run of {n} words which occurs "
            "several times / characters of words"
            for n in (5, 6, 7, 8, 9, 10)
        },
    }

    profile: str = Field(PROFILE, description="Whose thresholds to follow; other fields override them.")
    min_words: int | None = _pinned("min_words", "Fewer words drop a document.", ge=0)
    max_words: int | None = _pinned("max_words", "More words drop a document.", ge=0)
    min_word_length: float | None = _pinned("min_word_length", "Smallest mean characters a word.", ge=0)
    max_word_length: float | None = _pinned("max_word_length", "Largest mean characters a word.", ge=0)
    max_symbol_ratio: float | None = _pinned("max_symbol_ratio", "Most '#' and ellipses a word.", ge=0)
    max_bullet_lines: float | None = _pinned("max_bullet_lines", "Largest share of lines with a bullet.", ge=0)
    max_ellipsis_lines: float | None = _pinned("max_ellipsis_lines", "Largest share of lines that trail off.", ge=0)
    max_words_without_letters: float | None = _pinned(
        "max_words_without_letters", "Largest share of words without a letter.", ge=0
    )
    min_stop_words: int | None = _pinned("min_stop_words", "How often stop words must occur.", ge=0)
    max_copied_lines: float | None = _pinned("max_copied_lines", "Largest share of copied lines.", ge=0)
    max_copied_paragraphs: float | None = _pinned("max_copied_paragraphs", "Largest share of copied paragraphs.", ge=0)
    max_copied_line_characters: float | None = _pinned(
        "max_copied_line_characters", "Largest share of characters in copied lines.", ge=0
    )
    max_copied_paragraph_characters: float | None = _pinned(
        "max_copied_paragraph_characters", "Largest share of characters in copied paragraphs.", ge=0
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
        from stages.rules.refinedweb_kernel import measure_texts
        from stages.text_buffers import text_buffers, word_buffers
        from stages.unicode_table import character_classes
        from stages.word_break_table import default_word_breaks

        data, offsets = text_buffers(needed_column(batch, self.name, "text", "put extract_text before it"))
        counts = measure_texts(data, offsets, character_classes(), default_word_breaks(), *word_buffers(STOP_WORDS))
        return _with_measurements(batch, counts)


def _with_measurements(batch: pa.RecordBatch, counts: np.ndarray) -> pa.RecordBatch:
    """Turn the kernel's integers into the columns of RefinedWebFilter.measurements."""
    import pyarrow as pa

    from stages.frames import with_columns
    from stages.ratios import ratio
    from stages.rules import refinedweb_kernel as k

    def share(numerator: int, denominator: int) -> pa.Array:
        return ratio(counts[:, numerator], counts[:, denominator])

    columns = {
        "refinedweb_tokens": pa.array(counts[:, k.TOKENS]),
        "refinedweb_words": pa.array(counts[:, k.WORDS]),
        "refinedweb_word_length": share(k.TOKEN_CHARACTERS, k.TOKENS),
        "refinedweb_symbols": share(k.SYMBOLS, k.TOKENS),
        "refinedweb_bullet_lines": share(k.BULLET_LINES, k.LINES),
        "refinedweb_ellipsis_lines": share(k.ELLIPSIS_LINES, k.LINES),
        "refinedweb_words_without_letters": share(k.TOKENS_WITHOUT_LETTERS, k.TOKENS),
        "refinedweb_stop_words": pa.array(counts[:, k.STOP_WORDS]),
        "refinedweb_copied_lines": share(k.COPIED_LINES, k.LINES),
        "refinedweb_copied_paragraphs": share(k.COPIED_PARAGRAPHS, k.PARAGRAPHS),
        "refinedweb_copied_line_characters": share(k.COPIED_LINE_CHARACTERS, k.LINE_CHARACTERS),
        "refinedweb_copied_paragraph_characters": share(k.COPIED_PARAGRAPH_CHARACTERS, k.PARAGRAPH_CHARACTERS),
        **{f"refinedweb_top_{n}_gram": share(k.TOP + n - 2, k.WORD_CHARACTERS) for n in (2, 3, 4)},
        **{f"refinedweb_copied_{n}_grams": share(k.COPIED + n - 5, k.WORD_CHARACTERS) for n in (5, 6, 7, 8, 9, 10)},
    }
    return with_columns(batch, columns)
