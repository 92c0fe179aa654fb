"""The engine: recipe -> plan -> tasks -> executors; manifests, resume, publication.

from pipeline import Recipe, run
result = run(Recipe.load("fineweb"), inputs=["crawl/"], out="run/")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.driver import RunResult, run
    from pipeline.plan import Plan, compile_plan
    from pipeline.recipe import Recipe
    from pipeline.task import run_task

_HOMES = {
    "Plan": "pipeline.plan",
    "Recipe": "pipeline.recipe",
    "RunResult": "pipeline.driver",
    "compile_plan": "pipeline.plan",
    "run": "pipeline.driver",
    "run_task": "pipeline.task",
}
__all__ = ["Plan", "Recipe", "RunResult", "compile_plan", "run", "run_task"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pipeline' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
