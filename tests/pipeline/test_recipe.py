"""A recipe says in one line what is wrong with it and what was probably meant."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from pydantic import BaseModel, model_validator

from pipeline.errors import RecipeError
from pipeline.recipe import Recipe
from stages.base import Rule, Transform
from tests.pipeline.line_stages import Length

LINES = "tests.pipeline.line_stages:Lines"
LENGTH = "tests.pipeline.line_stages:Length"
OUR_OWN = "tests.pipeline.test_recipe"


class Word(BaseModel, extra="forbid"):
    spelling: str = ""


class Wordy(Transform):
    """Has a parameter that is a list of mappings."""

    name: ClassVar[str] = "wordy"
    words: list[Word] | None = None


class Unbuildable(Transform):
    name: ClassVar[str] = "unbuildable"

    @model_validator(mode="after")
    def _fails(self) -> Unbuildable:
        raise RuntimeError("no such\nluck")


class Unruly(Length):
    def rules(self) -> list[Rule]:
        raise RuntimeError("no rules today")


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
        ([LINES], {"rejects": {"keep": "sample", "frction": 0.1}}, r"key 'rejects.frction'; did you mean 'fraction'\?"),
        ([LINES], {"rejects": {"keep": "full", "fraction": 0.1}}, r"rejects: fraction counts only with keep: sample"),
        (
            [LINES],
            {"task_bytes": -5},
            r"r.*: task_bytes: write a size like 256MB, at least 4096 bytes, or auto \(given",
        ),
        (
            [LINES],
            {"batch_bytes": "auto"},
            r"batch_bytes: write a size like 256MB, at least 4096 bytes \(given: 'auto'\)",
        ),
        (
            [LINES, {f"{OUR_OWN}:Wordy": {"words": [{"speling": "x"}]}}],
            {},
            r"'words.0.speling'; did you mean 'spelling'",
        ),
        ([LINES, {f"{OUR_OWN}:Unbuildable": {"label": "w"}}], {}, r"recipe: stage 'w': RuntimeError: no such luck"),
        ([LINES, f"{OUR_OWN}:Unruly"], {}, r"recipe: stage 'Unruly': rules: no rules today"),
        ([LINES, "absent_module:Stage"], {}, r"No module named 'absent_module'; .*PYTHONPATH=.*pip install -e"),
        ([LINES, f"{OUR_OWN}:Absent"], {}, r"has no class 'Absent'"),
        ([LINES, {LENGTH: {"label": "seed"}}], {}, r"label 'seed' is a recipe's own setting"),
        (
            [LINES, LENGTH, {LENGTH: {"label": "again"}}],
            {},
            r"'Length' and 'again' both have a rule named 'length_short'",
        ),
        ([LINES, "gopher", {"gopher": {"label": "g2"}}], {}, r"'gopher' and 'g2' both have a rule named"),
        (
            [LINES, LENGTH, {"filter": {"name": "length_short", "drop_if": "length_characters < 9"}}],
            {},
            r"'Length' and 'filter' both have a rule named 'length_short'.* give a filter another name",
        ),
        ([LENGTH], {}, r"must be a source"),
        ([LINES, LINES], {}, r"stages 1 and 2 are both labelled 'Lines' .*label: OTHER_NAME"),
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
        ("xyz.least=3", r"no stage is labelled 'xyz'; known labels: Lines, length"),
        ("stages=3", r"--set stages=3: stages are listed in the recipe"),
        ("length.label=other", r"a label is given in the recipe, not by --set"),
        ("seed.least=3", r"'seed' is one value; write --set seed=VALUE"),
        ("rejects.kep=off", r"unknown key 'rejects.kep'; did you mean 'keep'\?"),
        ("rejects.keep=some", r"rejects.keep: "),
        ("length.least", r"write it as label\.key=value"),
        ("length.least=[", r"not YAML"),
        ("length.least=2024-13-45", r"not YAML: found what cannot be read as a date; quote it if it is text"),
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


def test_paths_start_from_the_recipe_and_those_of_overrides_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipes").mkdir()
    file = tmp_path / "recipes" / "recipe.yaml"
    file.write_text(yaml.safe_dump({"name": "r", "stages": ["jsonl", {"minhash_dedup": {"earlier": ["first"]}}]}))
    monkeypatch.chdir(tmp_path)
    assert Recipe.load(file).stages["minhash_dedup"].earlier == (tmp_path / "recipes" / "first",)
    recipe = Recipe.load(file, ["minhash_dedup.earlier=[second, /third]"])
    assert recipe.stages["minhash_dedup"].earlier == (tmp_path / "second", Path("/third"))


def test_overrides_reach_into_the_settings_of_rejects(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    for given in (None, "no_text", {"sample": 0.5}, {"keep": "sample", "fraction": 0.5}):
        settings = {} if given is None else {"rejects": given}
        file.write_text(yaml.safe_dump({"name": "r", "stages": [LINES], **settings}))
        sampled = Recipe.load(file, ["rejects.keep=sample", "rejects.fraction=0.25"]).rejects
        assert (sampled.keep, sampled.fraction) == ("sample", 0.25)
        assert Recipe.load(file, ["rejects.fraction=1", "rejects.keep=off"]).rejects.keep == "off"


def test_overrides_reach_into_a_parameter_that_is_a_mapping(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump({"name": "r", "stages": [{"jsonl": {"fields": {"id": "key"}}}]}))
    fields = Recipe.load(file, ["jsonl.fields.text=body", "jsonl.fields.date=null"]).stages["jsonl"].fields
    assert (fields.text, fields.id, fields.date) == ("body", "key", None)
    with pytest.raises(RecipeError, match=r"stage 'jsonl': unknown key 'fields\.txt'; did you mean 'text'"):
        Recipe.load(file, ["jsonl.fields.txt=body"])
    with pytest.raises(RecipeError, match=r"stage 'jsonl': unknown key 'field'; did you mean 'fields'"):
        Recipe.load(file, ["jsonl.field.text=body"])


def test_two_stages_of_a_kind_may_share_a_recipe_where_their_rules_differ() -> None:
    groups = [{"gopher": {"label": group, "order": [group]}} for group in ("repetition", "quality")]
    assert list(parse(LINES, *groups).stages) == ["Lines", "repetition", "quality"]


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
    for content, place in (
        ("name: [unclosed\nstages: }", "line 2"),
        ("name: a\nlimit: " + "9" * 5000, "cannot be read as an integer.* line 2, column 8"),
        ("a: " + "[" * 1000, "nests too deep"),
    ):
        file.write_text(content)
        with pytest.raises(RecipeError, match=rf"recipe.yaml: not readable as YAML: .*{place}") as caught:
            Recipe.load(file)
        assert "\n" not in str(caught.value)
