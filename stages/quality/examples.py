"""The texts of example files, read by the sources of recipes, and which of them are set apart, by hash.

Which rows are held out, and which are taken of more than are wanted, follows from a hash of the text alone: the same
rows for any order of files, and copies of a text always on one side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from stages.base import InputFile, Source, StageError
from stages.catalogue import stage_class
from stages.text_hash import text_hashes

_READERS = ("jsonl", "parquet", "arrow", "text", "wet")
_BATCH_BYTES = 16 << 20
_SPLIT_BYTES = 1 << 40


@dataclass
class Examples:
    """Texts below paths. `unreadable` counts the rows that the last reading met and could not read."""

    paths: Sequence[Path]
    text_field: str = "text"
    lines: bool = False  # each line of a plain text file is one document
    unreadable: int = field(default=0, init=False)
    why_unreadable: str | None = field(default=None, init=False)

    def read(self) -> Iterator[pa.Array]:
        """Batches of texts (string or large_string), none null; StageError for a path that holds no known file."""
        self.unreadable, self.why_unreadable = 0, None
        for path in self.paths:
            for file, source in self._files(path):
                whole = InputFile(file.name, file, file.stat().st_size)
                for split in source.splits(whole, _SPLIT_BYTES):
                    for batch in source.read(split, file, _BATCH_BYTES):
                        self._note_unreadable(file, batch.rejects)
                        yield batch.documents.column("text").drop_null()

    def why_none(self) -> str:
        """Why the last reading gave no texts, and what to do."""
        found = f"none of {self.unreadable:,} rows could be read" if self.unreadable else "no rows"
        first = f"; the first: {self.why_unreadable}" if self.why_unreadable else ""
        return f"{found}{first} (--text-field names the field of the text, now '{self.text_field}')"

    def _note_unreadable(self, file: Path, rejects: pa.RecordBatch) -> None:
        if rejects.num_rows and self.why_unreadable is None:
            self.why_unreadable = f"{file}: {rejects.column('error')[0]}"
        self.unreadable += rejects.num_rows

    def _files(self, path: Path) -> list[tuple[Path, Source]]:
        readers = self._readers()
        found = []
        for file in _below(path):
            source = next((reader for reader in readers if file.name.endswith(reader.suffixes)), None)
            if source is not None:
                found.append((file, source))
        if not found:
            endings = " ".join(ending for reader in readers for ending in reader.suffixes[:1])
            reason = "no such file or folder" if not path.exists() else f"holds no file that is read ({endings} ...)"
            raise StageError(f"{path}: {reason}")
        return found

    def _readers(self) -> list[Source]:
        readers = []
        for name in _READERS:
            kind = stage_class(name)
            parameters: dict[str, object] = {}
            if "fields" in kind.model_fields:
                parameters["fields"] = {"text": self.text_field}
            if name == "text" and self.lines:
                parameters["documents"] = "line"
            reader = kind(**parameters)
            assert isinstance(reader, Source)
            readers.append(reader)
        return readers


def _below(path: Path) -> list[Path]:
    """The file, or the files of a folder by name; of a run directory, its documents."""
    if not path.is_dir():
        return [path] if path.is_file() else []
    folder = path / "documents" if (path / "documents").is_dir() else path
    return sorted(file for file in folder.rglob("*") if file.is_file())


def held_out(texts: pa.Array, fraction: float) -> np.ndarray:
    """Which texts (bool) are set apart for measuring."""
    return text_hashes(texts)[:, 0] < np.uint64(min(int(fraction * 2**64), 2**64 - 1))


def taken(texts: pa.Array, limit: np.uint64) -> np.ndarray:
    """Which texts (bool) are below a limit that `limit_of` gave."""
    return text_hashes(texts)[:, 1] <= limit


def limit_of(examples: Examples, rows: int) -> np.uint64:
    """The limit below which `rows` of the texts lie, or all of them where there are fewer."""
    hashes = [text_hashes(texts)[:, 1] for texts in examples.read()]
    everything = np.concatenate(hashes) if hashes else np.empty(0, dtype=np.uint64)
    if len(everything) <= rows:
        return np.uint64(2**64 - 1)
    return np.uint64(np.partition(everything, rows - 1)[rows - 1])
