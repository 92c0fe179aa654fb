"""A real S3 endpoint over HTTP for tests (moto's server), in front of which the network can be made to fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

XML = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"


@dataclass
class Network:
    """What befalls requests: `fault(number, method, path)` names it, or None. Counts are of all requests so far."""

    fault: Callable[[int, str, str], str | None] = lambda number, method, path: None
    requests: list[tuple[str, str]] = field(default_factory=list)
    failed: int = 0

    def reset(self) -> None:
        self.fault, self.failed = lambda number, method, path: None, 0
        self.requests.clear()


class _Quiet(WSGIRequestHandler):
    def log(self, *args: Any) -> None:
        """Nothing on standard error."""


@contextmanager
def s3_server() -> Iterator[tuple[str, Network]]:
    """(endpoint URL, network) of a server that runs until the block ends."""
    application = DomainDispatcherApplication(create_backend_app)
    network = Network()
    lock = threading.Lock()

    def front(environment: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        method, path = environment["REQUEST_METHOD"], environment["PATH_INFO"]
        with lock:
            network.requests.append((method, path))
            fault = network.fault(len(network.requests), method, path)
            network.failed += fault is not None
        if fault == "slow_down":
            return _refuse(environment, start_response, "503 Slow Down", "SlowDown", "Please reduce your request rate.")
        if fault == "expired":
            message = "The provided token has expired."
            return _refuse(environment, start_response, "400 Bad Request", "ExpiredToken", message)
        body = application(environment, start_response)
        return _cut(body) if fault == "cut" else body

    server = make_server("127.0.0.1", 0, front, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}", network
    finally:
        server.shutdown()
        thread.join()


def _refuse(environment: dict[str, Any], start_response: Any, status: str, code: str, message: str) -> list[bytes]:
    environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))
    body = XML.format(code=code, message=message).encode()
    start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [] if environment["REQUEST_METHOD"] == "HEAD" else [body]


def _cut(body: Iterable[bytes]) -> Iterator[bytes]:
    """Half of the answer, then the connection breaks."""
    whole = b"".join(body)
    yield whole[: len(whole) // 2]
    raise ConnectionAbortedError("cut by the test")
