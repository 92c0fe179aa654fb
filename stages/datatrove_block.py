"""Run a filter or formatter of datatrove as a stage.

    - datatrove: {block: RegexFilter, options: {regex_exp: "(?i)lorem ipsum"}}
    - datatrove: {block: "my_package.blocks:MyFilter"}

Each row becomes one `Document` (text, id, other columns as metadata). What the block says is kept as columns
named after its class: `regex_filter_reason` (the reason it gave, or "dropped"; null where it keeps), and
`..._metadata`, JSON of what it added to the metadata. A text that the block changes is changed, and
`..._changed` says so. A document at which it raises is quarantined. What it raises for want of a package, a file or
the network fails the task at once, and so does a batch of which it raises at every document.

The block is built anew for every task, so what one remembers never reaches from task to task. Blocks that remember
within one (PIIFormatter takes its replacements in turn, SamplerFilter draws) depend on how the corpus is cut into
tasks; the same recipe over the same input always gives the same. Cost: datatrove's own, and about 10
microseconds a document for making it.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, PrivateAttr

from stages.base import Filter, Rule, StageError, Transform

if TYPE_CHECKING:
    import pyarrow as pa

_PLACES = ("datatrove.pipeline.filters", "datatrove.pipeline.formatters")


class DatatroveBlock(Filter):
    """Drop what a filter of datatrove drops, or change texts as a formatter of datatrove does."""

    name: ClassVar[str] = "datatrove"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("datatrove",)

    block: str = Field(
        min_length=1,
        description="Class of a datatrove filter or formatter, or `package.module:Class` of anybody's.",
        examples=["GopherQualityFilter", "my_package.blocks:MyFilter"],
    )
    options: dict[str, Any] = Field({}, description="Arguments of the class, as datatrove documents them.")

    _built: Any = PrivateAttr(None)

    def for_task(self) -> Transform:
        fresh = self.model_copy()
        fresh._built = None
        return fresh

    def rules(self) -> list[Rule]:
        if not _is_filter(_block_class(self.block)):
            return []
        return [Rule(self._prefix, f"{self._prefix}_reason IS NOT NULL")]

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add the block's columns, and `error` where it raised; needs `text`."""
        import pyarrow as pa

        from stages.frames import needed_column, with_column

        needed_column(batch, self.name, "text", "put extract_text before it")
        block = self._build()
        documents = _documents(batch)
        before = [(document.text, dict(document.metadata)) for document in documents]
        reasons, errors = self._judged(block, documents) if _is_filter(block) else self._formatted(block, documents)
        if len(errors) > 1 and all(errors):
            raise StageError(f"stage 'datatrove': {self.block} fails on every row of a batch: {errors[0]}")
        changed = [document.text != text for document, (text, _) in zip(documents, before, strict=True)]
        added = [_added(metadata, document.metadata) for document, (_, metadata) in zip(documents, before, strict=True)]
        if _is_filter(block):
            batch = with_column(batch, f"{self._prefix}_reason", pa.array(reasons, pa.string()))
        batch = with_column(batch, f"{self._prefix}_metadata", pa.array(added, pa.string()))
        batch = with_column(batch, f"{self._prefix}_changed", pa.array(changed, pa.bool_()))
        if any(changed):
            texts = pa.array([document.text for document in documents], pa.large_string())
            batch = with_column(batch, "text", texts)
        return with_column(batch, "error", pa.array(errors, pa.string())) if any(errors) else batch

    def _judged(self, block: Any, documents: Sequence[Any]) -> tuple[list[str | None], list[str | None]]:
        """The reason of each dropped document, and what was raised at each that failed."""
        size = max(block.batch_size, 1)
        reasons: list[str | None] = []
        errors: list[str | None] = []
        for start in range(0, len(documents), size):
            part = documents[start : start + size]
            try:
                verdicts = block.filter_batch(part)
                raised: list[str | None] = [None] * len(part)
            except Exception as error:  # anybody's code: one document must not end the others
                self._raise_unless_of_a_document(error)
                if len(part) > 1:
                    verdicts, raised = self._one_by_one(block, part)
                else:
                    verdicts, raised = [True], [_words(error)]
            reasons += [_reason(verdict) for verdict in verdicts]
            errors += raised
        return reasons, errors

    def _formatted(self, block: Any, documents: Sequence[Any]) -> tuple[list[str | None], list[str | None]]:
        errors: list[str | None] = []
        for document in documents:
            try:
                document.text = block.format(document.text)
                errors.append(None)
            except Exception as error:
                self._raise_unless_of_a_document(error)
                errors.append(_words(error))
        return [None] * len(documents), errors

    def _one_by_one(self, block: Any, documents: Sequence[Any]) -> tuple[list[Any], list[str | None]]:
        verdicts: list[Any] = []
        errors: list[str | None] = []
        for document in documents:
            try:
                verdicts.append(block.filter(document))
                errors.append(None)
            except Exception as error:
                self._raise_unless_of_a_document(error)
                verdicts.append(True)
                errors.append(_words(error))
        return verdicts, errors

    def _raise_unless_of_a_document(self, error: Exception) -> None:
        """Raise what the block would say of any document: blocks load models and ask for packages at their first."""
        if isinstance(error, MemoryError):
            raise error
        if isinstance(error, ImportError):
            message = " ".join(str(error).split())
            raise StageError(f"stage 'datatrove': {self.block} lacks a package: {message}") from error
        if _is_of_the_machine(error):
            raise StageError(
                f"stage 'datatrove': {self.block} lacks what it needs, such as a model or the network: {_words(error)}"
            ) from error

    @property
    def _prefix(self) -> str:
        """gopher_quality_filter of GopherQualityFilter."""
        name = self.block.rpartition(":")[2].rpartition(".")[2]
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()

    def _build(self) -> Any:
        """The block; StageError says why it cannot be built."""
        if self._built is None:
            if "exclusion_writer" in self.options:
                raise StageError("stage 'datatrove': leave out exclusion_writer; what is dropped goes to rejects/")
            kind = _block_class(self.block)
            try:
                self._built = kind(**self.options)
            except Exception as error:  # the class is anybody's
                raise StageError(f"stage 'datatrove': {self.block} cannot be built: {_words(error)}") from error
        return self._built


def _is_filter(block: Any) -> bool:
    return hasattr(block, "filter_batch")


def _block_class(name: str) -> Any:
    places = [name.partition(":")[::2]] if ":" in name else [(place, name) for place in _PLACES]
    for module, attribute in places:
        try:
            found = getattr(importlib.import_module(module), attribute, None)
        except ImportError as error:
            mend = "pip install 'corpusmill[datatrove]'" if str(error.name).startswith("datatrove") else "install it"
            raise StageError(f"stage 'datatrove': {name} cannot be loaded: {_words(error)}; {mend}") from error
        if found is not None:
            if _is_filter(found) or hasattr(found, "format"):
                return found
            raise StageError(f"stage 'datatrove': {name} is neither a filter nor a formatter of datatrove")
    raise StageError(f"stage 'datatrove': no class '{name}' in {' or '.join(module for module, _ in places)}")


def _documents(batch: pa.RecordBatch) -> list[Any]:
    from datatrove.data import Document

    rows = batch.drop_columns(["text"]).to_pylist()
    texts = batch.column("text").fill_null("").to_pylist()
    return [
        Document(text=text, id=str(row.get("id") or ""), metadata={k: v for k, v in row.items() if v is not None})
        for text, row in zip(texts, rows, strict=True)
    ]


def _is_of_the_machine(error: BaseException) -> bool:
    """Whether an error comes from files or the network; clients of the web wrap it in errors of their own."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _reason(verdict: Any) -> str | None:
    kept, reason = verdict if isinstance(verdict, tuple) else (verdict, None)
    return None if kept else str(reason or "dropped")


def _added(before: dict[str, Any], after: dict[str, Any]) -> str | None:
    """JSON of what differs in the metadata; None where nothing does."""
    changes = {name: value for name, value in after.items() if name not in before or before[name] is not value}
    return json.dumps(changes, ensure_ascii=False, default=str) if changes else None


def _words(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
