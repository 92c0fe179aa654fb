"""Plans follow from recipe and input listing alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import Recipe, compile_plan, run
from pipeline.errors import RecipeError
from pipeline.plan import Plan, pack, stage_of_step
from stages.base import Exchange, Filter, Phase, Rule, Split, Transform, Upstream
from stages.documents import HTML_SCHEMA
from tests.pipeline.conftest import RECIPE
from tests.pipeline.line_stages import Lines


def test_a_recipe_compiles_to_row_wise_phases_and_those_of_its_exchanges(lines: Path) -> None:
    plan = compile_plan(Recipe.parse(RECIPE), [lines])
    assert [phase.name for phase in plan.phases] == ["curate", "exact_dedup.keys", "exact_dedup.match", "survivors"]
    assert plan.phase("survivors").publishes["survivors.documents"] == "documents"
    assert {plan.phase("curate").tasks, plan.phase("survivors").tasks} == {plan.phase("curate").tasks}


def test_a_plan_saved_and_loaded_is_the_same_plan(lines: Path, tmp_path: Path) -> None:
    plan = compile_plan(Recipe.parse(RECIPE), [lines])
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == plan


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"format": "\xff"}', b'{"format": ' + b"9" * 5000 + b"}"],
    ids=["empty", "list", "bytes", "integer"],
)
def test_a_damaged_plan_is_named_with_the_mend(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises(RecipeError, match=r"plan\.json: damaged plan .*; run the recipe again"):
        Plan.load(tmp_path / "plan.json")


@given(st.lists(st.integers(1, 500), max_size=60), st.integers(1, 400))
def test_packing_keeps_every_split_in_order_and_tasks_near_the_target(sizes: list[int], target: int) -> None:
    splits = [Split("f", number, number + 1, size) for number, size in enumerate(sizes)]
    tasks = pack(splits, target)
    assert [split for task in tasks for split in task] == splits
    assert all(len(task) == 1 or sum(split.bytes for split in task) <= target for task in tasks)


@pytest.mark.parametrize(
    ("given_path", "message"),
    [("nowhere", "no such input"), ("empty", "holds no file ending in .txt"), ("other.csv", "reads .txt")],
)
def test_wrong_inputs_are_refused_in_one_line(tmp_path: Path, given_path: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other.csv").write_text("a,b\n")
    with pytest.raises(RecipeError, match=message):
        compile_plan(Recipe.parse(RECIPE), [tmp_path / given_path])


def test_a_run_directory_within_the_input_is_no_input(lines: Path, tmp_path: Path) -> None:
    shutil.copytree(lines, tmp_path / "in")
    out = tmp_path / "in" / "run"
    run(Recipe.parse(RECIPE), [tmp_path / "in"], out, executor="inline", quiet=True)
    (out / "notes.txt").write_text("not a document\n")
    assert not sum(run(Recipe.parse(RECIPE), [tmp_path / "in"], out, executor="inline", quiet=True).ran.values())


def test_a_file_name_that_is_no_utf8_is_read_and_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/caf\xe9.txt")).write_text("a line of text\n")
    run(Recipe.parse(RECIPE), [tmp_path / "in"], tmp_path / "run", executor="inline", quiet=True)
    assert pl.read_parquet(tmp_path / "run" / "documents" / "*.parquet")["file"].to_list() == ["caf\\xe9.txt"]


def test_two_inputs_with_a_file_of_the_same_name_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text("text\n")
    with pytest.raises(RecipeError, match="common parent"):
        compile_plan(Recipe.parse(RECIPE), [tmp_path / "a", tmp_path / "b"])


def test_a_limit_takes_the_first_rows_by_identity(lines: Path, tmp_path: Path) -> None:
    for limit in (1, 299, 301, 5000):
        totals = run(
            Recipe.parse(RECIPE), [lines], tmp_path / str(limit), executor="inline", limit=limit, quiet=True
        ).totals
        assert totals.read == min(limit, 900)


def test_no_stage_may_change_documents_after_they_were_used(lines: Path) -> None:
    late = {"filter": {"label": "late", "name": "late", "drop_if": "length_characters > 3"}}
    stages = [*RECIPE["stages"], "train_tokenizer", late]
    recipe = Recipe.parse({**RECIPE, "stages": stages})
    with pytest.raises(RecipeError, match="move it before"):
        compile_plan(recipe, [lines])


class Needy(Transform):
    """Reads a column that nothing gives."""

    name: ClassVar[str] = "needy"

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch.append_column("copy", batch.column("nowhere"))


class Hasty(Filter):
    """Adds a column that expressions after it may read."""

    name: ClassVar[str] = "hasty"
    measurements: ClassVar[dict[str, str]] = {"hasty_measure": "always 1"}

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch.append_column("hasty_measure", pa.array([1] * batch.num_rows, pa.int64()))

    def rules(self) -> list[Rule]:
        return [Rule("hasty", "hasty_measure > 1")]


def expression(drop_if: str) -> dict[str, Any]:
    return {"filter": {"name": "mine", "drop_if": drop_if}}


@pytest.mark.parametrize(
    ("after_the_source", "message"),
    [
        ([expression("nowhere < 3")], "reads column 'nowhere', which no stage before it adds"),
        ([expression("text")], "rule 'mine': .*must be true or false"),
        ([expression("text < 3")], "rule 'mine': .*cannot be evaluated"),
        (["exact_dedup", expression("nowhere < 3")], "reads column 'nowhere'"),
        ([expression("exact_dedup_cluster_size > 3"), "exact_dedup"], "reads column 'exact_dedup_cluster_size'"),
        (
            ["tests.pipeline.test_plan:Hasty", expression("hasty_measure LIKE 'x'")],
            "rule 'mine': .*cannot be evaluated",
        ),
        (["extract_text"], "stage 'extract_text'.*'?html'?"),
        ([{"tests.pipeline.test_plan:Needy": {"label": "third"}}], "stage 'third': KeyError: .*nowhere"),
    ],
)
def test_stages_that_could_not_run_are_refused_by_the_plan(lines: Path, after_the_source: list, message: str) -> None:
    recipe = Recipe.parse({**RECIPE, "stages": [RECIPE["stages"][0], *after_the_source]})
    with pytest.raises(RecipeError, match=message) as caught:
        compile_plan(recipe, [lines])
    assert "\n" not in str(caught.value)


class Pages(Lines):
    """Gives pages, which have no text yet."""

    name: ClassVar[str] = "pages"

    def output_schema(self) -> pa.Schema:
        return HTML_SCHEMA


@pytest.mark.parametrize("stage", ["gopher", "exact_dedup", "minhash_dedup", "train_tokenizer"])
def test_a_stage_that_needs_text_is_refused_before_texts_are_extracted(lines: Path, stage: str) -> None:
    recipe = Recipe.parse({"name": "pages", "stages": ["tests.pipeline.test_plan:Pages", stage]})
    with pytest.raises(RecipeError, match=f"stage '{stage}' needs a column 'text'; put extract_text before it"):
        compile_plan(recipe, [lines])


def test_a_stage_may_need_what_a_filter_that_is_not_run_measures(lines: Path) -> None:
    sorting = "tests.pipeline.test_plan:SortByWords"
    recipe = {**RECIPE, "stages": [RECIPE["stages"][0], "gopher", sorting]}
    assert compile_plan(Recipe.parse(recipe), [lines]).phases[-1].name == "SortByWords.sort"
    recipe["stages"].remove("gopher")
    with pytest.raises(RecipeError, match="stage 'SortByWords' needs a column 'gopher_words'"):
        compile_plan(Recipe.parse(recipe), [lines])


class SortByWords(Exchange):
    """Reads a measurement of a filter."""

    name: ClassVar[str] = "sort_by_words"
    needs: ClassVar[tuple[str, ...]] = ("gopher_words",)

    def phases(self, label: str, upstream: Upstream, seed: int) -> tuple[list[Phase], Upstream]:
        return [Phase("sort", 1, upstream.reads(), ("sorted",))], upstream


def test_what_a_step_ignores_is_no_part_of_its_fingerprint_and_hidden_from_it(lines: Path) -> None:
    first, second = (
        compile_plan(
            Recipe.parse({**RECIPE, "stages": [RECIPE["stages"][0], {"host_cap": {"max_documents": most}}]}), [lines]
        )
        for most in (5, 7)
    )
    same = [one.name for one, other in zip(first.phases, second.phases, strict=True) if one.folder == other.folder]
    assert same == ["curate", "host_cap.hosts"]
    seen = [stage_of_step(second, second.phase(f"host_cap.{step}")).max_documents for step in ("hosts", "cap")]
    assert seen == [None, 7]


def test_a_filter_after_an_exchange_may_read_what_came_before_and_the_clusters(lines: Path) -> None:
    stages = [*RECIPE["stages"][:4], expression("exact_dedup_cluster_size > 3 AND length_characters < 9")]
    assert compile_plan(Recipe.parse({**RECIPE, "stages": stages}), [lines]).phase("survivors").labels == ("filter",)


def test_what_is_no_model_is_refused_with_the_plan_also_where_it_only_measures(lines: Path, tmp_path: Path) -> None:
    (tmp_path / "model.ftz").write_text("no model")
    language = {"language": {"model": str(tmp_path / "model.ftz"), "languages": None}}
    stages = [RECIPE["stages"][0], language, "exact_dedup"]
    with pytest.raises(RecipeError, match=r"model\.ftz is not a fastText model that can be read; correct `model`"):
        compile_plan(Recipe.parse({**RECIPE, "stages": stages}), [lines])


def test_a_shipped_recipe_is_planned_without_compiled_code(tmp_path: Path) -> None:
    """Plans are made on login nodes too, where nothing should be compiled, nor a model loaded."""
    (tmp_path / "empty.warc").touch()
    program = (
        "import sys; from pipeline import Recipe, compile_plan; compile_plan(Recipe.load('fineweb'), [sys.argv[1]]); "
        "print('numba' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "empty.warc")]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "False\n"
