"""Which document stays: preferences that cannot order anything are refused when the recipe is read."""

import pytest

from pipeline import Recipe
from pipeline.recipe import RecipeError


def recipe(keep: list) -> Recipe:
    return Recipe.parse({"name": "keep", "stages": ["jsonl", {"exact_dedup": {"keep": keep}}]})


@pytest.mark.parametrize("keep", [["date", "-date"], ["-length", "date", "length"], ["source", {"source": ["a"]}]])
def test_a_column_that_documents_are_sorted_by_already_is_refused(keep: list) -> None:
    with pytest.raises(RecipeError, match=r"already sorted by '(date|length|source)': leave it out") as refused:
        recipe(keep)
    assert "\n" not in str(refused.value)


def test_values_first_and_then_the_rest_by_name_is_an_order() -> None:
    recipe([{"source": ["wikipedia", "books"]}, "source", "-length"])
