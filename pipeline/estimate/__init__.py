"""What a recipe would cost on a corpus, from a sample of it: documents, core time, memory and bytes by phase."""
