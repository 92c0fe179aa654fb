"""The privacy stage: what each action does, and that neither order nor batches nor a second pass change anything."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.run_report import run_report
from pipeline import Recipe, run
from stages.privacy.stage import KINDS, PrivacyFilter
from stages.text_edits import Edit, with_edits
from tests.stages.privacy.labelled import labelled_set

SENTENCES = [sentence.text for sentence in labelled_set(seed=3, each=20)]

pieces = st.sampled_from(SENTENCES) | st.text(max_size=12) | st.text("@.:+-( )1234567890abcdefghk\n", max_size=24)
texts_of_pieces = st.lists(pieces, max_size=5).map("".join)


def batch(*texts: str | None) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def test_each_kind_is_replaced_counted_or_dropped_as_asked() -> None:
    text = "anna@mail.example.org from 93.184.216.34, tel. 030 1234567"
    stage = PrivacyFilter(ip_addresses="tag", phone_numbers="drop", max_found=2)
    table = stage.apply(pa.Table.from_batches([batch(text, "nothing", None, "anna@mail.example.org")]))
    assert table.column("text").to_pylist() == [
        "|||EMAIL_ADDRESS||| from 93.184.216.34, tel. 030 1234567",
        "nothing",
        None,
        "|||EMAIL_ADDRESS|||",
    ]
    assert table.column("pii_emails").to_pylist() == [1, 0, 0, 1]
    assert table.column("pii_ip_addresses").to_pylist() == [1, 0, 0, 0]
    assert table.column("pii_phone_numbers").to_pylist() == [1, 0, 0, 0]
    assert table.column("rule").to_pylist() == ["pii_phone_numbers", None, None, None]
    assert [rule.name for rule in stage.rules()] == ["pii_phone_numbers", "pii_found"]
    many = PrivacyFilter(max_found=2).apply(pa.Table.from_batches([batch(text, "a@b.org c@d.org")]))
    assert many.column("rule").to_pylist() == ["pii_found", None]


def test_equal_values_get_equal_replacements_wherever_they_stand() -> None:
    names = tuple(f"person{number}@example.org" for number in range(50))
    stage = PrivacyFilter(replacements={"emails": names})
    one = stage(batch("from a@b.org to C@d.org", "c@D.org, a@b.org")).column("text").to_pylist()
    other = stage(batch("c@D.org, a@b.org", "x@y.org", "from a@b.org to C@d.org")).column("text").to_pylist()
    assert one == [other[2], other[0]]
    first, second = one[0].removeprefix("from ").split(" to ")
    assert one[1] == f"{second}, {first}" and first != second


@settings(max_examples=100, deadline=None)
@given(st.lists(texts_of_pieces, min_size=1, max_size=4))
def test_a_text_fares_alike_alone_and_among_others(texts: list[str]) -> None:
    stage = PrivacyFilter()
    together = stage(batch(*texts))
    assert together.to_pylist() == [row for text in texts for row in stage(batch(text)).to_pylist()]


def test_a_second_pass_finds_nothing() -> None:
    stage = PrivacyFilter()
    chance = random.Random(5)
    values = [value for sentence in labelled_set(seed=5, each=40) for _, value in sentence.values]
    joints = ["-", " ", "", "+", ".", ", ", "/", ":", "@", "é", "://", "://x:", ";", "=", "_", "|||SECRET|||", "\n> "]
    glued = ["".join(chance.choice(values) + chance.choice(joints) for _ in range(4)) for _ in range(5000)]
    replaced = stage(batch(*SENTENCES, *glued, "https://joe:s3cr3t@acme.com/"))
    again = stage(replaced)
    assert again.column("text").equals(replaced.column("text"))
    assert not any(sum(again.column(f"pii_{kind}").to_pylist()) for kind in KINDS)


@settings(max_examples=200, deadline=None)
@given(texts_of_pieces)
def test_the_compiled_pass_leaves_out_nothing_that_the_expressions_find(text: str) -> None:
    stage = PrivacyFilter()
    found = [find for _, _, finds in stage._found(pa.array([text], pa.large_string())) for find in finds]
    everything = set()
    line_start = 0
    for line in text.encode().splitlines(keepends=True):
        end = line_start + len(line)
        everything |= set(stage._finds(text.encode(), [(line_start, end, 0xFF & ~16)]))
        line_start = end
    covered = [range(find.start, find.end) for find in found]
    for find in everything:
        assert any(find.start < stretch.stop and stretch.start < find.end for stretch in covered), find


CARD = "4012 8888 8888 1881"
HALF_A_MEGABYTE = 500_000


@pytest.mark.parametrize(
    "piece",
    [
        *("a@", "@", "1 ", "+1 ", "12 345-", "1.2.3.", "::", "a:", "sk-", "a.", "a.b@c.", "4111 1111 ", "password="),
        *("-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7yn3\n", "-----BEGIN PRIVATE KEY----- Version: "),
        *("=a1", "-----BEGIN PRIVATE KEY-----", "x://a:b", "eyJ", "tel. ", "(1)", "é@é."),
    ],
)
def test_texts_that_are_made_to_be_slow_are_not(piece: str) -> None:
    text = piece * (HALF_A_MEGABYTE // len(piece)) + "x"
    assert PrivacyFilter()(batch(text)).num_rows == 1


@pytest.mark.parametrize(
    "text", ["x@example.co.uk.\x80ࠀ0", "x@é.ééé0", "ab@c.dée", "tel. 030\xa01234567é", "x@b.comです"]
)
def test_no_find_ends_inside_of_a_character(text: str) -> None:
    (row,) = PrivacyFilter()(batch(text)).to_pylist()
    assert row["text"].count("|||") == 2 * (row["pii_emails"] + row["pii_phone_numbers"])


def test_documentation_addresses_count_when_asked() -> None:
    text = "192.168.0.7, 192.0.2.1 and 2001:db8::7 but not 0.0.0.0"
    assert PrivacyFilter()(batch(text)).column("pii_ip_addresses").to_pylist() == [0]
    assert PrivacyFilter(private_ip_addresses=True)(batch(text)).column("pii_ip_addresses").to_pylist() == [3]


def test_addresses_of_version_6_that_end_as_version_4_are_one() -> None:
    found = ["2606:2800::8.8.8.8", "::ffff:8.8.8.8", "::FFFF:93.184.216.34", "64:ff9b::8.8.8.8", "::ffff:808:808"]
    left = ["::ffff:10.0.0.1", "2001:db8::8.8.8.8", "::ffff:8.8.8", "2606:2800::8.8.8"]
    for frame in ("{}", "from [{}]:443, then", "It is {}."):
        replaced = PrivacyFilter()(batch(*(frame.format(value) for value in found + left))).column("text").to_pylist()
        assert replaced == [frame.format(value) for value in ["|||IP_ADDRESS|||"] * len(found) + left]


@pytest.mark.parametrize("gap", ["", " ", "-", "\u00a0", "\u202f", "\u2010", "\u2011"])
def test_cards_are_found_however_their_groups_are_parted_and_one_beside_another(gap: str) -> None:
    card, other, bad = (gap.join(groups.split()) for groups in (CARD, "5105 1051 0510 5100", "5105 1051 0510 5101"))
    frames = ["{}", "no. {}, exp 12/27", "{} 123", "({}).", "{0} {0} {0}"]
    texts = [frame.format(value) for value in (card, other) for frame in frames]
    replaced = PrivacyFilter()(batch(*texts, f"{card} {other}", f"{bad} 1234")).column("text").to_pylist()
    expected = [frame.format("|||CREDIT_CARD|||") for frame in frames] * 2
    assert replaced == [*expected, "|||CREDIT_CARD||| |||CREDIT_CARD|||", f"{bad} 1234"]


def test_groups_in_a_row_are_cards_only_where_all_are() -> None:
    rows = [f"{CARD} 5105 1051 0510 5101", f"{CARD} 1234", f"1234 {CARD}", f"{CARD} 1234 5678"]
    assert PrivacyFilter()(batch(*rows)).column("text").to_pylist() == rows


@pytest.mark.parametrize(
    "frame",
    [
        *("Authorization: Bearer {}", 'curl -H "Authorization: Bearer {}" https://a.io', "authorization: token {}"),
        *("{{'Authorization': 'Bearer {}'}}", "Authorization: Basic {}\nHost: a.io", "access_token: Bearer {}"),
    ],
)
def test_credentials_in_headers_are_secrets(frame: str) -> None:
    texts = [frame.format(value) for value in ("q83hfA9xk20dLmZp37TbvQ", "|||SECRET|||", "<YOUR_TOKEN_123456>")]
    replaced = PrivacyFilter()(batch(*texts)).column("text").to_pylist()
    assert replaced == [texts[1], *texts[1:]]


def test_private_keys_and_passwords_in_urls_are_taken_out_and_the_rest_stays() -> None:
    body = "\n".join("MIIEpAIBAAKCAQEA7yn3bRHQ5FHMQ+/abc0123" for _ in range(5))
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    stage = PrivacyFilter()
    texts = [f"see\n{key}\nend", "git clone https://bob:s3cr3t-w0rd@git.example.org/x.git"]
    assert stage(batch(*texts)).column("text").to_pylist() == [
        "see\n|||SECRET|||\nend",
        "git clone https://bob:|||SECRET|||@git.example.org/x.git",
    ]
    cut_off = key.partition("-----END")[0]
    assert stage(batch(f"{cut_off}\nAnd so on.")).column("text").to_pylist() == ["|||SECRET|||\n\nAnd so on."]
    public = key.replace("RSA PRIVATE", "PUBLIC")
    assert stage(batch(public)).column("pii_secrets").to_pylist() == [0]


@pytest.mark.parametrize(
    "address",
    [
        *("joe@acme.xn--p1ai", "jose@correo.españa", "garcía@correo.es", "José.García@correo.es", "o’brien@acme.com"),
        *("garci\u0301a@correo.es", "почта@пример.рф", "почта@пример.com", "a@例子.公司", "info@bücher.de"),
    ],
)
@pytest.mark.parametrize("frame", ["{}", "Write to {}.", "«{}»", "‘{}’", "联系，{}。", "{}–", "{}, {}", "{}/{}"])
def test_addresses_beyond_ascii_are_replaced_as_a_whole(address: str, frame: str) -> None:
    (row,) = PrivacyFilter()(batch(frame.format(address, address))).to_pylist()
    assert row["text"] == frame.format("|||EMAIL_ADDRESS|||", "|||EMAIL_ADDRESS|||")


def test_an_address_ends_where_text_without_blanks_goes_on() -> None:
    (row,) = PrivacyFilter()(batch("联系joe@acme.com或者ann@acme.com-joe@acme.comです")).to_pylist()
    assert row["text"] == "联系|||EMAIL_ADDRESS|||或者|||EMAIL_ADDRESS|||-|||EMAIL_ADDRESS|||です"


KEY_LINES = [
    "-----BEGIN RSA PRIVATE KEY-----",
    *("MIIEpAIBAAKCAQEA7yn3bRHQ5FHMQ+/abc01234567890123456789abcdefghijk", "A" * 64, "nQ8b+/rT6uV2=="),
    "-----END RSA PRIVATE KEY-----",
]
PGP_LINES = [
    "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    *("Version: GnuPG v2.0.22 (GNU/Linux)", "Comment: Tools - https://gpgtools.org", ""),
    *KEY_LINES[1:4],
    *("=aB3d", "-----END PGP PRIVATE KEY BLOCK-----"),
]
ENCRYPTED_LINES = [KEY_LINES[0], "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,7D1F00A9", "", *KEY_LINES[1:]]


@pytest.mark.parametrize("lines", [KEY_LINES, PGP_LINES, ENCRYPTED_LINES])
@pytest.mark.parametrize(
    ("before", "joint", "after"),
    [
        ("see\n", "\n", "\nend"),
        ("see\r\n", "\r\n", "\r\nend"),
        ('{"private_key":"', "\\n", '\\n", "id": 1}'),
        ('\'{"key": "', "\\\\n", "\\\\n\"}'"),
        ("> He wrote:\n> ", "\n> ", "\n> end"),
        (">> ", "\n>> ", "\n>> end"),
        ("  # ", "\n  # ", "\n"),
        ("// ", "\n// ", "\n"),
        ('key = "', '\\n" +\n            "', '";'),
        ("+", "\n+", "\n+end"),
        ("-", "\n-", "\n-end"),
        ("see ", "<br />", "<br />end"),
        ("see ", "&#10;", "&#10;end"),
        ("| ", " |\n| ", " |\nend"),
        ("  7 ", "\n  8 ", "\n  9 end"),
    ],
)
def test_a_private_key_is_replaced_as_a_whole_however_its_lines_are_joined(
    lines: list[str], before: str, joint: str, after: str
) -> None:
    (row,) = PrivacyFilter()(batch(before + joint.join(lines) + after)).to_pylist()
    assert row["pii_secrets"] == 1
    assert row["text"].lstrip("-") == (before + "|||SECRET|||" + after).lstrip("-")


def test_a_private_key_that_json_escapes_or_that_is_cut_off_leaves_none_of_its_lines() -> None:
    escaped = json.dumps({"private_key": "\n".join(KEY_LINES)}).replace("/", "\\/").replace("+", "\\u002B")
    cut_off = "> {}\n> - and 16 internationalizations"
    texts = [escaped, " ".join(ENCRYPTED_LINES), "".join(KEY_LINES), cut_off.format("\n> ".join(KEY_LINES[:3]))]
    assert PrivacyFilter()(batch(*texts)).column("text").to_pylist() == [
        '{"private_key": "|||SECRET|||"}',
        *("|||SECRET|||", "|||SECRET|||"),
        cut_off.format("|||SECRET|||"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "It begins with -----BEGIN RSA PRIVATE KEY----- and ends with -----END RSA PRIVATE KEY-----.",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQ...\n-----END PRIVATE KEY-----",
        'if line == "-----BEGIN EC PRIVATE KEY-----": internationalization(lines)',
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_a_line_that_only_names_private_keys_is_no_secret(text: str) -> None:
    (row,) = PrivacyFilter()(batch(text)).to_pylist()
    assert row["text"] == text and row["pii_secrets"] == 0


def test_a_placeholder_is_needed_where_choices_are_given() -> None:
    with pytest.raises(ValueError, match="one placeholder for emails"):
        PrivacyFilter(replacements={"emails": ()})
    empty = PrivacyFilter(replacements={"emails": ("",)})
    assert empty(batch("x a@b.org y")).column("text").to_pylist() == ["x  y"]


@given(st.lists(st.none() | st.text(max_size=8), min_size=1, max_size=5), st.data())
def test_edits_of_a_column_are_those_of_its_texts(texts: list[str | None], data: st.DataObject) -> None:
    column = pa.array(["before", *texts], pa.large_string()).slice(1)
    edits, expected = [], []
    for row, text in enumerate(texts):
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text or "")), max_size=4))) if text else []
        changed, last = "", 0
        for start, end in zip(cuts[::2], cuts[1::2], strict=False):
            assert text is not None
            edits.append(Edit(row, len(text[:start].encode()), len(text[:end].encode()), "é".encode()))
            changed, last = changed + text[last:start] + "é", end
        expected.append(None if text is None else changed + text[last:])
    edited = with_edits(column, edits)
    edited.validate(full=True)
    assert edited.to_pylist() == expected


def test_a_run_reports_what_was_found_in_all_documents(tmp_path: Path) -> None:
    sentences = labelled_set(seed=4, each=10)
    lines = [json.dumps({"text": sentence.text}) for sentence in sentences]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    stages = ["jsonl", {"privacy": {"emails": "drop"}}]
    recipe = Recipe.parse({"name": "r", "stages": stages, "rejects": "off", "task_bytes": 4096})
    run(recipe, [tmp_path / "in.jsonl"], tmp_path / "run", executor="inline", quiet=True)
    report = run_report(tmp_path / "run")
    whole = PrivacyFilter()(batch(*(sentence.text for sentence in sentences)))
    for kind in KINDS:
        total = sum(whole.column(f"pii_{kind}").to_pylist())
        assert report["counters"].get(f"privacy.pii_{kind}", 0) == total > 0
    with_email = sum(count > 0 for count in whole.column("pii_emails").to_pylist())
    assert report["rules"] == {"pii_emails": with_email}
