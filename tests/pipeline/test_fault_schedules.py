"""Whatever dies, whenever and how often: the same command, repeated, comes to the bytes of an undisturbed run.

A seed chooses the faults: named places (pipeline.faults), the task that meets them, and who dies of it: the worker,
its driver, both, or the task by its memory limit. Equal bytes of documents, rejects, tokenizer and shards mean that no
row was lost, doubled or changed.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline import Plan, Recipe, run
from pipeline.status import read_status
from pipeline.workspace import Workspace
from tests.pipeline.conftest import published

ROOT = Path(__file__).parents[2]
SEEDS = range(100)
#: Seeds of the default run; between them they meet every place, and every kind of death.
QUICK_SEEDS = (0, 3, 7, 10, 11)
MEMORY_LIMIT = 1_500_000_000
#: A run of a busy machine; undisturbed it takes a few seconds.
LONGEST_RUN_SECONDS = 300

RECIPE = {
    "name": "schedules",
    "task_bytes": "6kB",
    "batch_bytes": "48kB",
    "stages": [
        "tests.pipeline.line_stages:Lines",
        {"tests.pipeline.line_stages:Length": {"label": "length", "least": 3}},
        "tests.pipeline.line_stages:Fragile",
        {"exact_dedup": {"buckets": 3}},
        {"minhash_dedup": {"bands": 4, "rows": 4, "key_ranges": 2}},
        {"filter": {"name": "too_long", "drop_if": "length_characters > 300"}},
        {"train_tokenizer": {"vocab_size": 400}},
        {"write_shards": {"buckets": 2, "shard_tokens": 2000}},
    ],
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files of 60 lines: good ones, near copies, repeated, bad, raising and erroneous ones."""
    folder = tmp_path_factory.mktemp("corpus")
    chance = random.Random(11)
    texts = [" ".join(f"word{chance.randrange(300)}" for _ in range(chance.randrange(8, 45))) for _ in range(100)]
    texts += [f"{chance.choice(texts)} again" for _ in range(40)]
    texts += ["bad line", "x", "this has raise in it", "this has error in it", "the same line"] * 8
    chance.shuffle(texts)
    for number in range(3):
        (folder / f"part-{number}.txt").write_text("\n".join(texts[number::3]) + "\n")
    return folder


@pytest.fixture(scope="module")
def undisturbed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    run(Recipe.parse(RECIPE), [corpus], out, executor="inline", quiet=True)
    return out


def choose_faults(seed: int, plan: Plan, markers: Path) -> list[str]:
    """One to three faults. The first surely comes about; a later one may lie where the task never comes."""
    chance = random.Random(seed)
    count = chance.randint(1, 3)
    choices = [
        (task_fault if chance.random() < 0.75 else driver_fault)(chance, plan, surely=number == 0)
        for number in range(count)
    ]
    return [f"{fault};once={markers / str(number)}" for number, fault in enumerate(choices)]


def task_fault(chance: random.Random, plan: Plan, surely: bool) -> str:
    """A fault in a worker. Every task writes its marker and its manifest, and those of `curate` have a batch."""
    death = chance.choice(["", ";parent", ";parent_only", f";memory={MEMORY_LIMIT + 100_000_000}"])
    place = chance.choice(["batch", "before_rename", "after_rename", "before_manifest"])
    phase = plan.phase("curate") if place == "batch" and surely else chance.choice(plan.phases)
    visit = 1 if place in ("batch", "before_manifest") else chance.randint(1, 2 if surely else 4)
    return f"{place}@{phase.name}:{chance.randrange(phase.tasks)};visit={visit}{death}"


def driver_fault(chance: random.Random, plan: Plan, surely: bool) -> str:
    """A fault in the driver itself: while it plans, publishes a folder, or has done with a phase."""
    publishing = {folder: phase.name for phase in plan.phases for folder in phase.publishes.values()}
    return chance.choice(
        [
            f"before_rename@:0;visit={chance.randint(1, 2)}",
            f"publication@{chance.choice(sorted(publishing.values()))}:*;visit={chance.randint(1, 2)}",
            f"between_phases@{chance.choice(plan.phases).name}:*",
        ]
    )


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[] if seed in QUICK_SEEDS else pytest.mark.slow) for seed in SEEDS]
)
def test_the_same_command_completes_with_the_same_bytes(
    seed: int, corpus: Path, undisturbed: Path, tmp_path: Path
) -> None:
    faults = choose_faults(seed, Workspace(undisturbed).load_plan(), tmp_path)
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    out = tmp_path / "run"
    command = [sys.executable, "-m", "corpusmill", "run", str(tmp_path / "recipe.yaml"), "--in", str(corpus)]
    command += ["--out", str(out), "--workers", str(1 + seed % 2), "--task-memory", str(MEMORY_LIMIT), "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CORPUSMILL_FAULT": " ".join(faults)}
    ends = []
    # A fault is met once and ends at most one run.
    while len(ends) <= len(faults) and (not ends or ends[-1].returncode != 0):
        ends.append(
            subprocess.run(
                command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_RUN_SECONDS
            )
        )
    told = "\n".join(f"exit status {end.returncode}: {end.stderr}" for end in ends)
    assert ends[-1].returncode == 0, f"{faults}\n{told}"
    assert (tmp_path / "0").exists(), f"{faults[0]} never came about\n{told}"
    assert "Traceback" not in told
    assert published(out) == published(undisturbed)
    assert read_status(out).state == "complete"
    assert not list(out.rglob(".tmp-*"))
