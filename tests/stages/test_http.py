"""HTTP responses as archives hold them, faults included."""

import contextlib
import gzip
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stages.warc.http import body_of, charset, media_type, parse_response
from stages.warc.http_body import BodyError

PAGE = "<!DOCTYPE html><p>Ein Satz über Bäume und noch einer über Wälder.</p>\n".encode() * 2000
LIMIT = 10_000_000


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


ENCODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda data: brotli.compress(data, quality=5),
    "zstd": zstandard.compress,
}


def chunked(data: bytes, size: int = 1000, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    lines = [b"%X%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces]
    return b"".join(lines) + b"0\r\n" + trailer + b"\r\n"


def response(body: bytes, *headers: str, status: str = "HTTP/1.1 200 OK", end: str = "\r\n") -> bytes:
    return end.join([status, *headers, "", ""]).encode("latin-1") + body


def decoded(body: bytes, *headers: str) -> bytes:
    return body_of(parse_response(response(body, *headers)), LIMIT)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("HTTP/1.1 200 OK", 200),
        ("HTTP/1.0 404", 404),
        ("HTTP/2 200", 200),
        ("HTTP/1.1 302 ", 302),
        ("http/1.1 200 ok", 200),
        ("HTTP/1.1 500 Größe", 500),
        ("HTTPX/1.1 200 OK", None),
        ("HTTP/1.1 abc", None),
    ],
)
def test_status_lines(line, status):
    assert parse_response(response(b"", status=line)).status == status


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r\r\n"])
def test_line_ends(end):
    parsed = parse_response(response(b"\r\n\r\n<p>", "Content-Type: text/html", "X: y", end=end))
    assert parsed.fields == {b"content-type": b"text/html", b"x": b"y"}
    assert parsed.body == b"\r\n\r\n<p>"


def test_folded_repeated_bare_and_foreign_header_lines():
    block = response(b"b", "A: one", " two", "\tthree", "a:four", "no colon here", "X: \xff\xfe", ": nameless")
    fields = parse_response(block).fields
    assert fields[b"a"] == b"one two three, four"
    assert fields[b"x"] == b"\xff\xfe"


def test_headers_of_any_length():
    parsed = parse_response(response(PAGE, "X-Long: " + "y" * 200_000, "Content-Type: text/html"))
    assert (parsed.fields[b"content-type"], parsed.body) == (b"text/html", PAGE)


def test_a_header_without_end_has_no_body():
    parsed = parse_response(b"HTTP/1.1 200 OK\r\nContent-Type: text/html")
    assert (parsed.fields[b"content-type"], parsed.body) == (b"text/html", b"")


@pytest.mark.parametrize("name", ENCODERS)
def test_content_encodings(name):
    assert decoded(ENCODERS[name](PAGE), f"Content-Encoding: {name.upper()}") == PAGE


def test_raw_deflate_and_concatenated_gzip_members():
    assert decoded(raw_deflate(PAGE), "Content-Encoding: deflate") == PAGE
    two = gzip.compress(PAGE[:5000]) + gzip.compress(PAGE[5000:])
    assert decoded(two, "Content-Encoding: gzip") == PAGE


def test_encodings_are_undone_in_the_order_they_were_applied():
    body = chunked(brotli.compress(gzip.compress(PAGE)))
    assert decoded(body, "Content-Encoding: gzip, br", "Transfer-Encoding: chunked") == PAGE
    assert decoded(chunked(gzip.compress(PAGE)), "Transfer-Encoding: gzip, chunked") == PAGE


@pytest.mark.parametrize("encoding", [*ENCODERS, "identity", "utf-8", "none", "gzip, gzip"])
def test_an_encoding_that_the_body_does_not_have_is_ignored(encoding):
    assert decoded(PAGE, f"Content-Encoding: {encoding}") == PAGE


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_a_broken_stream_gives_what_comes_before(name, damage):
    text = b"".join(b"<p>%d %s</p>" % (number, hex(number**7).encode()) for number in range(40_000))
    body = ENCODERS[name](text)
    middle = len(body) // 2
    body = body[:middle] if damage == "cut" else body[:middle] + b"\xff" * 40 + body[middle + 40 :]
    found = decoded(body, f"Content-Encoding: {name}")
    assert len(found) > len(text) // 4
    same = next((at for at in range(min(len(found), len(text))) if found[at] != text[at]), len(found))
    assert same > len(text) // 4


@pytest.mark.parametrize("name", ENCODERS)
def test_binary_that_cannot_be_decoded_is_an_error(name):
    with pytest.raises(BodyError, match=name):
        decoded(b"\x00\x01\x02\x03\xff" * 40, f"Content-Encoding: {name}")


@pytest.mark.parametrize("name", ENCODERS)
def test_output_stops_at_the_limit(name):
    bomb = ENCODERS[name](b"\0" * 30_000_000)
    with pytest.raises(BodyError, match="larger than 1000000 bytes"):
        body_of(parse_response(response(bomb, f"Content-Encoding: {name}")), 1_000_000)


@given(st.binary(min_size=1, max_size=300), st.integers(1, 50))
def test_chunks_of_any_size(data, size):
    assert decoded(chunked(data, size), "Transfer-Encoding: chunked") == data


@pytest.mark.parametrize(
    "body",
    [
        chunked(PAGE, extension=b';name="value"'),
        chunked(PAGE, trailer=b"X-Checksum: 1\r\n"),
        chunked(PAGE).replace(b"3E8\r\n", b"00003e8\r\n"),
        chunked(PAGE).replace(b"3E8\r\n", b"3E8  \r\n"),
        chunked(PAGE).replace(b"\r\n", b"\n"),
        PAGE,
    ],
    ids=["extensions", "trailers", "padded", "blanks", "bare LF", "not chunked"],
)
def test_chunked_bodies(body):
    assert decoded(body, "Transfer-Encoding: chunked") == PAGE


@pytest.mark.parametrize("cut", [1, 500, 2000, 99_000])
def test_a_cut_chunked_body_gives_its_prefix(cut):
    found = decoded(chunked(PAGE)[:cut], "Transfer-Encoding: chunked")
    assert found
    assert PAGE.startswith(found) or cut == 1


def test_media_types_and_charsets():
    assert media_type(b"Text/HTML; charset=x") == "text/html"
    assert media_type(b", text/html, text/plain") == "text/html"
    assert media_type(b"nonsense") is None
    assert media_type(None) is None
    for value in (b"text/html; charset=koi8-r", b'text/html;Charset = "koi8-r" ; x=y', b"charset='koi8-r'"):
        assert charset(value) == "koi8-r"
    assert charset(b"text/html; charset=") is None
    assert charset(None) is None


@given(st.binary(max_size=400), st.sampled_from(["gzip", "deflate", "br", "zstd", "gzip, br"]))
def test_no_bytes_raise_anything_but_a_body_error(body, encoding):
    block = response(body, f"Content-Encoding: {encoding}", "Transfer-Encoding: chunked")
    with contextlib.suppress(BodyError):
        body_of(parse_response(block), LIMIT)
    parse_response(body)
