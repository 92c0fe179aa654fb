"""Errors of training, printed by the front door as one line: status 2 for wrong use, 1 for failed work."""


class TrainerError(Exception):
    """A config, shard set or checkpoint is wrong or does not fit; the message names the key and the mend."""

    exit_status = 2


class TrainingFailed(Exception):
    """Training itself went wrong (a loss that is not finite); the last checkpoint stands."""

    exit_status = 1


class Stopped(Exception):
    """SIGTERM or SIGINT was received; a checkpoint was written and the same command goes on from it."""

    exit_status = 1
