"""Local copies of remote files that tasks read as files: mapped, or held against a checksum before they count.

A copy that one task reads goes when another task's is asked for; one that every task of a phase reads stays as
long as this object. Cost: a download, and the disk for one task's inputs.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.scratch import scratch_directory
from pipeline.storage import download, is_remote
from stages.base import InputPart


class LocalCopies:
    """Copies for the tasks that one process runs of one phase."""

    def __init__(self) -> None:
        self._folders: dict[int | None, TemporaryDirectory[str]] = {}
        self._copies: dict[Path, Path] = {}

    def of(self, part: InputPart, task: int | None) -> InputPart:
        """The part at a local path: its own, or a copy for one task, or (None) for all.

        FileNotFoundError when there is no such file.
        """
        if not is_remote(part.path):
            return part
        if part.path not in self._copies:
            folder = self._folder(task)
            copy = folder / f"{len(self._copies)}-{part.path.name}"
            download(part.path, copy)
            self._copies[part.path] = copy
        return part._replace(path=self._copies[part.path])

    def _folder(self, task: int | None) -> Path:
        if task not in self._folders:
            for other in [other for other in self._folders if other is not None and task is not None]:
                gone = Path(self._folders.pop(other).name)
                self._copies = {path: copy for path, copy in self._copies.items() if copy.parent != gone}
            self._folders[task] = scratch_directory()
        return Path(self._folders[task].name)
