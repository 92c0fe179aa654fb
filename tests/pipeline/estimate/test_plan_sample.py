"""`corpusmill plan --sample` says what a run would keep and write, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import Recipe, compile_plan, run
from pipeline.estimate.estimate import estimate_cost
from pipeline.estimate.sample import draw_sample
from pipeline.workspace import Workspace
from tests.pipeline.conftest import RECIPE

PAGES = {"name": "pages", "stages": ["warc", "extract_text", "exact_dedup"]}


def plan_sample(folder: Path, crawl: Path, *options: str) -> subprocess.Popen[str]:
    """The command, with temporary files in `folder`."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    (folder / "temporary").mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "corpusmill", "plan", str(recipe), "--in", str(crawl), *options],
        env={**os.environ, "TMPDIR": str(folder / "temporary"), "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def written(out: Path) -> float:
    """Bytes of all outputs of a run, by its manifests."""
    workspace = Workspace(out)
    manifests = (m for phase in workspace.load_plan().phases for m in workspace.manifests(phase))
    return sum(file.bytes for manifest in manifests for file in manifest.outputs)


def test_a_sample_of_everything_counts_documents_exactly(lines: Path, tmp_path: Path) -> None:
    recipe = Recipe.parse(RECIPE)
    estimate = estimate_cost(compile_plan(recipe, [lines]), 1.0, workers=2)
    truth = run(recipe, [lines], tmp_path / "run", executor="inline", quiet=True)
    documents = estimate.totals()["documents"]
    assert estimate.sample.is_whole
    assert documents.low == pytest.approx(truth.totals.kept)
    assert documents.high == pytest.approx(truth.totals.kept)


@pytest.mark.shared
def test_a_real_crawl_lies_inside_the_intervals(shared_data: Path, tmp_path: Path) -> None:
    crawl = shared_data / "warc" / "dev-git.warc.gz"
    recipe = Recipe.parse(PAGES)
    totals = estimate_cost(compile_plan(recipe, [crawl]), 0.3, workers=1).totals()
    truth = run(recipe, [crawl], tmp_path / "run", executor="inline", quiet=True)
    assert totals["documents"].low <= truth.totals.kept <= totals["documents"].high
    assert totals["documents"].high < 2.5 * truth.totals.kept
    size = totals["intermediate_bytes"] + totals["output_bytes"]
    assert size.low <= written(tmp_path / "run") <= size.high


def test_the_command_prints_every_phase_with_intervals_and_leaves_nothing(lines: Path, tmp_path: Path) -> None:
    command = plan_sample(tmp_path, lines, "--sample", "0.5", "--seed", "3", "--workers", "4", "--json")
    output, errors = command.communicate(timeout=120)
    assert command.returncode == 0, errors
    data: dict[str, Any] = json.loads(output)
    names = [phase.name for phase in compile_plan(Recipe.parse(RECIPE), [lines]).phases]
    assert [phase["name"] for phase in data["phases"]] == names
    for row in (*data["phases"], data["totals"]):
        for quantity in ("documents", "core_seconds", "wall_seconds", "peak_memory_bytes", "output_bytes"):
            assert 0 <= row[quantity]["low"] <= row[quantity]["value"] <= row[quantity]["high"]
    assert data["workers"] == 4
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_stopped_sample_leaves_nothing(lines: Path, tmp_path: Path) -> None:
    command = plan_sample(tmp_path, lines, "--sample", "0.5")
    while not list((tmp_path / "temporary").glob("*/*/work")) and command.poll() is None:
        time.sleep(0.01)
    command.send_signal(signal.SIGTERM)
    _, errors = command.communicate(timeout=60)
    assert command.returncode == 1
    assert errors.count("\n") == 1 and "stopped" in errors
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("options", [("--sample", "0"), ("--sample", "1.5"), ("--sample", "0.1", "--limit", "5")])
def test_what_cannot_be_sampled_is_one_line(lines: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    command = plan_sample(tmp_path, lines, *options)
    _, errors = command.communicate(timeout=60)
    assert command.returncode == 2
    assert errors.count("\n") == 1 and "--sample" in errors


def test_a_seed_always_draws_the_same_and_another_seed_does_not(tmp_path: Path) -> None:
    with (tmp_path / "huge.warc").open("wb") as stream:
        stream.truncate(40_000_000)
    (tmp_path / "small.warc").write_bytes(b"WARC/1.0\r\n" * 2000)
    plan = compile_plan(Recipe.parse(PAGES), [tmp_path])
    sample = draw_sample(plan, 0.1, seed=1)
    assert sample == draw_sample(plan, 0.1, seed=1)
    assert sample.splits != draw_sample(plan, 0.1, seed=2).splits
    assert 0.05 < sample.bytes / sample.corpus_bytes < 0.2
    assert all(len(stratum.drawn) >= 2 for stratum in sample.strata)
    assert sum(stratum.units for stratum in sample.strata) == sample.units
