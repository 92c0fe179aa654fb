"""Read what `--what-if` asks, and find the rules and the stage it is about.

    gopher_real_words < 80            another threshold for the rule over that column in that direction;
                                      a new rule, after the stage that measures the column, where there is none
    gopher_short_doc: 80              another threshold for a rule by its name
    gopher_short_doc: gopher_words < 80     another expression for a rule; a new rule where none has that name
    gopher_short_doc: off             without the rule

A new rule stands where all of its columns are known for the first time: last in the group that measures them.
One over columns that only documents/ has (clusters, sidecars) is asked after all stages.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from inspector.errors import InspectorError
from inspector.what_if.course import Course
from pipeline.validation import nearest
from stages.base import Rule, StageError
from stages.judge import Judge

_NAMED = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*:(?!:)\s*(.*?)\s*", re.DOTALL)
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_THRESHOLD = re.compile(rf"\s*([A-Za-z_]\w*)\s*(<=|>=|<|>)\s*({_NUMBER})\s*( AND .*)?", re.DOTALL)
#: Rules of exchanges, which know them whether a run dropped anything by them or not.
_OF_EXCHANGES = ("exact_duplicate", "near_duplicate")
#: How alike a new rule's name may be to a rule's that there is, before it is taken for a slip.
_ALIKE = 0.8


@dataclass(frozen=True)
class Threshold:
    """An expression that compares one column with a number, and what else it asks for."""

    column: str
    comparison: str
    number: str
    rest: str | None

    @property
    def direction(self) -> str:
        return self.comparison[0]

    @classmethod
    def parse(cls, expression: str) -> Threshold | None:
        found = _THRESHOLD.fullmatch(expression)
        return cls(*found.groups()) if found else None

    def covers(self, other: Threshold) -> bool:
        """Whether every value for which `other` is true makes this true as well."""
        if (self.column, self.direction) != (other.column, other.direction) or self.rest not in (None, other.rest):
            return False
        mine, theirs = float(self.number), float(other.number)
        if mine == theirs:
            return len(self.comparison) >= len(other.comparison)
        return (mine > theirs) == (self.direction == "<")


@dataclass(frozen=True)
class Change:
    """One rule as it was and as it would be, at the place of its stage; None where there is none."""

    place: int
    name: str
    before: str | None
    after: str | None

    @property
    def may_drop_more(self) -> bool:
        """False where it is certain that the rule drops nothing that it did not drop before."""
        return self.after is not None and not _implies(self.after, self.before)

    @property
    def may_drop_less(self) -> bool:
        return self.before is not None and not _implies(self.before, self.after)


def _implies(narrow: str, wide: str | None) -> bool:
    """Whether it is certain that where one expression is true the other is true."""
    if wide is None or narrow == wide:
        return wide is not None
    first, second = Threshold.parse(narrow), Threshold.parse(wide)
    return first is not None and second is not None and second.covers(first)


class Questions:
    """The changes that were asked for, resolved against the rules of a run."""

    def __init__(
        self,
        course: Course,
        asked: Sequence[str],
        only_documents: Collection[str],
        dropped: Collection[str] = (),
        stale: Collection[str] = (),
    ) -> None:
        """Resolve questions. InspectorError names what cannot be asked.

        `only_documents`: columns that documents/ alone has; `dropped`: all rules by which the run dropped rows;
        `stale`: columns that were measured for other documents.
        """
        self._course, self._stale = course, set(stale)
        self._only_documents, self._dropped = set(only_documents), set(dropped)
        self.changes: list[Change] = []
        for question in asked:
            try:
                change = self._resolve(question)
                if change.name in self.names:
                    raise InspectorError(f"rule '{change.name}' is asked about twice")
                self.changes.append(change)
                self._check_values(change)
            except (InspectorError, StageError) as error:
                raise InspectorError(f"--what-if '{question}': {error}") from error

    def rules(self, place: int) -> list[Rule]:
        """The rules at a place as they would be."""
        changed = {change.name: change.after for change in self.changes if change.place == place}
        rules = []
        for rule in self._course.rules(place):
            drop_if = changed.pop(rule.name, rule.drop_if)
            if drop_if is not None:
                rules.append(Rule(rule.name, drop_if))
        return rules + [Rule(name, drop_if) for name, drop_if in changed.items() if drop_if is not None]

    @property
    def names(self) -> set[str]:
        return {change.name for change in self.changes}

    def columns(self) -> list[str]:
        """The columns that the changed rules read, before and after."""
        expressions = [e for change in self.changes for e in (change.before, change.after) if e is not None]
        return list(dict.fromkeys(name for drop_if in expressions for name in columns_of(drop_if)))

    def _resolve(self, question: str) -> Change:
        if not question.strip():
            raise InspectorError("write a rule: 'COLUMN < NUMBER', 'RULE: NUMBER', 'RULE: EXPRESSION' or 'RULE: off'")
        named = _NAMED.fullmatch(question)
        if named is None:
            return self._by_expression(question.strip())
        name, wanted = named.groups()
        place = next((place for place, rule in self._rules() if rule.name == name), None)
        if place is None:
            return self._new_by_name(name, wanted)
        before = next(rule.drop_if for rule in self._course.rules(place) if rule.name == name)
        if wanted == "off":
            return Change(place, name, before, None)
        if re.fullmatch(_NUMBER, wanted):
            threshold = Threshold.parse(before)
            if threshold is None:
                raise InspectorError(f"the rule is \"{before}\", not one number; write '{name}: EXPRESSION'")
            wanted = f"{threshold.column} {threshold.comparison} {wanted}{threshold.rest or ''}"
        self._columns(wanted)
        return Change(place, name, before, wanted)

    def _rules(self) -> list[tuple[int, Rule]]:
        """All rules of the recipe's filters with their places."""
        return [(place, rule) for place in range(self._course.end) for rule in self._course.rules(place)]

    def _new_by_name(self, name: str, wanted: str) -> Change:
        names = [rule.name for _, rule in self._rules()]
        if name in self._dropped.union(_OF_EXCHANGES).difference(names):
            raise InspectorError(
                f"'{name}' is no rule of a filter; a source or an exchange drops by it, according to its parameters: "
                "run the recipe with other ones (--set)"
            )
        if wanted == "off" or re.fullmatch(_NUMBER, wanted):
            raise InspectorError(f"no filter of the run has a rule '{name}'; {nearest(name, names, 'rules')}")
        close = difflib.get_close_matches(name, names, n=1, cutoff=_ALIKE)
        if close:
            raise InspectorError(
                f"no rule is named '{name}'; did you mean '{close[0]}'? "
                "Give a new rule a name less like one that there is"
            )
        return self._new(name, wanted)

    def _by_expression(self, wanted: str) -> Change:
        """The rule whose threshold this replaces, or a new one."""
        asked = Threshold.parse(wanted)
        found = []
        for place, rule in self._rules():
            threshold = Threshold.parse(rule.drop_if)
            if asked and threshold and asked.rest is None and _what(asked) == _what(threshold):
                found.append(Change(place, rule.name, rule.drop_if, wanted + (threshold.rest or "")))
        if len(found) > 1:
            names = " or ".join(f"'{change.name}: {wanted}'" for change in found)
            raise InspectorError(f"several rules are over that column; write {names}")
        if found:
            self._columns(wanted)
            return found[0]
        taken = {rule.name for _, rule in self._rules()} | self.names
        return self._new(next(name for name in _free_names() if name not in taken), wanted)

    def _new(self, name: str, wanted: str) -> Change:
        columns = self._columns(wanted)
        last = self._course.end
        if not columns & self._only_documents and "text" not in columns:
            last = max(self._course.written[column] for column in columns)
        return Change(last, name, None, wanted)

    def _columns(self, expression: str) -> set[str]:
        """The columns that an expression reads; an error where it cannot be read or the run has no such."""
        judge = Judge([Rule("what_if", expression)])
        columns, known = set(judge.columns[0]), self._only_documents.union(self._course.written)
        for column in columns - known:
            if column in self._stale:
                raise InspectorError(f"'{column}' was measured for other documents; measure again")
            raise InspectorError(f"the run has no column '{column}'; {nearest(column, known, 'columns')}")
        judge.check(pa.schema([(column, self._course.types[column]) for column in columns]))
        return columns

    def _check_values(self, change: Change) -> None:
        """Refuse a group some of whose columns no longer hold what its rules were judged by."""
        place = change.place
        if place == self._course.end:
            return
        for rule in [*self._course.rules(place), *self.rules(place)]:
            for column in columns_of(rule.drop_if):
                later = self._written_later(column, place)
                if later is not None:
                    raise InspectorError(
                        f"rule '{rule.name}' of stage '{self._course.labels[place]}' reads column '{column}', which "
                        f"{later}; ask for a new rule by another name"
                    )

    def _written_later(self, column: str, place: int) -> str | None:
        """What gave a column its values after the stage at a place, in words."""
        if column in self._only_documents:
            return "only documents/ has"
        if column == "text":
            editor = self._course.may_edit_text_after(place)
            return None if editor is None else f"stage '{editor}' may change later"
        written = self._course.written[column]
        return f"stage '{self._course.labels[written]}' writes later" if written > place else None


def _free_names() -> Iterator[str]:
    yield "what_if"
    yield from (f"what_if_{number}" for number in itertools.count(2))


def _what(threshold: Threshold) -> tuple[str, str]:
    return threshold.column, threshold.direction


def columns_of(expression: str) -> tuple[str, ...]:
    """The columns that a rule's expression reads."""
    return Judge([Rule("what_if", expression)]).columns[0]
