"""The canonical form of URLs: what leads to one page becomes one string, and nothing else does."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.url.canonical import CanonicalUrl, canonical_url


@pytest.mark.parametrize(
    ("url", "form"),
    [
        (
            "HTTP://User:word@WWW.Example.COM:80/a/../b/./c?b=2&a=1&utm_source=x#part",
            "http://www.example.com/b/c?a=1&b=2",
        ),
        ("https://bücher.example/ä?q=é", "https://xn--bcher-kva.example/%C3%A4?q=%C3%A9"),
        ("http://a.example", "http://a.example/"),
        ("http://a.example/%7Efoo/%e4", "http://a.example/~foo/%E4"),
        ("http://a.example:8080/?print", "http://a.example:8080/?print="),
        ("https://a.example/?PHPSESSID=3&page=2", "https://a.example/?page=2"),
        ("http://[::1]:80/", "http://[::1]/"),
        ("http://[bad/", None),
        ("http://a.example:port/", None),
        ("mailto:x@y.example", None),
        ("", None),
        (None, None),
    ],
)
def test_forms(url: str | None, form: str | None) -> None:
    row = CanonicalUrl()(pa.record_batch({"url": pa.array([url], pa.string())})).to_pylist()[0]
    assert row["canonical_url"] == form


def test_host_and_registered_domain_are_columns_of_their_own() -> None:
    batch = CanonicalUrl()(pa.record_batch({"url": ["http://www.a.co.uk/x", "http://1.2.3.4/", "http://local/"]}))
    assert batch.column("host").to_pylist() == ["www.a.co.uk", "1.2.3.4", "local"]
    assert batch.column("domain").to_pylist() == ["a.co.uk", "", ""]


def test_tracking_parameters_stay_where_asked() -> None:
    assert canonical_url("http://a.example/?utm_source=x", tracking=True) == "http://a.example/?utm_source=x"


@pytest.mark.parametrize("query", ["q=%E9", "q=%E8", "q=a%2Bb", "q=%C3%A9", "q=a+b", "%FF="])
def test_parameters_beside_a_tracking_one_keep_their_bytes(query: str) -> None:
    alone = canonical_url(f"http://a.example/?{query}")
    assert alone == f"http://a.example/?{query}"
    for beside in (f"{query}&utm_source=a", f"utm_source=a&{query}", f"{query}&%75tm_source=%E9&gclid"):
        assert canonical_url(f"http://a.example/?{beside}") == alone


@given(st.text(alphabet="abAB%2e/.?&=#:;é ", max_size=30))
def test_the_form_of_a_form_is_itself(rest: str) -> None:
    form = canonical_url(f"http://a.example/{rest}")
    assert form is None or canonical_url(form) == form


@given(st.text(alphabet="ab%E9Cutm_gclid&=+; ", max_size=30))
def test_the_form_of_a_query_is_itself(query: str) -> None:
    form = canonical_url(f"http://a.example/?{query}")
    assert form is None or canonical_url(form) == form
