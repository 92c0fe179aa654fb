"""How two runs differ, row by row, and by which rules."""
