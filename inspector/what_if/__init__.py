"""What a finished run would have kept under other rules, answered from its documents/ and rejects/ alone."""
