"""The page to send holds the figures of its draft and no other file."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from agent.review.dossier import load
from agent.review.edit import edit
from agent.web.export import export_html
from tests.review.desk import Desk

SECRET = b"\x89PNG not for sending"
OWN = b"\x89PNG a figure"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    "name", ["../../../secret.png", "../exp1.png", ".hidden.png", "link.png", "sub/x.png"]
)
def test_a_figure_from_elsewhere_is_not_sent(desk: Desk, tmp_path: Path, name: str) -> None:
    folder = desk.folder / "assets" / desk.slug
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    for file in (
        desk.folder.parent / "secret.png", desk.folder / "assets" / "exp1.png", folder / ".hidden.png",
        folder / "sub" / "x.png", tmp_path / "x.png",
    ):  # fmt: skip
        file.write_bytes(SECRET)
    (folder / "link.png").symlink_to(tmp_path / "x.png")
    (folder / "own.png").write_bytes(OWN)
    images = "\n\n".join(f"![图](assets/{desk.slug}/{n})" for n in (name, "own.png"))
    edit(desk.ws, desk.slug, "theory.2", f"{desk.text('theory.2')}\n\n{images}")
    html = export_html(load(desk.ws, desk.slug))
    assert encoded(OWN) in html
    assert encoded(SECRET) not in html
