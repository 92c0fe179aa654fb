"""The line edits of C4 (Raffel et al. 2020, arXiv 1910.10683, section 2.2): cut lines that are no prose.

In order, for each line (as str.splitlines) without white space at its ends: a word too long; citations are taken
out of it; no terminal punctuation; too few words (counted with citations or without); javascript; a policy phrase.
What stays is joined by newlines. Every cut is counted by its reason. What the page rules of stage `c4` need is
measured on the way: lines are looked at for lorem ipsum and curly brackets at the same places of that order as in
datatrove, and sentences are counted line by line. Which edits are on is a profile's choice (docs/rules.md).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from stages.base import Transform
from stages.rules.rule_set import ProfiledStage, pinned

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stages.c4_lines_kernel import Edits

_pinned = partial(pinned, "c4_lines")


class C4Lines(ProfiledStage, Transform):
    """Cut lines and citations out of `text` as C4 does, and count what was cut and why."""

    name: ClassVar[str] = "c4_lines"
    version: ClassVar[int] = 3
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {
        "c4_lines": "lines of the text before the edits (as str.splitlines)",
        "c4_cut_lines": "lines that were cut",
        "c4_cut_characters": "characters of these lines, white space at their ends left out, and of c4_cut_citations",
        "c4_cut_long_word": "lines cut for a word that is too long",
        "c4_cut_unended": "lines cut for want of terminal punctuation",
        "c4_cut_few_words": "lines cut for too few words",
        "c4_cut_javascript": "lines cut for the word javascript",
        "c4_cut_policy": "lines cut for a phrase about cookies, privacy or terms of use",
        "c4_cut_citations": "citations taken out of lines that stay",
        "c4_lorem_ipsum_line": "number of the first line that says lorem ipsum when that is asked, 0 for none",
        "c4_curly_bracket_line": "number of the first line that has a curly bracket when that is asked, 0 for none",
        "c4_sentences": "sentences of the lines that stay",
        "c4_cut_text": "the lines that were cut, with keep_cut_lines only",
    }

    max_word_length: int | None = _pinned("max_word_length", "Cut lines that have a longer word.", ge=0)
    remove_citations: bool = _pinned("remove_citations", "Take [12], [], [edit] and [citation needed] out of lines.")
    terminal_punctuation: tuple[str, ...] | None = _pinned(
        "terminal_punctuation", "Cut lines that do not end in one of these, or end in '...'; null: keep them."
    )
    min_line_words: int | None = _pinned("min_line_words", "Cut lines of fewer words (by white space).", ge=0)
    count_words_after_citations: bool = _pinned(
        "count_words_after_citations", "Count the words of a line when citations are gone, as C4's own code does."
    )
    cut_javascript: bool = _pinned("cut_javascript", "Cut lines that say javascript.")
    cut_policy: bool = _pinned("cut_policy", "Cut lines that speak of cookies, privacy policy or terms of use.")

    keep_cut_lines: bool = Field(
        False, description="Keep the lines that were cut in the column c4_cut_text, to look at them (slow)."
    )

    @field_validator("terminal_punctuation")
    @classmethod
    def _characters(cls, marks: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if any(len(mark) != 1 for mark in marks or ()):
            raise ValueError("write single characters, as in ['.', '!', '?']")
        return marks

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Edit `text` and add the measurements; needs `text` (string or large_string)."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        from stages import c4_lines_kernel as k
        from stages.frames import needed_column, with_column
        from stages.punctuation_table import punctuation_classes
        from stages.sentences_kernel import sentences_of_lines
        from stages.text_buffers import text_buffers
        from stages.unicode_table import character_classes, decimal_digits
        from stages.word_counts import recall, remember
        from stages.words import exception_table, scratch

        column = needed_column(batch, self.name, "text", "put extract_text before it")
        if batch.num_rows == 0:  # asked for the columns alone: no kernel need be compiled
            batch = with_column(batch, "text", column.cast(pa.large_string()))
            batch = self._with_cut_lines(batch, column)
            return _with_measurements(batch, np.zeros((0, k.COLUMNS), np.int64), np.zeros(0, np.int64))
        data, offsets = text_buffers(column)
        words = recall(data, offsets)
        room = scratch(int((offsets[1:] - offsets[:-1]).max(initial=0)) + 1)
        kept, kept_offsets, counts = k.edit_texts(
            data, offsets, character_classes(), decimal_digits(), self._edits(), words, exception_table(), room
        )
        lines = kept.view()
        for array in (lines, kept_offsets):  # kernels are compiled anew for writable arrays
            array.setflags(write=False)
        sentences = sentences_of_lines(
            lines, kept_offsets, character_classes(), punctuation_classes(), exception_table(), room
        )
        text_offsets = k.trim(kept, kept_offsets, character_classes())
        text = kept[: text_offsets[-1]]
        for array in (text, text_offsets):
            array.setflags(write=False)
        remember(text, text_offsets, words)
        edited = pa.LargeStringArray.from_buffers(batch.num_rows, pa.py_buffer(text_offsets), pa.py_buffer(text))
        if column.null_count:
            edited = pc.if_else(column.is_null(), pa.scalar(None, pa.large_string()), edited)
        batch = self._with_cut_lines(with_column(batch, "text", edited), column)
        return _with_measurements(batch, counts, sentences)

    def _with_cut_lines(self, batch: pa.RecordBatch, texts: pa.Array) -> pa.RecordBatch:
        """Add what was cut where that is asked: whether a line is depends on nothing but the line."""
        import numpy as np
        import pyarrow as pa

        from stages import c4_lines_kernel as k
        from stages.frames import with_column
        from stages.text_buffers import text_buffers
        from stages.unicode_table import character_classes, decimal_digits
        from stages.words import exception_table, scratch

        if not self.keep_cut_lines:
            return batch
        lines = [(text or "").splitlines() for text in texts.to_pylist()]
        every = pa.array([line for of_one in lines for line in of_one], pa.large_string())
        tables = character_classes(), decimal_digits(), self._edits()
        unknown = np.full(len(every), -1, dtype=np.int64)
        counts = k.edit_texts(*text_buffers(every), *tables, unknown, exception_table(), scratch(0))[2]
        is_cut = iter((counts[:, _reasons()].sum(axis=1) > 0).tolist())
        cut = ["\n".join(line.strip() for line in of_one if next(is_cut) and line.strip()) for of_one in lines]
        return with_column(batch, "c4_cut_text", pa.array(cut, pa.large_string()))

    def _edits(self) -> Edits:
        import numpy as np

        from stages.c4_lines_kernel import Edits

        return Edits(
            max_word_length=self.max_word_length or 0,
            citations=self.remove_citations,
            ends=np.array([ord(mark) for mark in self.terminal_punctuation or ()], dtype=np.int64),
            min_words=self.min_line_words or 0,
            words_after_citations=self.count_words_after_citations,
            javascript=self.cut_javascript,
            policy=self.cut_policy,
        )


def _with_measurements(batch: pa.RecordBatch, counts: np.ndarray, sentences: np.ndarray) -> pa.RecordBatch:
    import pyarrow as pa

    from stages import c4_lines_kernel as k
    from stages.frames import with_columns

    reasons = _reasons()
    columns = {
        "c4_lines": counts[:, k.LINES],
        "c4_cut_lines": counts[:, reasons].sum(axis=1),
        "c4_cut_characters": counts[:, [*(reason + 1 for reason in reasons), k.CITATION_CHARACTERS]].sum(axis=1),
        "c4_cut_long_word": counts[:, k.LONG_WORD],
        "c4_cut_unended": counts[:, k.UNENDED],
        "c4_cut_few_words": counts[:, k.FEW_WORDS],
        "c4_cut_javascript": counts[:, k.JAVASCRIPT],
        "c4_cut_policy": counts[:, k.POLICY],
        "c4_cut_citations": counts[:, k.CITATIONS],
        "c4_lorem_ipsum_line": counts[:, k.LOREM_IPSUM_LINE],
        "c4_curly_bracket_line": counts[:, k.CURLY_BRACKET_LINE],
        "c4_sentences": sentences,
    }
    return with_columns(batch, {name: pa.array(values) for name, values in columns.items()})


def _reasons() -> list[int]:
    """The kernel's columns of lines that were cut."""
    from stages import c4_lines_kernel as k

    return [k.LONG_WORD, k.UNENDED, k.FEW_WORDS, k.JAVASCRIPT, k.POLICY]
