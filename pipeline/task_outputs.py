"""The files a task writes: each whole or absent, recorded with its checksum for the manifest.

They get their names together, when the task has written all of them (files.AtomicFiles). Waited for until they are on
the disk are only those that will be published: whoever reads another holds it against its checksum, and what a loss
of power damaged is made again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import pyarrow as pa

from pipeline.document_files import RowGroupWriter
from pipeline.errors import RunError
from pipeline.files import AtomicFiles, file_sha256
from pipeline.intact import note_written
from pipeline.manifest import OutputFile
from pipeline.plan import PlannedPhase
from pipeline.workspace import Workspace


class TaskOutputs:
    """Creates files below the phase's folder and remembers them in the order in which they were finished."""

    def __init__(self, phase: PlannedPhase, workspace: Workspace) -> None:
        self.files: list[OutputFile] = []
        self._phase, self._workspace = phase, workspace
        self._atomic = AtomicFiles()

    def __enter__(self) -> TaskOutputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._atomic.__exit__(kind, error, trace)

    @contextmanager
    def create(self, output: str, name: str, rows: int = 0) -> Iterator[Path]:
        """A temporary path; when the task ends it becomes file `name` of the output (full name)."""
        target = self._target(output, name)
        with self._atomic.path(target, self._is_published(output)) as temporary:
            yield temporary
            self._add(temporary, target, output, rows)

    @contextmanager
    def row_groups(self, output: str, name: str, schema: pa.Schema) -> Iterator[RowGroupWriter]:
        """A writer of rows; the file will exist only if it got some."""
        target = self._target(output, name)
        with self._atomic.path(target, self._is_published(output)) as temporary:
            with RowGroupWriter(temporary, schema) as writer:
                yield writer
            if writer.rows == 0:
                temporary.unlink(missing_ok=True)
                target.unlink(missing_ok=True)
                return
            self._add(temporary, target, output, writer.rows)

    def _add(self, temporary: Path, target: Path, output: str, rows: int) -> None:
        written = OutputFile(output, target.name, file_sha256(temporary), temporary.stat().st_size, rows)
        note_written(temporary, target, written.sha256)
        self.files.append(written)

    def _is_published(self, output: str) -> bool:
        return output in self._phase.publishes

    def _target(self, output: str, name: str) -> Path:
        if output not in self._phase.outputs:
            raise RunError(f"{self._phase.name} writes '{output}' without having declared it")
        return self._workspace.output(self._phase, output) / name
