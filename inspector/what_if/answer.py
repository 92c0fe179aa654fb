"""Answer `inspect RUN --what-if`: one pass over documents/ and rejects/, without reading the crawl again.

Inside a rule group the answer is exact, because the values of all its rules were kept for every row that reached
it. Rows that would go on to stages which never saw them are unknown, and bounded (inspector/what_if/bounds.py).
Cost: the identity columns and those that the changed groups' rules read, of one row group at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspector.errors import InspectorError
from inspector.published import PublishedRun
from inspector.what_if.account import Account
from inspector.what_if.bounds import BoundsFinder
from inspector.what_if.course import Course
from inspector.what_if.examples import Examples
from inspector.what_if.fates import Judging
from inspector.what_if.question import Questions, columns_of
from pipeline.totals import run_totals


def what_if(run: Path, asked: Sequence[str], rows: int) -> dict[str, Any]:
    """The answer as plain data, with up to `rows` examples. InspectorError names what cannot be asked."""
    published = PublishedRun(run)
    totals = run_totals(published.plan, published.workspace)
    course = Course(published.plan, {**published.reject_types, **published.document_types})
    questions = Questions(course, asked, published.only_in_documents, totals.rules, published.added.stale("documents"))
    policy = published.plan.recipe.rejects.keep
    if policy == "no_text":
        _refuse_text(course, questions)
    judging = Judging(published, course, questions)
    account = Account(course, judging.outcomes, totals, questions.changes)
    finder = BoundsFinder(course, questions.changes)
    examples = Examples(published, course, questions, rows)
    for fates in judging.fates():
        account.add(fates)
        finder.add(fates)
        examples.add(fates)
    unrecorded = account.unrecorded()
    account.add_unseen(finder.add_unrecorded(unrecorded))
    bounds = finder.find()
    account.add_unseen(bounds.unseen)
    for place, back in bounds.back.items():
        account.bring_back(place, examples.bring_back(place, back))
    changes = [
        {"rule": change.name, "stage": account.label(change.place), "before": change.before, "after": change.after}
        for change in questions.changes
    ]
    return {
        "changes": changes,
        **account.kept(bounds),
        "rules": account.rules(bounds, unrecorded),
        "moves": account.moves(),
        "undecided": judging.undecided,
        "rejects_policy": policy,
        "rejects_not_kept": sum(group.rows for group in unrecorded),
        "examples": examples.read(judging.outcomes),
    }


def _refuse_text(course: Course, questions: Questions) -> None:
    """Rejects without text cannot be judged by it."""
    for change in questions.changes:
        for rule in questions.rules(change.place) if change.place < course.end else ():
            if "text" in columns_of(rule.drop_if):
                raise InspectorError(
                    f"rule '{rule.name}' reads the text, which the recipe keeps of no reject (rejects: no_text)"
                )
