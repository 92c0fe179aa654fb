"""The row account of a run: sums over manifests, so right after any number of resumes."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.plan import Plan
from pipeline.workspace import Workspace


@dataclass
class StageTotal:
    """One stage of a row-wise phase over all tasks."""

    phase: str
    label: str
    rows_in: int = 0
    rows_out: int = 0
    bytes_in: int = 0
    seconds: float = 0.0


@dataclass
class Totals:
    """read = kept + dropped + quarantined, once the run is complete."""

    read: int = 0
    kept: int = 0
    dropped: int = 0
    quarantined: int = 0
    complete: bool = False
    rules: dict[str, int] = field(default_factory=dict)
    undecided: dict[str, int] = field(default_factory=dict)
    stages: list[StageTotal] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)

    def balanced(self) -> bool:
        return self.read == self.kept + self.dropped + self.quarantined


def run_totals(plan: Plan, workspace: Workspace) -> Totals:
    """Add up the manifests of a plan. Rows still on their way through an unfinished run count as kept."""
    totals = Totals(complete=True)
    stages: dict[tuple[str, str], StageTotal] = {}
    last_kept = 0
    first_rowwise = True
    for phase in plan.phases:
        finished, kept = 0, 0
        for manifest in workspace.manifests(phase):
            if manifest.fingerprint != phase.fingerprint:
                continue
            finished += 1
            for name, amount in manifest.counters.items():
                key = f"{phase.labels[0]}.{name}"
                totals.counters[key] = totals.counters.get(key, 0) + amount
            if manifest.rows is None:
                continue
            if first_rowwise:
                totals.read += manifest.rows.read
            kept += manifest.rows.kept
            totals.quarantined += manifest.rows.quarantined
            for rule, amount in manifest.rows.dropped.items():
                totals.rules[rule] = totals.rules.get(rule, 0) + amount
            for account in manifest.stages:
                stage = stages.setdefault((phase.name, account.label), StageTotal(phase.name, account.label))
                stage.rows_in += account.rows_in
                stage.rows_out += account.rows_out
                stage.bytes_in += account.bytes_in
                stage.seconds += account.seconds
                for rule, amount in account.undecided.items():
                    totals.undecided[rule] = totals.undecided.get(rule, 0) + amount
                for column, amount in account.sums.items():
                    key = f"{account.label}.{column}"
                    totals.counters[key] = totals.counters.get(key, 0) + amount
        if phase.step is None:
            first_rowwise, last_kept = False, kept
        totals.complete &= finished == phase.tasks
    totals.dropped = sum(totals.rules.values())
    totals.kept = last_kept if totals.complete else totals.read - totals.dropped - totals.quarantined
    totals.rules = dict(sorted(totals.rules.items(), key=lambda item: (-item[1], item[0])))
    totals.stages = list(stages.values())
    return totals
