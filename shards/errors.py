"""Errors of token shards, printed by the front door as one line."""


class ShardError(Exception):
    """A shard set is damaged, missing or was written wrongly; the message names the file and the mend."""

    exit_status = 2
