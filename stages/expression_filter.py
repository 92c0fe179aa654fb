"""Filter documents by an expression written in the recipe, without code.

    - filter: {name: too_short, drop_if: "gopher_words < 50"}

The expression is polars SQL over the columns that earlier stages added; true drops the document, null
keeps it and is counted. Cost: one vectorised expression a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from stages.base import Filter, Rule

if TYPE_CHECKING:
    import pyarrow as pa


class ExpressionFilter(Filter):
    """Drop documents for which a SQL expression over their columns is true."""

    model_config = ConfigDict(populate_by_name=True)

    name: ClassVar[str] = "filter"
    libraries: ClassVar[tuple[str, ...]] = ("polars",)

    rule: str = Field(alias="name", min_length=1, description="Name of the rule, as reports and rejects will show it.")
    drop_if: str = Field(
        min_length=1,
        description="Polars SQL expression over columns; true drops the document, null keeps it.",
        examples=["gopher_words < 50", "language_score < 0.8 AND gopher_words < 200"],
    )

    @model_validator(mode="after")
    def _parses(self) -> Self:
        from stages.judge import Judge

        Judge(self.rules())
        return self

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch

    def rules(self) -> list[Rule]:
        return [Rule(self.rule, self.drop_if)]
