"""The review page: a dossier as HTML. Templates are Jinja with everything escaped; only `agent.web.markdown`, which
sanitises, hands over HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape, unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.pipeline.badges import file_name, witness_file
from agent.pipeline.evidence import VERDICTS, named
from agent.pipeline.tally import of_display
from agent.records import Finding
from agent.review.dossier import Dossier, SectionView, WitnessView
from agent.web.highlight import python_html
from agent.web.markdown import Images, Piece, Rendered, render

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
STATIC = HERE / "static"
VERDICT = {"pass": "通过", "fail": "未达标", "undecided": "未查清", "unfinished": "未写成"}
DECISION = {"accepted": "已接受", "rejected": "已拒绝", "": "待定"}
TARGET = {"lines": "行", "formulas": "公式"}
CHECK = {
    "formulas": "公式", "references": "引用", "source": "原文保全", "structure": "结构", "code": "代码",
    "results": "结果", "citations": "文献", "self-talk": "自言自语", "padding": "注水", "drift": "跑题",
}  # fmt: skip
MATH_SPAN = re.compile(r'<span class="math">(.*?)</span>', re.S)
INLINE = re.compile(r"\$([^$]+)\$")
SEVERITY = {"error": "错误", "warning": "警告", "info": "提示"}


@dataclass(frozen=True)
class Row:
    """One block of the page with what stands beside it."""

    piece: Piece
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Group:
    """Consecutive blocks of the author, or one section."""

    section: SectionView | None
    rows: tuple[Row, ...]
    extra: tuple[Finding, ...] = ()
    """Findings about a line of the section that no block covers."""


@dataclass(frozen=True)
class Entry:
    """A line of the outline: one of the author's headings, or a section."""

    level: int
    text: str
    target: str
    section: SectionView | None = None


@dataclass(frozen=True)
class View:
    dossier: Dossier
    rendered: Rendered
    groups: tuple[Group, ...]
    outline: tuple[Entry, ...]
    unfinished: tuple[SectionView, ...]

    @property
    def noted(self) -> bool:
        return any(r.findings for g in self.groups for r in g.rows)


def view(dossier: Dossier, image: Images) -> View:
    """The dossier laid out: blocks in file order, grouped by section, findings at their lines."""
    badge = badges(dossier.witnesses)
    places = {witness_file(w.label): f"#{witness_id(w.label)}" for w in dossier.witnesses}

    def link(url: str) -> str | None:
        return places.get(url.rpartition("/")[2])

    rendered = render(dossier.draft, dossier.file, image=image, badges=badge, link=link)
    known = {s.id: s for s in dossier.sections}
    groups = tuple(_groups(rendered.pieces, known, dossier.loose))
    unfinished = tuple(s for s in dossier.sections if s.verdict == "unfinished")
    return View(dossier, rendered, groups, tuple(_outline(groups)), unfinished)


def badges(witnesses: Sequence[WitnessView]) -> Callable[[Sequence[str]], str]:
    """What stands beside a display: the verdicts on its labels, as links to the evidence."""
    known = {w.label: w for w in witnesses}

    def html(labels: Sequence[str]) -> str:
        links = "".join(
            f'<a class="badge w-{w.verdict}" href="#{witness_id(w.label)}" data-evidence="{witness_id(w.label)}">'
            f"{VERDICTS.get(named(w), escape(w.verdict))}</a>"
            for w in of_display(labels, known)
        )
        return f'<span class="badges">{links}</span>' if links else ""

    return html


def witness_id(label: str) -> str:
    """The id of the evidence on this formula."""
    return f"w-{file_name(label)}"


def _groups(
    pieces: Sequence[Piece], known: Mapping[str, SectionView], loose: Sequence[Finding]
) -> Iterable[Group]:
    runs: list[list[Piece]] = []
    for piece in pieces:
        if runs and runs[-1][0].region == piece.region:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    for run in runs:
        section = known.get(run[0].region)
        findings = list(section.findings if section else [f for f in loose if f.line])
        rows = []
        for piece in run:
            own = tuple(f for f in findings if piece.first <= f.line <= piece.last)
            findings = [f for f in findings if f not in own]
            rows.append(Row(piece, own))
        yield Group(section, tuple(rows), tuple(findings) if section else ())


def _outline(groups: Sequence[Group]) -> Iterable[Entry]:
    for group in groups:
        if group.section is not None:
            yield Entry(3, group.section.name, f"s-{group.section.id}", group.section)
            continue
        for row in group.rows:
            if row.piece.heading in (2, 3):
                yield Entry(row.piece.heading, plain_text(row.piece.html), f"L{row.piece.first}")


def plain_text(html: str) -> str:
    """A heading's text, its formulas as TeX between dollars again."""
    marked = MATH_SPAN.sub(lambda m: f"${m[1]}$", html)
    return unescape(re.sub(r"<[^>]*>", "", marked)).strip()


def titled(text: str) -> Any:
    """A title of one line, its formulas ready to be typeset."""
    from markupsafe import Markup

    pieces = INLINE.split(text)
    return Markup(
        "".join(
            f'<span class="math">{escape(p)}</span>' if n % 2 else escape(p) for n, p in enumerate(pieces)
        )
    )


@cache
def environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        WITNESS=VERDICTS, named=named, VERDICT=VERDICT, DECISION=DECISION, TARGET=TARGET, CHECK=CHECK, SEVERITY=SEVERITY,
        witness_id=witness_id, python=_python, titled=titled,
    )  # fmt: skip
    return made


def _python(code: str) -> Any:
    from markupsafe import Markup

    # Same classes as code inside the article, which the sanitiser has put under its prefix.
    return Markup(re.sub(r'<span class="([a-z])">', r'<span class="md-\1">', python_html(code)))


def template(name: str, **values: Any) -> str:
    return environment().get_template(name).render(**values)
