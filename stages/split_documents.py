"""Write the documents once more, parted by the values of a column: a folder by_language/ from `by: language`.

    write   one task a part: each value's documents -> by_COLUMN/VALUE-PART.parquet

documents/ stays as it is, so disk is needed twice. Cost: one reading and writing of the documents; memory: one row
group of them.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from stages.base import Exchange, Phase, Task, Upstream
from stages.parting import file_label, names_of

#: What documents without a value are filed under.
NO_VALUE = "unknown"


class SplitDocuments(Exchange):
    """Write the documents once more, in files of their own for each value of a column."""

    name: ClassVar[str] = "split_documents"
    needs: ClassVar[tuple[str, ...]] = ("text",)
    materialised: ClassVar[bool] = True

    by: str = Field("language", pattern=r"^[A-Za-z0-9_]+$", description="The column; its values name the files.")

    def columns_needed(self) -> tuple[str, ...]:
        return (*self.needs, self.by)

    def phases(self, label: str, upstream: Upstream, seed: int) -> tuple[list[Phase], Upstream]:
        published = {"parted": f"by_{self.by}"}
        return [Phase("write", upstream.tasks, upstream.reads(), ("parted",), publishes=published)], upstream

    def write(self, task: Task) -> None:
        """Write one part of the documents; every row group of it gives each file one of its own."""
        writers: dict[str, pq.ParquetWriter] = {}
        with ExitStack() as files:
            for _, batch in task.documents(None):
                names = names_of(batch, self.by, NO_VALUE)
                for name in sorted(pc.unique(names).to_pylist()):
                    rows = pa.table(batch.filter(pc.equal(names, name))).combine_chunks()
                    if name not in writers:
                        file = f"{file_label(name)}-{task.index:05d}.parquet"
                        path = files.enter_context(task.create("parted", file))
                        writers[name] = files.enter_context(pq.ParquetWriter(path, rows.schema, compression="zstd"))
                    writers[name].write_table(rows, row_group_size=max(rows.num_rows, 1))
