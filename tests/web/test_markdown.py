"""Articles as HTML: numbers and references as the site gives them, and nothing in a text that acts on the page."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.article import read
from agent.web.clean import clean
from agent.web.formulas import anchor_of, formulas_of
from agent.web.highlight import python_html
from agent.web.markdown import render
from agent.web.page import witness_id
from tests.corpus import ROOT

CASE = re.compile(r"^## ([^\n]+)\n\n````text\n(.*?)^````\n\n````html\n(.*?)^````\n", re.M | re.S)
GOLDEN = (ROOT / "tests" / "golden" / "web" / "markdown.md").read_text(encoding="utf-8")
CASES = CASE.findall(GOLDEN)


def html_of(text: str) -> str:
    pieces = render(
        text.encode(), "a.md", image=lambda url: f"/own/{url}" if url.startswith("assets/") else None
    ).pieces
    return "\n".join(
        f"{p.first}-{p.last}{f' {p.region}' if p.region else ''}: {p.html.strip()}" for p in pieces
    )


@pytest.mark.parametrize(("name", "given_", "expected"), CASES, ids=[c[0] for c in CASES])
def test_golden(name: str, given_: str, expected: str) -> None:
    assert html_of(given_.replace("␣", " ")) == expected.rstrip("\n")


def test_all_golden_cases_are_read() -> None:
    assert len(CASES) == len(re.findall(r"^## ", GOLDEN, re.M)) > 8


class Strict(HTMLParser):
    """Raises for anything that could act."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in (
            "script",
            "style",
            "iframe",
            "object",
            "embed",
            "form",
            "input",
            "svg",
            "base",
            "meta",
            "link",
        )
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} {name}"
            assert name not in ("style", "srcset", "formaction", "action")
            if name == "id":
                assert str(value).startswith("eq-"), "only our own anchors"
            if name in ("href", "src"):
                assert re.match(r"(?:#|https?://|mailto:|/own/)", str(value)), value
            if name == "class":
                known = {"math", "display", "badged", "eq-anchor", "eqref", "lost"}
                assert all(c in known or c.startswith("md-") for c in str(value).split()), value


HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))", "[x](data:text/html,<script>1</script>)", "<svg onload=alert(1)><p>", "</div></section>",
    "<div class='bar' id=merge onclick=x style='position:fixed'>", "<iframe src=//evil>", "<style>*{display:none}</style>",
    "$\\href{javascript:alert(1)}{x}$", "$</span><script>1</script>$", "![\" onerror=\"x](x.png)", "`</code><script>`",
    "<math><mtext></mtext><script>1</script></math>", "<!-- x --><script>1</script>", "<p title='$x$<b onmouseover=1>'>",
    "\ue0000\ue001", "\ue000r0\ue001", "\ue000999\ue001", "\\eqref{a\"onmouseover=\"x}", "<noscript><p title='</noscript><img src=x onerror=1>'>",
    "$$x\\label{a}\\tag{<b>}$$", "\\ref{a}", "[a]: javascript:alert(1)\n\n[a]", "<https://x\"onclick=1>", "&#" + "9" * 5000 + ";", "&#xe000;0&#xe001;", "| a |\n|---|\n| <script> |",
    "```python experiment id=\"><script>\nprint(1)\n```", "&#106;avascript:alert(1)", "<a href='&#106;avascript:alert(1)'>y</a>",
    "<template><script>1</script></template>", "<details open ontoggle=alert(1)>", "<input autofocus onfocus=alert(1)>",
    "<base href=//evil>", "<a href='//evil.example'>z</a>", "<img src='//evil.example/x.png'>", "<plaintext>", "<textarea><script>",
]  # fmt: skip


@given(
    st.lists(
        st.sampled_from([*HOSTILE, "\n", "\n\n", "文字", " ", "$", "$$", "`", "<div>", "**", "> ", "- "]),
        max_size=14,
    )
)
@settings(max_examples=150, deadline=None)
def test_no_text_acts(parts: list[str]) -> None:
    html = "".join(p.html for p in render("".join(parts).encode(), "a.md", image=lambda url: None).pieces)
    Strict().feed(html)


@pytest.mark.parametrize("text", HOSTILE)
def test_each_hostile_text_alone(text: str) -> None:
    Strict().feed(
        "".join(p.html for p in render(f"前 {text} 后".encode(), "a.md", image=lambda url: None).pieces)
    )


@pytest.mark.parametrize("number", ["0", "999", "r0"])
@pytest.mark.parametrize(
    "form", ["![x](assets/{}.png)", "<img src='assets/{}.png'>", "[x](http://e.example/{})"]
)
@pytest.mark.parametrize("around", ["%EE%80%80{}%EE%80%81", "%ee%80%80{}%ee%80%81", "&#xe000;{}&#xe001;"])
def test_no_address_is_taken_for_a_formula(form: str, around: str, number: str) -> None:
    html = html_of("$y$ " + form.format(around.format(number)))
    assert html.count("<span") == 1
    Strict().feed(html)


@pytest.mark.parametrize(
    "spelled",
    ["&#xe000;{}&#xe001;", "&#57344;{}&#57345;", "&#XE000;{}&#X0E001;", "<div>&#xe000{}&#xe001</div>"],
)
@pytest.mark.parametrize("number", ["0", "999", "r0", "r999"])
def test_no_entity_is_taken_for_a_formula(spelled: str, number: str) -> None:
    html = html_of("$y$ 前\n\n" + spelled.format(number) + "\n\n`&#xe000;0`")
    assert html.count("<span") == 1
    assert "&amp;#xe000;0" in html, "code is shown as it stands"


def test_pieces_are_balanced_by_themselves() -> None:
    """An unclosed box in one block does not swallow the next, or the page around it."""
    for piece in render(
        b"<div class='note-box'>\n\nopen\n\n## next\n\n</div></div></div>\n\nlast",
        "a.md",
        image=lambda u: None,
    ).pieces:
        assert piece.html.count("<div") == piece.html.count("</div")


def test_a_line_of_five_megabytes(record_property: pytest.RecordProperty) -> None:
    line = "长" * 1_700_000 + "$x$" * 1000 + "<b>" * 10_000
    assert len(line.encode()) > 5_000_000
    start = time.process_time()
    pieces = render(f"前\n\n{line}\n\n后 $y$\n".encode(), "a.md", image=lambda url: None).pieces
    record_property("seconds", time.process_time() - start)
    assert len("".join(p.html for p in pieces)) < 50_000, "shown cut"
    assert '<span class="math">y</span>' in pieces[-1].html, "what follows it is read as ever"


@pytest.mark.parametrize(
    "text",
    [
        "a\n\n\\begin{align}a&=b\\\\\nc&=d\\label{eq:x}\\end{align}\n\n\\eqref{eq:x}",
        "$$x\\label{eq:x}\\tag{7}$$ 和 $\\eqref{eq:x}$",
    ],
)
def test_no_formula_depends_on_another(text: str) -> None:
    found = formulas_of(read(text.encode(), "a.md"))
    for shown in found.shown:
        assert "\\label" not in shown.tex
        assert "ref{" not in shown.tex or shown.only


def test_the_author_keeps_his_numbers_beside_ours() -> None:
    text = (
        "\\begin{equation}a\\label{eq:a}\\end{equation}\n\n"
        "<!-- expand:begin theory.1 glue=0 -->\n\n\\begin{equation}b\\label{theory.1:eq:b} \\tag{E1}\\end{equation}\n\n"
        "<!-- expand:end theory.1 -->\n\n\\begin{align}c&\\label{eq:c}\\\\ d&\\notag\\\\ e&\\label{eq:e}\\end{align}\n"
    )
    numbers = formulas_of(read(text.encode(), "a.md")).numbers
    assert dict(numbers) == {"eq:a": "1", "theory.1:eq:b": "E1", "eq:c": "2", "eq:e": "3"}


@given(*[st.text(st.sampled_from("ab1:-._/' 甲乙\"<"), max_size=8)] * 2)
def test_two_formulas_never_share_a_place(a: str, b: str) -> None:
    for place in (anchor_of, witness_id):
        assert (place(a) == place(b)) == (a == b)
        assert re.fullmatch(r"[A-Za-z0-9._-]+", place(a))


@pytest.mark.parametrize(
    ("label", "place"), [("eq:geo", "w-eq-geo"), ("eq:rho_c", "w-eq-rho_c"), ("E3", "w-E3")]
)
def test_plain_labels_have_plain_places(label: str, place: str) -> None:
    assert witness_id(label) == place
    assert anchor_of(label) == f"eq-{place.removeprefix('w-')}"


def test_references_to_tags_in_chinese_lead_each_to_its_own_formula() -> None:
    html = html_of(
        "$$x\\label{eq:损失}\\tag{甲}$$\n\n$$y\\label{eq:梯度}\\tag{乙}$$\n\n\\eqref{eq:损失} \\eqref{eq:梯度}"
    )
    places = re.findall(r' id="([^"]*)"', html)
    assert len(set(places)) == 2
    assert re.findall(r'href="#([^"]*)"', html) == places


@given(st.text(alphabet="ab \n\t\"'#:()=\\0.é中def", max_size=120))
@settings(max_examples=200, deadline=None)
def test_highlighting_changes_no_character(code: str) -> None:
    from html import unescape

    assert unescape(re.sub(r"</?span[^>]*>", "", python_html(code))) == code


def test_an_image_from_elsewhere_is_not_loaded() -> None:
    html = clean(
        '<img src="https://x.example/a.png" alt="图"><img src="assets/b.png">',
        lambda u: "/own/b.png" if u == "assets/b.png" else None,
    )
    assert html == '<img alt="图"><img src="/own/b.png">'


def test_every_article_of_the_corpus_is_laid_out() -> None:
    from tests import corpus

    found = corpus.files()
    for path in found[:: max(1, len(found) // 40)]:
        rendered = render(path.read_bytes(), path.name, image=lambda url: None)
        assert rendered.pieces
        for piece in rendered.pieces:
            Strict().feed(piece.html)
            assert not re.search("[\ue000-\ue002]", piece.html), path
