"""One request to a remote storage: how long it is waited for, whether it is tried again, and how its failure is told.

What breaks between machines (a cut, silent or closed connection, a rate limit, a server's own error) is tried again
after pauses that double. What the user must mend (refused, no credentials, an endpoint that is no address) ends at
once as one line; what is not there is a FileNotFoundError. The libraries below hardly repeat by themselves: their
tries would multiply with ours.

Cost: a storage that never answers is given up after TRIES * LIBRARY_TRIES * READ_SECONDS, four minutes; a closed port
after the pauses, under ten seconds.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from pipeline.errors import RecipeError, Refused, RunError

Result = TypeVar("Result")

#: Tries of one request, and the pause in seconds before the second; each further one is twice as long.
TRIES = 6
FIRST_PAUSE = 0.25
#: Seconds that a connection, and then each piece of an answer, is waited for.
CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
#: Tries that s3fs makes of each of its requests: a second one, so that one part of an upload need not send all again.
LIBRARY_TRIES = 2
#: Seconds of trying after which a process says, once, that it waits.
SILENT_SECONDS = 10.0
#: Packages whose errors are those of a network.
NETWORK_PACKAGES = {"aiohttp", "botocore", "aiobotocore", "urllib3", "requests", "httpx", "httpx2"}
#: Errors of botocore that come before any request, and those derived from them.
NO_KEYS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "TokenRetrievalError",
    "SSOError",
    "ProfileNotFound",
}
_told = False


def storage_options(protocol: str) -> dict[str, Any]:
    """Options for fsspec that bound how long its storage waits; what the user set in ~/.config/fsspec wins."""
    if protocol in ("s3", "s3a"):
        from s3fs import S3FileSystem

        S3FileSystem.retries = LIBRARY_TRIES
        bounds = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS, "retries": {"max_attempts": 0}}
        return {"config_kwargs": bounds | _configured(protocol, "config_kwargs")}
    if protocol in ("http", "https"):
        from aiohttp import ClientTimeout

        timeout = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS)
        return {"client_kwargs": {"timeout": timeout} | _configured(protocol, "client_kwargs")}
    return {}


def _configured(protocol: str, option: str) -> dict[str, Any]:
    from fsspec.config import conf

    return cast(dict[str, Any], conf.get(protocol, {}).get(option, {}))


def protocol_of(path: Path) -> str:
    """The protocol of a remote path: s3, https, ..."""
    return cast(Any, path).protocol


def is_web(path: Path) -> bool:
    """Whether a remote path lies on a web server."""
    return protocol_of(path) in ("http", "https")


def repeated(operation: Callable[[], Result], path: Path) -> Result:
    """Try a request until it works or has failed TRIES times.

    FileNotFoundError comes at once, as do Refused and RecipeError for what the user must mend; RunError after the
    last try.
    """
    started = time.monotonic()
    for attempt in range(TRIES):
        try:
            return operation()
        except Exception as caught:
            error = _cause(caught, path)
            _raise_what_stays(error, path)
            if attempt == TRIES - 1:
                message = f"{path}: failed {TRIES} times ({_one_line(error)}); the same command goes on"
                raise RunError(message) from error
            if time.monotonic() - started > SILENT_SECONDS:
                _say_still_trying(error, path)
            time.sleep(FIRST_PAUSE * 2**attempt * (0.5 + random.random()))
    raise AssertionError("unreachable")


def _cause(caught: Exception, path: Path) -> Exception:
    """What went wrong: fsspec says of whatever befalls a web server that the file is not found."""
    hidden = is_web(path) and isinstance(caught, FileNotFoundError) and isinstance(caught.__cause__, Exception)
    return cast(Exception, caught.__cause__) if hidden else caught


def _raise_what_stays(error: Exception, path: Path) -> None:
    """Raise what no other try would change, as what it means."""
    if isinstance(error, FileNotFoundError):
        raise error
    status = _http_status(error)
    if status in (404, 410):
        raise FileNotFoundError(str(path)) from error
    if isinstance(error, PermissionError) or status in (401, 403):
        raise Refused(
            f"{path}: refused ({_one_line(error)}); check or renew the credentials; the same command goes on"
        ) from error
    if _s3_code(error) == "400":  # The answer to a HEAD request, which has no body that would say why.
        raise Refused(
            f"{path}: refused ({_one_line(error)}), as for a token that has expired; "
            "check or renew the credentials; the same command goes on"
        ) from error
    if NO_KEYS & {kind.__name__ for kind in type(error).__mro__}:
        raise Refused(
            f"{path}: {_one_line(error)}; keys are looked for in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "in ~/.aws and in the machine's role; FSSPEC_S3_ANON=true reads public buckets without"
        ) from error
    if isinstance(error, ValueError) and str(error).startswith("Invalid endpoint"):
        raise RecipeError(
            f"{path}: {_one_line(error)}; AWS_ENDPOINT_URL (or endpoint_url in ~/.aws/config) must be a whole address, "
            "such as http://localhost:9000"
        ) from error
    if isinstance(error, ValueError) and is_web(path):
        raise RecipeError(f"{path}: is no address of a web server ({_one_line(error)})") from error
    if not _may_pass(error):
        raise error


def _http_status(error: Exception) -> int | None:
    """The status of a web server's answer that aiohttp, requests or httpx made an error of."""
    status = getattr(getattr(error, "response", None), "status_code", getattr(error, "status", None))
    return status if isinstance(status, int) else None


def _s3_code(error: Exception) -> str | None:
    """What S3 calls the error that s3fs made an OSError of: its own name, or the status where there is no body."""
    response = getattr(error.__cause__, "response", None)
    return response.get("Error", {}).get("Code") if isinstance(response, dict) else None


def _may_pass(error: Exception) -> bool:
    """Whether what went wrong lies between the machines, so that the same request may work later."""
    if isinstance(error, (OSError, EOFError)):
        return not isinstance(error, (IsADirectoryError, NotADirectoryError))
    return type(error).__module__.split(".")[0] in NETWORK_PACKAGES


def _say_still_trying(error: Exception, path: Path) -> None:
    global _told
    if not _told:
        _told = True
        print(f"corpusmill: {path}: no answer yet ({_one_line(error)}); still trying", file=sys.stderr, flush=True)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
