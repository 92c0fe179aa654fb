"""A stage that breaks its contract is named before it can spoil documents."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from pipeline.errors import RecipeError
from pipeline.guard import guarded
from stages.base import Transform
from stages.documents import TEXT_SCHEMA


def batch() -> pa.RecordBatch:
    row = {"file": "a", "ordinal": 0, "source": "s"}
    return pa.RecordBatch.from_pylist([{**row, "offset": at, "text": f"text {at}"} for at in range(3)], TEXT_SCHEMA)


class Any(Transform):
    """Does what its maker says."""

    name = "any"
    change: Callable

    def __call__(self, given: pa.RecordBatch) -> pa.RecordBatch:
        return self.change(given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda given: given.slice(1), "made 2 rows of 3"),
        (lambda given: given.take(pa.array([2, 1, 0])), "changed the column 'offset'"),
        (lambda given: given.drop_columns(["file"]), "changed the column 'file'"),
        (lambda given: given.drop_columns(["text"]), "took the column 'text' away"),
        (lambda given: pa.Table.from_batches([given]), "returned a Table"),
        (lambda given: None, "returned a NoneType"),
    ],
)
def test_a_broken_promise_names_the_stage(change: Callable, message: str) -> None:
    with pytest.raises(RecipeError, match=f"stage 'mine' {message}"):
        guarded("mine", Any(change=change), batch())


def test_a_stage_that_adds_columns_keeps_its_promise() -> None:
    added = Any(change=lambda given: given.append_column("size", pa.array([1, 2, 3])))
    result, errors = guarded("mine", added, batch())
    assert (result.schema.names[-1], errors) == ("size", None)
