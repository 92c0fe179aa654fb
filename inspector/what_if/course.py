"""The course that rows take through a recipe's stages: which columns are known after each, and who may drop.

A stage's place is its number in the recipe, from 0, the source. What comes after all stages has the place `end`.
Nothing is measured to find this out: filters declare their columns, other stages run on no rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from pipeline.guard import blaming, checked, no_rows, split_errors
from pipeline.plan import Plan
from stages.base import Exchange, Filter, Rule, Transform
from stages.expression_filter import ExpressionFilter


class Course:
    """The stages of a plan in order. `columns` are the types of all columns that the run published."""

    def __init__(self, plan: Plan, columns: Mapping[str, pa.DataType]) -> None:
        self.stages = list(plan.recipe.stages.values())
        self.labels = list(plan.recipe.stages)
        self.end = len(self.stages)
        self.types = dict(columns)
        #: Places of the exchanges that remove documents, and of those among them that name clusters.
        self.exchanges: list[int] = []
        self.clustered: set[int] = set()
        for upstream in [phase.upstream for phase in plan.phases if phase.upstream]:
            self.exchanges = sorted({*self.exchanges, *map(self._place, upstream.removals)})
            self.clustered.update(map(self._place, upstream.clustered))
        #: For each place the columns that rows have once they are through it.
        self.known: list[frozenset[str]] = []
        #: For each column the place of the last stage that writes it.
        self.written: dict[str, int] = {}
        self._follow(plan)

    def _place(self, output: str) -> int:
        """The place of the stage that writes an output."""
        return self.labels.index(output.partition(".")[0])

    def _follow(self, plan: Plan) -> None:
        with blaming(self.labels[0]):
            batch = no_rows(plan.recipe.source().output_schema())
        self.written = dict.fromkeys(batch.schema.names, 0)
        for place, (label, stage) in enumerate(zip(self.labels, self.stages, strict=True)):
            before = set(batch.schema.names)
            added: set[str] = set()
            if isinstance(stage, Filter) and stage.measurements:
                added = {name for name in stage.measurements if name in self.types}
            elif isinstance(stage, Transform):
                with blaming(label):
                    batch, _ = split_errors(checked(label, stage, batch))
            elif place in self.clustered:
                added = {f"{label}_cluster", f"{label}_cluster_size"}
            for name in added - before:
                batch = batch.append_column(name, pa.nulls(0, self.types.get(name, pa.int64())))
            for name in added.union(batch.schema.names) - (before - added):
                self.written[name] = place
            self.known.append(frozenset(batch.schema.names))
        self.types = {**{field.name: field.type for field in batch.schema}, **self.types}

    def rules(self, place: int) -> list[Rule]:
        stage = self.stages[place] if place < self.end else None
        return stage.rules() if isinstance(stage, Filter) else []

    def is_filter(self, place: int) -> bool:
        return place < self.end and isinstance(self.stages[place], Filter)

    def judges_only(self, place: int) -> bool:
        """Whether the stage there measures nothing, so that rows it never saw can be judged as well."""
        return place == self.end or isinstance(self.stages[place], ExpressionFilter)

    def lets_all_pass(self, place: int) -> bool:
        """Whether the stage there is one that ends no row, as those that train tokenizers and write shards."""
        return place < self.end and isinstance(self.stages[place], Exchange) and place not in self.exchanges

    def may_edit_text_after(self, place: int) -> str | None:
        """Label of a later stage that may change the text, which filters may do as well, if there is one."""
        for later in range(place + 1, self.end):
            if isinstance(self.stages[later], Transform) and not self.judges_only(later):
                return self.labels[later]
        return None
