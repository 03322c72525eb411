"""What a badge says can be run again from a draft's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import UsageError
from agent.pipeline.badges import file_name, witness_file
from agent.pipeline.reproduce import witness_jobs

CODE = "def claim(x):\n    return x + 1"
BADGE = '<small class="witness">[已核验](assets/{}/witness-{}.py)</small>'
PAGE = """# 题

\\begin{{equation}}
a+b=b+a
\\label{{eq:own}}
\\end{{equation}}

<!-- expand:begin theory.1 glue=0 -->

\\begin{{equation}}
x+1=1+x
\\label{{theory.1:eq:sum}} \\tag{{E1}}
\\end{{equation}} {badge}

<!-- expand:end theory.1 -->
"""
LABELS = ("eq:sum", "eq:own", "eq:dropped")


def page(path: Path, slug: str) -> Path:
    """A page with witnesses beside it: of a section's formula, of the author's, and of one that is not shown."""
    folder = path.parent / "assets" / slug
    folder.mkdir(parents=True)
    for label in LABELS:
        (folder / witness_file(label)).write_text(CODE + "\n", encoding="utf-8")
    path.write_text(PAGE.format(badge=BADGE.format(slug, file_name("eq:sum"))), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["s/draft.md", "blogs_raw/s.md"])
def test_witnesses_beside_a_page_meet_the_formulas_it_displays(name: str, tmp_path: Path) -> None:
    jobs = witness_jobs(page(tmp_path / name, "s"))
    assert {j.code for j in jobs} == {CODE}, (
        "to the last byte as it was judged: its samples follow from its text"
    )
    assert [j.eq for j in jobs] == ["eq:own", "eq:sum", ""]
    own, shown, dropped = (j.tex or "" for j in jobs)
    assert "b+a" in own
    assert "1+x" in shown
    assert dropped == "", "it stays unlinked"


@pytest.mark.parametrize("name", ["s/draft.md", "blogs_raw/s.md"])
def test_the_program_a_badge_links_finds_its_formula(name: str, tmp_path: Path) -> None:
    path = page(tmp_path / name, "s")
    (job,) = witness_jobs(path.parent / "assets" / "s" / witness_file("eq:sum"))
    assert job in [j for j in witness_jobs(path) if j.eq == "eq:sum"], (
        "the same run, whichever way it is asked for"
    )


def test_so_does_the_copy_in_the_folder_of_witnesses(tmp_path: Path) -> None:
    path = page(tmp_path / "s" / "draft.md", "s")
    copy = path.parent / "witnesses" / f"{file_name('eq:sum')}.py"
    copy.parent.mkdir()
    copy.write_text(CODE + "\n", encoding="utf-8")
    (job,) = witness_jobs(copy)
    assert (job.eq, job.file) == ("eq:sum", str(copy))
    assert "1+x" in (job.tex or "")


def test_a_program_by_itself_has_no_page_and_a_page_without_witnesses_says_so(tmp_path: Path) -> None:
    (tmp_path / "w.py").write_text(CODE, encoding="utf-8")
    assert [(j.eq, j.tex) for j in witness_jobs(tmp_path / "w.py")] == [("", None)]
    (tmp_path / "plain.md").write_text("# 题\n", encoding="utf-8")
    with pytest.raises(UsageError, match="holds no witness"):
        witness_jobs(tmp_path / "plain.md")
