"""Judge rows by named rules: polars SQL expressions over measurement columns, parsed once.

The first failing rule wins; a null verdict keeps the row and is counted. Cost: one query a batch, with a
vectorised expression for each rule.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from stages.base import Rule, StageError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


#: Nodes of polars expressions whose value depends on other rows, which would break row-wise purity.
_BEYOND_ITS_ROW = frozenset({"Agg", "Len", "Over", "Window", "Rolling", "Quantile", "SubPlan"})


class Verdicts(NamedTuple):
    """What a batch's rows were judged to be."""

    #: int16 of the batch's length: index of the first failing rule, -1 where the row is kept.
    first: np.ndarray
    #: int64, one a rule: rows whose expression was null, whatever the other rules said.
    nulls: np.ndarray


class Judge:
    """Evaluates rules in order. StageError names the rule and its expression when it cannot."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        names = [rule.name for rule in self.rules]
        for name in names:
            if names.count(name) > 1:
                raise StageError(f"rule '{name}' is named twice; give each rule a name of its own")
        self._expressions = [_parse(rule) for rule in self.rules]
        #: For each rule, the columns its expression reads, in order of first use.
        self.columns = [tuple(dict.fromkeys(part.meta.root_names())) for part in self._expressions]
        self._used = tuple(dict.fromkeys(name for names in self.columns for name in names))

    def check(self, schema: pa.Schema) -> None:
        """Raise StageError unless every rule reads columns of `schema` and yields a boolean."""
        import pyarrow as pa

        self._evaluate_each(_select(pa.RecordBatch.from_pylist([], schema=schema), self._used))

    def __call__(self, batch: pa.RecordBatch) -> Verdicts:
        """Judge every row of the batch."""
        import numpy as np

        first = np.full(batch.num_rows, -1, dtype=np.int16)
        nulls = np.zeros(len(self.rules), dtype=np.int64)
        for index, verdict in enumerate(self._evaluate(_select(batch, self._used))):
            nulls[index] = verdict.null_count()
            if verdict.any():  # most rules fail no row of a batch
                failed = (verdict.fill_null(False) if nulls[index] else verdict).to_numpy()
                first[failed & (first < 0)] = index
        return Verdicts(first, nulls)

    def values(self, batch: pa.RecordBatch, row: int, rule: int) -> str:
        """JSON of the columns that rule number `rule` read in one row."""
        return json.dumps(
            {name: _plain(batch.column(name)[row].as_py()) for name in self.columns[rule]}, ensure_ascii=False
        )

    def _evaluate(self, frame: pl.DataFrame) -> list[pl.Series]:
        """One verdict a rule, by one query, or where that fails by queries that tell which rule it is."""
        named = [expression.alias(str(index)) for index, expression in enumerate(self._expressions)]
        try:
            verdicts = frame.select(named).get_columns()
        except pl.exceptions.PolarsError:
            return self._evaluate_each(frame)
        if all(verdict.dtype == pl.Boolean for verdict in verdicts):
            return verdicts
        return self._evaluate_each(frame)

    def _evaluate_each(self, frame: pl.DataFrame) -> list[pl.Series]:
        verdicts = []
        for rule, expression, columns in zip(self.rules, self._expressions, self.columns, strict=True):
            absent = [name for name in columns if name not in frame.columns]
            if absent:
                raise StageError(
                    f"{_where(rule)} reads column '{absent[0]}', which no stage before it adds; "
                    f"check the name against `corpusmill stages`"
                )
            try:
                verdict = frame.select(expression.alias("verdict"))["verdict"]
            except pl.exceptions.PolarsError as error:
                raise StageError(f"{_where(rule)} cannot be evaluated: {_one_line(error)}") from error
            if verdict.dtype not in (pl.Boolean, pl.Null):
                raise StageError(f"{_where(rule)} must be true or false, but gives {verdict.dtype}; compare it")
            if len(verdict) != frame.height:
                raise StageError(f"{_where(rule)} gives one value for all rows instead of one a row")
            verdicts.append(verdict.cast(pl.Boolean))
        return verdicts


def _parse(rule: Rule) -> pl.Expr:
    try:
        expression = pl.sql_expr(rule.drop_if)
    except pl.exceptions.PolarsError as error:
        raise StageError(f"{_where(rule)} is not a SQL expression: {_one_line(error)}") from error
    if not expression.meta.root_names():
        raise StageError(f"{_where(rule)} reads no column, so it would judge all documents alike")
    if not _BEYOND_ITS_ROW.isdisjoint(_nodes(json.loads(expression.meta.serialize(format="json")))):
        raise StageError(f"{_where(rule)} looks beyond its own row; aggregates and windows are not allowed")
    return expression


def _nodes(tree: Any) -> Iterator[str]:
    """The names of all nodes of a serialised expression."""
    if isinstance(tree, dict):
        for name, branch in tree.items():
            yield name
            if name not in ("Column", "Literal"):
                yield from _nodes(branch)
    elif isinstance(tree, list):
        for branch in tree:
            yield from _nodes(branch)
    elif isinstance(tree, str):
        yield tree


def _select(batch: pa.RecordBatch, names: Sequence[str]) -> pl.DataFrame:
    import pyarrow as pa

    present = [name for name in names if name in batch.schema.names]
    frame = pl.from_arrow(pa.Table.from_batches([batch.select(present)]), rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _where(rule: Rule) -> str:
    return f"rule '{rule.name}': drop_if \"{_one_line(rule.drop_if)}\""


def _one_line(words: object) -> str:
    return " ".join(str(words).split())


def _plain(value: Any) -> Any:
    """JSON has no NaN or infinity and no dates: those become strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
