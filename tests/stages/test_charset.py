"""Bytes of pages to text, as browsers would read them."""

import pytest

from stages.charset import codec_of, decode_page, meta_label

SAMPLES = {
    "windows-1251": "Русский текст о деревьях и лесах",
    "koi8-r": "Русский текст о деревьях и лесах",
    "shift_jis": "日本語の文章です。①②③",
    "euc-jp": "日本語の文章です。",
    "iso-2022-jp": "日本語の文章です。",
    "gb2312": "中文文章关于树木和森林",
    "gbk": "中文文章關於樹木",
    "gb18030": "中文文章𠀀",
    "big5": "中文文章關於樹木",
    "euc-kr": "한국어 문장입니다 똠방각하",
    "iso-8859-1": "Über “Bäume” – Wälder",
    "iso-8859-9": "Türkçe ağaçlar hakkında",
    "windows-1256": "نص عربي",
    "utf-16": "Text über alles",
    "utf-8": "Всё 日本語",
}


def encoded(label: str, text: str) -> bytes:
    return text.encode(codec_of(label))


@pytest.mark.parametrize("label", SAMPLES)
def test_labels_mean_what_browsers_take_them_for(label):
    page = f"<html><p>{SAMPLES[label]}"
    assert decode_page(encoded(label, page), label.upper()).text == page


@pytest.mark.parametrize("label", [label for label in SAMPLES if label != "utf-16"])
@pytest.mark.parametrize(
    "tag",
    [
        '<meta charset="{}">',
        "<META CHARSET={}/>",
        "<meta http-equiv='Content-Type' content='text/html; charset={}'>",
        '<meta content="text/html;charset={}" name=x http-equiv="content-type">',
        "<!-- <meta charset=\"utf-7\"> --><title>a > b</title><meta charset='{}'>",
        '<meta name="description" content="charset=koi8-u"><meta charset="{}">',
    ],
)
def test_meta_declarations(label, tag):
    page = f"<html><head>{tag.format(label)}</head><p>{SAMPLES[label]}"
    assert decode_page(encoded(label, page)).text == page


def test_an_xml_declaration_counts_where_meta_is_silent():
    page = '<?xml version="1.0" encoding="windows-1251"?><html><p>Русский'
    assert decode_page(page.encode("cp1251")).text == page
    assert meta_label(b"<?xml version='1.0'?><p>") is None


def test_order_of_evidence():
    page = '<meta charset="windows-1251"><p>Füße'
    assert decode_page(page.encode("cp1252"), "windows-1252").text == page
    assert decode_page(b"\xef\xbb\xbf" + page.encode(), "windows-1252").text == page
    assert decode_page(b"\xff\xfe" + page.encode("utf-16-le"), "utf-8").text == page


def test_unknown_labels_are_passed_over():
    page = '<meta charset="windows-1251"><p>Русский'
    for label in ("none", "_CHARSET_", "", "utf-7", "x-user-defined"):
        assert decode_page(page.encode("cp1251"), label).text == page


def test_a_declaration_that_the_bytes_deny_is_passed_over():
    page = '<meta charset="windows-1251"><p>Русский текст'
    assert decode_page(page.encode("cp1251"), "utf-8").text == page


def test_a_few_bad_bytes_do_not_change_the_encoding():
    page = "<p>Füße und Bäume über Wälder".encode() + b"\xff and more"
    decoded = decode_page(page, "utf-8")
    assert decoded.encoding == "utf-8"
    assert decoded.text.count("\ufffd") == 1


def test_undeclared_pages():
    text = "<p>Ein längerer Text über Bäume, Wälder und Flüsse. 日本語"
    assert decode_page(text.encode()).text == text
    assert decode_page(text.encode()[:-1]).encoding == "utf-8"
    russian = "<p>" + "Русский текст о деревьях, лесах и реках. " * 20
    assert decode_page(russian.encode("cp1251")).text == russian
    korean = "<p>" + "한국어 문장입니다. 나무와 숲에 대하여. " * 20
    assert decode_page(korean.encode("cp949")).text == korean


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_or_with_a_lying_meta(codec):
    page = '<html><head><meta charset="utf-16"></head><p>Some text'
    assert decode_page(page.encode(codec)).text == page
    assert decode_page(page.encode("utf-8")).text == page


@pytest.mark.parametrize("label", [None, "utf-8", "shift_jis", "utf-16", "iso-2022-jp", "big5", "nonsense"])
def test_any_bytes_give_text_that_can_be_written(label):
    for page in (b"", b"\xff", b"\xff\xfe\x00", bytes(range(256)) * 5, b"\xd8\x00" * 9, b"\x1b$B\x80"):
        decode_page(page, label).text.encode()


@pytest.mark.parametrize(
    "text", ["Voilà numéro, écrite en français.", "Привет, это страница.", "这是一个页面，写得很好。"]
)
@pytest.mark.parametrize("at", [20, 1000, 5000])
def test_one_wrong_byte_does_not_make_a_page_in_utf8_something_else(text, at):
    html = (f"<p>{text}</p>" * 120).encode()
    found = decode_page(html[:at] + b"\xe9" + html[at:])
    assert found.encoding == "utf-8"
    assert found.text.count(text) >= 119
    assert 1 <= found.text.count("\ufffd") <= 2
