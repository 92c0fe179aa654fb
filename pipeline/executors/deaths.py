"""What follows from the deaths of workers at one task: repeat it, rehearse a batch, condemn a row, give up.

The first death repeats the task. Two at the same batch make the next attempt rehearse that batch row by
row; a row that was alone in flight at two deaths is condemned (pipeline.verdicts). Deaths that condemn
nobody count towards ATTEMPTS.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

#: Deaths of a task outside its rehearsals before it is given up.
ATTEMPTS = 3
#: Deaths of a row, alone in flight, that condemn it.
DEATHS_OF_A_ROW = 2
#: Rows condemned in one task before something else must be wrong.
MOST_CONDEMNED = 100

Row = tuple[int, int, int]


@dataclass
class Deaths:
    """The deaths at one task so far."""

    batches: list[int] = field(default_factory=list)
    rows: Counter[Row] = field(default_factory=Counter)
    condemned: int = 0
    attempts: int = 1

    def record(self, batch: int, row: Row | None) -> Row | None:
        """Another death, at a batch and perhaps with one row alone in flight; the row if it is now condemned."""
        self.attempts += 1
        if row is None:
            self.batches.append(batch)
            return None
        self.rows[row] += 1
        if self.rows[row] < DEATHS_OF_A_ROW:
            return None
        self.condemned += 1
        return row

    @property
    def hopeless(self) -> bool:
        return len(self.batches) >= ATTEMPTS or self.condemned >= MOST_CONDEMNED

    @property
    def rehearse(self) -> int:
        """Ordinal of the batch that the next attempt should take row by row, 0 for none."""
        if len(self.batches) >= 2 and self.batches[-1] == self.batches[-2]:
            return self.batches[-1]
        return 0
