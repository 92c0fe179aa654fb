"""Score documents by a fastText classifier of quality, such as `corpusmill quality train` or DCLM made.

The score is the model's probability of one label, from the whole text with newlines as spaces; it is fastText's own
to about 1e-5. `corpusmill quality threshold` finds the score that a given share of a corpus reaches. Cost: see
stages/fasttext/hidden_kernel.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from stages.base import Filter, Rule, StageError
from stages.fasttext.find import find_model, path_or_address
from stages.kept_files import kept_while_files_stay

if TYPE_CHECKING:
    import pyarrow as pa

    from stages.fasttext.model import FastTextModel

_PREFIX = "__label__"


class QualityFilter(Filter):
    """Score documents by a fastText classifier, and drop those that score too little."""

    name: ClassVar[str] = "quality"
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {
        "quality_score": "the model's probability of the label, 0 to 1 (rounding may exceed 1 slightly)",
    }

    model: Path | str = Field(description="A fastText model: a file (.bin, .ftz) or hf://OWNER/NAME/FILE.")
    label: str = Field(default="hq", min_length=1, description="The label that stands for good, without __label__.")
    min_score: float | None = Field(
        default=None, ge=0, le=1, description="Documents that score less are dropped; null drops none."
    )

    _model_name = field_validator("model", mode="before")(path_or_address)

    def assets(self) -> dict[str, Path]:
        path = find_model(self.model)
        labels = _load(self.model).labels  # all of it is read, so that a plan refuses what is damaged
        if f"{_PREFIX}{self.label}" not in labels:
            known = ", ".join(label.removeprefix(_PREFIX) for label in labels[:8])
            raise StageError(f"{self.name}: label: {path.name} has no label '{self.label}'; it has {known}")
        return {"model": path}

    def rules(self) -> list[Rule]:
        return [] if self.min_score is None else [Rule("quality_score", f"quality_score < {self.min_score!r}")]

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add `quality_score` (float64); needs `text`, null counts as empty; 0 where the model knows no word."""
        import pyarrow as pa

        from stages.frames import needed_column, with_column

        texts = needed_column(batch, self.name, "text", "put extract_text before it")
        scores = _load(self.model).scores(texts, f"{_PREFIX}{self.label}")
        return with_column(batch, "quality_score", pa.array(scores))


@kept_while_files_stay()
def _load(model: Path | str) -> FastTextModel:
    from stages.fasttext.reader import load_model

    return load_model(find_model(model))
