"""What a run of minhash_dedup leaves for later ones: its index, and how later ones read it.

    keys-*.arrow        band keys of every document (bucket files: band and range of keys)
    documents-*.arrow   of each part: identity, sort key, signature and shingles of every document
    removals-*.arrow    who was removed (bucket files: part)
    changes-*.arrow     what became of documents of the indexes before it (bucket files: part, counted over them)
    index.json          settings, number of parts, the indexes before it, and the checksum of every file

An index is never written to again. A later run names those of all runs before it, and so does the one after that:
an index is added by naming it, and two that know nothing of each other are merged by naming both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from stages.base import StageError
from stages.bucket_file import read_bucket
from stages.documents import IDENTITY, REMOVAL_SCHEMA

INDEX = "index.json"
FORMAT = 1
#: Outputs of the stage that an index consists of.
INDEXED = ("keys", "documents", "removals", "changes")

#: What a run says of the documents of earlier ones that its own documents concern. `change`: retracted (was kept, is
#: removed), reinstated (was removed, is kept), stays (is kept as before, in a cluster of this size). `part` counts
#: over the parts of all earlier indexes.
CHANGE_SCHEMA = pa.schema(
    [
        ("part", pa.uint32()),
        ("row", pa.uint32()),
        *IDENTITY,
        ("change", pa.string()),
        *(REMOVAL_SCHEMA.field(name) for name in REMOVAL_SCHEMA.names[REMOVAL_SCHEMA.names.index("rule") :]),
    ]
)


class IndexPart(NamedTuple):
    """A part of an earlier run: of which of them, its number there, and its number over all of them."""

    run: int
    part: int
    number: int


class Index:
    """One index folder. Raises StageError where it is none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            sealed = json.loads((folder / INDEX).read_text("utf-8"))
            self.format = sealed["format"]
            self.settings: dict[str, Any] = sealed["settings"]
            self.parts: int = sealed["parts"]
            self.earlier: dict[str, int] = sealed["earlier"]
            self.files: dict[str, str] = sealed["files"]
            self.inputs: list[str] = sealed["inputs"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StageError(
                f"{folder}: is no index of minhash_dedup ({error}); name the folder index/LABEL of a run that wrote one"
            ) from error
        if self.format != FORMAT:
            raise StageError(
                f"{folder}: index format {self.format} is not {FORMAT}; run again the recipe that wrote it"
            )

    @cached_property
    def name(self) -> str:
        """Identifies the index by content."""
        return hashlib.sha256((self.folder / INDEX).read_bytes()).hexdigest()

    def bucket(self, kind: str, bucket: int) -> Iterator[pa.RecordBatch]:
        """A bucket of all files of a kind."""
        for file in sorted(self.files):
            if file.startswith(f"{kind}-"):
                try:
                    batch = read_bucket(self.folder / file, bucket)
                except (pa.ArrowException, OSError, ValueError, LookupError) as error:
                    raise StageError(f"{self.folder / file}: is damaged ({error}); make the index again") from error
                if batch is not None:
                    yield batch

    def documents(self, part: int) -> Iterator[pa.RecordBatch]:
        """The documents of a part, checked against the index's checksum."""
        path = self.folder / f"documents-{part:05d}.arrow"
        try:
            with path.open("rb") as stream:
                intact = hashlib.file_digest(stream, "sha256").hexdigest() == self.files.get(path.name)
        except OSError as error:
            raise StageError(f"{path}: {error.strerror}; make the index again") from error
        if not intact:
            raise StageError(f"{path}: is not what index.json says; make the index again")
        with pa.ipc.open_file(pa.memory_map(str(path))) as reader:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)


class EarlierIndexes:
    """The indexes that a run continues, in the order in which they were made."""

    def __init__(self, folders: Sequence[Path], settings: dict[str, Any]) -> None:
        """Raises StageError for an index of other settings, or one that is named twice or before one that it knows."""
        self.indexes = [Index(folder) for folder in folders]
        for index in self.indexes:
            other = [name for name in settings if settings[name] != index.settings.get(name)]
            if other:
                raise StageError(
                    f"{index.folder}: was made with {other[0]}: {index.settings.get(other[0])!r}, and this recipe has "
                    f"{settings[other[0]]!r}; indexes of other settings cannot be continued"
                )
        names = [index.name for index in self.indexes]
        for place, index in enumerate(self.indexes):
            if index.name in names[:place]:
                raise StageError(f"{index.folder}: is named twice")
            for known in index.earlier:
                if known not in names[:place]:
                    raise StageError(
                        f"{index.folder}: continues an index that is not named before it, or was made again since"
                    )

    @cached_property
    def parts(self) -> list[IndexPart]:
        found = [(index, part) for index, sealed in enumerate(self.indexes) for part in range(sealed.parts)]
        return [IndexPart(index, part, number) for number, (index, part) in enumerate(found)]

    @property
    def settled_together(self) -> bool:
        """Whether each index was made with all before it, so that what they hold has been compared."""
        return all(len(index.earlier) == place for place, index in enumerate(self.indexes))

    def first_parts(self) -> list[int]:
        """The number of the first part of each index."""
        return np.cumsum([0, *(index.parts for index in self.indexes)])[:-1].tolist()

    def keys(self, bucket: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """A bucket of the keys of each index, with the number that its parts begin at."""
        for first, index in zip(self.first_parts(), self.indexes, strict=True):
            for batch in index.bucket("keys", bucket):
                yield first, batch

    def documents(self, part: IndexPart) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        """The documents of a part and whether each was kept (bool) after the last index that says so."""
        removed = self._removed(part)
        for batch in self.indexes[part.run].documents(part.part):
            yield batch, ~np.isin(batch.column("row").to_numpy(), removed)

    def _removed(self, part: IndexPart) -> np.ndarray:
        """Rows (uint32) of the documents of a part that are not kept any more."""
        index = self.indexes[part.run]
        removed: set[int] = set()
        for batch in index.bucket("removals", part.part):
            removed.update(batch.filter(batch.column("removed")).column("row").to_pylist())
        for later in self.indexes[part.run + 1 :]:
            if index.name not in later.earlier:
                continue
            for batch in later.bucket("changes", later.earlier[index.name] + part.part):
                for row, change in zip(*(batch.column(name).to_pylist() for name in ("row", "change")), strict=True):
                    (removed.add if change == "retracted" else removed.discard)(row)
        return np.array(sorted(removed), dtype=np.uint32)

    def refuse_known(self, files: Iterable[str]) -> None:
        """Raises StageError for a file that an earlier run read by this name: documents are known by file and place."""
        for index in self.indexes:
            known = set(index.inputs).intersection(files)
            if known:
                raise StageError(
                    f"{min(known)}: {index.folder} has documents of a file of this name already, and no two files may "
                    "share one; give --in a folder above it, so that names tell crawls apart, or leave the file out"
                )

    def described(self) -> dict[str, int]:
        """For index.json: each index by name, and the number of its first part."""
        return {index.name: first for index, first in zip(self.indexes, self.first_parts(), strict=True)}


def seal(
    path: Path,
    settings: dict[str, Any],
    parts: int,
    earlier: EarlierIndexes,
    files: dict[str, str],
    inputs: Sequence[str],
) -> None:
    """Write index.json: of `parts` parts of documents of the files `inputs`, and of `files` with their checksums."""
    sealed = {"format": FORMAT, "settings": settings, "parts": parts, "earlier": earlier.described(), "files": files}
    sealed["inputs"] = sorted(inputs)
    path.write_text(json.dumps(sealed, indent=1, sort_keys=True) + "\n", "utf-8")
