"""Ratios of counted things as columns: one IEEE division a row, as Python divides two integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


def ratio(numerators: np.ndarray, denominators: np.ndarray, empty: float | None = None) -> pa.Array:
    """float64; `empty` (null unless given) where the denominator is 0."""
    import numpy as np
    import pyarrow as pa

    undefined = denominators == 0
    if not undefined.any():
        return pa.array(numerators / denominators)
    values = numerators / np.where(undefined, 1, denominators)
    if empty is not None:
        return pa.array(np.where(undefined, empty, values))
    return pa.array(values, mask=undefined)
