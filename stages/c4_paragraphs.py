"""The paragraph rule of mC4 (Xue et al. 2021, arXiv 2010.11934, section 3.1): at least three long lines a page.

For languages in which few lines end in punctuation, so that C4's own line rule would cut most of a page.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from stages.rules.rule_set import RuleSet, pinned

if TYPE_CHECKING:
    import pyarrow as pa

_pinned = partial(pinned, "c4_paragraphs")


class C4ParagraphFilter(RuleSet):
    """Drop pages that have fewer than three long lines."""

    name: ClassVar[str] = "c4_paragraphs"
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {
        "c4_third_longest_line": "characters of the third longest line (cut at newlines), 0 for fewer than three lines"
    }

    min_paragraph_length: int | None = _pinned(
        "min_paragraph_length", "Three lines must have so many characters.", ge=0
    )

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add the measurement column; needs `text` (string or large_string)."""
        import pyarrow as pa

        from stages.c4_paragraphs_kernel import third_longest_lines
        from stages.frames import needed_column, with_column
        from stages.text_buffers import text_buffers

        data, offsets = text_buffers(needed_column(batch, self.name, "text", "put extract_text before it"))
        return with_column(batch, "c4_third_longest_line", pa.array(third_longest_lines(data, offsets)))
