"""The page rules of C4 (Raffel et al. 2020, arXiv 1910.10683, section 2.2): filler text, code, too little prose.

They judge what `c4_lines` measured while it edited the text, so a decision costs a comparison. As in datatrove,
whichever of lorem ipsum and a curly bracket comes first in the text gives the reason.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from stages.base import Rule
from stages.rules.rule_set import RuleSet, pinned

if TYPE_CHECKING:
    import pyarrow as pa

_pinned = partial(pinned, "c4")


class C4Filter(RuleSet):
    """Drop pages that hold lorem ipsum or a curly bracket, or too few sentences after `c4_lines`."""

    name: ClassVar[str] = "c4"
    measurements: ClassVar[dict[str, str]] = {}
    needs: ClassVar[tuple[str, ...]] = ("c4_lorem_ipsum_line", "c4_curly_bracket_line", "c4_sentences")

    drop_lorem_ipsum: bool = _pinned("drop_lorem_ipsum", "Drop pages with a line that says lorem ipsum.")
    drop_curly_bracket: bool = _pinned("drop_curly_bracket", "Drop pages with a line that has a curly bracket.")
    min_sentences: int | None = _pinned("min_sentences", "Fewer sentences drop a page.", ge=0)

    def rules(self) -> list[Rule]:
        first = "c4_curly_bracket_line = 0 OR c4_lorem_ipsum_line <= c4_curly_bracket_line"
        return [
            Rule(name, f"{test} AND ({first})")
            if name == "lorem_ipsum" and self.drop_curly_bracket
            else Rule(name, test)
            for name, test in super().rules()
        ]

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        from stages.frames import needed_column

        for name in self.needs:
            needed_column(batch, self.name, name, "put c4_lines before it")
        return batch
