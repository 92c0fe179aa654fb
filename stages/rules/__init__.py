"""Rule sets pinned by name: profiles as data, and what stages that follow one have in common."""
