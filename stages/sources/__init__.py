"""Sources of documents: one file a format, and what they share (rows, lines)."""
