"""Errors the front door prints as one line: `exit_status` 2 for wrong use, 1 for work that failed, 75 for later."""


class RecipeError(Exception):
    """The recipe, an option or an input path is wrong; the message names it and the mend."""

    exit_status = 2


class RunError(Exception):
    """Work failed; the same command goes on from where it stopped."""

    exit_status = 1


class Refused(RunError):
    """A storage does not let the user in; mended by other credentials, and then the same command goes on."""

    exit_status = 2


class NotReady(RunError):
    """What a task reads is not complete yet; the same command works once it is (status EX_TEMPFAIL of sysexits.h)."""

    exit_status = 75


class Stopped(Exception):
    """A stop was asked for by SIGTERM or SIGINT; finished tasks stay finished."""

    exit_status = 1
