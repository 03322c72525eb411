"""A workspace with hand-kept documents in the form such projects use. Every word of it is made up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.workspace import Workspace, find

STUB = "\n## 公式推导与注释\n\nTODO: 添加推导\n"


def original(title: str, lines: int = 40, *, status: str = "pending", formulas: int = 2) -> str:
    head = f"---\ntitle: {title}\nstatus: {status}\n---\n\n# {title}\n\n"
    body = "".join(f"\\begin{{equation}}x_{n}=1\\end{{equation}}\n\n" for n in range(formulas))
    return head + body + "一句话。\n\n" * ((lines - 7 - 2 * formulas - 4) // 2) + STUB


def expanded(title: str, lines: int, *, formulas: int = 6) -> str:
    head = f"---\ntitle: {title}\nstatus: completed\n---\n\n# {title}\n\n"
    body = "".join(f"$$\ny_{n}=2\n$$\n" for n in range(formulas))
    return head + body + "展开的话。\n" * (lines - 7 - 3 * formulas)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    (tmp_path / "blogs_raw").mkdir()
    return find(tmp_path)


@pytest.fixture
def article(workspace: Workspace) -> Callable[[str, str], Path]:
    """Write an article: (file name, text)."""

    def write(name: str, text: str) -> Path:
        path = workspace.root / "blogs_raw" / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def git(root: Path, *arguments: str) -> str:
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-c", "commit.gpgsign=false", *arguments],
        cwd=root, check=True, capture_output=True, text=True, env={**clean, **identity},
    )  # fmt: skip
    return done.stdout


def commit_all(root: Path, message: str) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)
