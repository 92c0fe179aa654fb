"""What a run's removal of duplicates did, and why one document went."""
