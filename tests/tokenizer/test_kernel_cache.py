"""Machine code that is kept on disk: never older than any source it was made of, and not made again for nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import tokenizer.kernel_cache

CALLER = """from stages.step_kernel import step
from tokenizer.kernel_cache import kernel


@kernel
def twice(number):
    return step(step(number))
"""
HELPER = """from stages.size_table import SIZE
from tokenizer.kernel_cache import kernel


@kernel
def step(number):
    return number + SIZE
"""
OTHER = """from tokenizer.kernel_cache import kernel


@kernel
def half(number):
    return number // 2
"""
CALL = """
from stages.other_kernel import half
from stages.twice_kernel import twice
from tokenizer.kernel_cache import seconds_compiling

half(8)
before = seconds_compiling()
twice(1)
print(twice(1), before > 0, seconds_compiling() > before)
"""


def test_an_edit_compiles_anew_all_that_is_made_of_it_and_nothing_else(tmp_path: Path) -> None:
    sources = {"twice_kernel": CALLER, "step_kernel": HELPER, "other_kernel": OTHER, "size_table": "SIZE = 10\n"}
    for package in ("stages", "tokenizer"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    for name, text in sources.items():
        (tmp_path / f"stages/{name}.py").write_text(text)
    shutil.copy(tokenizer.kernel_cache.__file__, tmp_path / "tokenizer")

    def call() -> list[str]:
        environment = {**os.environ, "CORPUSMILL_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)}
        command = [sys.executable, "-c", CALL]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout.split()

    assert call() == ["21", "True", "True"]
    assert call() == ["21", "False", "False"]
    (tmp_path / "stages/size_table.py").write_text("SIZE = 100\n")
    assert call() == ["201", "False", "True"]
