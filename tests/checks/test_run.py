"""Verdicts: groups, what could not run, whose line it is, and that no text breaks a rule."""

from __future__ import annotations

import ast
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.article import read
from agent.checks import GROUPS, Page, mathjax, run
from agent.measure import measure
from agent.pipeline.material import Material
from agent.records import Finding
from tests import corpus


def page(text: str, **rest: object) -> Page:
    return Page(article=read(text.encode(), "a.md"), file="a.md", **rest)  # type: ignore[arg-type]


def found(page: Page, *groups: str) -> list[Finding]:
    return [finding for verdict in run(page, groups or None) for finding in verdict.findings]


def test_one_verdict_for_each_group_in_their_order() -> None:
    assert tuple(verdict.name for verdict in run(page("正文。\n"))) == GROUPS
    assert [v.name for v in run(page("正文。\n"), ["self-talk", "formulas"])] == ["formulas", "self-talk"]


def test_an_error_fails_its_group_and_a_warning_does_not() -> None:
    verdicts = {v.name: v for v in run(page("$a_b_c$\n\n限于篇幅，证明从略。\n"))}
    assert verdicts["formulas"].judgement == "fail"
    assert verdicts["self-talk"].judgement == "pass"
    assert [f.rule for f in verdicts["self-talk"].findings] == ["omission"]


def test_findings_are_in_file_order_and_name_the_file() -> None:
    lines = found(page("由 \\eqref{eq:b}。\n\n$a\\tag{1}$\n\n由式(7)。\n"), "references")
    assert [f.line for f in lines] == [1, 3, 5]
    assert {f.file for f in lines} == {"a.md"}


def test_a_page_that_cannot_be_read_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(formulas: object, prelude: object = ()) -> tuple[str, ...]:
        raise mathjax.Unread("MathJax ran out of time")

    monkeypatch.setattr(mathjax, "read", unread)
    verdicts = {v.name: v for v in run(page("$x$\n\n由 \\eqref{eq:gone}。\n"))}
    assert verdicts["formulas"].judgement == "undecided"
    assert "ran out of time" in verdicts["formulas"].findings[0].message
    assert verdicts["references"].judgement == "fail", "another rule found an error"
    assert verdicts["code"].judgement == "pass"


ORIGINAL = "由式$\\eqref{eq:gone}$。\n\n等一下，我们看例子。\n"


def test_without_a_source_nothing_is_decided_about_it() -> None:
    judged = {v.name: v.judgement for v in run(page("正文。\n"))}
    assert [name for name, judgement in judged.items() if judgement != "pass"] == ["source", "drift"]
    article = read("正文。\n".encode(), "a.md")
    assert {v.judgement for v in run(Page(article, source=article))} == {"pass"}
    assert {v.judgement for v in run(Page(article, is_part=True))} == {"pass"}


def test_a_picture_the_author_already_lost_is_his() -> None:
    article = read("![图](a.png)\n".encode(), "a.md")
    told = found(Page(article, source=article, assets=frozenset()), "code")
    assert [(f.rule, f.severity) for f in told] == [("missing_figure", "info")]


def test_what_the_source_had_is_info() -> None:
    text = ORIGINAL + "\n由式$\\eqref{eq:new}$。\n"
    told = found(page(text, source=read(ORIGINAL.encode(), "a.md")), "references", "self-talk")
    assert [(f.line, f.severity) for f in told] == [(1, "info"), (5, "error"), (3, "info")]
    assert "already in the source" in told[0].message


def test_what_stood_once_in_the_source_excuses_no_second() -> None:
    text = ORIGINAL + "\n再看式$\\eqref{eq:gone}$。\n"
    told = found(page(text, source=read(ORIGINAL.encode(), "a.md")), "references")
    assert [f.severity for f in told] == ["info", "error"]


def test_with_regions_alone_the_author_s_lines_are_info_and_ours_are_not() -> None:
    told = found(page("$a_b_c$\n\n$d_e_f$\n", ours=((3, 3),)), "formulas")
    assert [(f.line, f.severity) for f in told] == [(1, "info"), (3, "error")]


def test_an_error_we_caused_on_an_author_s_line_stays_one() -> None:
    source = "由式$\\eqref{eq:a}$，\n\\begin{equation}x\\label{eq:a}\\end{equation}\n"
    text = "由式$\\eqref{eq:a}$，\n\n新的一段。\n"
    told = found(page(text, source=read(source.encode(), "a.md"), ours=((3, 3),)), "references")
    assert [(f.line, f.severity) for f in told] == [(1, "error")]


def test_in_a_part_everything_is_ours() -> None:
    source = read("由式$\\eqref{eq:gone}$。\n".encode(), "a.md")
    told = found(page("由式$\\eqref{eq:gone}$。\n", source=source, is_part=True), "references")
    assert [f.severity for f in told] == ["error"]


def test_runs_side_by_side_agree() -> None:
    pages = [page(f"$a_b_c$\n\n由 \\eqref{{eq:{i}}}。\n") for i in range(6)]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(run, pages)) == [run(p) for p in pages]


PIECES = st.sampled_from(
    [
        *(
            "$",
            "$$",
            "\\begin{align}",
            "\\end{align}",
            "\\tag{1}",
            "\\label{a}",
            "\\eqref{a}",
            "式(1)",
            "\\[",
            "\\]",
        ),
        *(
            "\n",
            "\n\n",
            "```python\n",
            "```\n",
            "| a | 0.5 |\n|---|---|\n",
            "# 标题\n",
            "<div class='x'>\n",
            "</div>\n",
        ),
        *(
            "<!-- expand:begin a.1 glue=0 -->\n",
            "<!-- expand:end a.1 -->\n",
            "---\n",
            "title: x\n",
            "TODO",
            "{{a.b}}",
        ),
        *(
            "x = ...",
            "import os\n",
            "print(f'{x} （收敛）')\n",
            "Li et al. (2018)",
            "arXiv:1234.56789",
            "\t",
            "\x08",
            "等一下，我",
        ),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=30).map("".join)


@settings(max_examples=120, deadline=None)
@given(TEXTS, TEXTS, st.booleans())
def test_no_text_breaks_a_rule(text: str, source: str, is_part: bool) -> None:
    text, source = (t.encode("utf-8", "ignore").decode() for t in (text, source))
    whole = page(text, source=read(source.encode(), "a.md"), is_part=is_part)
    for finding in found(whole):
        assert 0 <= finding.line <= max(1, len(whole.article.lines)) + 1
        assert finding.check in GROUPS
        assert finding.message


def originals() -> list[object]:
    folder = corpus.folder()
    inner = folder / "blogs_raw"
    return sorted((inner if inner.is_dir() else folder).glob("*.md"))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", originals(), ids=lambda path: path.name)
def test_a_careful_author_makes_no_error(path) -> None:  # type: ignore[no-untyped-def]
    article = read(path.read_bytes(), path.name)
    for whole in (Page(article), Page(article, source=article)):
        assert [f for f in found(whole) if f.severity == "error"] == []


UNITS = [
    "a",
    " ",
    "“",
    "（",
    "[",
    "**",
    "|",
    "# ",
    "1. ",
    "Abcd ",
    "2018 (A ",
    "{{a.",
    "式(1",
    "\\tag{",
    "等一下，让我 ",
]


@pytest.mark.parametrize("unit", UNITS)
def test_a_line_without_end_does_not_hold_a_rule_for_ever(unit: str) -> None:
    """A pattern that is quadratic in the line would need minutes here, a cubic one years."""
    text = unit * (300_000 // len(unit)) + "\n"
    verdicts = run(page(text), [group for group in GROUPS if group not in ("formulas", "references")])
    assert len(verdicts) == len(GROUPS) - 2


def test_a_part_sees_every_macro_of_its_page() -> None:
    """The pipeline's prelude is this one: what the golden cases hold true is what runs."""
    page = (
        r"$\def\E{\mathbb{E}}\let\eps\epsilon$" + "\n\n$$\\begin{equation}x\\label{eq:a}\\end{equation}$$\n"
    )
    article = read(page.encode(), "page.md")
    prelude = Material("a", article).prelude
    assert prelude == (r"\def\E{\mathbb{E}}\let\eps\epsilon", r"0\label{eq:a}")
    part = read("由 $\\E x+\\eps$ 与 $\\eqref{eq:a}$ 得 $\\nothing$。\n".encode(), "part.md")
    (verdict,) = run(Page(article=part, is_part=True, prelude=prelude), {"formulas"})
    assert [f.message for f in verdict.findings if r"\nothing" not in f.message] == []
    assert len(verdict.findings) == 1


def test_a_block_is_parsed_once_for_all_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = ast.parse

    def counting(text: str) -> ast.Module:
        parsed.append(text)
        return parse(text)

    monkeypatch.setattr("agent.checks.python.ast.parse", counting)
    code = "only_here = 1  # of this test"
    data = f"文字。\n\n```python\n{code}\n```\n".encode()
    run(Page(article=read(data, "page.md"), source=read(data, "source.md")))
    assert [text for text in parsed if code in text] == [f"{code}\n"]


def test_substance_is_that_of_the_measure() -> None:
    """Tags inside a fence are code, and code is substance."""
    rows = "\n".join(f"<T{n}>" for n in range(120))
    article = read(f"文字。\n\n```xml\n{rows}\n```\n".encode(), "page.md")
    assert measure(article).substance_lines == 121
    (verdict,) = run(Page(article=article), {"padding"})
    assert [f for f in verdict.findings if f.rule == "substance"] == []
