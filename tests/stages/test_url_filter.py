"""The URL filter: domains with everything below them, exact hosts, words of the path."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from stages.base import StageError
from stages.url_filter import UrlFilter


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
    assert all(measured[1][column] is None for column in UrlFilter.measurements)


def test_lists_are_assets_and_only_set_lists_make_rules(stage: UrlFilter) -> None:
    assert set(stage.assets()) == {"block_domains/0", "block_hosts/0", "block_path_words/0"}
    alone = UrlFilter(block_hosts=stage.block_hosts)
    assert [rule.name for rule in alone.rules()] == ["blocked_host"]


def test_a_missing_list_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="named by block_hosts"):
        UrlFilter(block_hosts=[tmp_path / "absent.txt"]).assets()
    with pytest.raises(ValueError, match="at least one list"):
        UrlFilter()
