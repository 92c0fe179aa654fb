"""The training recipes that are shipped parse, and their models fit what they say."""

from pathlib import Path

import pytest

from trainer.config import load_config

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("train-*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_valid_and_bounded_in_time(path: Path) -> None:
    config = load_config(path)
    assert config.max_minutes is not None
    assert config.schedule.warmup_steps < config.max_steps / 4
    assert config.checkpoint.every <= config.max_steps


def test_there_are_recipes() -> None:
    assert {path.stem for path in RECIPES} >= {"train-demo", "train-small"}
