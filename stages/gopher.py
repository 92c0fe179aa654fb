"""The Gopher quality and repetition rules (Rae et al. 2021, arXiv 2112.11446, table A1 and appendix A.1.1).

Thresholds, reasons and their order are those of a profile (stages/rules/), datatrove 0.10 by default, so decisions
can be compared one by one; words are split as its English tokenizer does (stages/words.py). Everything is
measured in one compiled pass over a batch, whatever thresholds are set, and judged from the columns: about 110 MB
of technical English a second of one core (Zen 5).

Three differences, all on texts or settings that datatrove does not handle: an empty text has no words and
is too short (datatrove divides by zero); a ratio over no words or no lines is null and drops nothing; a
threshold of 0 is a threshold, and null turns a rule off.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from stages.base import StageError
from stages.rules.language_rules import LanguageRuleSet
from stages.rules.profile import section
from stages.rules.rule_set import pinned

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Group = Literal["repetition", "quality"]
_pinned = partial(pinned, "gopher")


class GopherFilter(LanguageRuleSet):
    """Drop documents that the Gopher rules find repetitive or not like prose."""

    name: ClassVar[str] = "gopher"
    version: ClassVar[int] = 4
    libraries: ClassVar[tuple[str, ...]] = ("regex",)
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {
        "gopher_words": "words, punctuation marks among them",
        "gopher_real_words": "words with at least one character that is no punctuation or control character",
        "gopher_word_length": "characters of real words / real words; with words: unicode, letters and digits that are "
        "two columns wide (Han, Kana, Hangul) count twice",
        "gopher_hash_ratio": "'#' in the text / words",
        "gopher_ellipsis_ratio": "'...' and '…' in the text / words",
        "gopher_bullet_lines": "lines that begin with '•' or '-' after white space / lines",
        "gopher_ellipsis_lines": "lines that end with '...' or '…' before white space / lines",
        "gopher_alpha_words": "words with at least one letter / words",
        "gopher_stop_words": "how many different stop words occur (case counts)",
        "gopher_stop_word_count": "how often stop words occur (case counts)",
        "gopher_dup_para_frac": "paragraphs that equal an earlier one / paragraphs",
        "gopher_dup_para_char_frac": "characters of paragraphs that equal an earlier one / characters of text",
        "gopher_dup_line_frac": "lines that equal an earlier one / lines (cut at runs of newlines)",
        "gopher_dup_line_char_frac": "characters of lines that equal an earlier one / characters of text",
        "gopher_dup_split_line_frac": "the same for lines as str.splitlines, blank ones among them; null unless the "
        "profile judges it",
        "gopher_dup_split_line_char_frac": "characters of these lines / characters of text; null unless the profile "
        "judges it",
        **{
            f"gopher_top_{n}_gram": f"characters of the most frequent run of {n} words, times its count "
            "/ characters of the text"
            for n in (2, 3, 4)
        },
        **{
            f"gopher_dup_{n}_gram": f"characters of runs of {n} words that repeat an earlier one, none "
            "counted twice / characters of the text"
            for n in (5, 6, 7, 8, 9, 10)
        },
    }

    order: tuple[Group, ...] = Field(
        ("repetition", "quality"), description="Groups of rules to apply; the first failing rule is recorded."
    )
    words: Literal["english", "unicode"] = _pinned(
        "words", "How words are split: as spaCy splits English, or by Unicode's rules for any script."
    )
    min_doc_words: int | None = _pinned("min_doc_words", "Fewer real words drop a document.", ge=0)
    max_doc_words: int | None = _pinned("max_doc_words", "More real words drop a document.", ge=0)
    min_avg_word_length: float | None = _pinned("min_avg_word_length", "Smallest mean characters a real word.", ge=0)
    max_avg_word_length: float | None = _pinned("max_avg_word_length", "Largest mean characters a real word.", ge=0)
    max_symbol_word_ratio: float | None = _pinned(
        "max_symbol_word_ratio", "Most '#' a word, and most ellipses a word.", ge=0
    )
    max_bullet_lines_ratio: float | None = _pinned(
        "max_bullet_lines_ratio", "Largest share of lines with a bullet.", ge=0
    )
    max_ellipsis_lines_ratio: float | None = _pinned(
        "max_ellipsis_lines_ratio", "Largest share of lines that trail off.", ge=0
    )
    min_alpha_words_ratio: float | None = _pinned(
        "min_alpha_words_ratio", "Smallest share of words with a letter (datatrove: max_non_alpha_words_ratio).", ge=0
    )
    min_stop_words: int | None = _pinned("min_stop_words", "How many different stop words must occur.", ge=0)
    stop_words: tuple[str, ...] = _pinned("stop_words", "The stop words, case counts.")
    dup_para_frac: float | None = _pinned("dup_para_frac", "Largest share of repeated paragraphs.", ge=0)
    dup_para_char_frac: float | None = _pinned("dup_para_char_frac", "Largest share of characters in them.", ge=0)
    dup_line_frac: float | None = _pinned("dup_line_frac", "Largest share of repeated lines.", ge=0)
    dup_line_char_frac: float | None = _pinned("dup_line_char_frac", "Largest share of characters in them.", ge=0)
    top_2_gram: float | None = _pinned("top_2_gram", "Largest share of the most frequent 2 words.", ge=0)
    top_3_gram: float | None = _pinned("top_3_gram", "Largest share of the most frequent 3 words.", ge=0)
    top_4_gram: float | None = _pinned("top_4_gram", "Largest share of the most frequent 4 words.", ge=0)
    dup_5_gram: float | None = _pinned("dup_5_gram", "Largest share of repeated runs of 5 words.", ge=0)
    dup_6_gram: float | None = _pinned("dup_6_gram", "Largest share of repeated runs of 6 words.", ge=0)
    dup_7_gram: float | None = _pinned("dup_7_gram", "Largest share of repeated runs of 7 words.", ge=0)
    dup_8_gram: float | None = _pinned("dup_8_gram", "Largest share of repeated runs of 8 words.", ge=0)
    dup_9_gram: float | None = _pinned("dup_9_gram", "Largest share of repeated runs of 9 words.", ge=0)
    dup_10_gram: float | None = _pinned("dup_10_gram", "Largest share of repeated runs of 10 words.", ge=0)

    @field_validator("order")
    @classmethod
    def _each_once(cls, order: tuple[Group, ...]) -> tuple[Group, ...]:
        if not order or len(set(order)) != len(order):
            raise ValueError("name each group of rules (repetition, quality) at most once, and one at least")
        return order

    def groups(self) -> tuple[Group, ...]:
        return self.order

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add the measurement columns; needs `text` (string or large_string)."""
        from stages.gopher_kernel import WORDS, measure_texts
        from stages.unicode_table import character_classes
        from stages.word_counts import remember
        from stages.words import exception_table, scratch, word_breaks

        data, offsets = _texts(batch)
        longest = int((offsets[1:] - offsets[:-1]).max(initial=0))
        stop_words, stop_starts = self._stop_words()
        counts = measure_texts(
            data,
            offsets,
            character_classes(),
            stop_words,
            stop_starts,
            self._judges_split_lines(),
            exception_table(),
            word_breaks(self.words),
            scratch(longest),
        )
        if self.words == "english":
            remember(data, offsets, counts[:, WORDS].copy())
        return self._with_measurements(batch, counts)

    def measure_given_words(self, batch: pa.RecordBatch, words: Sequence[Sequence[str]]) -> pa.RecordBatch:
        """Add the measurement columns, taking each text's words from outside instead of splitting them.

        `words[i]` must occur in the i-th text in this order without overlap; StageError names a word that
        does not. This is how decisions are compared with those of another tokenizer.
        """
        from stages.gopher_kernel import measure_words
        from stages.unicode_table import character_classes

        data, offsets = _texts(batch)
        stop_words, stop_starts = self._stop_words()
        word_offsets, starts, ends = _spans(data.tobytes(), offsets.tolist(), words)
        counts = measure_words(
            data,
            offsets,
            character_classes(),
            stop_words,
            stop_starts,
            self._judges_split_lines(),
            word_offsets,
            starts,
            ends,
        )
        return self._with_measurements(batch, counts)

    def _with_measurements(self, batch: pa.RecordBatch, counts: np.ndarray) -> pa.RecordBatch:
        from stages.frames import with_columns

        return with_columns(batch, _columns(counts, self._judges_split_lines()))

    def _judges_split_lines(self) -> bool:
        return "gopher_dup_split_line_frac" in section(self.profile, self.name).columns()

    def _stop_words(self) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        encoded = [word.encode() for word in dict.fromkeys(self.stop_words)]
        starts = np.cumsum([0, *(len(word) for word in encoded)], dtype=np.int64)
        return np.frombuffer(b"".join(encoded) or b"\0", dtype=np.uint8), starts


def _texts(batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    from stages.frames import needed_column
    from stages.text_buffers import text_buffers

    return text_buffers(needed_column(batch, GopherFilter.name, "text", "put extract_text before it"))


def _spans(
    data: bytes, offsets: list[int], words: Sequence[Sequence[str]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Byte spans of given words: offsets into them for each text, starts, ends (all int64)."""
    import numpy as np

    counts, starts, ends = [0], [], []
    for row, given in enumerate(words):
        place = offsets[row]
        for word in given:
            encoded = word.encode()
            place = data.find(encoded, place, offsets[row + 1])
            if place < 0:
                raise StageError(f"text {row} does not contain the word {word!r} where it was given")
            starts.append(place)
            place += len(encoded)
            ends.append(place)
        counts.append(len(starts))
    return np.array(counts, np.int64), np.array(starts, np.int64), np.array(ends, np.int64)


def _columns(counts: np.ndarray, split_lines: bool) -> dict[str, pa.Array]:
    """The columns of GopherFilter.measurements, from the kernel's integers."""
    import pyarrow as pa

    from stages import gopher_kernel as k
    from stages.ratios import ratio

    def quotient(numerator: int, denominator: int) -> pa.Array:
        return ratio(counts[:, numerator], counts[:, denominator])

    def share_of_text(numerator: int) -> pa.Array:
        return ratio(counts[:, numerator], counts[:, k.CHARACTERS], empty=0.0)

    unasked = pa.nulls(len(counts), pa.float64())
    return {
        "gopher_words": pa.array(counts[:, k.WORDS]),
        "gopher_real_words": pa.array(counts[:, k.REAL_WORDS]),
        "gopher_word_length": quotient(k.REAL_CHARACTERS, k.REAL_WORDS),
        "gopher_hash_ratio": quotient(k.HASHES, k.WORDS),
        "gopher_ellipsis_ratio": quotient(k.ELLIPSES, k.WORDS),
        "gopher_bullet_lines": quotient(k.BULLET_LINES, k.LINES),
        "gopher_ellipsis_lines": quotient(k.ELLIPSIS_LINES, k.LINES),
        "gopher_alpha_words": quotient(k.ALPHA_WORDS, k.WORDS),
        "gopher_stop_words": pa.array(counts[:, k.STOP_WORDS]),
        "gopher_stop_word_count": pa.array(counts[:, k.STOP_WORD_COUNT]),
        "gopher_dup_para_frac": quotient(k.REPEATED_PARAGRAPHS, k.PARAGRAPHS),
        "gopher_dup_para_char_frac": share_of_text(k.REPEATED_PARAGRAPH_CHARACTERS),
        "gopher_dup_line_frac": quotient(k.REPEATED_ROWS, k.ROWS),
        "gopher_dup_line_char_frac": share_of_text(k.REPEATED_ROW_CHARACTERS),
        "gopher_dup_split_line_frac": quotient(k.REPEATED_LINES, k.LINES) if split_lines else unasked,
        "gopher_dup_split_line_char_frac": share_of_text(k.REPEATED_LINE_CHARACTERS) if split_lines else unasked,
        **{f"gopher_top_{n}_gram": share_of_text(k.TOP + n - 2) for n in (2, 3, 4)},
        **{f"gopher_dup_{n}_gram": share_of_text(k.DUPLICATE + n - 5) for n in (5, 6, 7, 8, 9, 10)},
    }
