"""Arrays that begin where a line of the processor's cache does, so that a row of 64 bytes lies in one line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_CACHE_LINE = 64


def aligned_zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Zeros that begin at a line of the processor's cache; their memory has been touched, so that no later use pays."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.full(size + _CACHE_LINE, 0, dtype=np.uint8)
    start = -memory.ctypes.data % _CACHE_LINE
    return memory[start : start + size].view(dtype).reshape(shape)
