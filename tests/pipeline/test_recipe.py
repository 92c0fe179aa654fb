"""A recipe says in one line what is wrong with it and what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.errors import RecipeError
from pipeline.recipe import Recipe

LINES = "tests.pipeline.line_stages:Lines"
LENGTH = "tests.pipeline.line_stages:Length"


def parse(*stages: object, **settings: object) -> Recipe:
    return Recipe.parse({"name": "r", "stages": list(stages), **settings})


@pytest.mark.parametrize(
    ("stages", "settings", "message"),
    [
        ([LINES, {LENGTH: {"leest": 3}}], {}, r"stage 'Length': unknown key 'leest'; did you mean 'least'\?"),
        ([LINES, {LENGTH: {"least": "many"}}], {}, r"stage 'Length': least: .*integer.*'many'"),
        ([LINES, "gophr"], {}, r"no stage is named 'gophr'; did you mean 'gopher'\?"),
        ([LINES, "no.such.module:Stage"], {}, r"cannot be loaded"),
        ([LINES], {"sede": 1}, r"unknown key 'sede'; did you mean 'seed'\?"),
        ([LINES], {"rejects": "some"}, r"rejects"),
        ([LINES], {"task_bytes": 10}, r"at least 4096"),
        ([LENGTH], {}, r"must be a source"),
        ([LINES, LINES], {}, r"two stages are labelled 'Lines'"),
        ([LINES, {LENGTH: 3}], {}, r"parameters must be a mapping"),
        ([], {}, r"stages must be a list"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(stages: list, settings: dict, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        parse(*stages, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("length.leest=3", r"unknown key 'leest'"),
        ("lenght.least=3", r"no stage is labelled 'lenght'; did you mean 'length'\?"),
        ("length.least", r"write it as label\.key=value"),
        ("length.least=[", r"not YAML"),
    ],
)
def test_a_wrong_override_is_refused_in_one_line(tmp_path: Path, override: str, message: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump({"name": "r", "stages": [LINES, {LENGTH: {"label": "length"}}]}))
    with pytest.raises(RecipeError, match=message):
        Recipe.load(file, [override])


def test_overrides_change_stages_and_settings(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump({"name": "r", "stages": [LINES, {LENGTH: {"label": "length"}}]}))
    recipe = Recipe.load(file, ["length.least=9", "seed=4", "rejects={sample: 0.5}"])
    assert recipe.stages["length"].model_dump() == {"least": 9}
    assert recipe.seed == 4
    assert recipe.rejects.fraction == 0.5


def test_a_recipe_written_out_reads_back_equal() -> None:
    recipe = parse(
        LINES,
        {LENGTH: {"label": "length", "least": 9}},
        {"filter": {"name": "odd", "drop_if": "length_characters > 3"}},
        rejects="no_text",
        task_bytes="10MB",
    )
    assert Recipe.parse(recipe.to_data()) == recipe


def test_a_missing_recipe_names_those_that_are_shipped() -> None:
    with pytest.raises(RecipeError, match=r"no such recipe file; shipped recipes: .*demo"):
        Recipe.load("nothing-like-it")


def test_a_file_that_is_not_yaml_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("name: [unclosed\nstages: }")
    with pytest.raises(RecipeError, match=r"recipe.yaml: not readable as YAML") as caught:
        Recipe.load(file)
    assert "\n" not in str(caught.value)
