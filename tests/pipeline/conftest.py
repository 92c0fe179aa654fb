"""A small corpus of text lines and a recipe that has every kind of stage but the costly ones."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest

RECIPE: dict[str, Any] = {
    "name": "lines",
    "task_bytes": "20kB",
    "batch_bytes": "32kB",
    "stages": [
        "tests.pipeline.line_stages:Lines",
        {"tests.pipeline.line_stages:Length": {"label": "length", "least": 3}},
        "tests.pipeline.line_stages:Fragile",
        {"exact_dedup": {"buckets": 3}},
        {"filter": {"name": "too_long", "drop_if": "length_characters > 400"}},
    ],
}


@pytest.fixture(scope="session")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files of 300 lines: good, short, bad, raising, erroneous and repeated ones."""
    folder = tmp_path_factory.mktemp("lines")
    chance = random.Random(7)
    kinds = ["bad line", "x", "this has raise in it", "this has error in it", "the same line again"]
    for number in range(3):
        lines = []
        for line in range(300):
            if chance.random() < 0.3:
                kind = chance.choice(kinds)
                lines.append(kind if kind in ("x", kinds[-1]) else f"{kind} {number} {line}")
            else:
                lines.append(" ".join(f"word{chance.randrange(3000)}" for _ in range(chance.randrange(10, 60))))
        (folder / f"part-{number}.txt").write_text("\n".join(lines) + "\n")
    return folder


def published(run: Path) -> dict[str, str]:
    """sha256 of every published file by its name in the run directory."""
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("documents", "rejects", "duplicates", "tokenizer", "shards")
        for path in sorted((run / folder).glob("*"))
    }
