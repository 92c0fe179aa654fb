"""Rules: the first failing one wins, null keeps and is counted, and a bad rule is named in one line."""

import json

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from stages.base import Rule, StageError
from stages.expression_filter import ExpressionFilter
from stages.gopher import GopherFilter
from stages.judge import Judge


def test_the_first_failing_rule_wins_and_nulls_are_counted() -> None:
    batch = pa.record_batch({"a": [1, 5, None, 9], "b": [0.5, 0.1, 0.1, None]})
    judge = Judge([Rule("small", "a < 2"), Rule("low", "b < 0.2"), Rule("big", "a > 8 OR b > 0.4")])
    verdicts = judge(batch)
    assert verdicts.first.dtype == np.int16
    assert verdicts.first.tolist() == [0, 1, 1, 2]
    assert verdicts.nulls.tolist() == [1, 1, 1]
    assert judge.columns == [("a",), ("b",), ("a", "b")]
    assert json.loads(judge.values(batch, 0, 2)) == {"a": 1, "b": 0.5}


def test_values_are_json_even_for_what_json_lacks() -> None:
    batch = pa.record_batch({"a": [float("nan")], "words": ["é"]})
    assert json.loads(Judge([Rule("r", "a > 1 AND words = 'x'")]).values(batch, 0, 0)) == {"a": "nan", "words": "é"}


@pytest.mark.parametrize("threshold", [0.1, 0.2, 0.3, 0.65, 0.18, 1e-05, 3.0])
def test_a_threshold_is_the_number_that_was_printed(threshold: float) -> None:
    values = [np.nextafter(threshold, 0), threshold, np.nextafter(threshold, 9)]
    batch = pa.record_batch({"a": values})
    assert Judge([Rule("r", f"a > {threshold!r}")])(batch).first.tolist() == [-1, -1, 0]
    assert Judge([Rule("r", f"a < {threshold!r}")])(batch).first.tolist() == [0, -1, -1]


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
@pytest.mark.parametrize("more", ["", " AND (b = 0 OR b < a)", " AND b > 0 OR c > 1"])
@pytest.mark.parametrize("compared", ["a {} 1", "a {} 0.5", "c {} 0.5"])
def test_a_comparison_decides_as_polars_does(compared: str, operator: str, more: str) -> None:
    expression = compared.format(operator) + more
    numbers = {"a": [0, 1, 2, None, -1], "b": [1, None, 0, 2, 3], "c": [0.5, np.nan, None, np.inf, -np.inf]}
    schema = pa.schema({"a": pa.int64(), "b": pa.int64(), "c": pa.float64()})
    for rows in (slice(None), slice(0, 1), slice(0, 0)):
        batch = pa.RecordBatch.from_pydict({name: values[rows] for name, values in numbers.items()}, schema=schema)
        expected = pl.DataFrame(pa.table(batch)).select(verdict=pl.sql_expr(expression))["verdict"]
        verdicts = Judge([Rule("never", "b > 99"), Rule("r", expression)])(batch)
        assert verdicts.first.tolist() == [1 if fails else -1 for fails in expected]
        assert verdicts.nulls[1] == expected.null_count()


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("a <", "not a SQL expression"),
        ("max(a) > 3", "beyond its own row"),
        ("row_number() over (order by a) > 3", "beyond its own row"),
        ("1 = 1", "reads no column"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_when_it_is_read(expression: str, complaint: str) -> None:
    with pytest.raises(StageError, match=complaint) as caught:
        ExpressionFilter(name="mine", drop_if=expression)
    message = str(caught.value)
    assert "'mine'" in message and expression in message and "\n" not in message


@pytest.mark.parametrize(("expression", "complaint"), [("zz < 1", "column 'zz'"), ("a + 1", "true or false")])
def test_a_rule_that_does_not_fit_the_columns_is_refused_by_schema(expression: str, complaint: str) -> None:
    judge = Judge([Rule("mine", expression)])
    with pytest.raises(StageError, match=complaint):
        judge.check(pa.schema([("a", pa.int64())]))


@pytest.mark.parametrize("expression", ["order < 3", "a < 2 AND exists < 3", "limit = 'none' OR a < 2", "user < 'x'"])
def test_a_keyword_as_the_name_of_a_column_is_refused_with_a_mend_that_works(expression: str) -> None:
    with pytest.raises(StageError, match="a keyword of SQL, stands in double quotes: ") as refused:
        Judge([Rule("mine", expression)])
    mend = str(refused.value).rpartition("quotes: ")[2]
    mended = mend[1:-1] if mend.startswith("'") else mend
    (columns,) = Judge([Rule("mine", mended)]).columns
    assert mended.replace('"', "") == expression and set(columns) <= {"a", "order", "exists", "limit", "user"}


def test_rules_have_different_names() -> None:
    with pytest.raises(StageError, match="named twice"):
        Judge([Rule("r", "a > 1"), Rule("r", "a > 2")])


def test_a_stage_runs_on_every_kind_of_frame_and_gives_the_same_kind_back() -> None:
    stage = ExpressionFilter(name="short", drop_if="a < 50")
    data = {"a": [1, 60, None]}
    batch = stage.apply(pa.record_batch(data))
    table = stage.apply(pa.table({"a": pa.chunked_array([[1], [60, None]])}))
    frame = stage.apply(pl.DataFrame(data))
    assert isinstance(batch, pa.RecordBatch) and isinstance(table, pa.Table) and isinstance(frame, pl.DataFrame)
    expected = ["short", None, None]
    assert batch.column("rule").to_pylist() == table.column("rule").to_pylist() == frame["rule"].to_list() == expected


def test_frames_without_rows_keep_their_columns() -> None:
    frame = GopherFilter().apply(pl.DataFrame({"text": pl.Series([], dtype=pl.String)}))
    assert frame.height == 0 and set(GopherFilter.measurements) | {"text", "rule"} == set(frame.columns)


def test_other_objects_are_refused() -> None:
    with pytest.raises(StageError, match="not on list"):
        GopherFilter().apply([])  # type: ignore[type-var]
