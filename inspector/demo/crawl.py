"""A small crawler: fetch paths of one host over HTTP and write the responses as a WARC file.

Records are written by FastWARC, one gzip member each, as crawlers write them; the file appears when whole.
"""

from __future__ import annotations

import http.client
import re
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from fastwarc.stream_io import GzipWriter
from fastwarc.warc import WarcRecord, WarcRecordType

_LINK = re.compile(rb'href="([^"#]+)')


def crawl(
    port: int,
    paths: Iterable[str],
    follow: Callable[[str], bool],
    warc: Path,
    progress: Callable[[int], None] = lambda pages: None,
) -> int:
    """Fetch `paths` of 127.0.0.1:port, and the links of those pages that `follow` accepts; return the pages."""
    waiting = list(dict.fromkeys(paths))
    seen = set(waiting)
    temporary = warc.with_name(f".tmp-{warc.name}")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with temporary.open("wb") as file:
        for pages, path in enumerate(waiting, 1):
            head, body = _fetch(connection, path)
            _write(file, f"http://127.0.0.1:{port}{path}", head, body)
            for link in _links(path, body):
                if link not in seen and follow(link):
                    seen.add(link)
                    waiting.append(link)
            progress(pages)
    temporary.replace(warc)
    return len(waiting)


def _fetch(connection: http.client.HTTPConnection, path: str) -> tuple[bytes, bytes]:
    """Head (status line and headers as received) and body of one response."""
    try:
        connection.request("GET", path)
        response = connection.getresponse()
    except (http.client.HTTPException, ConnectionError):
        connection.close()
        connection.request("GET", path)
        response = connection.getresponse()
    version = "HTTP/1.0" if response.version == 10 else "HTTP/1.1"
    lines = [f"{version} {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in response.getheaders()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n", response.read()


def _write(file, url: str, head: bytes, body: bytes) -> None:  # type: ignore[no-untyped-def]
    record = WarcRecord()
    record.init_headers(WarcRecordType.response, record_urn=str(uuid.uuid4()).encode())
    record.headers["WARC-Target-URI"] = url
    record.headers["Content-Type"] = "application/http; msgtype=response"
    record.set_bytes_content(head + body)
    record.write(GzipWriter(file))


def _links(path: str, body: bytes) -> list[str]:
    found = []
    for match in _LINK.findall(body):
        parts = urlsplit(urljoin(path, match.decode("utf-8", "replace")))
        if not parts.scheme and not parts.netloc:
            found.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return found
