"""Inputs and run directories on an object store: the same bytes as on a disk, whatever the network does."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
import yaml

from inspector.artifacts import recognise
from inspector.diff.report import diff
from inspector.dropped import dropped_documents
from inspector.trace import trace_position
from inspector.what_if.answer import what_if
from pipeline import Recipe, run
from pipeline.checksums import folder_checksums
from pipeline.errors import RecipeError, RunError
from pipeline.inputs import FileList
from pipeline.lock import driver_lock
from pipeline.measure import measure
from pipeline.progress import Progress
from pipeline.storage import location
from tests.pipeline.s3_server import Network

RECIPE = {
    "name": "remote",
    "task_bytes": "20kB",
    "stages": [
        "jsonl",
        "exact_dedup",
        {"minhash_dedup": {"bands": 4, "rows": 4, "key_ranges": 1}},
        {"train_tokenizer": {"vocab_size": 300}},
        {"write_shards": {"buckets": 1}},
    ],
}
#: Fewer requests, for what makes each of them wait.
SHORT = {**RECIPE, "task_bytes": "1MB", "stages": RECIPE["stages"][:2]}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of 60 documents with copies among them, and one bad line."""
    folder = tmp_path_factory.mktemp("texts")
    chance = random.Random(5)
    for number in range(2):
        lines = [
            json.dumps({"id": f"{number}-{line}", "text": " ".join(f"word{chance.randrange(50)}" for _ in range(60))})
            for line in range(60)
        ]
        lines += [*lines[:5], "no JSON"]
        (folder / f"part-{number}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def undisturbed(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """sha256 of each published folder of a run on a disk."""
    return checksums_on_disk(RECIPE, texts, tmp_path_factory)


@pytest.fixture(scope="module")
def undisturbed_short(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return checksums_on_disk(SHORT, texts, tmp_path_factory)


def checksums_on_disk(recipe: dict, texts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("local") / "run"
    run(Recipe.parse(recipe), [texts], out, executor="inline", quiet=True)
    return checksums(out)


def checksums(place: Path) -> dict[str, str]:
    return {found.folder: found.sha256 for found in folder_checksums(place) if found.as_published}


def upload_texts(texts: Path) -> str:
    client = boto3.client("s3")
    for file in texts.iterdir():
        client.upload_file(str(file), "crawl", f"texts/{file.name}")
    return "s3://crawl/texts"


def test_a_run_from_and_to_s3_has_the_bytes_of_a_local_one_and_finds_itself_finished(
    bucket: Network, texts: Path, undisturbed: dict[str, str]
) -> None:
    given = upload_texts(texts)
    result = run(Recipe.parse(RECIPE), [given], "s3://crawl/run", workers=2, quiet=True)
    assert result.totals.complete and result.totals.balanced() and result.totals.quarantined == 2
    assert checksums(location("s3://crawl/run")) == undisturbed
    again = run(Recipe.parse(RECIPE), [given], "s3://crawl/run", workers=2, quiet=True)
    assert sum(again.ran.values()) == 0
    kind, report = recognise(location("s3://crawl/run")).describe(None, None, 3)
    assert kind == "run" and report["balanced"] and report["totals"]["kept"] == result.totals.kept
    assert recognise(location("s3://crawl/run/documents")).describe(None, None, 1)[1]["rows"] == result.totals.kept
    traced = trace_position(location("s3://crawl/run"), None, 100, replay=True)
    assert traced["tokens_decode_to_text"] and traced["replayed_text_equal"]


@pytest.mark.slow
def test_a_run_on_s3_is_measured_asked_and_compared_as_one_on_a_disk(
    bucket: Network, texts: Path, tmp_path: Path
) -> None:
    length = {"tests.pipeline.line_stages:Length": {"label": "size"}}
    # It keeps nothing, and an object store shows no folder without files.
    nothing = {**SHORT, "stages": ["jsonl", length, {"filter": {"name": "long", "drop_if": "length_characters > 9"}}]}
    local, remote = tmp_path / "run", location("s3://crawl/run")
    runs = {}
    for out in (local, remote):
        run(Recipe.parse(SHORT), [texts], out, executor="inline", quiet=True)
        found = measure(out, "tests.pipeline.line_stages:Length", [], None, rejects=True, progress=Progress(quiet=True))
        again = measure(out, "tests.pipeline.line_stages:Length", [], None, rejects=True, progress=Progress(quiet=True))
        assert again.parts_finished_before == again.parts == found.parts > 0
        answer = what_if(out, ["length_characters > 330"], 2)
        dropped = dropped_documents(out, 3, 0)
        runs[out] = (found, answer, dropped)
    assert runs[local] == runs[remote]
    run(Recipe.parse(nothing), [texts], "s3://crawl/other", executor="inline", quiet=True)
    differences = [diff(out, location("s3://crawl/other"), 2) for out in (local, remote)]
    for found in differences:
        assert found["a"].pop("run")
    assert differences[0] == differences[1] and differences[0]["rows"]["kept_only_in_a"] > 0


@pytest.mark.parametrize("fault", ["slow_down", "cut"])
def test_every_fifth_request_refused_or_cut_changes_nothing(
    bucket: Network, texts: Path, undisturbed_short: dict[str, str], fault: str
) -> None:
    given = upload_texts(texts)
    bucket.fault = lambda number, method, path: (
        fault if number % 5 == 0 and (fault != "cut" or method == "GET") else None
    )
    run(Recipe.parse(SHORT), [given], "s3://crawl/run", executor="inline", quiet=True)
    assert bucket.failed > 5
    bucket.reset()
    assert checksums(location("s3://crawl/run")) == undisturbed_short


def test_an_expired_token_stops_with_one_line_and_the_same_command_goes_on(
    bucket: Network, texts: Path, undisturbed_short: dict[str, str], tmp_path: Path
) -> None:
    given = upload_texts(texts)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(SHORT))
    command = [sys.executable, "-m", "corpusmill", "run", str(recipe), "--in", given, "--out", "s3://crawl/run"]
    command += ["--executor", "inline"]
    bucket.fault = lambda number, method, path: "expired" if number > 45 else None
    stopped = subprocess.run(command, capture_output=True, text=True, timeout=300)
    last = stopped.stderr.strip().splitlines()[-1]
    assert stopped.returncode == 2 and "has expired" in last and "the same command goes on" in last
    assert "Traceback" not in stopped.stderr and "never-shown" not in stopped.stderr
    bucket.reset()
    assert subprocess.run(command, capture_output=True, timeout=300).returncode == 0
    assert checksums(location("s3://crawl/run")) == undisturbed_short


def test_a_killed_driver_leaves_nothing_half_and_its_lease_is_taken_over(
    bucket: Network, texts: Path, undisturbed_short: dict[str, str], tmp_path: Path
) -> None:
    given = upload_texts(texts)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(SHORT))
    command = [sys.executable, "-m", "corpusmill", "run", str(recipe), "--in", given, "--out", "s3://crawl/run"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as driver:
        while not any(method == "PUT" and "/manifests/" in path for method, path in bucket.requests):
            assert driver.poll() is None
            time.sleep(0.05)
        driver.send_signal(signal.SIGKILL)
    run(Recipe.parse(SHORT), [given], "s3://crawl/run", executor="inline", quiet=True)
    assert checksums(location("s3://crawl/run")) == undisturbed_short


def test_a_second_driver_is_told_of_the_first(bucket: Network, texts: Path) -> None:
    with driver_lock(location("s3://crawl/run")), pytest.raises(RunError, match=f"process {os.getpid()} on"):
        run(Recipe.parse(RECIPE), [texts], "s3://crawl/run", executor="inline", quiet=True)


def test_inputs_are_found_by_file_folder_pattern_and_list(bucket: Network, texts: Path, tmp_path: Path) -> None:
    given = upload_texts(texts)
    boto3.client("s3").put_object(Bucket="crawl", Key="texts/notes.txt", Body=b"none of the corpus")
    names = tmp_path / "names.txt"
    names.write_text("# the second half\ntexts/part-1.jsonl\n")

    def read(*inputs: str | FileList) -> list[str]:
        source = Recipe.parse(RECIPE).source()
        from pipeline.inputs import list_inputs

        return [f"{file.name} {file.checksum.partition(':')[0]}" for file in list_inputs(inputs, source)]

    assert read(given) == ["part-0.jsonl etag", "part-1.jsonl etag"]
    assert read(f"{given}/part-1.jsonl") == ["part-1.jsonl etag"]
    assert read("s3://crawl/*/part-*.jsonl") == ["texts/part-0.jsonl etag", "texts/part-1.jsonl etag"]
    assert read(FileList("s3://crawl", names)) == ["texts/part-1.jsonl etag"]
    assert read(str(texts / "part-*.jsonl")) == ["part-0.jsonl sampled-sha256", "part-1.jsonl sampled-sha256"]
    for nothing in ("s3://crawl/none", "s3://crawl/none/part.jsonl", "s3://crawl/none/*.jsonl", "s3://nowhere/at-all"):
        with pytest.raises(RecipeError, match=r"no such input|holds no file"):
            read(nothing)
    names.write_text("texts/part-7.jsonl\n")
    with pytest.raises(RecipeError, match=r"texts/part-7\.jsonl: no such input file"):
        read(FileList("s3://crawl", names))


def test_passwords_do_not_belong_into_paths() -> None:
    with pytest.raises(RecipeError, match="leave user and password out") as found:
        location("s3://key:secret@crawl/run")
    assert "secret" not in str(found.value)
