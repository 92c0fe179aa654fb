"""The source `hub`: a data set of the Hugging Face hub, read where it lies, or from a folder in the hub's layout.

    - hub: {dataset: owner/name, config: en, split: train, fields: {text: content}}

Without --in the files are read from hf://datasets/owner/name by ranges, without a copy. With --in, a folder here
or elsewhere that is laid out as the hub's repositories are. Which files make up the split is found as `datasets`
does (stages/sources/hub_layout.py); if they are of several formats, the one with the most files is read.

Each file is read by the source of its format, so identity, splits and what is quarantined are as there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from stages.base import InputFile, Source, SourceBatch, Split, StageError
from stages.sources.arrow import ArrowSource
from stages.sources.csv_files import CsvSource
from stages.sources.fields import Fields, fields_parameter
from stages.sources.jsonl import JsonlSource
from stages.sources.own_columns import OwnColumns, columns_parameter, text_schema
from stages.sources.parquet import ParquetSource

if TYPE_CHECKING:
    import pyarrow

#: What reads the files of a data set, by their endings; the first of equally many.
_READERS: dict[type[ParquetSource | JsonlSource | CsvSource | ArrowSource], tuple[str, ...]] = {
    ParquetSource: ParquetSource.suffixes,
    JsonlSource: (*JsonlSource.suffixes, ".json"),
    CsvSource: CsvSource.suffixes,
    ArrowSource: ArrowSource.suffixes,
}


class HubSource(Source):
    """Reads one split of a data set of the Hugging Face hub: Parquet, JSON Lines, CSV or Arrow files."""

    name: ClassVar[str] = "hub"
    #: Grows with that of any of the readers, whose results these are.
    version: ClassVar[int] = sum(kind.version for kind in _READERS)
    suffixes: ClassVar[tuple[str, ...]] = tuple(ending for endings in _READERS.values() for ending in endings)

    dataset: str | None = Field(
        default=None, pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name on the hub, read where no --in is given"
    )
    revision: str | None = Field(
        default=None, pattern=r"^[\w./-]+$", description="a commit, branch or tag; null: the main branch as it is now"
    )
    config: str | None = Field(
        default=None, description="a configuration that README.md lists; null: the only one, or the default"
    )
    split: str = Field(default="train", description="which split to read")
    source: str = Field(default="hub", description="what the column `source` says of every row")
    fields: Fields = fields_parameter()
    columns: OwnColumns = columns_parameter()

    def inputs(self) -> Sequence[str]:
        """The address of the data set, if it is named."""
        if self.dataset is None:
            return ()
        return (f"hf://datasets/{self.dataset}{f'@{self.revision}' if self.revision else ''}",)

    def choose(self, names: Sequence[str], read: Callable[[str], bytes]) -> Sequence[str]:
        """The files of the split in the format that most of them have. StageError where there is no such split."""
        from stages.sources.hub_layout import files_of_split

        try:
            card = read("README.md").decode("utf-8", "replace")
        except FileNotFoundError:
            card = None
        chosen = files_of_split(names, card, self.config, self.split)
        kinds = Counter(_kind(name) for name in chosen)
        most = max(_READERS, key=lambda kind: kinds[kind])
        return [name for name in chosen if _kind(name) is most]

    def output_schema(self) -> pyarrow.Schema:
        """TEXT_SCHEMA and the columns of one's own."""
        return text_schema(self.columns)

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        """As the source of the file's format cuts it."""
        if file.name.lower().endswith(".json"):
            _refuse_array(file.path)
        return self._reader(file.name).splits(file, target_bytes)

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        """Yield the rows that the source of the file's format reads."""
        return self._reader(split.file).read(split, path, batch_bytes)

    def count(self, split: Split, path: Path, limit: int) -> int:
        """As the source of the file's format counts."""
        return self._reader(split.file).count(split, path, limit)

    def read_one(self, file: InputFile, offset: int, ordinal: int) -> SourceBatch:
        """As the source of the file's format finds it."""
        return self._reader(file.name).read_one(file, offset, ordinal)

    def _reader(self, name: str) -> Source:
        return _kind(name)(source=self.source, fields=self.fields, columns=self.columns)


def _kind(name: str) -> type[ParquetSource | JsonlSource | CsvSource | ArrowSource]:
    return next(kind for kind, endings in _READERS.items() if name.lower().endswith(endings))


def _refuse_array(path: Path) -> None:
    with path.open("rb") as stream:
        start = stream.read(1 << 12)
    if start.lstrip().startswith(b"["):
        raise StageError(f"{path}: is one JSON array; only JSON Lines are read, one object a line")
