"""The FineWeb quality rules (Penedo et al. 2024, arXiv 2406.17557, section 3.6): against lists, menus, repetition.

Thresholds, reasons and definitions are those of a profile (docs/rules.md), datatrove 0.10 by default. In
FineWeb's order the rules judge the text that C4's line edits left. A ratio over no words or no characters is
null and drops nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from stages.base import Rule
from stages.rules.language_rules import LanguageRuleSet
from stages.rules.rule_set import pinned

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_pinned = partial(pinned, "fineweb")


class FineWebFilter(LanguageRuleSet):
    """Drop documents whose lines look like lists, menus or repetitions."""

    name: ClassVar[str] = "fineweb"
    version: ClassVar[int] = 3
    libraries: ClassVar[tuple[str, ...]] = ("regex",)
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {
        "fineweb_lines": "lines (cut at newlines) that hold more than white space",
        "fineweb_words": "words, punctuation marks among them",
        "fineweb_punctuated_lines": "lines that end in a mark of sentence ends (159, no quotes) / lines, "
        "blank ones left out",
        "fineweb_short_lines": "lines of up to short_line_length characters / lines, blank ones left out",
        "fineweb_repeated_characters": "characters of lines that equal an earlier one, blank ones left out / "
        "characters other than newlines",
        "fineweb_newlines": "newlines / words",
        "fineweb_punctuated_lines_of_all": "lines that end in . ! ? \" or ' / lines, blank ones among them",
        "fineweb_short_lines_of_all": "lines of up to short_line_length characters / lines, blank ones among them",
    }

    words: Literal["english", "unicode"] = _pinned(
        "words", "How words are split: as spaCy splits English, or by Unicode's rules for any script."
    )
    min_line_punct_ratio: float | None = _pinned(
        "min_line_punct_ratio", "Smallest share of lines that end in punctuation (datatrove: line_punct_thr).", ge=0
    )
    allow_no_punctuation: bool = _pinned(
        "allow_no_punctuation", "Keep texts none of whose lines ends so (datatrove: line_punct_exclude_zero)."
    )
    max_short_line_ratio: float | None = _pinned(
        "max_short_line_ratio", "Largest share of short lines (datatrove: short_line_thr).", ge=0
    )
    short_line_length: int = _pinned("short_line_length", "Lines of up to so many characters are short.", ge=0)
    max_char_dup_ratio: float | None = _pinned(
        "max_char_dup_ratio", "Largest share of characters in repeated lines (datatrove: char_duplicates_ratio).", ge=0
    )
    max_newline_ratio: float | None = _pinned(
        "max_newline_ratio", "Most newlines a word (datatrove: new_line_ratio).", ge=0
    )

    def rules(self) -> list[Rule]:
        rules = super().rules()
        if not self.allow_no_punctuation:
            return rules
        return [
            Rule(name, f"{test} AND {test.split()[0]} > 0") if name == "line_punct_ratio" else Rule(name, test)
            for name, test in rules
        ]

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add the measurement columns; needs `text` (string or large_string)."""
        return _with_measurements(batch, self._counts(batch))

    def measure_given_words(self, batch: pa.RecordBatch, words: Sequence[int]) -> pa.RecordBatch:
        """Add the measurement columns, taking from outside how many words each text has (for comparisons)."""
        from stages.fineweb_kernel import WORDS

        counts = self._counts(batch)
        counts[:, WORDS] = words
        return _with_measurements(batch, counts)

    def _counts(self, batch: pa.RecordBatch) -> np.ndarray:
        from stages.fineweb_kernel import measure_texts
        from stages.frames import needed_column
        from stages.punctuation_table import punctuation_classes
        from stages.text_buffers import text_buffers
        from stages.unicode_table import character_classes
        from stages.word_counts import recall
        from stages.words import exception_table, scratch, word_breaks

        data, offsets = text_buffers(needed_column(batch, self.name, "text", "put extract_text before it"))
        longest = int((offsets[1:] - offsets[:-1]).max(initial=0))
        counts: np.ndarray = measure_texts(
            data,
            offsets,
            character_classes(),
            punctuation_classes(),
            exception_table(),
            word_breaks(self.words),
            scratch(longest),
            recall(data, offsets),
            self.short_line_length,
        )
        return counts


def _with_measurements(batch: pa.RecordBatch, counts: np.ndarray) -> pa.RecordBatch:
    """Turn the kernel's integers into the columns of FineWebFilter.measurements."""
    import pyarrow as pa

    from stages import fineweb_kernel as k
    from stages.frames import with_columns
    from stages.ratios import ratio

    columns = {
        "fineweb_lines": pa.array(counts[:, k.LINES]),
        "fineweb_words": pa.array(counts[:, k.WORDS]),
        "fineweb_punctuated_lines": ratio(counts[:, k.PUNCTUATED], counts[:, k.LINES]),
        "fineweb_short_lines": ratio(counts[:, k.SHORT], counts[:, k.LINES]),
        "fineweb_repeated_characters": ratio(counts[:, k.REPEATED_CHARACTERS], counts[:, k.CHARACTERS]),
        "fineweb_newlines": ratio(counts[:, k.ALL_LINES] - 1, counts[:, k.WORDS]),
        "fineweb_punctuated_lines_of_all": ratio(counts[:, k.PUNCTUATED_OF_ALL], counts[:, k.ALL_LINES]),
        "fineweb_short_lines_of_all": ratio(counts[:, k.SHORT_OF_ALL], counts[:, k.ALL_LINES]),
    }
    return with_columns(batch, columns)
