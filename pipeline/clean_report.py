"""Say what cleaning a run would free, phase by phase, and what stays and why."""

from __future__ import annotations

from pipeline.clean import Cleaning
from pipeline.tables import megabytes, print_table


def print_cleaning(cleaning: Cleaning) -> None:
    rows = [
        [part.phase.name, megabytes(part.frees), megabytes(part.stays), "; ".join(sorted(part.reasons))]
        for part in cleaning.phases
    ]
    rows += [
        [f"{len(paths)} {what}", megabytes(size), "", ""]
        for what, paths, size in (
            ("folders of earlier recipes", cleaning.earlier, cleaning.earlier_bytes),
            ("temporary files", cleaning.temporary, cleaning.temporary_bytes),
        )
        if paths
    ]
    print_table(["phase", "frees", "stays", "why it stays"], rows)
    print(f"frees {megabytes(cleaning.frees)} in all; manifests, logs and published folders stay")
