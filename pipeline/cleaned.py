"""The record of what `corpusmill clean` freed: `cleaned.json` in the folder of a phase, the outputs by full name.

A freed output counts as present (pipeline.resume) as long as no unfinished phase reads it; then its phase runs
again and the record goes (pipeline.restoration).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from pipeline.files import write_json
from pipeline.plan import PlannedPhase
from pipeline.workspace import Workspace


def cleaned_outputs(phase: PlannedPhase, workspace: Workspace) -> frozenset[str]:
    """Outputs of the phase that were freed; none when there is no record."""
    try:
        return frozenset(json.loads(_record(phase, workspace).read_text("utf-8"))["outputs"])
    except FileNotFoundError:
        return frozenset()


def record_cleaned(phase: PlannedPhase, outputs: Iterable[str], workspace: Workspace) -> None:
    """Add outputs to the record; to be done before the first of their files is removed."""
    outputs = cleaned_outputs(phase, workspace).union(outputs)
    write_json(_record(phase, workspace), {"outputs": sorted(outputs)})


def forget_cleaned(phase: PlannedPhase, workspace: Workspace) -> None:
    _record(phase, workspace).unlink(missing_ok=True)


def _record(phase: PlannedPhase, workspace: Workspace) -> Path:
    return workspace.phase(phase) / "cleaned.json"
