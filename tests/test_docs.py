"""Documentation that is generated from code may not drift from it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[\w.*-]*/[\w./*-]*|[\w-]+\.(?:py|md|toml|lock)")
"""A word in backticks that is a path, or a file by its name."""
CONDITION = re.compile(r"[\s<>=!~;\[].*")
ROOT = Path(__file__).resolve().parent.parent


def test_generated_pages_are_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "generate_docs.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    broken = []
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if (
                "://" not in target
                and not target.startswith("mailto:")
                and not (page.parent / target).exists()
            ):
                broken.append(f"{page.name}: {target}")
    assert not broken


def test_every_path_that_contributing_names_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = [word for word in CODE.findall(text) if FILE.fullmatch(word)]
    assert "agent/merge/" in named
    assert [word for word in named if not list(ROOT.glob(word.rstrip("/")))] == []


def test_every_module_beside_the_packages_stands_on_the_map() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = {word.rstrip("/") for word in CODE.findall(text)}
    there = [p for p in (ROOT / "agent").iterdir() if not p.name.startswith("__") and p.name != "data"]
    assert sorted(n for p in there if (n := p.relative_to(ROOT).as_posix()) not in named) == []


def test_the_table_of_dependencies_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(d for extra in project["optional-dependencies"].values() for d in extra),
    ]
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n| package | why |\n")[2]
    cells = [row.split("|")[1] for row in table.partition("\n\n")[0].splitlines()[1:]]
    told = [name.strip() for cell in cells for name in re.sub(r"\(.*?\)", "", cell).split(",")]
    assert sorted(told) == sorted({CONDITION.sub("", requirement) for requirement in wanted})
