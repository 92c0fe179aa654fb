"""Profiles: data that fills in a stage's fields and lists its rules."""

from pathlib import Path

import pytest

from pipeline import Recipe
from pipeline.errors import RecipeError
from stages.base import StageError
from stages.catalogue import CATALOGUE, stage_class
from stages.rules.profile import profiles, section
from stages.rules.rule_set import ProfiledStage, RuleSet

STAGES = [name for name in CATALOGUE if issubclass(stage_class(name), ProfiledStage)]
SECTIONS = [(stage, profile) for stage in STAGES for profile in profiles(stage)]


@pytest.mark.parametrize(("stage", "profile"), SECTIONS)
def test_a_profile_sets_fields_of_its_stage_and_judges_columns_that_it_measures(stage: str, profile: str) -> None:
    kind = stage_class(stage)
    built = kind(profile=profile)
    for name, value in section(profile, stage).parameters.items():
        assert getattr(built, name) == value
    if issubclass(kind, RuleSet):
        columns = section(profile, stage).columns()
        assert columns <= {*kind.measurements, *kind.needs} and len(built.rules()) > 0


@pytest.mark.parametrize("stage", STAGES)
def test_an_unknown_profile_is_refused_with_the_names_of_those_that_exist(stage: str) -> None:
    with pytest.raises(RecipeError, match=rf"no profile 'gophr' has rules for {stage}; those that have: .+"):
        Recipe.parse({"name": "r", "stages": ["jsonl", {stage: {"profile": "gophr"}}]})


def test_what_a_user_sets_goes_before_the_profile_and_null_turns_a_rule_off(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("name: r\nstages: [jsonl, {gopher: {profile: datatrove-0.10, max_doc_words: null}}]\n")
    recipe = Recipe.load(file, ["gopher.min_doc_words=80"])
    rules = {rule.name: rule.drop_if for rule in recipe.stages["gopher"].rules()}
    assert rules["gopher_short_doc"] == "gopher_real_words < 80" and "gopher_long_doc" not in rules
    assert Recipe.parse(recipe.to_data()) == recipe
    assert recipe.to_data()["stages"][1]["gopher"]["max_doc_words"] is None


def test_a_stage_from_python_names_the_profiles_too() -> None:
    with pytest.raises(StageError, match=r"those that have: datatrove-0\.10"):
        stage_class("gopher")(profile="c5")
