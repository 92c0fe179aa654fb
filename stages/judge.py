"""Judge rows by named rules: polars SQL expressions over measurement columns, parsed once.

The first failing rule wins; a null verdict keeps the row and is counted. Most rules hold a column against a number,
or begin so and go on with AND: numpy decides them as polars would, and one polars query what they leave open.
Cost: about 5 microseconds a batch and 1 ns a row for each such rule; a query costs some 300 microseconds a batch.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from stages.base import Rule, StageError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


#: Nodes of polars expressions whose value depends on other rows, which would break row-wise purity.
_BEYOND_ITS_ROW = frozenset({"Agg", "Len", "Over", "Window", "Rolling", "Quantile", "SubPlan"})


_COMPARISON = re.compile(
    r"(?P<column>\w+) (?P<operator>[<>]=?) (?P<threshold>-?\d+(\.\d+)?(e-?\d+)?)(?P<more> AND .+)?"
)
#: A word outside of double quotes, or of single ones but for those that are doubled.
_BARE_WORD = re.compile(r"""\b[A-Za-z_]\w*\b(?=[^"]*(?:"[^"]*"[^"]*)*$)(?=[^']*(?:'[^']*'[^']*)*$)""")
#: Up to here every integer is a float64.
_EXACT = 1 << 53


class _Comparison(NamedTuple):
    """A column held against a number: true wherever a rule fails."""

    column: str
    operator: str
    threshold: float
    #: Whether the rule fails wherever it is true.
    sufficient: bool

    def of(self, batch: pa.RecordBatch) -> tuple[np.ndarray, int] | None:
        """In which rows it is true and in how many null; None where the column needs polars' rules."""
        import pyarrow as pa

        place = batch.schema.get_field_index(self.column)
        kind = batch.schema.field(place).type if place >= 0 else None
        if not (kind == pa.float64() or (kind == pa.int64() and isinstance(self.threshold, int))):
            return None
        column = batch.column(place)
        values = (column.fill_null(0) if column.null_count else column).to_numpy()
        # As for polars, what is no number is greater than all numbers.
        match self.operator:
            case "<":
                true = values < self.threshold
            case "<=":
                true = values <= self.threshold
            case ">":
                true = ~(values <= self.threshold)
            case _:
                true = ~(values < self.threshold)
        if column.null_count:
            true &= column.is_valid().to_numpy(zero_copy_only=False)
        return true, column.null_count


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
        self._comparisons = [_comparison(*pair) for pair in zip(self.rules, self._expressions, strict=True)]

    def check(self, schema: pa.Schema) -> None:
        """Raise StageError unless every rule reads columns of `schema` and yields a boolean."""
        import pyarrow as pa

        self._evaluate_each(pa.RecordBatch.from_pylist([], schema=schema), range(len(self.rules)))

    def __call__(self, batch: pa.RecordBatch) -> Verdicts:
        """Judge every row of the batch."""
        import numpy as np

        first = np.full(batch.num_rows, -1, dtype=np.int16)
        nulls = np.zeros(len(self.rules), dtype=np.int64)
        open_rules = []
        for index, comparison in enumerate(self._comparisons):
            decided = comparison.of(batch) if comparison else None
            if comparison is None or decided is None:
                open_rules.append(index)
                continue
            true, null_count = decided
            fails = true.any()
            if not comparison.sufficient and (fails or null_count):
                open_rules.append(index)
                continue
            nulls[index] = null_count
            if fails:  # most rules fail no row of a batch
                first[true & (first < 0)] = index
        for index, verdict in zip(open_rules, self._evaluate(batch, open_rules), strict=True):
            nulls[index] = verdict.null_count()
            if verdict.any():
                failed = verdict.fill_null(False).to_numpy()
                first[failed & ((first < 0) | (first > index))] = index
        return Verdicts(first, nulls)

    def values(self, batch: pa.RecordBatch, row: int, rule: int) -> str:
        """JSON of the columns that rule number `rule` read in one row."""
        return json.dumps(
            {name: _plain(batch.column(name)[row].as_py()) for name in self.columns[rule]}, ensure_ascii=False
        )

    def _evaluate(self, batch: pa.RecordBatch, rules: Sequence[int]) -> list[pl.Series]:
        """One verdict for each of these rules, by one query, or where that fails by queries that tell which it is."""
        if not rules:
            return []
        named = [self._expressions[index].alias(str(index)) for index in rules]
        try:
            verdicts = self._select(batch, rules).select(named).get_columns()
        except pl.exceptions.PolarsError:
            return self._evaluate_each(batch, rules)
        if all(verdict.dtype == pl.Boolean for verdict in verdicts):
            return verdicts
        return self._evaluate_each(batch, rules)

    def _evaluate_each(self, batch: pa.RecordBatch, rules: Sequence[int]) -> list[pl.Series]:
        verdicts = []
        frame = self._select(batch, rules)
        for index in rules:
            rule, expression = self.rules[index], self._expressions[index]
            absent = [name for name in self.columns[index] if name not in frame.columns]
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

    def _select(self, batch: pa.RecordBatch, rules: Sequence[int]) -> pl.DataFrame:
        """Those of the columns that these rules read which are there."""
        import pyarrow as pa

        names = dict.fromkeys(name for index in rules for name in self.columns[index])
        present = [name for name in names if name in batch.schema.names]
        frame = pl.from_arrow(pa.Table.from_batches([batch.select(present)]), rechunk=False)
        assert isinstance(frame, pl.DataFrame)
        return frame


def _parse(rule: Rule) -> pl.Expr:
    try:
        expression = pl.sql_expr(rule.drop_if)
    except pl.exceptions.PolarsError as error:
        mend = _quoting(rule.drop_if)
        raise StageError(f"{_where(rule)} is not a SQL expression: {_one_line(error)}{mend}") from error
    if not expression.meta.root_names():
        raise StageError(f"{_where(rule)} reads no column, so it would judge all documents alike")
    if not _BEYOND_ITS_ROW.isdisjoint(_nodes(json.loads(expression.meta.serialize(format="json")))):
        raise StageError(f"{_where(rule)} looks beyond its own row; aggregates and windows are not allowed")
    return expression


def _quoting(expression: str) -> str:
    """What to do where a column has the name of a keyword: the mend, empty where quoting a word is none."""
    for word in _BARE_WORD.finditer(expression):
        quoted = f'{expression[: word.start()]}"{word[0]}"{expression[word.end() :]}'
        try:
            columns = pl.sql_expr(quoted).meta.root_names()
        except pl.exceptions.PolarsError:
            continue
        if word[0] in columns:
            shown = _one_line(quoted) if "'" in quoted else f"'{_one_line(quoted)}'"
            return f"; a column named {word[0]}, a keyword of SQL, stands in double quotes: {shown}"
    return ""


def _comparison(rule: Rule, expression: pl.Expr) -> _Comparison | None:
    """The comparison that the rule is or begins with, where it cannot fail unless that is true."""
    found = _COMPARISON.fullmatch(rule.drop_if)
    if found is None or found["column"] not in expression.meta.root_names():
        return None
    if found["more"]:
        tree = json.loads(expression.meta.serialize(format="json"))
        while tree.get("BinaryExpr", {}).get("op") == "And":
            tree = tree["BinaryExpr"]["left"]
        if "And" in _nodes(tree) or "Or" in _nodes(tree):
            return None
    number = float(found["threshold"])
    if abs(number) > _EXACT:
        return None
    threshold = int(number) if found["threshold"].lstrip("-").isdigit() else number
    return _Comparison(found["column"], found["operator"], threshold, not found["more"])


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


def _where(rule: Rule) -> str:
    return f"rule '{rule.name}': drop_if \"{_one_line(rule.drop_if)}\""


def _one_line(words: object) -> str:
    return " ".join(str(words).split())


def _plain(value: Any) -> Any:
    """JSON has no NaN or infinity and no dates: those become strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
