"""The site file is found where users keep such files, and what it says wrongly is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import RecipeError
from pipeline.site import Site


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_it_is_looked_for_in_three_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CORPUSMILL_SITE")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Site.load() == Site()
    write(tmp_path / ".config" / "corpusmill" / "site.yaml", "executor: ray\n")
    assert Site.load().executor == "ray"
    write(tmp_path / "xdg" / "corpusmill" / "site.yaml", "slurm: {partition: 7, environment: {THREADS: 4}}\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert (Site.load().slurm.partition, Site.load().slurm.environment) == ("7", {"THREADS": "4"})
    monkeypatch.setenv("CORPUSMILL_SITE", str(write(tmp_path / "mine.yaml", "")))
    assert Site.load() == Site()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("excutor: ray", "unknown key 'excutor'; did you mean 'executor'?"),
        ("executor: slrum", "executor: Input should be 'inline', 'local', 'ray' or 'slurm' (given: 'slrum')"),
        ("slurm: {acount: x}", "unknown key 'slurm.acount'; did you mean 'account'?"),
        ("slurm: {environment: {A-B: x}}", "slurm.environment.A-B"),
        ("slurm: {set_up: module load python}", "slurm.set_up: must be a list: [one, another]"),
        ("slurm: main", "slurm: must be a mapping of keys to values (given: 'main')"),
        ("- executor", "a site file is a mapping with the keys executor, slurm"),
        ("executor: [", "not readable as YAML"),
    ],
)
def test_what_it_says_wrongly_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    monkeypatch.setenv("CORPUSMILL_SITE", str(write(tmp_path / "site.yaml", text)))
    with pytest.raises(RecipeError) as refused:
        Site.load()
    assert str(refused.value).startswith(f"{tmp_path / 'site.yaml'}: ") and says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_named_file_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUSMILL_SITE", str(tmp_path / "absent.yaml"))
    with pytest.raises(RecipeError, match="no such file, which CORPUSMILL_SITE names"):
        Site.load()
