"""What a task reads, as data: compared with the manifest to decide whether the task must run again."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.assets import PlannedAssets
from pipeline.cleaned import cleaned_outputs
from pipeline.errors import Damaged, DamagedFile, NotReady
from pipeline.fingerprint import digest
from pipeline.intact import is_intact
from pipeline.local_copies import LocalCopies
from pipeline.manifest import Manifest, OutputFile
from pipeline.plan import Plan, PlannedPhase, stages_of
from pipeline.storage import list_folder
from pipeline.verdicts import Verdict, read_verdicts
from pipeline.workspace import Workspace
from stages.base import InputPart
from stages.bucket_file import read_bucket


class TaskInputs:
    """Looks up the files that earlier tasks wrote; made once a phase and process, when its inputs are complete.

    `of_all_tasks` is for who goes through all tasks of a phase: folders are then listed, and manifests read, as a
    whole and once, instead of file by file.
    """

    def __init__(self, plan: Plan, workspace: Workspace, of_all_tasks: bool = False) -> None:
        self.plan, self.workspace, self._of_all_tasks = plan, workspace, of_all_tasks
        self._all_files = lru_cache(maxsize=None)(self._read_all_files)
        self._listed = lru_cache(maxsize=None)(list_folder)
        self._digest = lru_cache(maxsize=None)(self._content)
        self._copies = LocalCopies()
        self._cleaned: dict[str, frozenset[str]] = {}
        self._assets: dict[str, PlannedAssets] = {}

    def parts(self, output: str, task: int | None = None) -> list[InputPart]:
        """Files of an output in task order, of one task or of all. NotReady if a manifest is missing."""
        phase = self.plan.producer(output)
        folder = self.workspace.output(phase, output)
        return [
            InputPart(index, folder / file.name, file.sha256, file.rows)
            for index in (range(phase.tasks) if task is None else (task,))
            for file in self._files(output, index, task is None or self._of_all_tasks)
        ]

    def intact_parts(self, output: str, task: int | None = None) -> list[InputPart]:
        """As `parts`, at local paths and each held against its checksum; Damaged names those that do not have it."""
        intact, damaged = [], []
        for part in self.parts(output, task):
            try:
                local = self._copies.of(part, task)
                if is_intact(local.path, part.sha256):
                    intact.append(local)
                    continue
            except FileNotFoundError:
                pass
            damaged.append(part)
        if damaged:
            raise self._damaged(output, damaged)
        return intact

    def bucket(self, output: str, bucket: int) -> Iterator[pa.RecordBatch]:
        """One bucket of every file of a bucketed output, in task order; at the end Damaged, if some are not whole."""
        damaged: dict[InputPart, Exception] = {}
        for part in self.parts(output):
            try:
                batch = read_bucket(part.path, bucket)
            except (pa.ArrowException, OSError, ValueError, LookupError) as error:
                if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
                    raise  # What the machine failed is repeated; of what it cannot make sense Arrow says no number.
                damaged[part] = error
                continue
            if batch is not None and not damaged:
                yield batch
        if damaged:
            raise self._damaged(output, list(damaged)) from next(iter(damaged.values()))

    def describe(self, phase: PlannedPhase, index: int) -> list[dict[str, Any]]:
        """The inputs of a task by content: ranges of input files, or checksums of what earlier tasks wrote."""
        described: list[dict[str, Any]] = []
        for split in phase.splits[index] if phase.splits else ():
            file = self.plan.files[split.file]
            described.append(
                {
                    "file": split.file,
                    "range": [split.start, split.end],
                    "rows": split.rows,
                    "size": file.size,
                    "checksum": file.checksum,
                }
            )
        for read in phase.reads:
            task = index if read.select == "same" else None
            described.append({"output": read.output, "task": task, "sha256": self._digest(read.output, task)})
        described += [{"verdict": asdict(verdict)} for verdict in self.verdicts(phase, index)]
        return described

    def cleaned(self, phase: PlannedPhase) -> frozenset[str]:
        """Outputs of the phase that `corpusmill clean` freed, looked up once."""
        if phase.name not in self._cleaned:
            self._cleaned[phase.name] = cleaned_outputs(phase, self.workspace)
        return self._cleaned[phase.name]

    def assets(self, phase: PlannedPhase) -> PlannedAssets:
        """What the phase's stages use besides the corpus, looked up once."""
        if phase.name not in self._assets:
            self._assets[phase.name] = PlannedAssets(stages_of(self.plan, phase), phase.components)
        return self._assets[phase.name]

    def verdicts(self, phase: PlannedPhase, index: int) -> list[Verdict]:
        """Rows that earlier attempts at the task found to kill their worker."""
        path = self.workspace.verdicts(phase, index)
        if self._of_all_tasks and path.name not in self._listed(path.parent):
            return []
        return read_verdicts(path)

    def stands(self, folder: Path, file: OutputFile) -> bool:
        """Whether a file that a task wrote is in a folder, as large as it was written."""
        if self._of_all_tasks:
            listed = self._listed(folder).get(file.name)
            return listed is not None and listed.size == file.bytes
        path = folder / file.name
        return path.is_file() and path.stat().st_size == file.bytes

    def _damaged(self, output: str, parts: Sequence[InputPart]) -> Damaged:
        phase = self.plan.producer(output).name
        return Damaged([DamagedFile(str(part.path), phase, part.task, output) for part in parts])

    def _content(self, output: str, task: int | None) -> str:
        return digest([[part.task, part.path.name, part.sha256] for part in self.parts(output, task)])

    def _files(self, output: str, task: int, among_all: bool) -> list[OutputFile]:
        """What a task wrote of an output. NotReady if it has not finished."""
        phase = self.plan.producer(output)
        files = self._all_files(output)[task] if among_all else None
        if files is None:
            # Alone, or because a network file system may list a folder as it was before the task ended.
            manifest = Manifest.load(self.workspace.manifest(phase, task))
            if manifest is None:
                raise NotReady(f"{phase.name} task {task} has not finished, so what reads it is not ready")
            files = _of_output(manifest, output)
        return files

    def _read_all_files(self, output: str) -> list[list[OutputFile] | None]:
        manifests = self.workspace.manifest_of_each(self.plan.producer(output))
        return [None if manifest is None else _of_output(manifest, output) for manifest in manifests]


def _of_output(manifest: Manifest, output: str) -> list[OutputFile]:
    return [file for file in manifest.outputs if file.output == output]
