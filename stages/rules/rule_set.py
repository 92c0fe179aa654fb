"""What stages that follow a profile have in common: fields that a profile fills in, and rules that it lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, SerializationInfo, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import to_jsonable_python

from stages.base import Filter, Rule, Stage, StageError
from stages.rules.profile import DEFAULT, section


def pinned(stage: str, parameter: str, description: str, *, profile: str = DEFAULT, **constraints: Any) -> Any:
    """A field whose default is what the stage's default profile says; another profile fills in its own."""
    return Field(section(profile, stage).parameters[parameter], description=description, **constraints)


class ProfiledStage(Stage):
    """A stage whose unset fields are those of a profile."""

    profile: str = Field(
        DEFAULT, description="Whose definitions and thresholds to follow (docs/rules.md); other fields override them."
    )

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        for name, value in section(self.profile, self.name).parameters.items():
            if name not in self.model_fields_set:
                self.__dict__[name] = value  # frozen for everybody else
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, whole: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        """Without defaults: what was set, for whether a value is a default depends on the profile."""
        if not info.exclude_defaults:
            return dict(whole(self))
        names = [name for name in type(self).model_fields if name in self.model_fields_set]
        return {name: to_jsonable_python(getattr(self, name)) for name in names}


class RuleSet(ProfiledStage, Filter):
    """A filter whose rules a profile lists; a threshold of null turns its rules off."""

    def groups(self) -> tuple[str, ...]:
        """The groups of rules to apply, in order."""
        return tuple(section(self.profile, self.name).groups)

    def rules(self) -> list[Rule]:
        return self.rules_against({})

    def rules_against(self, columns: Mapping[str, str]) -> list[Rule]:
        """The rules, with the thresholds of some parameters taken from columns: parameter -> column."""
        known = section(self.profile, self.name).groups
        rules = []
        for group in self.groups():
            if group not in known:
                raise StageError(f"profile '{self.profile}' has no {group} rules for {self.name}")
            for judgement in known[group]:
                threshold = judgement.threshold
                value = getattr(self, threshold) if isinstance(threshold, str) else threshold
                shown = columns.get(str(threshold), None if value is None else repr(value))
                if shown is not None and (judgement.switch is None or getattr(self, judgement.switch)):
                    rules.append(Rule(judgement.reason, f"{judgement.column} {judgement.comparison} {shown}"))
        return rules
