"""Run a Typer application so that every failure is one line and an exit status, as shell scripts expect.

    0  done        1  the work failed        2  used wrongly: options, missing files, bad input

`--debug` anywhere on the line, or CORPUSMILL_DEBUG=1, shows the traceback instead.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import typer

#: Errors of the system that the user must mend: they come again the same way.
USED_WRONGLY = {
    errno.ENOENT,
    errno.EACCES,
    errno.EPERM,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EROFS,
    errno.ENAMETOOLONG,
}

#: What Typer exits with on Ctrl-C, having said nothing.
_TYPER_INTERRUPTED = 130


def run(app: typer.Typer, program: str, arguments: Sequence[str] | None = None) -> int:
    """Run `app` on `arguments` (default: the process's) and return the exit status; never raises.

    Errors go to standard error as `program: message`. Exceptions that carry `exit_status` choose it.
    """
    from typer.main import get_command

    given = list(sys.argv[1:] if arguments is None else arguments)
    options, rest = _split_at_separator(given)
    debug = "--debug" in options or os.environ.get("CORPUSMILL_DEBUG", "") not in ("", "0")
    command = get_command(app)
    _carry_past_typer(command)
    given = [option for option in options if option != "--debug"] + rest
    return guarded(lambda: command.main(given, prog_name=program, standalone_mode=False), program, debug)


def local_path(given: str) -> Path:
    """Parses options that name what is mapped into memory, or written to: a path of this machine."""
    if "://" in given:
        from typer import BadParameter

        raise BadParameter(f"{given} is not on a disk of this machine; copy it to one first")
    return Path(given)


class _EndedEarly(Exception):
    """Carries an EOFError past Typer, which would print an empty line and take it for Ctrl-C."""


def _carry_past_typer(command: Any) -> None:
    invoke = command.invoke

    def invoke_carrying(context: Any) -> object:
        try:
            return invoke(context)
        except EOFError as error:
            raise _EndedEarly from error

    command.invoke = invoke_carrying


def guarded(work: Callable[[], object], program: str, debug: bool) -> int:
    """Call `work`; turn whatever it raises into one line and an exit status. An int result is the status."""
    try:
        result = work()
        sys.stdout.flush()
        if result == _TYPER_INTERRUPTED:
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BrokenPipeError:
        # The reader of our output has gone (as `head` does); the interpreter must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except BaseException as caught:
        cause = caught.__cause__ if isinstance(caught, _EndedEarly) and caught.__cause__ else caught
        if debug:
            traceback.print_exception(cause)
        status, message = _explain(cause, program)
        print(f"{program}: {' '.join(message.split())}", file=sys.stderr)
        return status


def _explain(error: BaseException, program: str) -> tuple[int, str]:
    status = getattr(error, "exit_status", None)
    if isinstance(status, int):
        return status, str(error)
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return 1, "interrupted"
    format_message = getattr(error, "format_message", None)
    if format_message is not None:
        if type(error).__name__ == "NoArgsIsHelpError":
            return 2, f"no command given; see `{program} --help`"
        return 2, _usage_message(error, format_message(), program)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return (2 if error.errno in USED_WRONGLY else 1), f"{where}{error.strerror}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return 2, f"the package {error.name.split('.')[0]!r} is not installed; {_extra_for(error.name)}"
    return 1, f"internal error: {type(error).__name__}: {error} (add --debug for the traceback)"


def _usage_message(error: BaseException, message: str, program: str) -> str:
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", program)
    return f"{message.rstrip('.')}; see `{path} --help`"


def _extra_for(module: str) -> str:
    extra = "train" if module.split(".")[0] == "torch" else "curate"
    return f"install corpusmill[{extra}]"


def _split_at_separator(arguments: list[str]) -> tuple[list[str], list[str]]:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at:]
