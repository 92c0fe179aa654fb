"""Recognise what a path holds (run, documents, shards, tokenizer, training, ...) and describe it as data."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector.errors import InspectorError
from inspector.rows import count_by, matching_rows, parquet_files
from pipeline.document_files import open_parquet

#: Longest text shown of an example row.
EXCERPT = 300

Describe = Callable[[Path, str | None, str | None, int], dict[str, Any]]


@dataclass(frozen=True)
class Artifact:
    """A path and what was recognised there."""

    path: Path
    kind: str
    describe_as: Describe

    def describe(self, rule: str | None, contains: str | None, rows: int) -> tuple[str, dict[str, Any]]:
        """Kind and data; InspectorError where `rule` or `contains` chooses rows of what has none to choose from."""
        self._refuse("--rule", rule, ("rejects",))
        self._refuse("--contains", contains, ("documents", "rejects"))
        return self.kind, self.describe_as(self.path, rule, contains, rows)

    def _refuse(self, option: str, given: str | None, kinds: tuple[str, ...]) -> None:
        if given is None or self.kind in kinds:
            return
        if self.kind == "run":
            folders = " or ".join(str(self.path / kind) for kind in kinds)
            raise InspectorError(f"{self.path}: {option} chooses among rows; name {folders}")
        raise InspectorError(f"{self.path}: {option} chooses among rows of {' and '.join(kinds)}; this is {self.kind}")


def recognise(path: Path) -> Artifact:
    """What lies at `path`; InspectorError names what could have been given."""
    if not path.exists():
        raise InspectorError(f"{path}: no such file or folder")
    if (path / "plan.json").is_file():
        return Artifact(path, "run", _describe_run)
    if (path / "index.json").is_file():
        return Artifact(path, "shards", _describe_shards)
    if (path / "checkpoint.json").is_file():
        return Artifact(path, "checkpoint", _describe_checkpoint)
    if (path / "tokenizer.json").is_file() or path.name == "tokenizer.json":
        return Artifact(path, "tokenizer", _describe_tokenizer)
    if (path / "log.jsonl").is_file():
        return Artifact(path / "log.jsonl", "training", _describe_training)
    if path.suffix == ".jsonl":
        return Artifact(path, "training", _describe_training)
    empty = _empty_folder_of_a_run(path)
    if empty is not None:
        return empty
    if path.suffix == ".parquet" or (path.is_dir() and any(path.glob("*.parquet"))):
        names = open_parquet(parquet_files(path)[0]).schema_arrow.names
        if "outcome" in names:
            return Artifact(path, "rejects", _describe_rejects)
        if "file_a" in names or "survivor_file" in names:
            return Artifact(path, "duplicates", _describe_documents)
        return Artifact(path, "documents", _describe_documents)
    raise InspectorError(
        f"{path}: not a run, documents/, rejects/, shards/, tokenizer/, training or checkpoint; name one of those"
    )


def _empty_folder_of_a_run(path: Path) -> Artifact | None:
    """A folder that a run published without a file in it, which a run does that kept all rows, or none."""
    whole = path.resolve()
    if not path.is_dir() or any(path.iterdir()) or not (whole.parent / "plan.json").is_file():
        return None
    kinds = {"documents": _describe_documents, "rejects": _describe_rejects, "duplicates": _describe_documents}
    return Artifact(path, whole.name, kinds[whole.name]) if whole.name in kinds else None


def _describe_run(path: Path, rule: str | None, contains: str | None, rows: int) -> dict[str, Any]:
    from inspector.run_report import run_report

    return run_report(path, rows)


def _describe_documents(path: Path, rule: str | None, contains: str | None, rows: int) -> dict[str, Any]:
    files = _files(path)
    columns = {field.name: str(field.type) for field in open_parquet(files[0]).schema_arrow} if files else {}
    if contains is not None and files and not {"id", "url"} <= columns.keys():
        raise InspectorError(f"{path}: --contains looks at the columns id and url, which are not both here")
    return {
        "files": len(files),
        "rows": sum(open_parquet(file).metadata.num_rows for file in files),
        "bytes": sum(file.stat().st_size for file in files),
        "columns": columns,
        "examples": [_excerpt(row) for row in matching_rows(files, None, contains, rows)],
    }


def _describe_rejects(path: Path, rule: str | None, contains: str | None, rows: int) -> dict[str, Any]:
    files = _files(path)
    if not files and _keeps_no_rejects(path):
        raise InspectorError(f"{path}: the recipe keeps none (rejects: off); for their number name {path.parent}")
    rules = count_by(files, "rule")
    quarantined = rules.pop("", 0)
    if rule is not None and rule not in rules:
        raise InspectorError(f"{path}: no row was dropped by '{rule}'; rules here: {', '.join(rules) or 'none'}")
    return {
        "files": len(files),
        "rows": sum(rules.values()) + quarantined,
        "quarantined": quarantined,
        "rules": rules,
        "stages": count_by(files, "stage"),
        "errors": _commonest(count_by(files, "error")),
        "examples": [_excerpt(row) for row in matching_rows(files, rule, contains, rows)],
    }


def _commonest(errors: dict[str, int]) -> dict[str, int]:
    """Why rows were quarantined: the ten commonest messages, most frequent first."""
    return dict([(error, rows) for error, rows in errors.items() if error][:10])


def _files(path: Path) -> list[Path]:
    return [] if path.is_dir() and not any(path.iterdir()) else parquet_files(path)


def _keeps_no_rejects(path: Path) -> bool:
    from pipeline.workspace import Workspace

    return Workspace(path.resolve().parent).load_plan().recipe.rejects.keep == "off"


def _describe_shards(path: Path, rule: str | None, contains: str | None, rows: int) -> dict[str, Any]:
    from shards.index import ShardIndex

    index = ShardIndex.load(path)
    splits: dict[str, dict[str, int]] = {}
    for entry in index.shards:
        total = splits.setdefault(entry.split, {"shards": 0, "documents": 0, "tokens": 0, "text_bytes": 0})
        for name, amount in (
            ("shards", 1),
            ("documents", entry.documents),
            ("tokens", entry.tokens),
            ("text_bytes", entry.text_bytes),
        ):
            total[name] += amount
    return {
        "digest": index.digest,
        "dtype": index.dtype,
        "vocabulary_size": index.vocabulary_size,
        "tokenizer_sha256": index.tokenizer_sha256,
        "recipe_fingerprint": index.recipe_fingerprint,
        "splits": splits,
        "shards": [
            {"file": e.file, "source": e.source, "documents": e.documents, "tokens": e.tokens, "sha256": e.sha256}
            for e in index.shards
        ],
    }


def _describe_tokenizer(path: Path, rule: str | None, contains: str | None, rows: int) -> dict[str, Any]:
    from tokenizer.file import TokenizerFile

    file = TokenizerFile.read(path)
    longest = sorted(file.tokens[: file.end_of_text], key=len, reverse=True)[:rows]
    return {
        "vocabulary_size": len(file.tokens),
        "end_of_text": file.end_of_text,
        "sha256": file.sha256,
        "mean_bytes_a_token": sum(map(len, file.tokens)) / len(file.tokens),
        "longest_tokens": [token.decode("utf-8", "replace") for token in longest],
    }


def _describe_checkpoint(path: Path, rule: str | None, contains: str | None, rows: int) -> dict[str, Any]:
    state = path / "checkpoint.json"
    try:
        content = json.loads(state.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InspectorError(f"{state}: damaged ({error}); name an older step-* folder, if there is one") from error
    if not isinstance(content, dict):
        raise InspectorError(f"{state}: damaged (not an object); name an older step-* folder, if there is one")
    return content


def _describe_training(path: Path, rule: str | None, contains: str | None, rows: int) -> dict[str, Any]:
    entries: list[dict[str, Any]] = []
    unreadable = 0
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if isinstance(entry, dict):
            entries.append(entry)
        else:  # what a crash left of a line
            unreadable += 1
    steps = [entry for entry in entries if "loss" in entry]
    if not steps:
        raise InspectorError(f"{path}: no line has a loss; not a training log?")
    validations = [entry for entry in entries if "validation_loss" in entry]
    return {
        "steps": len(steps),
        "unreadable_lines": unreadable,
        "first": steps[0],
        "last": steps[-1],
        "best_validation": min(validations, key=lambda entry: entry["validation_loss"], default=None),
        "validations": validations,
        "curve": steps[:: max(1, len(steps) // 20)],
    }


def _excerpt(row: dict[str, Any]) -> dict[str, Any]:
    text = row.get("text")
    if isinstance(text, str) and len(text) > EXCERPT:
        row["text"] = text[:EXCERPT] + f"... ({len(text):,} characters)"
    return {name: value for name, value in row.items() if value is not None}
