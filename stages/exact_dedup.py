"""Remove documents whose text is byte for byte that of another one (stages.keyed_dedup says how)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from stages.keyed_dedup import KeyedDedup

if TYPE_CHECKING:
    import pyarrow as pa


class ExactDedup(KeyedDedup):
    """Remove exact duplicates by a 128-bit hash of the text."""

    name: ClassVar[str] = "exact_dedup"
    version: ClassVar[int] = 4
    needs: ClassVar[tuple[str, ...]] = ("text",)
    equal_in: ClassVar[tuple[str, ...]] = ("text",)
    rule: ClassVar[str] = "exact_duplicate"

    def key(self, batch: pa.RecordBatch) -> pa.Array:
        return batch.column("text")
