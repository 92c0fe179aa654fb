"""Keep benchmarks out of the corpus: find runs of their words in documents, and drop, cut or only tag those.

N-gram overlap as Brown et al. 2020 (GPT-3, arXiv 2005.14165, appendix C) define it: 13 words, without case,
accents, punctuation and spacing (word_characters.py); items of 8 to 12 words are looked for as a whole, shorter ones
not at all. Cost: 140 to 240 MB of English a second of one core, whatever the number of benchmarks; matched texts take
about a millisecond each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stages.base import Filter, Rule, StageError
from stages.decontamination.benchmark_files import benchmark_name

if TYPE_CHECKING:
    import pyarrow as pa

    from stages.decontamination.index import BenchmarkIndex, Interval, ItemMatch

#: Most items of a document, and most stretches of an item, whose text is recorded; and most characters of it.
RECORDED_ITEMS, RECORDED_SPANS, RECORDED_CHARACTERS = 20, 10, 400


class Decontaminate(Filter):
    """Find text of benchmarks in documents; drop the document, cut the text out, or only tag it."""

    name: ClassVar[str] = "decontaminate"
    version: ClassVar[int] = 2
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {
        "contamination_words": "words of the text: letters, digits and marks; a character of scripts without blanks",
        "contamination_ngrams": "runs of words in the text that a benchmark item holds",
        "contamination_coverage": "largest share of an item's words that such runs cover, its texts of fewer than "
        "min_words left out; 0 if none",
        "contamination_benchmark": "benchmark of that item; null if none",
        "contamination_item": "line of that item in the benchmark's file, from 1; null if none",
        "contamination_matches": "JSON list of the items matched, best first: benchmark, item, words, coverage, "
        "ngrams, and spans with start, end (characters) and text; null if none",
        "contamination_pieces": "pieces that cutting leaves of the text; 1 where there is nothing to cut",
        "contamination_cut": "characters cut out of the text",
    }
    summed: ClassVar[tuple[str, ...]] = ("contamination_words", "contamination_ngrams", "contamination_cut")

    benchmarks: tuple[Path, ...] = Field(
        min_length=1, description="JSON Lines files, an item a line; a benchmark is named by its file, up to a dot."
    )
    fields: tuple[str, ...] = Field(
        (), description="Fields whose texts, joined in this order, are an item; none: every text of a line by itself."
    )
    action: Literal["drop", "cut", "tag"] = Field(
        "drop", description="Drop the document, cut matches out with a window around them, or only measure."
    )
    ngram: int = Field(13, ge=2, le=100, description="Words in a row that must be the same.")
    min_words: int = Field(8, ge=1, description="Items of fewer words than ngram, but this many, match as a whole.")
    min_coverage: float = Field(
        0.0, ge=0, le=1, description="Matches that cover less of an item than this neither drop nor cut."
    )
    window: int = Field(200, ge=0, description="Characters that cut takes out before and behind a match.")
    min_piece: int = Field(200, ge=0, description="Shorter pieces that cut leaves are left out, in characters.")
    max_pieces: int = Field(10, ge=1, description="Cut into more pieces than this, a document is dropped.")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [benchmark_name(path) for path in self.benchmarks]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two files of benchmarks are named '{name}'; rename one, reports go by names")
        return self

    def assets(self) -> dict[str, Path]:
        from stages.decontamination.benchmark_files import check_items

        self._find_files()
        for path in self.benchmarks:
            check_items(path, self.fields, min(self.ngram, self.min_words))
        return {f"benchmark/{benchmark_name(path)}": path for path in self.benchmarks}

    def rules(self) -> list[Rule]:
        if self.action == "drop":
            drop_if = f"contamination_ngrams > 0 AND contamination_coverage >= {self.min_coverage!r}"
            return [Rule("contaminated", drop_if)]
        if self.action == "cut":
            return [
                Rule("contaminated_throughout", f"contamination_pieces > {self.max_pieces}"),
                Rule("contaminated", "contamination_pieces = 0"),
            ]
        return []

    def index(self) -> BenchmarkIndex:
        """The table of the benchmarks' runs of words, built once in a process."""
        from stages.decontamination.index import load_index

        self._find_files()
        return load_index(self.benchmarks, self.fields, self.ngram, self.min_words)

    def _find_files(self) -> None:
        for path in self.benchmarks:
            if not path.is_file():
                what = "is a folder; name the files in it" if path.is_dir() else "does not exist"
                raise StageError(f"{path}, named by benchmarks of stage 'decontaminate', {what}")

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add the measurement columns and cut in `text`; needs `text`, null counts as empty."""
        import numpy as np
        import pyarrow as pa

        from stages.frames import needed_column, with_column
        from stages.text_buffers import text_buffers
        from stages.text_edits import Edit, with_edits

        texts = needed_column(batch, self.name, "text", "put extract_text before it")
        index = self.index()
        data, offsets = text_buffers(texts)
        counts = index.count(data, offsets)
        found: dict[int, dict[str, Any]] = {}
        edits = []
        for row in np.flatnonzero(counts[:, 1]).tolist():
            text = data[offsets[row] : offsets[row + 1]].tobytes()
            found[row], left = self._judge(text, index.matches(text, int(counts[row, 1])))
            if left is not None:
                edits.append(Edit(row, 0, len(text), left))
        if edits:
            batch = with_column(batch, "text", with_edits(texts, edits))
        batch = with_column(batch, "contamination_words", pa.array(counts[:, 0]))
        batch = with_column(batch, "contamination_ngrams", pa.array(counts[:, 1]))
        nothing: dict[str, Any] = {"coverage": 0.0, "pieces": 1, "cut": 0}
        for name, kind in (
            ("coverage", pa.float64()),
            ("benchmark", pa.string()),
            ("item", pa.int64()),
            ("matches", pa.string()),
            ("pieces", pa.int64()),
            ("cut", pa.int64()),
        ):
            values = [found.get(row, nothing).get(name) for row in range(batch.num_rows)]
            batch = with_column(batch, f"contamination_{name}", pa.array(values, kind))
        return batch

    def _judge(self, encoded: bytes, matches: list[ItemMatch]) -> tuple[dict[str, Any], bytes | None]:
        """The columns of one matched text, and what is left of it if it is cut; a text that is dropped stays whole."""
        from stages.decontamination.cutting import Cut, cut_out

        text = encoded.decode()
        spans = _in_characters(encoded, {span for match in matches for span in match.spans})
        best = matches[0]
        cut = Cut(text, 1, 0)
        taken = [spans[span] for match in matches if match.coverage >= self.min_coverage for span in match.spans]
        if self.action == "cut" and taken:
            cut = cut_out(text, taken, self.window, self.min_piece)
        is_cut = cut.removed > 0 and 1 <= cut.pieces <= self.max_pieces
        recorded = [_recorded(text, match, spans) for match in matches[:RECORDED_ITEMS]]
        columns = {
            "coverage": best.coverage,
            "benchmark": best.benchmark,
            "item": best.line,
            "matches": json.dumps(recorded, ensure_ascii=False),
            "pieces": cut.pieces,
            "cut": cut.removed if is_cut else 0,
        }
        return columns, cut.text.encode() if is_cut else None


def _in_characters(text: bytes, spans: Iterable[Interval]) -> dict[Interval, Interval]:
    """Each span of bytes in characters."""
    import numpy as np

    begins = (np.frombuffer(text, dtype=np.uint8) & 0xC0) != 0x80
    characters = np.concatenate([np.zeros(1, np.int64), np.cumsum(begins)])
    return {(start, end): (int(characters[start]), int(characters[end])) for start, end in spans}


def _recorded(text: str, match: ItemMatch, spans: dict[Interval, Interval]) -> dict[str, Any]:
    return {
        "benchmark": match.benchmark,
        "item": match.line,
        "words": match.words,
        "coverage": round(match.coverage, 4),
        "ngrams": match.ngrams,
        "spans": [
            {"start": start, "end": end, "text": text[start : min(end, start + RECORDED_CHARACTERS)]}
            for start, end in (spans[span] for span in match.spans[:RECORDED_SPANS])
        ],
    }
