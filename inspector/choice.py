"""Choose examples at random, but the same every time: of each kind those with the smallest hashes, in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class _Held(NamedTuple):
    hash: int
    row: Any


class Choice:
    """Holds `count` rows of each kind at most; a row is whatever `take` makes of a position."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: dict[Any, list[_Held]] = {}

    def offer(self, kind: Any, hashes: np.ndarray, take: Callable[[int], Any]) -> None:
        """Rows of one kind by the hashes of their identities; `take` is called for those that are held."""
        held = self._held.get(kind, [])
        if len(held) == self._count and held:
            nearest = np.flatnonzero(hashes < np.uint64(held[-1].hash))
        else:
            nearest = np.arange(len(hashes))
        smallest = nearest[np.argsort(hashes[nearest], kind="stable")[: self._count]]
        held = held + [_Held(int(hashes[at]), take(int(at))) for at in smallest]
        self._held[kind] = sorted(held, key=lambda row: row.hash)[: self._count]

    def chosen(self) -> list[tuple[Any, Any]]:
        """Kind and row of `count` rows at most; the kinds take turns, in their order."""
        queues = {kind: list(rows) for kind, rows in sorted(self._held.items()) if rows}
        chosen: list[tuple[Any, Any]] = []
        while queues and len(chosen) < self._count:
            for kind in list(queues):
                chosen.append((kind, queues[kind].pop(0).row))
                if not queues[kind]:
                    del queues[kind]
        return chosen[: self._count]
