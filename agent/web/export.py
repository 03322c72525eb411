"""One self-contained page to send: everything the review shows, nothing to load, nothing to decide."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path

from agent.review.dossier import Dossier, load
from agent.review.edit import mend
from agent.web.app import both_sides, mathjax_folder, page_values, state_data
from agent.web.diffs import unified_html
from agent.web.figures import figure_file, figure_name, media_type
from agent.web.page import STATIC, template
from agent.workspace import Workspace, write_text


@dataclass(frozen=True, slots=True)
class Exported:
    slug: str
    file: str
    bytes: int


def export(ws: Workspace, slug: str, file: Path) -> Exported:
    """Write the page of a draft to ``file``. Raises UsageError without a draft, or where it cannot be written."""
    mend(ws, slug)
    html = export_html(load(ws, slug))
    write_text(file, html)
    return Exported(slug, str(file), len(html.encode("utf-8")))


def export_html(d: Dossier) -> str:
    nonce = secrets.token_urlsafe(16)
    mathjax = mathjax_folder() / "tex-svg-full.js"
    scripts = {
        "theme": script(STATIC / "theme.js"),
        "math": script(STATIC / "math.js"),
        "mathjax": script(mathjax),
        "review": script(STATIC / "review.js"),
    }

    def image(url: str) -> str | None:
        name = figure_name(d.slug, url)
        return data_url(d.assets, name) if name else None

    return template(
        "review.html",
        nonce=nonce,
        csrf="",
        export=True,
        base="",
        git=False,
        csp=policy(nonce),
        css=(STATIC / "review.css").read_text(encoding="utf-8"),
        scripts=scripts,
        state=state_data(d),
        figures=lambda name: data_url(d.assets, name) or "",
        side=both_sides(d),
        unified=unified_html(d.patch),
        **page_values(d, image),
    )


def policy(nonce: str) -> str:
    """As the server's, for a page that has no server: not even itself may be asked."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "style-src-attr 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    )


def script(path: Path) -> str:
    """A script for between two script tags."""
    return path.read_text(encoding="utf-8").replace("</script", "<\\/script").replace("<!--", "<\\!--")


def data_url(folder: Path, name: str) -> str | None:
    path = figure_file(folder, name)
    if path is None:
        return None
    return f"data:{media_type(path)};base64,{base64.b64encode(path.read_bytes()).decode()}"
