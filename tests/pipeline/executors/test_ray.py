"""A real Ray cluster of two nodes gives the bytes that one process gives, also when a node or the driver is lost."""

from __future__ import annotations

import copy
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.ray_cluster import ray_cluster
from pipeline import Recipe, run
from pipeline.checksums import folder_checksums
from pipeline.errors import RecipeError, RunError
from pipeline.storage import location
from tests.pipeline.conftest import RECIPE, published
from tests.pipeline.s3_server import Network

ROOT = Path(__file__).parents[3]
ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with ray_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def undisturbed(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    return published(out)


def test_two_nodes_give_the_bytes_of_one_process(
    cluster: Any, lines: Path, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    result = run(Recipe.parse(RECIPE), [lines], tmp_path / "run", executor="ray", quiet=True)
    assert result.totals.balanced()
    assert published(tmp_path / "run") == undisturbed


def test_a_row_that_kills_its_worker_is_quarantined_on_its_node(cluster: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one line\nabort here\nanother line\n")
    stages = ["tests.pipeline.line_stages:Lines", "tests.pipeline.line_stages:Deadly"]
    recipe = Recipe.parse({"name": "deadly", "stages": stages})
    totals = run(recipe, [tmp_path], tmp_path / "run", executor="ray", quiet=True).totals
    assert (totals.read, totals.kept, totals.quarantined) == (3, 2, 1)


def test_a_failed_task_fails_the_run_in_one_line(cluster: Any, lines: Path, tmp_path: Path) -> None:
    stages = ["tests.pipeline.line_stages:Lines", "tests.pipeline.line_stages:Broken"]
    recipe = Recipe.parse({"name": "broken", "task_bytes": "20kB", "stages": stages})
    with pytest.raises(RunError, match=r"of curate failed: curate task 0: .*nothing fits"):
        run(recipe, [lines], tmp_path / "run", executor="ray", quiet=True)


def test_damaged_intermediates_are_made_again(
    cluster: Any, lines: Path, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    out = tmp_path / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    damaged = [*out.glob("work/exact_dedup.keys-*/keys/keys-0000[12].arrow")]
    damaged += out.glob("work/curate-*/documents/part-0000[12].arrow")
    for file in damaged:
        file.write_bytes(bytes(file.stat().st_size))
    for phase in ("exact_dedup.match", "survivors"):
        for manifest in out.glob(f"work/{phase}-*/manifests/*.json"):
            manifest.unlink()
    result = run(Recipe.parse(RECIPE), [lines], out, executor="ray", quiet=True)
    assert sorted(result.damaged) == sorted(map(str, damaged))
    assert published(out) == undisturbed


def test_a_worker_that_outlives_a_plan_takes_the_next_one(cluster: Any, lines: Path, tmp_path: Path) -> None:
    """Ray keeps workers for a driver's life, in which one run directory may be planned twice."""
    ray.init(log_to_driver=False)
    try:
        for least in (3, 60):
            data = copy.deepcopy(RECIPE)
            data["stages"][1]["tests.pipeline.line_stages:Length"]["least"] = least
            changed = Recipe.parse(data)
            run(changed, [lines], tmp_path / "run", executor="ray", quiet=True)
    finally:
        ray.shutdown()
    run(changed, [lines], tmp_path / "fresh", executor="inline", quiet=True)
    assert published(tmp_path / "run") == published(tmp_path / "fresh")


def test_the_driver_says_that_a_node_compiles(
    cluster: Any, lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = ["tests.pipeline.line_stages:Lines", "tests.pipeline.line_stages:Compiling"]
    recipe = Recipe.parse({"name": "compiling", "task_bytes": "20kB", "stages": stages})
    run(recipe, [lines], tmp_path / "run", executor="ray")
    said = capsys.readouterr().err
    assert said.count("compiling kernels") == 1
    assert said.index("curate: ") < said.index("compiling kernels") < said.index("done in")


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_where_no_cluster_answers_is_one_line(
    lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], scheme: str
) -> None:
    with socket.create_server(("localhost", 0)) as freed:
        address = f"{scheme}127.0.0.1:{freed.getsockname()[1]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(RecipeError, match=f"^RAY_ADDRESS={address}: no Ray cluster answers there$"):
        run(Recipe.parse(RECIPE), [lines], tmp_path / "run", executor="ray", quiet=True)
    assert capfd.readouterr() == ("", "")


def kill_when_a_task_runs(out: Path, kill: Callable[[], object], killed: list[int]) -> None:
    """Kill as soon as a task of `curate` is under way; note how many tasks had finished by then."""
    while not list(out.glob("work/curate-*/running/*.json")):
        time.sleep(0.02)
    killed.append(len(list(out.glob("work/curate-*/manifests/*.json"))))
    kill()


def test_a_node_that_is_lost_costs_nothing_but_time(
    cluster: Any, lines: Path, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    lost, killed = cluster.add_node(num_cpus=1), list[int]()
    remove = partial(cluster.remove_node, lost, allow_graceful=False)
    removal = threading.Thread(target=kill_when_a_task_runs, args=(tmp_path / "run", remove, killed))
    removal.start()
    result = run(Recipe.parse(RECIPE), [lines], tmp_path / "run", executor="ray", quiet=True)
    removal.join()
    assert killed[0] < result.ran["curate"]
    assert published(tmp_path / "run") == undisturbed


def test_a_driver_that_was_killed_is_started_again(
    cluster: Any, lines: Path, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    recipe, out, killed = tmp_path / "recipe.yaml", tmp_path / "run", list[int]()
    recipe.write_text(yaml.safe_dump(RECIPE))
    command = [sys.executable, "-m", "corpusmill", "run", str(recipe), "--in", str(lines)]
    command += ["--out", str(out), "--executor", "ray"]
    first = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    kill_when_a_task_runs(out, first.kill, killed)
    assert first.wait() == -signal.SIGKILL
    assert not (out / "documents").exists()
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert second.returncode == 0, second.stderr
    assert published(out) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_nodes_and_drivers_lost_anywhere_cost_nothing_but_time(
    cluster: Any, lines: Path, tmp_path: Path, undisturbed: dict[str, str], seed: int
) -> None:
    chance = random.Random(seed)
    phase = chance.choice(["curate", "exact_dedup.keys", "exact_dedup.match", "survivors"])
    victims = (("node",), ("driver",), ("node", "driver"))[seed % 3]
    out, node = tmp_path / "run", cluster.add_node(num_cpus=1)
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    command = [sys.executable, "-m", "corpusmill", "run", str(tmp_path / "recipe.yaml"), "--in", str(lines)]
    command += ["--out", str(out), "--executor", "ray"]
    driver = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not any(list(out.glob(f"work/{phase}-*/{kind}/*.json")) for kind in ("running", "manifests")):
        assert driver.poll() is None
        time.sleep(0.02)
    assert not (out / "documents").exists()
    if "driver" in victims:
        driver.kill()
    cluster.remove_node(node, allow_graceful="node" not in victims)
    told = driver.communicate(timeout=300)[1]
    assert driver.returncode == (-signal.SIGKILL if "driver" in victims else 0), told
    if "driver" in victims:
        again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert again.returncode == 0, again.stderr
    assert published(out) == undisturbed


def test_a_run_on_s3_enters_it_with_the_keys_of_the_driver(cluster: Any, bucket: Network, tmp_path: Path) -> None:
    """The cluster was started before, without them."""
    (tmp_path / "a.txt").write_text("one line\nanother line\none line\n")
    recipe = Recipe.parse({"name": "remote", "stages": ["tests.pipeline.line_stages:Lines", "exact_dedup"]})
    run(recipe, [tmp_path / "a.txt"], "s3://crawl/run", executor="ray", quiet=True)
    run(recipe, [tmp_path / "a.txt"], tmp_path / "run", executor="inline", quiet=True)
    assert folder_checksums(location("s3://crawl/run")) == folder_checksums(tmp_path / "run")
