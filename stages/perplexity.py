"""Score documents by how well a causal language model predicts them: bits per byte of text.

A text that reads like what the model was trained on takes few bits (Wenzek et al. 2020, arXiv 1911.00359, sort crawls
so); text that repeats itself takes fewest. The model is a plug-in named by `scorer`, so that stages need no torch; the
built-in one loads a checkpoint of our trainer. Each document is scored in matrices of its own, whatever else is in the
batch, and the score is rounded to four decimals: so batches and workers do not change it. Cost: one forward pass, some
thousand tokens a second and core for a model of a few million parameters; `max_tokens` bounds it for each document.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import Field

from stages.base import Filter, Rule, StageError
from stages.kept_files import kept_while_files_stay

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_DECIMALS = 4


class Scorer(Protocol):
    """What `scorer` names as `package.module:Class`."""

    def __init__(self, checkpoint: Path, device: str) -> None: ...

    @staticmethod
    def files(checkpoint: Path) -> dict[str, Path]:
        """The files that scores depend on, by a stable name; raises what has `exit_status = 2` for none."""
        ...

    def bits_per_byte(self, texts: pa.Array, max_tokens: int) -> np.ndarray:
        """float64, one a text (string or large_string, none null): of its first tokens; NaN for an empty text."""
        ...


class PerplexityFilter(Filter):
    """Score documents by a causal language model, and drop those that it finds too strange or too plain."""

    name: ClassVar[str] = "perplexity"
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {
        "perplexity_bits_per_byte": "bits that the model needs for the text's first tokens, over their UTF-8 bytes; "
        "null for an empty text",
    }

    checkpoint: Path = Field(description="A checkpoint of `corpusmill train`: one of its step-* folders.")
    max_bits_per_byte: float | None = Field(default=None, ge=0, description="Documents that take more are dropped.")
    min_bits_per_byte: float | None = Field(default=None, ge=0, description="Documents that take less are dropped.")
    max_tokens: int = Field(default=2048, ge=1, description="Tokens of a document, from its start, that are scored.")
    device: str = Field(
        default="cpu", description="Where the model runs, as torch names it; devices differ in the last digits."
    )
    scorer: str = Field(
        default="trainer.scoring:CheckpointScorer",
        pattern=r"^[\w.]+:\w+$",
        description="The class that scores, as package.module:Class (stages.perplexity:Scorer says what it does).",
    )

    def assets(self) -> dict[str, Path]:
        return _scorer_class(self.scorer).files(self.checkpoint)

    def rules(self) -> list[Rule]:
        rules = []
        if self.max_bits_per_byte is not None:
            rules.append(Rule("perplexity_high", f"perplexity_bits_per_byte > {self.max_bits_per_byte!r}"))
        if self.min_bits_per_byte is not None:
            rules.append(Rule("perplexity_low", f"perplexity_bits_per_byte < {self.min_bits_per_byte!r}"))
        return rules

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add `perplexity_bits_per_byte` (float64); needs `text`, null counts as empty."""
        import numpy as np
        import pyarrow as pa

        from stages.frames import needed_column, with_column

        texts = needed_column(batch, self.name, "text", "put extract_text before it")
        if batch.num_rows == 0:
            return with_column(batch, "perplexity_bits_per_byte", pa.array([], pa.float64()))
        model = _loaded(self.scorer, self.checkpoint, self.device)
        bits = np.round(model.bits_per_byte(texts.fill_null(""), self.max_tokens), _DECIMALS)
        return with_column(batch, "perplexity_bits_per_byte", pa.array(bits, mask=np.isnan(bits)))


def _scorer_class(name: str) -> Any:
    module, _, kind = name.partition(":")
    try:
        return getattr(importlib.import_module(module), kind)
    except (ImportError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise StageError(
            f"perplexity: scorer {name} cannot be loaded ({reason}); the built-in one needs pip install '.[train]'"
        ) from error


@kept_while_files_stay(most=2)
def _loaded(scorer: str, checkpoint: Path, device: str) -> Scorer:
    loaded: Scorer = _scorer_class(scorer)(checkpoint, device)
    return loaded
