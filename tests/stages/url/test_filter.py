"""The URL filter: whose lists block what, by our definition and by those of datatrove and RefinedWeb."""

import gzip
import io
import json
import re
import tarfile
import warnings
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.base import StageError
from stages.url.address import suffixes
from stages.url.filter import UrlFilter


@pytest.fixture
def stage(tmp_path: Path) -> UrlFilter:
    domains, hosts, words = tmp_path / "domains.txt.gz", tmp_path / "hosts.txt", tmp_path / "words.txt"
    domains.write_bytes(gzip.compress("# bad\nBad.example\nbücher.example  # books\n*.star.example\n\n".encode()))
    hosts.write_text("www.one.example\n")
    words.write_text("Casino\n")
    return UrlFilter(block_domains=[domains], block_hosts=[hosts], block_path_words=[words])


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://bad.example/", "blocked_domain"),
        ("https://a.b.BAD.example:8080/x", "blocked_domain"),
        ("http://user:word@bad.example.", "blocked_domain"),
        ("bad.example/page", "blocked_domain"),
        ("//bad.example/page", "blocked_domain"),
        ("bad.example/?to=https://fine.example/", "blocked_domain"),
        ("http://fine.example/?to=https://bad.example/", None),
        ("http://notbad.example/", None),
        ("http://bad.example.org/", None),
        ("http://xn--bcher-kva.example/", "blocked_domain"),
        ("http://www.BÜCHER.example/", "blocked_domain"),
        ("http://x.star.example/", "blocked_domain"),
        ("http://www.one.example/", "blocked_host"),
        ("http://one.example/", None),
        ("http://sub.www.one.example/", None),
        ("http://fine.example/best-CASINO_games.html", "blocked_path_word"),
        ("http://fine.example/?q=c%61sino", "blocked_path_word"),
        ("http://casino.example/casinos", None),
        ("http://[bad/", None),
        ("", None),
        (None, None),
    ],
)
def test_what_is_blocked(stage: UrlFilter, url: str | None, rule: str | None) -> None:
    table = stage.apply(pa.table({"url": pa.array([url], pa.string())}))
    assert table.column("rule").to_pylist() == [rule]


def test_the_entry_that_matched_is_kept_and_a_missing_url_is_null(stage: UrlFilter) -> None:
    measured = stage(pa.record_batch({"url": ["http://a.bad.example/casino", None]})).to_pylist()
    assert measured[0]["url_blocked_domain"] == "bad.example"
    assert measured[0]["url_blocked_host"] == ""
    assert measured[0]["url_blocked_path_word"] == "casino"
    assert all(measured[1][column] is None for column in measured[1] if column.startswith("url_"))


def test_lists_are_assets_and_only_set_lists_make_rules(stage: UrlFilter) -> None:
    assert set(stage.assets()) == {"block_domains/0", "block_hosts/0", "block_path_words/0"}
    alone = UrlFilter(block_hosts=stage.block_hosts)
    assert [rule.name for rule in alone.rules()] == ["blocked_host"]


def test_a_missing_list_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="named by block_hosts"):
        UrlFilter(block_hosts=[tmp_path / "absent.txt"]).assets()
    with pytest.raises(ValueError, match="at least one list"):
        UrlFilter()
    with pytest.raises(ValueError, match="knows no block_hosts"):
        UrlFilter(profile="datatrove-0.10", block_hosts=[tmp_path])


def rule_of(stage: UrlFilter, url: str) -> str | None:
    return stage.apply(pa.table({"url": pa.array([url], pa.string())})).column("rule").to_pylist()[0]


def lists(folder: Path, **entries: list[str]) -> dict[str, Any]:
    """Writes each list to a file; the fields that name them."""
    for field, lines in entries.items():
        (folder / field).write_text("".join(f"{line}\n" for line in lines))
    return {field: [folder / field] for field in entries}


def test_ut1_is_a_folder_of_categories_whose_odd_entries_are_passed_over_and_its_urls_are_pages(tmp_path: Path) -> None:
    adult = tmp_path / "ut1" / "adult"
    adult.mkdir(parents=True)
    (adult / "domains").write_text("0.0.0.0 bad.example\n||not-a-host.example^\n")
    (adult / "urls").write_text("fine.example/~bad\n")
    stage = UrlFilter(ut1=tmp_path / "ut1")
    assert set(stage.assets()) == {"block_domains/0", "block_urls/0"}
    assert rule_of(stage, "https://x.bad.example/") == "blocked_domain"
    assert rule_of(stage, "https://www.Fine.example/~bad/#top") == "blocked_url"
    assert rule_of(stage, "https://fine.example/~bad/page") is None
    with pytest.raises(StageError, match="no category 'games'; its categories: adult"):
        UrlFilter(ut1=tmp_path / "ut1", ut1_categories=["games"]).assets()


def test_a_category_of_ut1_without_entries_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adult").mkdir()
    for file in ("readme", "domains"):
        (tmp_path / "adult" / file).touch()
        with pytest.raises(StageError, match="adult has no file `domains` or `urls` with entries"):
            UrlFilter(ut1=tmp_path).assets()
    (tmp_path / "adult" / "urls").write_text("bad.example/x\n")
    assert rule_of(UrlFilter(ut1=tmp_path), "http://bad.example/x") == "blocked_url"


@pytest.mark.parametrize("entry", ["https://bad.example/", "//bad.example", "HTTP://Bad.example", "*.bad.example/"])
def test_addresses_of_whole_hosts_stand_for_their_hosts(tmp_path: Path, entry: str) -> None:
    stage = UrlFilter(**lists(tmp_path, block_domains=[entry]))
    assert rule_of(stage, "http://www.bad.example/x") == "blocked_domain"


@pytest.mark.parametrize("field", ["block_domains", "block_hosts"])
@pytest.mark.parametrize("entry", ["bad.example/page", "https://bad.example/page", "||bad.example^", "bad.example:80"])
def test_entries_that_are_no_hosts_are_refused_with_the_plan(tmp_path: Path, entry: str, field: str) -> None:
    stage = UrlFilter(**lists(tmp_path, **{field: ["fine.example", entry]}))
    with pytest.raises(StageError, match=f"{field}: '{re.escape(entry)}' is no host or domain"):
        stage.assets()


@pytest.mark.parametrize("page", ["x.example/\u00e9/~a b", "x.example/%c3%a9/%7Ea%20b", "x.example/%C3%A9/~a%20b"])
def test_pages_are_compared_whatever_way_they_are_escaped(tmp_path: Path, page: str) -> None:
    stage = UrlFilter(**lists(tmp_path, block_urls=[page, "x.example/a%2fb", "x.example/%E9"]))
    for url in ("http://x.example/\u00e9/~a b", "https://www.x.example/%C3%A9/%7ea%20b", "x.example/a%2Fb"):
        assert rule_of(stage, url) == "blocked_url"
    for url in ("http://x.example/a/b", "http://x.example/%E8", "http://x.example/e"):
        assert rule_of(stage, url) is None


def test_words_soft_words_and_substrings_are_found_in_the_whole_url(tmp_path: Path) -> None:
    given = lists(
        tmp_path, block_words=["casino"], soft_words=["dating", "sexy", "# none"], block_substrings=["free-por"]
    )
    stage = UrlFilter(**given)
    assert rule_of(stage, "https://Casino.example/") == "blocked_word"
    assert rule_of(stage, "https://casinos.example/") is None
    assert rule_of(stage, "https://dating.example/dating") is None
    assert rule_of(stage, "https://dating.example/SEXY") == "soft_words"
    assert rule_of(stage, "https://x.example/f-ree/por/t") == "blocked_substring"


def test_datatroves_assets_are_read_as_they_are(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "url_filterblacklistsv0_3_0.tar.gz", "w:gz") as archive:
        for name, text in (("domains", "bad.com\n"), ("urls", "fine.com/x\n")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    (tmp_path / "banned_words.txt").write_text("#not\nworse\n")
    theirs = UrlFilter(datatrove=tmp_path, profile="datatrove-0.10")
    assert rule_of(theirs, "http://a.b.bad.com/") == "domain"
    assert rule_of(theirs, "http://x.org/worse") == "hard_blacklisted"
    assert rule_of(theirs, "http://x.org/Worse") is None
    assert rule_of(theirs, "http://fine.com/x") is None, "the list has no schemes, so datatrove never finds a page"
    assert rule_of(UrlFilter(datatrove=tmp_path), "http://fine.com/x") == "blocked_url"


def test_recorded_cases_of_datatrove(tmp_path: Path, shared_data: Path) -> None:
    cases = [
        c for c in json.loads((shared_data / "peers" / "datatrove.json").read_text())["cases"] if c["filter"] == "url"
    ]
    for case in cases:
        stage = UrlFilter(**lists(tmp_path, block_domains=case["params"]["extra_domains"]), profile="datatrove-0.10")
        assert rule_of(stage, case["url"]) == case["expected"]["reason"], case["url"]
    assert len(cases) == 8


def test_recorded_cases_of_dolma(tmp_path: Path, shared_data: Path) -> None:
    cases = json.loads((shared_data / "peers" / "dolma.json").read_text())["url"]
    for number, case in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        field = {"links": "block_urls", "domains": "block_domains"}[case["list"]]
        stage = UrlFilter(**lists(folder, **{field: case["entries"]}))
        assert (rule_of(stage, case["url"]) is not None) == case["blocked"], case
    assert len(cases) == 13


_LABELS = st.sampled_from(["bad", "good", "www", "co", "github", "Bad", "b\u00fccher"])
_ENDS = st.sampled_from(["com", "co.uk", "github.io", "example", "uk"])
_PATHS = st.sampled_from(["", "/", "/bad", "/bad-word/Worse?soft=1", "/soft/soften", "/x_worse", "/wor/se"])
_URLS = st.builds(
    lambda labels, end, path: f"https://{'.'.join([*labels, end])}{path}", st.lists(_LABELS, max_size=3), _ENDS, _PATHS
)


@settings(deadline=None)
@given(urls=st.lists(_URLS, min_size=1, max_size=20))
def test_decisions_are_datatroves(urls: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datatrove = pytest.importorskip("datatrove.pipeline.filters")
        from datatrove.data import Document

        peer = datatrove.URLFilter(
            extra_domains=["bad.com", "good.bad.co.uk", "github.io", "bad.github.io"],
            extra_urls=["https://good.com/bad"],
            banned_words=["worse"],
            soft_banned_words=["bad", "word", "soft"],
            banned_subwords=["worse", "soften"],
            use_integrated_lists=False,
        )
        peer.tldextractor = suffixes()  # its own asks the network
        theirs = [peer.filter(Document(text="", id="", metadata={"url": url})) for url in urls]
    given = lists(
        tmp_path_factory.mktemp("lists"),
        block_domains=["bad.com", "good.bad.co.uk", "github.io", "bad.github.io"],
        block_urls=["https://good.com/bad"],
        block_words=["worse"],
        soft_words=["bad", "word", "soft"],
        block_substrings=["worse", "soften"],
    )
    stage = UrlFilter(**given, profile="datatrove-0.10")
    ours = stage.apply(pa.table({"url": pa.array(urls, pa.string())})).column("rule").to_pylist()
    assert ours == [None if verdict is True else verdict[1] for verdict in theirs]
