"""Main content as the shipped model judges it: near annotated bodies, and no manual loses its text."""

import re
from pathlib import Path

import pytest
from resiliparse.extract.html2text import extract_plain_text

from benchmarks.extraction_pages import read_annotated
from benchmarks.shingles import score_page, shingles, total_scores, words_of
from stages.base import Split
from stages.charset import decode_page
from stages.extraction.extractor import BlockExtractor
from stages.extraction.model import Model, shipped_model
from stages.warc.source import WarcSource

MAIN = BlockExtractor(shipped_model(), markdown=False, max_depth=1000, max_nodes=200_000)


def test_navigation_and_teasers_are_left_out():
    menu = "".join(f"<li><a href=/{name}>{name}</a></li>" for name in "Home World Sport Weather Culture Travel".split())
    teasers = "".join(f"<li><a href=/{n}>Another story, number {n}, of the same day</a></li>" for n in range(8))
    paragraphs = "".join(
        f"<p>Paragraph {n} of the story begins here. It goes on for a while, as prose does, and says in its {n}th "
        "place what nobody has said before; then it comes to an end.</p>"
        for n in range(9)
    )
    page = (
        f"<title>What happened - The Paper</title><header><nav class=menu><ul>{menu}</ul></nav></header>"
        f"<div class=article><h1>What happened</h1>{paragraphs}</div><aside class=related><h3>More</h3>"
        f"<ul>{teasers}</ul></aside><footer class=footer><p>Copyright, all rights reserved</p></footer>"
    )
    text, _ = MAIN.text_of(page.encode())
    assert text.count("then it comes to an end") == 9
    for unwanted in ("Weather", "Another story", "Copyright"):
        assert unwanted not in text


def test_what_a_manual_calls_navigation_is_left_out():
    sections = "".join(
        f"<section id=s{n}><h2>Section {n}<a class=headerlink href=#s{n}>¶</a></h2><p>Item {n} is made by calling it "
        f"with a name. The call returns once the item is there, and raises an error where {n} is taken.</p>"
        "<pre>make(item)\nuse(item)</pre></section>"
        for n in range(12)
    )
    contents = "".join(f"<li><a href=#s{n}>Contents of {n}</a></li>" for n in range(12))
    sidebar = f"<h3>Table of Contents</h3><ul>{contents}</ul><h4>Previous topic</h4><p>Installing</p>"
    for start, end in (("<nav>", "</nav>"), ("<div role='navigation' aria-label=main>", "</div>")):
        page = f"<title>Items</title><div class=body role=main><h1>Items</h1>{sections}</div>{start}{sidebar}{end}"
        text, _ = MAIN.text_of(page.encode())
        assert text.count("returns once the item is there") == text.count("use(item)") == 12
        assert not re.search("¶|Contents|Previous topic|Installing", text)


_SENTENCE = "On day {0} the boat came to harbour {0}, and the {0} men on board went ashore for water and bread. "
STORY = "".join(_SENTENCE.replace("{0}", f"{n * n + 3}") for n in range(9))


def test_a_long_text_that_a_page_prints_twice_is_kept_once():
    refrain = "And so they sailed on, as the wind would have it, to where the sun goes down."
    part = f"<div class=article><h1>The boat</h1><p>{STORY}</p><p>{refrain}</p></div>"
    text, _ = MAIN.text_of(f"<title>The boat</title>{part}<p>{refrain}</p>{part}".encode())
    assert text.count(STORY.strip()) == 1
    assert text.count(refrain) > 1


def test_a_text_that_stands_again_in_one_piece_is_kept_once_wherever_its_last_words_stood_first():
    days, title = STORY.strip().split("On day "), "Nine days of sailing to the harbours of the south"
    story = "".join(f"<p>On day {one}On day {other}</p>" for one, other in zip(days[1::2], days[2::2], strict=False))
    menu = f"<nav><ul><li><a href=/>Home</a></li><li><a href=/boat>{title}</a></li></ul></nav>"
    again = f"<p>{STORY} {title}</p>"
    page = f"<title>The boat</title>{menu}<div class=article><h1>The boat</h1>{story}</div>{again}{again}"
    text, _ = MAIN.text_of(page.encode())
    assert text.count("came to harbour 3,") == 1
    assert title not in text


def test_paragraphs_of_a_manual_that_differ_in_a_few_words_are_both_kept():
    paragraph = " ".join(
        f"In step {step} the pattern is compared with the END of the value, and what the pattern matched in step "
        f"{step} is removed from there, as the options of the command say."
        for step in ("one", "two", "three", "four", "five")
    )
    sections = "".join(
        f"<h2>Section {n}</h2><p>The command of section {n} reads {n} names and writes a line for each of them. "
        f"Where one of the {n} is absent it says so, goes on with the next, and ends with status {n}.</p>"
        for n in range(20)
    )
    listing = "".join(f"    value = remove(value, {n})\n    show(value, {n})\n" for n in range(60))
    wanted = [paragraph.replace("END", end) for end in ("beginning", "end")]
    page = f"<title>Values</title><div class=body role=main><h1>Values</h1>{sections}<h2>Removing</h2>"
    page += "".join(f"<p>{text}</p><pre>{listing}</pre>" for text in wanted)
    text, _ = MAIN.text_of(f"{page}</div>".encode())
    assert [text.count(one) for one in wanted] == [1, 1]
    assert text.count("show(value, 59)") == 2


def test_a_page_inside_an_unclosed_navigation_keeps_its_text():
    prose = "<p>It was a long day, and nobody knew what to do with it; so they went home, each by a way of his own.</p>"
    text, _ = MAIN.text_of(f"<body><nav><a href=/>Home</a><article><h1>A day</h1>{prose * 9}</article>".encode())
    assert text.count("went home") == 9


def test_annotated_pages_are_met(shared_data):
    # The model has learned from these pages; benchmarks.extraction_quality cross-validates.
    pages = read_annotated(shared_data / "extraction" / "article_extraction_benchmark.jsonl.zst")
    found = [score_page(words_of(MAIN.text_of(page.html)[0]), words_of(page.body)) for page in pages]
    assert total_scores(found).f1 > 0.975


@pytest.mark.parametrize("crawl", ["dev-python", "dev-policy"])
def test_manuals_keep_their_text(shared_data, crawl):
    path = shared_data / "warc" / f"{crawl}.warc.gz"
    kept = whole = 0
    for batch in WarcSource().read(Split(path.name, 0, path.stat().st_size, 0), path, 1 << 30):
        for row in batch.documents.slice(0, 30).to_pylist():
            page = decode_page(row["html"], row["charset"]).text
            main = extract_plain_text(page, main_content=True, alt_texts=False, list_bullets=False, comments=False)
            wanted, found = (shingles(re.findall(r"\w", text)) for text in (main, MAIN.text_of(page.encode())[0]))
            kept += (wanted & found).total()
            whole += wanted.total()
    assert kept > 0.95 * whole


def test_weights_survive_their_file(tmp_path: Path):
    shipped_model().save(tmp_path / "copy.npz")
    copy, model = Model.load(tmp_path / "copy.npz"), shipped_model()
    for one, other in zip([*copy.first, *copy.second], [*model.first, *model.second], strict=True):
        assert (one == other).all()
        assert one.dtype == other.dtype


def test_the_measure_is_the_benchmarks_own():
    # Worked by hand: of shingles abcd bcde cdef and bcde cdef defg two are shared.
    assert score_page("a b c d e f".split(), "b c d e f g".split()) == (2 / 3, 2 / 3)
    assert score_page([], "a b".split()) == (None, 0.0)
    assert score_page("a b".split(), "a b".split()) == (1.0, 1.0)
    assert total_scores([score_page("a b".split(), "a b".split()), score_page([], "a".split())]).f1 == 2 / 3
