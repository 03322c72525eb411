"""Where the files that ship with the program lie: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path


def shipped(name: str) -> Path:
    """Path of a shipped file or folder (``prompts``, ``blogs_raw``, ``recordings``, ``plan.toml``, …)."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "data" / name
    return inside if inside.exists() else package.parent / name
