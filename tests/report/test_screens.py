"""Screens: what a person reads of a command's result, at the widths terminals have."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from agent.books.status import ArticleStatus, BatchStatus, Counts, Status, SubBatchStatus
from agent.records import INDEX
from agent.report.screens import screen
from agent.report.words import program

TITLE, SLUG = "早停与岭回归：两种谱滤波差多少？", "早停与岭回归差多少"
DRAFT = ArticleStatus(SLUG, TITLE, f"blogs_raw/{SLUG}.md", "1A", "draft", 108, 14, 2298, 144)


def shown(view: str, data: Any, width: int = 80) -> str:
    out = io.StringIO()
    screen(
        view, data, Console(file=out, width=width, highlight=False, force_terminal=True, color_system=None)
    )
    return out.getvalue()


def status(*articles: ArticleStatus) -> Status:
    counts = Counts(total=len(articles), drafts=len(articles))
    batch = BatchStatus("1", "", counts, (SubBatchStatus("1A", "", counts, articles),))
    return Status(".", counts, 108, 14, (batch,), ())


def test_what_no_article_is_is_not_listed() -> None:
    first = shown("status", status(DRAFT)).splitlines()[0]
    assert first == "1 article: 1 draft"
    every = Counts(50, 2, 3, 4, 5, 6, 7, 8)
    line = shown("status", replace(status(), counts=every), 100).splitlines()[0]
    assert line == "50 articles: 2 done, 3 accepted, 4 drafts, 5 pending, 6 failed, 7 by hand, 8 missing"


def test_files_and_drafts_have_a_line_each() -> None:
    lines = shown("status", status(DRAFT)).splitlines()
    assert lines[1] == "the files as they are: 108 lines, 14 display formulas"
    assert lines[2] == "drafts that wait for review: 2,298 lines, 144 display formulas"


def test_a_slug_stands_where_it_is_not_the_title_and_is_never_cut() -> None:
    alike = replace(DRAFT, title=SLUG)
    assert shown("status", status(alike)).count(SLUG) == 1
    for width in (50, 80, 120):
        rows = shown("status", status(DRAFT), width).split("article")[-1].splitlines()
        assert all(cell_len(row) <= width for row in rows)
        assert "".join(c for row in rows for c in row if c in TITLE) == TITLE + SLUG


def test_a_sub_batch_without_articles_draws_no_table() -> None:
    assert "formulas  " not in shown("status", status())


def test_a_forecast_tells_its_articles_apart_on_a_narrow_terminal() -> None:
    many = {
        "calls": 109,
        "stored": 0,
        "prompt_tokens": 1_581_558,
        "completion_tokens": 120_041,
        "cost": 12.5,
        "seconds": 7200.0,
    }
    names = [f"从动力学角度看优化算法{n}：为什么学习率不宜过小" for n in "一二三"]
    rows = [
        {"slug": n, "targets": {"lines": 1200, "formulas": 100}, "estimate": many, "problem": ""}
        for n in names
    ]
    total = {**many, "articles": 3, "models": (), "slots": 4, "from": None}
    said = shown("forecast", {"articles": rows, "total": total, "via": ""})
    assert said.count("1200+ / 100+") == 3
    assert "…" not in said
    assert all(n in said for n in "一二三")


def test_measures_are_counted_in_words() -> None:
    none = {"code_blocks": {}, "boxes": {}, "added": {"lines": 0}, "tokens": None}
    ones = dict.fromkeys(
        ("lines", "substance_lines", "formulas", "numbered", "inline_formulas", "han_chars", "words"), 1
    )
    said = shown("measure", [{"file": "a.md", **none, **ones, "headings": {"1": 1, "2": 15}}], 160)
    assert (
        "1 line (1 of substance), 1 display formula (1 numbered), 1 inline, 1 Han character, 1 word\n" in said
    )
    assert "headings: 1 level 1, 15 level 2\n" in said


def test_a_finding_about_a_line_or_a_file_has_no_column() -> None:
    about = {"file": "a.md", "severity": "error", "message": "m", "check": "c", "rule": "r"}
    rows = [{**about, "line": line, "column": column} for line, column in ((0, 0), (3, 0), (3, 7))]
    places = [row.partition(" error: ")[0] for row in shown("findings", rows).splitlines()]
    assert places == ["a.md:", "a.md:3:", "a.md:3:7:", "3 errors, 0 warnings, 0 notes"]


def test_sub_batches_without_articles_share_a_line() -> None:
    empty = tuple(SubBatchStatus(f"2{letter}", "题", Counts(), ()) for letter in "ABCDEFGHIJ")
    batches = (*status(DRAFT).batches, BatchStatus("2", "", Counts(), empty))
    said = shown("plan", batches)
    assert "0/0 done" not in said
    assert said.endswith("10 sub-batches without an article: 2A, 2B, 2C, 2D, 2E, 2F and 4 more\n")


def test_what_is_accepted_waits_for_no_review_and_its_sub_batch_says_so() -> None:
    accepted = replace(DRAFT, status="accepted")
    sub = SubBatchStatus("1A", "", Counts(total=1, accepted=1), (accepted,))
    said = shown("status", replace(status(), batches=(BatchStatus("1", "", Counts(), (sub,)),)))
    assert "wait for review" not in said
    assert "accepted, to be merged: 2,298 lines" in said
    assert "0/1 done, 1 accepted" in said


def row(slug: str, error: str, hint: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"targets": [], "calls": 0, "cost": 0.0, "verdict": "", "title": slug}
    return {"slug": slug, "ending": "failed", "error": error, "hint": hint, **empty}


def test_what_to_do_is_said_once_for_all_articles() -> None:
    keyless = "no key is set and no recording of this article ships"
    rows = [row(s, f"{s}: {keyless}", "OpenAI: export …\nOllama: export …") for s in ("a", "b")]
    rows.append(row("c", "not UTF-8 at byte 3", "convert it"))
    data = {"id": "1A", "articles": rows, "drafts": 1, "passed": 1, "calls": 1, "cost": 0.0, "seconds": 1.0}
    said = shown("batch", {**data, "left": []})
    assert said.count("OpenAI: export") == said.count("Ollama: export") == 1
    assert f"\n  2 articles: {keyless}\n    OpenAI: export …\n    Ollama: export …\n" in said
    assert "\n  c: not UTF-8 at byte 3\n    convert it\n" in said
    assert "1 draft (1 meets its targets), 1 call, $0.0000" in said


def claim(file: str, rule: str, severity: str = "error") -> dict[str, Any]:
    told = {"message": "not so", "claimed": "2", "measured": "1"}
    return {"file": file, "rule": rule, "severity": severity, "line": 1, "column": 1, **told}


def test_an_audit_begins_with_the_whole() -> None:
    rows = [claim("TODO.md", "counts")] * 30 + [claim("PROGRESS_REPORT.md", "totals", "warning")] * 2
    lines = shown("audit", rows, 100).splitlines()
    assert lines[0] == "32 claims that do not hold"
    assert [line.split() for line in lines[2:4]] == [
        ["30", "error", "counts", "TODO.md"],
        ["2", "warning", "totals", "PROGRESS_REPORT.md"],
    ]
    assert "not so" not in "".join(lines[:5])
    assert shown("audit", []).strip() == "0 claims that do not hold"
    assert shown("audit", rows[:1]).splitlines()[0] == "1 claim that does not hold"


def test_the_last_lines_of_a_run_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make demo` installs beside the repository, where no shell looks; coreutils has an `expand` too."""
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    ours = folder / "expand"
    ours.touch()
    monkeypatch.chdir(tmp_path)
    coreutils = {"expand": "/usr/bin/expand"}.get
    assert program(str(ours), coreutils) == ".venv/bin/expand"
    assert program(str(ours), lambda name: str(folder / name)) == "expand"
    both = {"expand": "/usr/bin/expand", "expand-articles": str(folder / "expand-articles")}.get
    assert program(str(ours), both) == "expand-articles"
    monkeypatch.chdir(folder.parent)
    assert program("bin/expand", coreutils) == "bin/expand"
    monkeypatch.chdir("/")
    assert program(str(ours), coreutils) == str(ours.relative_to("/"))
    (tmp_path / "ws").mkdir()
    monkeypatch.chdir(tmp_path / "ws")
    assert program(str(ours), coreutils) == str(ours)
    assert program("/x/agent/__main__.py", coreutils) == "expand"


def test_nothing_to_adopt_is_said() -> None:
    assert "nothing to adopt" in shown("adopt", {"rows": [], "history": True})


def test_many_sections_are_folded_on_the_screen_of_costs() -> None:
    def cost(name: str, prompt: int) -> dict[str, Any]:
        return {
            "name": name,
            "calls": 1,
            "rejected": 0,
            "prompt": prompt,
            "cached": 0,
            "completion": 1,
            "cost": None,
        }

    one = [cost("x", 1)]
    sections = [cost(f"s{n}", n) for n in range(40)]
    data = {"article": one, "section": sections, "role": one, "model": one, "day": one, "total": one[0]}
    said = shown("cost", data)
    assert "s39" in said
    assert "s27 " not in said
    assert "… and 28 smaller" in said


def test_a_merge_counts_the_sections_that_are_decided_on() -> None:
    """As the run and the review count them: the index is the program's own."""
    size = {"lines": 1, "formulas": 0}
    row = {
        "slug": "a", "file": "a.md", "sections": ("map", "theory.1", INDEX), "left_out": (), "undecided": (), "kept": (),
        "before": size, "after": size, "recovered": "", "rebased": False, "commit": "", "branch": "",
    }  # fmt: skip
    assert "2 sections" in shown("merged", [row])
    row["undecided"] = tuple(f"theory.{n}" for n in range(2, 40))
    assert "theory.2, theory.3" in shown("merged", [row])
    assert "and 32 more" in " ".join(shown("merged", [row]).split())
