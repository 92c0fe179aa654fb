"""What every stage of the catalogue keeps to: parameters that make sense, and columns that it needs by name."""

from pathlib import Path

import pyarrow as pa
import pytest

from pipeline import Recipe
from pipeline.errors import RecipeError
from stages.base import StageError
from stages.catalogue import CATALOGUE, stage_class
from stages.decontamination.stage import Decontaminate
from stages.extract_text import ExtractText
from stages.gopher import GopherFilter
from stages.language import LanguageFilter
from stages.privacy.stage import PrivacyFilter
from stages.url.filter import UrlFilter

NUMBERS = [
    (name, field)
    for name in CATALOGUE
    for field, info in stage_class(name).model_fields.items()
    if info.annotation in (int, float, int | None, float | None)
]

#: Fields without a default.
REQUIRED = {
    "decontaminate": {"benchmarks": ["questions.jsonl"]},
    "quality": {"model": "hq.bin"},
    "perplexity": {"checkpoint": "step"},
}


@pytest.mark.parametrize(("name", "field"), NUMBERS)
@pytest.mark.parametrize("value", [-5, -0.1, float("nan"), float("inf")])
def test_a_senseless_number_is_refused_by_its_key(name: str, field: str, value: float) -> None:
    stage = {"label": "checked", **REQUIRED.get(name, {}), field: value}
    with pytest.raises(RecipeError, match=rf"'checked'.*{field}.*(greater|finite|integer)"):
        Recipe.parse({"name": "r", "stages": ["jsonl", {name: stage}]})


@pytest.mark.parametrize(
    ("stage", "column"),
    [
        (ExtractText(), "html"),
        (LanguageFilter(model=Path("absent.ftz")), "text"),
        (GopherFilter(), "text"),
        (PrivacyFilter(), "text"),
        (Decontaminate(benchmarks=(Path("absent.jsonl"),)), "text"),
        (UrlFilter(block_hosts=(Path("absent.txt"),)), "url"),
    ],
)
@pytest.mark.parametrize("rows", [0, 1])
def test_a_needed_column_is_named_even_on_an_empty_batch(stage, column: str, rows: int) -> None:
    batch = pa.record_batch({"other": pa.array([1] * rows, pa.int64())})
    with pytest.raises(StageError, match=f"stage '{stage.name}' needs a column '{column}'; ") as raised:
        stage(batch)
    assert raised.value.exit_status == 2
