"""Roll-ups spare opening a file for every finished task, and never say anything that the manifests do not."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import Recipe, compile_plan
from pipeline.manifest import Manifest, OutputFile, RowPlace, Rows, SlowestBatch, StageAccount
from pipeline.plan import Plan
from pipeline.rollup import BLOCK, WORTHWHILE, manifest_name, read_manifests
from pipeline.status import read_status
from pipeline.workspace import Workspace

RECIPE = {
    "name": "long",
    "task_bytes": "4MB",
    "stages": ["jsonl", {"filter": {"name": "empty", "drop_if": "text = ''"}}],
}

_opened: list[str] | None = None


def _notice(event: str, arguments: tuple) -> None:
    if event == "open" and _opened is not None:
        _opened.append(str(arguments[0]))


sys.addaudithook(_notice)


@contextmanager
def opened_below(folder: Path) -> Iterator[list[str]]:
    """The files below a folder that this process opens in the block."""
    global _opened
    _opened, found = [], []
    try:
        yield found
    finally:
        found += [path for path in _opened if path.startswith(f"{folder}/") and not Path(path).is_dir()]
        _opened = None


def manifest(index: int, phase: str = "curate", fingerprint: str = "f") -> Manifest:
    chance = random.Random(index)
    place = RowPlace("crawl.warc", chance.randrange(10**9), 1, 10_000)
    return Manifest(
        phase=phase,
        index=index,
        fingerprint=fingerprint,
        inputs_digest=f"{chance.getrandbits(256):064x}",
        inputs=[{"file": "crawl.warc", "range": [index, index + 1]}],
        outputs=[OutputFile("documents", f"{index:05d}.arrow", f"{chance.getrandbits(256):064x}", 1000 + index, 3)],
        rows=Rows(read=5, kept=3, quarantined=1, dropped={"gopher": 1}),
        stages=[StageAccount("gopher", 5, 3, 500, 0.25)],
        counters={"pairs": index},
        bytes_read=10,
        seconds=1.0,
        cpu_seconds=0.9,
        peak_memory_bytes=1 << 28,
        attempt=1,
        started=1e9 + index,
        slowest=SlowestBatch(0.5, 5, place, place),
    )


def save(folder: Path, found: Manifest) -> None:
    """As tasks do, but without waiting for the disk."""
    temporary = folder / ".tmp-manifest"
    temporary.write_text(json.dumps(asdict(found)), "utf-8")
    temporary.replace(folder / manifest_name(found.index))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Manifests of all but every tenth of two and a half blocks of tasks."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    for index in range(BLOCK * 5 // 2):
        if index % 10:
            save(folder, manifest(index))
    return folder


def read(folder: Path) -> list[Manifest | None]:
    return list(read_manifests(folder, folder.parent / "rollups", "f", BLOCK * 5 // 2))


def expected(index: int) -> Manifest | None:
    return replace(manifest(index), inputs=[]) if index % 10 else None


def test_a_second_reader_opens_only_the_roll_ups(folder: Path) -> None:
    with opened_below(folder.parent) as first:
        assert read(folder) == [expected(index) for index in range(BLOCK * 5 // 2)]
    assert len(first) >= BLOCK * 5 // 2 * 9 // 10
    with opened_below(folder.parent) as second:
        assert read(folder) == [expected(index) for index in range(BLOCK * 5 // 2)]
    assert [Path(path).name for path in second] == ["00000.json.gz", "00001.json.gz", "00002.json.gz"]


def test_what_changed_since_is_read_from_the_manifests(folder: Path) -> None:
    read(folder)
    (folder / manifest_name(1)).unlink()
    save(folder, replace(manifest(2), attempt=7))
    save(folder, manifest(BLOCK))
    with opened_below(folder) as opened:
        found = read(folder)
    assert found[1] is None and found[2] == replace(manifest(2), attempt=7, inputs=[])
    assert found[BLOCK] == replace(manifest(BLOCK), inputs=[]) and found[3] == expected(3)
    assert len(opened) == 2


def test_a_block_is_rolled_up_again_once_that_is_worthwhile(folder: Path) -> None:
    read(folder)
    for index in range(WORTHWHILE):
        save(folder, replace(manifest(index), attempt=2))
    read(folder)
    with opened_below(folder) as opened:
        assert read(folder)[5] == replace(manifest(5), attempt=2, inputs=[])
    assert opened == []


def reshaped(content: bytes, change: Callable[[Any], Any]) -> bytes:
    """The roll-up after a change of its entries, with a checksum that agrees."""
    entries = json.dumps(change(json.loads(gzip.decompress(content)[64:]))).encode()
    return gzip.compress(hashlib.sha256(entries).hexdigest().encode() + entries)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "torn": lambda content: content[: len(content) // 2],
    "no gzip": lambda content: b"{}",
    "a number": lambda content: gzip.compress(gzip.decompress(content).replace(b'"read": 5', b'"read": 6', 1)),
    "another version": lambda content: reshaped(content, lambda found: [[s, {**m, "new": 1}] for s, m in found]),
    "an older version": lambda content: reshaped(content, lambda found: [[s, {"index": 1}] for s, m in found]),
    "a phase": lambda content: reshaped(content, lambda found: [[s, {**m, "fingerprint": "g"}] for s, m in found]),
    "a shape": lambda content: reshaped(content, lambda found: {"entries": None}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_roll_up_is_no_loss(folder: Path, damage: str) -> None:
    read(folder)
    for rollup in (folder.parent / "rollups").iterdir():
        rollup.write_bytes(DAMAGES[damage](rollup.read_bytes()))
    assert read(folder) == [expected(index) for index in range(BLOCK * 5 // 2)]


def test_a_manifest_that_is_not_whole_does_not_count(folder: Path) -> None:
    (folder / manifest_name(11)).write_text('{"phase": "curate"', "utf-8")
    assert read(folder)[11] is None and read(folder)[11] is None


def large_run(tmp_path: Path, tasks: int) -> tuple[Path, Plan]:
    """A planned run of a sparse file, whose first phase has finished, as its manifests say."""
    crawl, run = tmp_path / "crawl", tmp_path / "run"
    crawl.mkdir()
    with (crawl / "huge.jsonl").open("wb") as stream:
        stream.truncate(tasks * 4_000_000)
    plan = compile_plan(Recipe.parse(RECIPE), [crawl])
    plan.save(run / "plan.json")
    workspace = Workspace(run)
    for phase in plan.phases:
        place = workspace.manifest(phase, 0).parent
        place.mkdir(parents=True)
        for index in range(phase.tasks):
            save(place, manifest(index, phase.name, phase.fingerprint))
    return run, plan


@pytest.mark.parametrize("tasks", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_status_of_a_large_run_opens_roll_ups_and_the_tail(tmp_path: Path, tasks: int) -> None:
    run, plan = large_run(tmp_path, tasks)
    first = read_status(run)
    assert first.state == "complete" and first.phases[0].done == first.phases[0].tasks == tasks
    assert first.phases[0].rows == 5 * tasks
    tail = manifest(tasks - 1, plan.phases[0].name, plan.phases[0].fingerprint)
    save(Workspace(run).manifest(plan.phases[0], 0).parent, replace(tail, rows=Rows(read=6, kept=6)))
    with opened_below(run) as opened:
        second = read_status(run)
    assert second.phases[0].rows == 5 * tasks + 1
    blocks = sum(-(-phase.tasks // BLOCK) for phase in plan.phases if phase.tasks >= WORTHWHILE)
    few = sum(phase.tasks for phase in plan.phases if phase.tasks < WORTHWHILE)
    assert len(opened) <= blocks + few + 3  # and the plan, the lock, and the manifest that is new
