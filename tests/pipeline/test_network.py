"""What goes wrong between here and a storage is tried again or told at once: one line that says what to mend."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest
import yaml

from corpusmill import build_app
from pipeline import Recipe, network
from pipeline.errors import RecipeError, Refused, RunError
from pipeline.inputs import list_inputs
from pipeline.preparation import open_workspace
from pipeline.storage import location
from shards import commandline
from tests.pipeline.s3_server import Network
from tests.pipeline.web_server import web_server

RECIPE = {"name": "network", "stages": ["jsonl", "exact_dedup"]}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(network, "_told", False)
    forget_connections()


def forget_connections() -> None:
    """Storages' clients keep the keys and endpoint that they were made with."""
    from s3fs import S3FileSystem

    S3FileSystem.clear_instance_cache()


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "absent"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "part.jsonl").write_text(json.dumps({"text": "a document"}) + "\n")
    return folder


def listed(given: str) -> list[str]:
    return [file.name for file in list_inputs([given], Recipe.parse(RECIPE).source())]


def test_a_web_server_that_fails_for_a_while_is_asked_again(corpus: Path) -> None:
    with web_server(corpus, failures=[503, 503, 429, 500, 502, 504]) as url:
        assert listed(f"{url}/part.jsonl") == ["part.jsonl"]


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (503, RunError, r"part\.jsonl: failed 6 times \(503"),
        (403, Refused, r"part\.jsonl: refused \(403"),
        (401, Refused, r"part\.jsonl: refused \(401"),
        (404, RecipeError, r"part\.jsonl: no such input file or folder"),
    ],
)
def test_a_web_server_that_goes_on_failing_is_told_as_what_it_answers(
    corpus: Path, status: int, error: type[Exception], message: str
) -> None:
    with web_server(corpus, failures=repeat(status)) as url, pytest.raises(error, match=message):
        listed(f"{url}/part.jsonl")


@pytest.mark.parametrize("given", ["http://127.0.0.1:{port}/part.jsonl", "s3://crawl/part.jsonl"])
def test_a_closed_port_is_no_absent_file(
    no_keys: None, closed_port: int, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never-shown")
    with pytest.raises(RunError, match=r"part\.jsonl: failed 6 times \(C(ould not|annot) connect"):
        listed(given.format(port=closed_port))


def test_a_hub_that_is_not_reached_is_no_internal_error(closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.config import conf

    monkeypatch.setitem(conf, "hf", {"endpoint": f"http://127.0.0.1:{closed_port}"})
    with pytest.raises(RunError, match="hf://datasets/mill/corpus: failed 6 times"):
        listed("hf://datasets/mill/corpus")


@pytest.mark.parametrize("given", ["http://127.0.0.1:{port}/part.jsonl", "s3://crawl/part.jsonl"])
def test_a_server_that_never_answers_is_told_of_and_given_up(
    no_keys: None, silent_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    monkeypatch.setattr(network, "READ_SECONDS", 0.05)
    monkeypatch.setattr(network, "SILENT_SECONDS", 0.0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never-shown")
    with pytest.raises(RunError, match="failed 6 times"):
        listed(given.format(port=silent_port))
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "part.jsonl: no answer yet" in said and "still trying" in said


def test_settings_of_the_user_go_before_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.config import conf

    monkeypatch.setitem(conf, "s3", {"config_kwargs": {"read_timeout": 600}})
    options = network.storage_options("s3")["config_kwargs"]
    assert options["read_timeout"] == 600 and options["connect_timeout"] == network.CONNECT_SECONDS


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        (["--in", "s3://crawl/a"], {}, "Unable to locate credentials; keys are looked for in AWS_ACCESS_KEY_ID"),
        (["--in", "s3://crawl/a"], {"AWS_ENDPOINT_URL": "localhost:9"}, "AWS_ENDPOINT_URL (or"),
        (["--in", "s3://"], {}, "s3://: name a bucket"),
        (["--in", "s3://*/part.jsonl"], {}, "s3://*/part.jsonl: name a bucket"),
        (["--in", "http:///part.jsonl"], {}, "http:///part.jsonl: name a server"),
        (["--in", "http://localhost:99999/part.jsonl"], {}, "is no address of a web server"),
        (["--in", ""], {}, "an empty path was given"),
        (["--in", "corpus", "--out", ""], {}, "an empty path was given"),
        (["--in", "corpus", "--out", "http://localhost:9/run"], {}, "web servers are only read"),
    ],
)
def test_what_the_user_must_mend_is_told_at_once(
    no_keys: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    environment: dict[str, str],
    message: str,
) -> None:
    def no_other_try(seconds: float) -> None:
        raise AssertionError("tried again")

    monkeypatch.setattr(network.time, "sleep", no_other_try)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    out = [] if "--out" in options else ["--out", str(tmp_path / "run")]
    status = commandline.run(build_app(), "corpusmill", ["run", str(recipe), *options, *out])
    said = capsys.readouterr().err
    assert status == 2 and message in said and said.count("\n") == 1


def test_an_empty_run_is_not_the_current_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert commandline.run(build_app(), "corpusmill", ["status", ""]) == 2
    assert "an empty path was given" in capsys.readouterr().err


def test_a_bucket_that_is_not_there_is_named_as_such(bucket: Network) -> None:
    with pytest.raises(RecipeError, match="s3://nobucket/run: cannot be written: no such bucket"):
        open_workspace(location("s3://nobucket/run"))


def test_an_expired_token_is_recognised_where_the_answer_has_no_body(bucket: Network) -> None:
    bucket.fault = lambda number, method, path: "expired"
    with pytest.raises(Refused, match=r"refused .* token that has expired; check or renew the credentials"):
        location("s3://crawl/run").exists()
    assert bucket.failed <= 2  # botocore asks for the bucket's region too.
