"""Where the response records of web archives lie, found by brute force: the oracle of test_warc_places.py.

Every gzip magic of a file is tried, each member inflated on its own with zlib, and record headers are read with
the standard library's e-mail parser; no code of ours takes part. The expected places are recorded by

    python tests/stages/warc_brute_force.py ../shared/data > tests/golden/warc_places.json
"""

import email
import json
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("malformed", "thirdparty_warc")
_WARC = re.compile(rb"WARC/\d\.\d+[ \t]*\r*\n")
_ARC = re.compile(rb"([a-z]+:\S.*?) \d+(?:\.\d+){3} \d{14,} \S+ (\S+)\n")


def archives(shared: Path) -> Iterator[Path]:
    """The web archives among the small files of other people."""
    for folder in FOLDERS:
        yield from (path for path in sorted((shared / folder).iterdir()) if re.search(r"\.w?arc\b", path.name))


def responses(path: Path) -> list[int]:
    """Offsets (of the member, or in a plain file of the record) of all whole response records, in order."""
    data = path.read_bytes()
    if not data.startswith(b"\x1f\x8b"):
        return list(_whole_responses(data))
    contents: dict[int, bytes] = {}
    for offset, content in _members(data):
        if contents and not content.startswith((b"WARC/", b"http:", b"dns:", b"filedesc:")):
            contents[max(contents)] += content  # of a record that was cut into members
        else:
            contents[offset] = content
    return [offset for offset, content in contents.items() for _ in _whole_responses(content)]


def _members(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset and content of every gzip member, cut ones included; members stored inside another are none."""
    end = 0
    for magic in re.finditer(re.escape(b"\x1f\x8b\x08"), data):
        stream, content, at = zlib.decompressobj(31), b"", magic.start()
        try:
            while not stream.eof and at < len(data):
                content += stream.decompress(data[at : at + 64])
                at += 64
        except zlib.error:
            continue
        if content and magic.start() >= end:
            end = min(at, len(data)) - len(stream.unused_data)
            yield magic.start(), content


def _whole_responses(content: bytes) -> Iterator[int]:
    """Offsets in some bytes of the responses whose blocks are all there."""
    position = 0
    pattern = _ARC if b"filedesc:" in content[:20] or not _WARC.search(content) else _WARC
    while head := _next_head(pattern, content, position):
        if pattern is _ARC:
            block, kind = head.end(), "other" if head[1].startswith(b"filedesc:") else "response"
            length = int(head[2]) if head[2].isdigit() else 0
        else:
            blank = re.compile(rb"\n\r*\n").search(content, head.end())
            if blank is None:
                return
            block = blank.end()
            fields = email.message_from_bytes(content[head.end() : block].replace(b"\r", b""))
            kind, length = fields["WARC-Type"], int(fields["Content-Length"] or 0)
        position = block + length if block + length <= len(content) else block
        if kind == "response" and block + length <= len(content):
            yield head.start()


def _next_head(pattern: re.Pattern[bytes], content: bytes, position: int) -> re.Match[bytes] | None:
    """The header behind the line ends at `position`, else the next one that begins a line."""
    while content[position : position + 1] in (b"\r", b"\n"):
        position += 1
    lines = re.compile(rb"(?<=\n)" + pattern.pattern)
    return pattern.match(content, position) or lines.search(content, position)


if __name__ == "__main__":
    found = {path.name: responses(path) for path in archives(Path(sys.argv[1]))}
    print("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(places)}" for name, places in found.items()) + "\n}")
