"""What a body is by its first bytes: the signatures of the WHATWG MIME Sniffing standard that crawls meet."""

from __future__ import annotations

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "application/ogg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x7fELF", "application/x-executable"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
)
_STARTS = tuple(signature for signature, _ in _SIGNATURES)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HTML_TAGS = (
    *(b"<!doctype html", b"<html", b"<head", b"<script", b"<iframe", b"<h1", b"<div", b"<font", b"<table"),
    *(b"<a", b"<style", b"<title", b"<b", b"<body", b"<br", b"<p", b"<!--", b"<meta", b"<link", b"<base"),
)


def binary_type(body: bytes) -> str | None:
    """The media type of a body that starts like a binary format, else None."""
    if body[8:12] == b"WEBP" and body.startswith(b"RIFF"):
        return "image/webp"
    if not body.startswith(_STARTS):
        return None
    return next(kind for signature, kind in _SIGNATURES if body.startswith(signature))


def is_html(body: bytes) -> bool:
    """Whether the body begins with one of the tags by which browsers know HTML (section 7.1)."""
    start = body[:1024].removeprefix(_BYTE_ORDER_MARK).lstrip(b"\t\n\f\r \0").lower()
    for tag in _HTML_TAGS:
        if start.startswith(tag):
            return tag == b"<!--" or start[len(tag) : len(tag) + 1] in (b" ", b">", b"\t", b"\n", b"\r", b"/")
    return start.startswith(b"<?xml") and b"<html" in start
