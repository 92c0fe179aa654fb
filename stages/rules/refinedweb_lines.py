"""The line edits of RefinedWeb (Penedo et al. 2023, arXiv 2306.01116, appendix G.2) as DCLM-baseline runs them.

One after the other, each over what the last one left: cut lines that are mostly capitals; lines of digits alone;
counters such as "3 likes"; lines of one word; then take words of navigation out of short lines ("items in cart"
anywhere, "Read more..." at the end, "Sign-in" at the start) and cut lines of nothing else. White space at the ends of
the text goes with most edits. Every cut is counted by its reason, and a document that lost too many words is dropped.
Cost: about 33 MB/s on one core.
"""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from stages.rules.rule_set import RuleSet, pinned

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

PROFILE = "dclm"
_pinned = partial(pinned, "refinedweb_lines", profile=PROFILE)

_COUNTED = "likes shares comments retweets reposts quotes bookmarks upvotes downvotes downloads views followers".split()
_COUNTER = re.compile(rf"\W*\d[\d.,]*[kmb]?\s+(?:{'|'.join(_COUNTED)})\W*")
#: A word that a text must hold (in lower case) for the pattern to find anything; '.' stands for any character.
_NAVIGATION = (
    ("items in cart", re.compile(r"\s?items in cart", re.IGNORECASE)),
    ("read more", re.compile(r"\s?read more...$", re.IGNORECASE)),
    ("sign-in", re.compile(r"^sign-in\s?", re.IGNORECASE)),
)


class RefinedWebLines(RuleSet):
    """Cut lines out of `text` as RefinedWeb does, and drop documents that lost too much."""

    name: ClassVar[str] = "refinedweb_lines"
    libraries: ClassVar[tuple[str, ...]] = ("regex",)
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {
        "refinedweb_cut_capitals": "lines cut for their capitals",
        "refinedweb_cut_digits": "lines cut for their digits",
        "refinedweb_cut_counters": "lines cut as counters",
        "refinedweb_cut_few_words": "lines cut for too few words",
        "refinedweb_cut_navigation": "short lines cut or edited for words of navigation",
        "refinedweb_words_left": "words after the edits: fastText's tokens that begin with a letter or digit",
        "refinedweb_removed_words": "words that the edits removed / words before them",
    }

    profile: str = Field(PROFILE, description="Whose edits and threshold to follow; other fields override them.")
    max_uppercase: float | None = _pinned("max_uppercase", "Cut lines with a larger share of capitals.", ge=0)
    max_digits: float | None = _pinned("max_digits", "Cut lines with a larger share of digits.", ge=0)
    cut_counters: bool = _pinned("cut_counters", 'Cut lines like "3 likes".')
    min_line_words: int | None = _pinned("min_line_words", "Cut lines of fewer words, blank ones apart.", ge=0)
    cut_navigation: bool = _pinned("cut_navigation", "Take words of navigation out of short lines.")
    max_navigation_words: int = _pinned("max_navigation_words", "Lines of up to so many words are short.", ge=0)
    max_removed_words: float | None = _pinned("max_removed_words", "Largest share of words removed.", ge=0)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Edit `text` and add the measurements; needs `text` (string or large_string)."""
        import numpy as np
        import pyarrow as pa

        from stages.frames import needed_column, with_column
        from stages.ratios import ratio
        from stages.text_buffers import text_buffers

        column = needed_column(batch, self.name, "text", "put extract_text before it")
        cuts = {name: np.zeros(batch.num_rows, dtype=np.int64) for name in self.measurements if "_cut_" in name}
        before = _word_counts(*text_buffers(column))
        texts = [
            self._edited(text, {name: cut[row : row + 1] for name, cut in cuts.items()})
            for row, text in enumerate(self._without_lines_of(column, cuts))
        ]
        edited = pa.array(texts, pa.large_string())
        left = _word_counts(*text_buffers(edited))
        batch = with_column(batch, "text", edited)
        for name, cut in cuts.items():
            batch = with_column(batch, name, pa.array(cut))
        batch = with_column(batch, "refinedweb_words_left", pa.array(left))
        return with_column(batch, "refinedweb_removed_words", ratio(before - left, before))

    def _without_lines_of(self, column: pa.Array, cuts: dict[str, np.ndarray]) -> list[str]:
        """The texts without lines of capitals and digits."""
        import numpy as np

        from stages.rules.line_ratio_kernel import cut_lines
        from stages.text_buffers import text_buffers
        from stages.unicode_table import character_classes

        data, offsets = text_buffers(column)
        spans = np.stack([offsets[:-1], offsets[1:]], axis=1)
        members = _members()
        for most, name in ((self.max_uppercase, "capitals"), (self.max_digits, "digits")):
            if most is not None:
                data, spans = cut_lines(
                    data, spans, character_classes(), members[name], most, cuts[f"refinedweb_cut_{name}"]
                )
                data.setflags(write=False)
        return [data[start:end].tobytes().decode() for start, end in spans.tolist()]

    def _edited(self, text: str, cuts: dict[str, Any]) -> str:
        """One text after the edits that go by words."""
        lowered = text.lower()
        lines = text.split("\n")
        if self.cut_counters:
            if any(word in lowered for word in _COUNTED):
                kept = [line for line in lines if not _COUNTER.fullmatch(line.lower())]
                cuts["refinedweb_cut_counters"] += len(lines) - len(kept)
                lines = kept
            lines = "\n".join(lines).strip().split("\n")
        if self.min_line_words is not None:
            least = self.min_line_words
            kept = [line for line in lines if not line or len(line.split(None, least)) >= least]
            cuts["refinedweb_cut_few_words"] += len(lines) - len(kept)
            lines = kept
        if self.cut_navigation:
            for word, pattern in _NAVIGATION:
                if word in lowered:
                    lines = self._without_navigation(lines, pattern, cuts["refinedweb_cut_navigation"])
                lines = "\n".join(lines).strip().split("\n")
        return "\n".join(lines)

    def _without_navigation(self, lines: list[str], pattern: re.Pattern[str], cut: Any) -> list[str]:
        kept = []
        for line in lines:
            if len(line.split()) <= self.max_navigation_words:
                edited = pattern.sub("", line)
                cut += edited != line
                if line and (not edited or edited.isspace()):
                    continue
                line = edited
            kept.append(line)
        return kept


def _word_counts(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    from stages.rules.refinedweb_kernel import fasttext_word_counts
    from stages.unicode_table import character_classes

    return fasttext_word_counts(data, offsets, character_classes())


@cache
def _members() -> dict[str, np.ndarray]:
    """bool of length LIMIT: what `str.isupper` and `str.isdigit` say of each code point."""
    import numpy as np

    from stages.unicode_table import LIMIT

    characters = [chr(point) for point in range(LIMIT)]
    members = {
        "capitals": np.array([character.isupper() for character in characters]),
        "digits": np.array([character.isdigit() for character in characters]),
    }
    for table in members.values():
        table.setflags(write=False)
    return members
