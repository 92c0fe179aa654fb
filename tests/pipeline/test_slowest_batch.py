"""A task's manifest names the batch that took longest, so that a slow record can be found without running again."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import Recipe, run
from pipeline.workspace import Workspace


def test_the_slowest_batch_is_named_with_its_first_and_largest_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREEDY_SECONDS", "0.3")
    texts = [f"line {number:03d}" for number in range(40)]
    texts[23] = "sleep" + " well" * 40
    (tmp_path / "a.txt").write_text("\n".join(texts) + "\n")
    stages = ["tests.pipeline.line_stages:Lines", "tests.pipeline.line_stages:Greedy"]
    recipe = Recipe.parse({"name": "greedy", "batch_bytes": "32kB", "stages": stages})
    run(recipe, [tmp_path], tmp_path / "run", executor="inline", quiet=True)
    workspace = Workspace(tmp_path / "run")
    (manifest,) = workspace.manifests(workspace.load_plan().phase("curate"))
    slowest = manifest.slowest
    assert slowest is not None and slowest.rows == 7
    # The source of these tests gives a row for every 4 KiB of batch_bytes, so the fourth batch begins at row 21.
    assert (slowest.first.file, slowest.first.offset, slowest.first.bytes) == ("a.txt", 21 * 9, 8)
    assert (slowest.largest.offset, slowest.largest.bytes) == (23 * 9, len(texts[23]))
