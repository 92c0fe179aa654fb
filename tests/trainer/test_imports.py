"""The trainer stands on its own dependencies, and its commands load nothing slow before they run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.conftest import make_shards

ROOT = Path(__file__).parents[2]

#: Refuses to import anything outside the standard library, the trainer's own dependencies and what those need.
BARE = """
import sys
FOREIGN = {"polars", "pydantic", "numba", "gigatoken", "awkward", "fastwarc", "resiliparse", "trafilatura",
           "fasttext", "datasets", "zstandard", "brotli", "stages", "pipeline", "inspector"}
class Bare:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in FOREIGN:
            raise ModuleNotFoundError(f"not installed: {name}", name=name)
sys.meta_path.insert(0, Bare())
"""


def run_python(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_commands_load_nothing_slow() -> None:
    code = (
        "import sys, trainer, trainer.commands, trainer.__main__, shards.commands\n"
        "slow = {'torch', 'numpy', 'pyarrow', 'polars', 'numba', 'tokenizers', 'pydantic'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    assert run_python(code).strip() == "[]"


def test_it_trains_where_the_curation_dependencies_are_absent(tmp_path: Path) -> None:
    shards = make_shards(tmp_path / "shards")
    code = BARE + (
        "import pkgutil, importlib, trainer\n"
        "for module in pkgutil.iter_modules(trainer.__path__): importlib.import_module('trainer.' + module.name)\n"
        "from pathlib import Path\n"
        "from tests.trainer.conftest import small_config\n"
        "from trainer.loop import TorchTrainer\n"
        "print(TorchTrainer().fit(Path(sys.argv[1]), small_config(max_steps=2), Path(sys.argv[2])))"
    )
    printed = run_python(code, str(shards), str(tmp_path / "out"))
    assert printed.strip().endswith("step-00000002")


@pytest.mark.parametrize("package", ["trainer", "shards"])
def test_imports_only_point_down(package: str) -> None:
    allowed = {"trainer": {"trainer", "tokenizer", "shards"}, "shards": {"shards"}}[package]
    ours = {"corpusmill", "inspector", "pipeline", "trainer", "stages", "tokenizer", "shards"}
    for file in (ROOT / package).rglob("*.py"):
        for line in file.read_text("utf-8").splitlines():
            words = line.split()
            if len(words) > 1 and words[0] in ("from", "import"):
                assert words[1].split(".")[0] not in ours - allowed, f"{file}: {line}"
