"""Errors of training, printed by the front door as one line: status 2 for wrong use, 1 for failed work."""


class TrainerError(Exception):
    """A config, shard set or checkpoint is wrong or does not fit; the message names the key and the mend."""

    exit_status = 2


class TrainingFailed(Exception):
    """Training itself went wrong (it gave what is not a number); the last checkpoint stands."""

    exit_status = 1


class Stopped(Exception):
    """SIGTERM or SIGINT was received; the last whole step has a checkpoint, from which the same command goes on."""

    exit_status = 1


class StopNoticed(Exception):
    """Leaves an unfinished step or validation when a stop was requested; training turns it into Stopped."""
