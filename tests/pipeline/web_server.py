"""A web server for tests that gives ranges of a folder's files, and answers for them as a data hub's API does."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.utils import safe_join, send_file
from werkzeug.wrappers import Request, Response

COMMIT = "0123456789abcdef0123456789abcdef01234567"

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class _Quiet(WSGIRequestHandler):
    def log(self, *args: Any) -> None:
        """Nothing on standard error."""


@contextmanager
def web_server(folder: Path, ranges: bool = True, failures: Iterable[int] = ()) -> Iterator[str]:
    """The URL under which the folder's files are served, whole ones alone where not `ranges`.

    The first requests are answered with the statuses that `failures` names.
    """
    left = iter(failures)

    def answer(request: Request) -> Response:
        status = next(left, None)
        if status is not None:
            return Response(status=status)
        return _file(folder, request.path.lstrip("/"), request, ranges)

    with _serving(answer) as url:
        yield url


@contextmanager
def hub_server(repository: str, folder: Path) -> Iterator[str]:
    """The endpoint of a hub with one data set, whose files are those of a folder."""
    api, files = f"/api/datasets/{repository}", f"/datasets/{repository}/resolve/"

    def answer(request: Request) -> Response:
        path = request.path
        if path.startswith(files):
            return _file(folder, path.removeprefix(files).partition("/")[2], request, ranges=True)
        if path.startswith(f"{api}/tree/"):
            inside = path.removeprefix(f"{api}/tree/").partition("/")[2]
            if not (folder / inside).is_dir():
                raise NotFound
            pattern = "**/*" if request.args.get("recursive", "").lower() == "true" else "*"
            return _json([_entry(folder, entry) for entry in sorted((folder / inside).glob(pattern))])
        if path.startswith(f"{api}/paths-info/"):
            named = [folder / name for name in request.form.getlist("paths") or (request.get_json() or {})["paths"]]
            return _json([_entry(folder, entry) for entry in named if entry.exists()])
        if path == api or path.startswith(f"{api}/revision/"):
            return _json({"_id": "1", "id": repository, "sha": COMMIT, "private": False, "tags": [], "siblings": []})
        raise NotFound

    with _serving(answer) as url:
        yield url


def _entry(folder: Path, entry: Path) -> dict[str, Any]:
    name = entry.relative_to(folder).as_posix()
    if entry.is_dir():
        return {"type": "directory", "oid": "0" * 40, "size": 0, "path": name}
    content = entry.read_bytes()
    return {"type": "file", "oid": hashlib.sha1(content).hexdigest(), "size": len(content), "path": name}


def _file(folder: Path, name: str, request: Request, ranges: bool) -> Response:
    path = safe_join(str(folder), name)
    if path is None or not Path(path).is_file():
        raise NotFound
    response = send_file(path, request.environ, conditional=ranges, mimetype="application/octet-stream")
    response.headers["X-Repo-Commit"] = COMMIT
    return response


def _json(value: Any) -> Response:
    return Response(json.dumps(value), mimetype="application/json")


@contextmanager
def _serving(answer: Callable[[Request], Response]) -> Iterator[str]:
    @Request.application
    def application(request: Request) -> Response | HTTPException:
        try:
            return answer(request)
        except HTTPException as error:
            return error

    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
