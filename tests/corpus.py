"""The articles that property tests run over: the folder in EXPAND_CORPUS, else the repository's own."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def folder() -> Path:
    named = os.environ.get("EXPAND_CORPUS")
    return Path(named).resolve() if named else ROOT / "blogs_raw"


def files() -> list[Path]:
    """Every Markdown file below the folder, in a stable order."""
    return sorted(path for path in folder().rglob("*.md") if path.is_file())


def summary() -> str:
    """One line that says what the property tests ran over."""
    count = len(files())
    if os.environ.get("EXPAND_CORPUS"):
        return f"article properties ran over {count} files of EXPAND_CORPUS={os.environ['EXPAND_CORPUS']}"
    return f"EXPAND_CORPUS is unset: article properties ran over the repository's own {count} files in blogs_raw/"
