"""Which files of a data set in the Hugging Face hub's layout make up a configuration and a split.

The rules are those of the library `datasets` (its documentation, "Structure your repository"). The header of
README.md may list `configs`, each with `data_files`: patterns, or patterns by split. Without it the first of
these that matches any file decides:

    data/<split>-00000-of-00002.parquet            any split name
    a folder whose name says train, test, ...      a word between - . _, blanks and digits
    a file whose name says so
    all files                                      the split train

Files whose name or folder begins with a dot, and folders that begin with two underscores, count only where the
pattern names them.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from shards.yaml_text import parse_yaml
from stages.base import StageError

_KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_BREAK = "[-._ 0-9]"
_IN_FOLDER = ("**/{word}/**", "**/{word}{end}*/**", "**/*{end}{word}/**", "**/*{end}{word}{end}*/**")
_IN_FILE = ("**/{word}{end}*", "**/*{end}{word}{end}*")
_SHARD = "data/{split}-[0-9][0-9][0-9][0-9][0-9]-of-[0-9][0-9][0-9][0-9][0-9]*.*"
_SHARD_NAME = re.compile(r"data/([^/]*)-\d{5}-of-\d{5}[^/]*\.[^/]*")
_HEADER = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
#: Names that hold no rows, whatever pattern they match.
_NO_DATA = {"config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json"}


def files_of_split(names: Sequence[str], card: str | None, config: str | None, split: str) -> list[str]:
    """The names, of those of all files, that hold the split. StageError where there is no such thing."""
    folder, patterns = _patterns(names, card, config)
    if split not in patterns:
        raise StageError(f"has no split '{split}'; set split: one of {', '.join(patterns)}")
    found = [name for name in _within(names, folder) if any(_matches(name, each) for each in patterns[split])]
    if not found:
        raise StageError(f"has no file that matches {', '.join(patterns[split])}, as its README.md says of '{split}'")
    return [folder + name for name in found]


def _patterns(names: Sequence[str], card: str | None, config: str | None) -> tuple[str, dict[str, list[str]]]:
    """The folder that patterns are relative to, with a slash if any, and the patterns of each split."""
    configs = _configs(card)
    if not configs:
        if config not in (None, "default"):
            raise StageError(f"has no configuration '{config}': its README.md lists none; leave config out")
        return "", _usual_patterns(list(names))
    chosen = configs[_config_name(configs, config)]
    folder = str(chosen.get("data_dir") or "").strip("/")
    folder = f"{folder}/" if folder else ""
    listed = chosen.get("data_files")
    if listed is None:
        return folder, _usual_patterns(_within(names, folder))
    return folder, _listed_patterns(listed)


def _configs(card: str | None) -> dict[str, Mapping[str, Any]]:
    """The configurations that a dataset card lists in its header."""
    header = _HEADER.match(card or "")
    if header is None:
        return {}
    try:
        listed = (parse_yaml(header[1]) or {}).get("configs") or []
        return {str(config["config_name"]): config for config in listed}
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise StageError(f"its README.md has a header that cannot be used: {' '.join(str(error).split())}") from error


def _config_name(configs: Mapping[str, Mapping[str, Any]], config: str | None) -> str:
    names = ", ".join(list(configs)[:30])
    if config is not None:
        if config not in configs:
            raise StageError(f"has no configuration '{config}'; set config: one of {names}")
        return config
    defaults = [name for name, of in configs.items() if len(configs) == 1 or name == "default" or of.get("default")]
    if len(defaults) != 1:
        raise StageError(f"has several configurations; set config: one of {names}")
    return defaults[0]


def _listed_patterns(listed: Any) -> dict[str, list[str]]:
    """Patterns by split of what a card says in `data_files`."""
    items = listed if isinstance(listed, list) else [listed]
    if all(isinstance(item, str) for item in items):
        return {"train": items}
    patterns: dict[str, list[str]] = {}
    for item in items:
        if not isinstance(item, dict) or "split" not in item or not isinstance(item.get("path"), str | list):
            raise StageError(f"its README.md says data_files: {item!r}; a pattern, or split and path, is needed")
        paths = item["path"]
        patterns[str(item["split"])] = [str(path) for path in paths] if isinstance(paths, list) else [paths]
    return patterns


def _usual_patterns(names: list[str]) -> dict[str, list[str]]:
    """Patterns by split for files that no card tells about."""
    splits = {shard[1] for name in names if (shard := _SHARD_NAME.fullmatch(name))}
    if splits:
        return {split: [_SHARD.format(split=split)] for split in sorted(splits)}
    for forms in (_IN_FOLDER, _IN_FILE):
        patterns = {
            split: [form.format(word=word, end=_BREAK) for word in words for form in forms]
            for split, words in _KEYWORDS.items()
        }
        found = {split: of for split, of in patterns.items() if any(_matches(name, p) for name in names for p in of)}
        if found:
            return found
    return {"train": ["**"]}


def _within(names: Iterable[str], folder: str) -> list[str]:
    """The names below a folder, relative to it."""
    return [name[len(folder) :] for name in names if name.startswith(folder)]


def _matches(name: str, pattern: str) -> bool:
    pattern = pattern.removeprefix("./")
    if "://" in pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        raise StageError(f"its README.md points outside of it, to {pattern}; give that as --in")
    parts, wanted = name.split("/"), pattern.split("/")
    if parts[-1] in _NO_DATA - {wanted[-1]} or not _fits(parts, wanted):
        return False
    hidden = [sum(part.startswith(".") for part in path) for path in (parts, wanted)]
    special = [sum(part.startswith("__") for part in path[:-1]) for path in (parts, wanted)]
    return hidden[0] == hidden[1] and special[0] == special[1]


def _fits(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the steps of a path fit those of a glob; ** stands for any folders, and at the end for all below."""
    if not wanted or not parts:
        return not wanted and not parts
    if wanted[0] == "**":
        return len(wanted) == 1 or any(_fits(parts[at:], wanted[1:]) for at in range(len(parts)))
    return fnmatch.fnmatchcase(parts[0], wanted[0]) and _fits(parts[1:], wanted[1:])
