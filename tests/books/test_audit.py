"""`audit`: every claim that does not hold is found on its line, and true ones are left alone."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.books.audit import AuditRow, audit
from agent.report.progress import update
from agent.workspace import Workspace, find
from tests import corpus
from tests.books.conftest import commit_all, expanded, git, original
from tests.books.documents import CATALOGUE, REPORT, TODO

Write = Callable[[str, str], Path]


@pytest.fixture
def books(workspace: Workspace, article: Write) -> Workspace:
    """The articles are what the report says in part only: 一 is right about now and wrong about before, 二 never
    grew."""
    article("下降引理一.md", original("下降引理（一）：平均收敛", 40, formulas=4))
    article("下降引理二.md", original("下降引理（二）：末点收敛", 60))
    article("步长的选择.md", original("步长的选择"))
    article("采样一.md", original("采样（一）：拒绝采样"))
    article("熵的两种定义.md", original("熵的两种定义"))
    article("核一.md", original("核（一）", status="completed"))
    git(workspace.root, "init", "-q")
    commit_all(workspace.root, "originals")
    article("下降引理一.md", expanded("下降引理（一）：平均收敛", 120, formulas=6))
    tags = "\\begin{align}a&=b\\tag{1}\\\\c&=d\\tag{2}\\end{align}\n"
    article(
        "采样一.md",
        expanded("采样（一）：拒绝采样", 91, formulas=0)
        + 3 * tags
        + "![图](fig/a.png)\n![图](/site/b.png)\n",
    )
    commit_all(workspace.root, "expanded")
    (workspace.root / "PROGRESS_REPORT.md").write_text(REPORT, encoding="utf-8")
    (workspace.root / "TODO.md").write_text(
        TODO + "- 详见：`docs/新报告.md`\n- 以 `.request.md` 结尾的是问题\n", encoding="utf-8"
    )
    (workspace.root / "blog_list.txt").write_text(CATALOGUE, encoding="utf-8")
    return workspace


def line_of(document: str, words: str, nth: int = 1) -> int:
    text = {"PROGRESS_REPORT.md": REPORT, "TODO.md": TODO, "blog_list.txt": CATALOGUE}[document]
    hits = [n for n, line in enumerate(text.split("\n"), 1) if words in line]
    return hits[nth - 1]


def at(rows: list[AuditRow], document: str, words: str, rule: str, nth: int = 1) -> list[tuple[str, str]]:
    """(claimed, measured) of the rows of one rule on the line that holds ``words``."""
    line = line_of(document, words, nth)
    return [(r.claimed, r.measured) for r in rows if (r.file, r.line, r.rule) == (document, line, rule)]


def test_two_done_counts_stand_in_one_row(books: Workspace) -> None:
    rows = at(audit(books), "PROGRESS_REPORT.md", "2/3篇完成", "done-count")
    assert rows[0] == (
        "2/3 (PROGRESS_REPORT.md:1, 7) beside 1/3 (PROGRESS_REPORT.md:47, 61)",
        "1 expanded of 3 articles that exist",
    )


def test_two_sub_batches_of_one_name(books: Workspace) -> None:
    claimed, measured = at(audit(books), "PROGRESS_REPORT.md", "第二批子批次B完成", "letter")[0]
    assert "核方法主题 (TODO.md:16)" in claimed
    assert "采样主题 (PROGRESS_REPORT.md:67)" in claimed
    assert measured == "2 and 2 articles, 0 in common"


def test_a_total_that_does_not_move(books: Workspace) -> None:
    claimed, measured = at(audit(books), "PROGRESS_REPORT.md", "总完成数", "running-total")[0]
    assert "9/40 (PROGRESS_REPORT.md:71) on 2026-02-02" in claimed
    assert claimed.endswith("after 2 more")
    assert measured == "9 + 2 = 11"


def test_sums(books: Workspace) -> None:
    rows = audit(books)
    first = line_of("PROGRESS_REPORT.md", "| A | 熵")
    lines = ", ".join(str(first + n) for n in range(4))
    claimed, measured = at(rows, "PROGRESS_REPORT.md", "第二批总任务", "sum")[0]
    assert claimed.endswith(f"beside 2+5+3+2 = 12 (PROGRESS_REPORT.md:{lines})")
    assert measured == "2+5+3+2 = 12"
    assert at(rows, "PROGRESS_REPORT.md", "1批完整", "sum")[0][1] == "2 + 3 + 4 + 2 = 11"
    assert at(rows, "PROGRESS_REPORT.md", "总计：", "sum") == [("250行推导，11个公式", "12 in 2 articles")]
    assert at(rows, "TODO.md", "已完成主题", "sum") == [("8 beside 2 + 3 + 4", "9")]
    assert at(rows, "TODO.md", "子批次A熵2篇", "sum") == [("220行，11公式", "210 in 2 articles")]


def test_what_it_says_it_lists(books: Workspace) -> None:
    rows = audit(books)
    assert at(rows, "TODO.md", "子批次B：", "listed") == [("3篇", "2 listed")]
    assert at(rows, "TODO.md", "子批次C：", "listed") == [("3篇", "2 listed")]
    assert at(rows, "TODO.md", "子批次A：", "listed") == []


def test_counts_before(books: Workspace) -> None:
    rows = at(audit(books), "PROGRESS_REPORT.md", "从90行", "before")
    text = (git(books.root, "show", "HEAD~1:blogs_raw/下降引理一.md")).count("\n")
    assert rows == [("从90行扩充到120行", f"{text} newline-terminated lines")]


def test_true_figures_are_left_alone(books: Workspace) -> None:
    rows = audit(books)
    assert at(rows, "PROGRESS_REPORT.md", "从90行", "size") == []
    assert at(rows, "PROGRESS_REPORT.md", "从90行", "target") == []
    assert at(rows, "PROGRESS_REPORT.md", "#### 1. 下降引理（一）：平均收敛", "state") == []
    assert [r for r in rows if r.rule == "percent" and r.file == "TODO.md"] == []


def test_a_figure_that_holds_under_another_definition(books: Workspace) -> None:
    row = next(
        r for r in audit(books) if r.rule == "size" and "采样一" in r.message and "formulas" in r.message
    )
    assert row.severity == "warning"
    assert row.message.endswith("only when formulas means tags")
    assert row.measured == "3 display blocks; 6 tags"


def test_ratios(books: Workspace) -> None:
    rows = at(audit(books), "PROGRESS_REPORT.md", "扩充倍数", "ratio")
    before = git(books.root, "show", "HEAD~1:blogs_raw/下降引理一.md").count("\n")
    assert rows == [("1.33倍（行数）", f"{120 / before:.2f} = 120 ÷ {before} newline-terminated lines")]


def test_targets_missed_by_what_is_called_done(books: Workspace) -> None:
    rows = at(audit(books), "PROGRESS_REPORT.md", "130行推导", "target")
    lines = (books.root / "blogs_raw" / "下降引理二.md").read_text(encoding="utf-8").count("\n")
    assert ("done, 130行, target 100+ lines, 4+ formulas", f"{lines} of 100 lines") in rows


def test_states(books: Workspace) -> None:
    rows = audit(books)
    claimed, measured = at(rows, "TODO.md", "[ ] 下降引理（二）", "state")[0]
    assert claimed == "done (PROGRESS_REPORT.md:24) beside open (TODO.md:21)"
    assert measured.endswith("the stub is still there")
    front = next(r for r in rows if r.file == "blogs_raw/核一.md")
    assert (front.line, front.claimed) == (3, "status: completed")
    assert at(rows, "blog_list.txt", "熵的两种定义", "state")[0][0] == "completed"


def test_files_and_figures_that_are_not_there(books: Workspace) -> None:
    rows = audit(books)
    assert at(rows, "PROGRESS_REPORT.md", "blogs_raw/采样二.md", "file") == [
        ("blogs_raw/采样二.md", "no such file")
    ]
    assert ("docs/新报告.md", "no such file") in [
        (r.claimed, r.measured) for r in rows if r.file == "TODO.md"
    ]
    assert ".request.md" not in [r.claimed for r in rows], "an ending names no file"
    assert [r.claimed for r in rows if r.rule == "figure"] == ["fig/a.png"]


def test_totals_of_several_documents(books: Workspace) -> None:
    row = next(r for r in audit(books) if r.message == "documents state different totals")
    assert "9/40 (PROGRESS_REPORT.md:50)" in row.claimed
    assert "8/40 (TODO.md:3)" in row.claimed
    assert "1 (blog_list.txt:2)" in row.claimed
    assert row.measured == "2 expanded of 6 articles in the workspace"


def test_doubles(books: Workspace) -> None:
    rows = audit(books)
    first, second = (line_of("TODO.md", "熵的两种定义", nth) for nth in (1, 2))
    places = f"1 (TODO.md:{first}) beside 2B (TODO.md:{second})"
    assert at(rows, "TODO.md", "熵的两种定义", "twice", 2) == [(places, "1 article")]
    assert [r.rule for r in rows if r.line == line_of("TODO.md", '"第三种"') and r.rule == "number"] == [
        "number"
    ]


def test_rows_are_json_and_in_order(books: Workspace) -> None:
    rows = audit(books)
    raw = json.loads(json.dumps([dataclasses.asdict(r) for r in rows]))
    assert set(raw[0]) == {
        "file", "line", "column", "check", "rule", "severity", "message", "claimed", "measured",
    }  # fmt: skip
    assert {r["check"] for r in raw} == {"results", "references"}
    assert [(r.file, r.line) for r in rows] == sorted((r.file, r.line) for r in rows)


def test_columns_point_at_the_figure(books: Workspace) -> None:
    for row in audit(books):
        if row.rule in ("size", "before") and row.file == "PROGRESS_REPORT.md":
            assert REPORT.split("\n")[row.line - 1][row.column - 1].isdigit()


def test_nothing_is_claimed_nothing_is_found(workspace: Workspace, article: Write) -> None:
    article("a.md", original("甲"))
    assert audit(workspace) == []


def test_honest_books_have_no_rows(workspace: Workspace, article: Write) -> None:
    article("a.md", expanded("甲", 120, formulas=6))
    report = (
        "## 📅 2026-02-03 - 第二批子批次C完成\n\n**目标**：（100+行，4+公式）\n**当前完成**：1/1 篇（100%）\n\n"
        "### ✅ 已完成的1篇文章\n\n#### 1. 甲\n- **文件**：`blogs_raw/a.md`\n- **最终统计**：120行推导，6个公式\n\n"
        "| 总文章数 | 1 | 100% | - |\n| 已完成推导 | 1 | 100% | ✅ |\n"
    )
    (workspace.root / "PROGRESS_REPORT.md").write_text(report, encoding="utf-8")
    assert audit(workspace) == []


def test_what_we_rendered_ourselves_is_no_claim(books: Workspace) -> None:
    before = audit(books)
    books.events.append("merged", "步长的选择", before={"lines": 1}, after={"lines": 2})
    path = books.root / "PROGRESS_REPORT.md"
    ours = update(b"", books, books.plan(), books.events.read())
    path.write_bytes(path.read_bytes() + ours)
    claims = {(r.file, r.line, r.rule, r.claimed) for r in audit(books)}
    assert claims >= {(r.file, r.line, r.rule, r.claimed) for r in before if "步长" not in r.message}
    assert not any(r[0] == path.name and r[1] > REPORT.count("\n") + 1 for r in claims)


def test_documents_may_be_named(books: Workspace, tmp_path_factory: pytest.TempPathFactory) -> None:
    far = tmp_path_factory.mktemp("far") / "other.md"
    far.write_text(REPORT, encoding="utf-8")
    assert {r.file for r in audit(books, [far]) if not r.file.startswith("blogs_raw")} == {str(far)}


@pytest.mark.skipif(
    not (corpus.folder() / "PROGRESS_REPORT.md").is_file(),
    reason="EXPAND_CORPUS names no folder with hand-kept books; the made-up ones above stand in for them",
)
def test_the_books_of_the_corpus(tmp_path: Path) -> None:
    """What is known to be wrong in them is found, each with its line."""
    root = tmp_path / "books"
    shutil.copytree(corpus.folder(), root, copy_function=shutil.copyfile)
    for folder in (root, *(p for p in root.rglob("*") if p.is_dir())):
        folder.chmod(0o755)
    (root / "config.toml").write_text("", encoding="utf-8")
    git(root, "init", "-q")
    commit_all(root, "originals")
    for path in (root / "expanded").glob("*.md"):
        shutil.copyfile(path, root / "blogs_raw" / path.name)
    commit_all(root, "expanded")
    rows = audit(find(root))
    text = (root / "PROGRESS_REPORT.md").read_text(encoding="utf-8").split("\n")

    def found(rule: str, *words: str) -> AuditRow:
        hit = next(r for r in rows if r.rule == rule and all(w in r.claimed + r.measured for w in words))
        assert hit.file == "PROGRESS_REPORT.md"
        assert 0 < hit.line <= len(text)
        return hit

    assert "7/10" in text[found("done-count", "7/10", "4/10").line - 1]
    assert "子批次B" in text[found("letter", "6 and 4 articles", "0 in common").line - 1]
    assert "95/358" in text[found("running-total", "95/358", "95 + 7 = 102").line - 1]
    assert "37篇" in text[found("sum", "3+10+10+13+5 = 41", "37篇").line - 1]
    befores = {(r.line, r.column) for r in rows if r.rule == "before" and r.severity == "error"}
    for claim in ("从295行", "从278行", "从233行", "从201行", "从830行"):
        line = next(n for n, words in enumerate(text, 1) if claim in words)
        assert (line, text[line - 1].index(claim) + 2) in befores, claim


def test_the_documentation_names_every_rule() -> None:
    root = Path(__file__).resolve().parents[2]
    source = "".join(p.read_text(encoding="utf-8") for p in (root / "agent/books").glob("rules_*.py"))
    rules = set(re.findall(r'"([a-z-]+)",\s*"(?:error|warning|info)"', source))
    rules |= set(re.findall(r'_size\(figure, slug, "([a-z]+)"', source))
    documented = re.findall(r"^\| `([a-z-]+)` \|", (root / "docs/books.md").read_text(encoding="utf-8"), re.M)
    assert len(rules) > 15
    assert rules == set(documented)
