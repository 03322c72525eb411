"""Figures of a draft: which links name one, and which file may be shown for it. Links are the article's text, so
what they name is not to be trusted."""

from __future__ import annotations

from pathlib import Path

KINDS = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}


def figure_name(slug: str, url: str) -> str | None:
    """The name of the article's figure that a link points to; None for a link to anything else."""
    prefix = f"assets/{slug}/"
    name = url.removeprefix(prefix)
    return name if url.startswith(prefix) and _plain(name) else None


def figure_file(folder: Path, name: str) -> Path | None:
    """The picture of that name in ``folder``; None where there is none, or it is a link that leads out of it."""
    path = folder / name
    if not _plain(name) or path.suffix.lower() not in KINDS or not path.is_file():
        return None
    return path if path.resolve().is_relative_to(folder.resolve()) else None


def media_type(path: Path) -> str:
    return KINDS[path.suffix.lower()]


def _plain(name: str) -> bool:
    return bool(name) and not name.startswith(".") and not {"/", "\\", "\0"} & set(name)
