"""What a document's address says: canonical form, block lists, and how much of a corpus one host may be."""
