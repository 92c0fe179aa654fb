"""Profiles: what a published pipeline's rules are, pinned by name as data in stages/rules/profiles/NAME.yaml.

A profile has a section for each stage that it defines:

    gopher:
      parameters: {min_doc_words: 50, stop_words: [the, be]}
      rules:
        quality:
          gopher_short_doc: gopher_real_words < min_doc_words
          gopher_bare: gopher_alpha_words < 1 if drop_bare

`parameters` are the stage's own fields; null turns the rules off that compare with it. `rules` are groups, in
order, of reasons, in order: the column that is judged (which of several definitions of one quantity a profile
follows is a choice of column), the comparison, and a parameter or a number; after `if`, a parameter that
turns the rule on or off.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from stages.base import StageError

DEFAULT = "datatrove-0.10"
_FOLDER = Path(__file__).parent / "profiles"
_RULE = re.compile(r"(\w+) (<|<=|>|>=) ([\w.]+)(?: if (\w+))?")


class Judgement(NamedTuple):
    """One rule of a profile: drop where `column comparison threshold` holds."""

    reason: str
    column: str
    comparison: str
    threshold: str | float
    switch: str | None


class Section(NamedTuple):
    """What a profile says of one stage."""

    parameters: dict[str, Any]
    groups: dict[str, tuple[Judgement, ...]]

    def columns(self) -> set[str]:
        """The measurements that some rule judges."""
        return {judgement.column for group in self.groups.values() for judgement in group}


@cache
def section(profile: str, stage: str) -> Section:
    """The section of a stage; StageError names the profiles that have one where this one has none."""
    known = profiles(stage)
    if profile not in known:
        raise StageError(f"no profile '{profile}' has rules for {stage}; those that have: {', '.join(known)}")
    data = _read(_FOLDER / f"{profile}.yaml")[stage]
    groups = {
        name: tuple(_judgement(reason, text) for reason, text in rules.items())
        for name, rules in data.get("rules", {}).items()
    }
    parameters = {
        name: tuple(value) if isinstance(value, list) else value for name, value in data["parameters"].items()
    }
    return Section(parameters, groups)


def profiles(stage: str) -> list[str]:
    """The names of the profiles that have a section for this stage."""
    return [file.stem for file in sorted(_FOLDER.glob("*.yaml")) if stage in _read(file)]


@cache
def _read(file: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(file.read_text("utf-8")))


def _judgement(reason: str, text: str) -> Judgement:
    found = _RULE.fullmatch(text)
    if found is None:
        raise ValueError(f"rule {reason}: {text!r} is not of the form `column < parameter`")
    column, comparison, threshold, switch = found.groups()
    return Judgement(reason, column, comparison, yaml.safe_load(threshold), switch)
