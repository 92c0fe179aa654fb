"""What a recipe is made of, one file a stage. Importing this package loads no stage and no library.

from stages import MinhashDedup      # any class of the catalogue (stages/catalogue.py), loaded when asked for
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    from stages.catalogue import CATALOGUE, stage_class

    for short, target in CATALOGUE.items():
        if target.endswith(f":{name}"):
            return stage_class(short)
    raise AttributeError(f"module 'stages' has no attribute {name!r}")
