"""What `corpusmill stages` says of a stage is what its recipes may hold."""

import ast
from typing import Literal, get_args, get_origin

import pytest

from pipeline.catalogue import describe_stage
from stages.catalogue import CATALOGUE, stage_class


@pytest.mark.parametrize("name", CATALOGUE)
def test_choices_are_shown_as_a_recipe_must_write_them(name: str) -> None:
    shown = {parameter["name"]: parameter["type"] for parameter in describe_stage(name)["parameters"]}
    for field, info in stage_class(name).model_fields.items():
        if get_origin(info.annotation) is Literal:
            listed = ast.literal_eval(shown[info.alias or field].removeprefix("Literal"))
            assert tuple(listed) == get_args(info.annotation)
