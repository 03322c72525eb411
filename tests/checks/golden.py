"""Reader of the golden cases in ``tests/golden/checks/<rule>.md``.

A case is a heading of level 2, blocks between ``~~~~ page`` (``~~~~ source``) and ``~~~~``, lines that set what
is known besides, and a list of the findings that are expected, in order, or ``- none``:

    with: part · self · ours=3-9 · known=eq:a,eq:b · assets=a.png · subsections=2 · shares=theory:0.5
    work: title | authors, comma separated | year | arXiv | DOI | URL
    ran: exp1 loss=0.01234 steps=20
    bound: exp1.loss = 0.0123 @ region#0
    - 3 error fragment of the message
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agent.article import read
from agent.checks import RULES, Bound, Page, Ran, Standard, Work, run
from agent.checks.prelude import of as prelude_of
from agent.records import Finding

FOLDER = Path(__file__).parent.parent / "golden" / "checks"


@dataclass(frozen=True)
class Expected:
    line: int
    severity: str
    fragment: str

    def fits(self, finding: Finding) -> bool:
        return (finding.line, finding.severity) == (
            self.line,
            self.severity,
        ) and self.fragment in finding.message


@dataclass
class Case:
    rule: str
    title: str
    blocks: dict[str, str] = field(default_factory=dict)
    settings: list[tuple[str, str]] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    none: bool = False

    @property
    def name(self) -> str:
        return f"{self.rule}: {self.title}"

    def findings(self) -> list[Finding]:
        group = next(group for group, name, _ in RULES if name == self.rule)
        (verdict,) = run(self.page(), {group})
        return [finding for finding in verdict.findings if finding.rule == self.rule]

    def page(self) -> Page:
        article = read(self.blocks["page"].encode(), "page.md")
        source = read(self.blocks["source"].encode(), "page.md") if "source" in self.blocks else None
        page = Page(article=article, file="page.md", source=source)
        for key, value in self.settings:
            page = _SETTERS[key](page, value)
        return page


def _with(page: Page, value: str) -> Page:
    for item in re.split(r"\s*·\s*", value):
        name, _, argument = item.partition("=")
        if name == "part":
            page = replace(page, is_part=True, prelude=prelude_of(page.source) if page.source else ())
        elif name == "self":
            page = replace(page, source=page.article)
        elif name == "ours":
            spans = [tuple(map(int, span.split("-"))) for span in argument.split(",") if span]
            page = replace(page, ours=tuple((first, last) for first, last in spans))
        elif name == "known":
            page = replace(page, known_labels=frozenset(argument.split(",")))
        elif name == "assets":
            page = replace(page, assets=frozenset(filter(None, argument.split(","))))
        else:
            page = replace(page, standard=replace(page.standard, **_standard(name, argument)))
    return page


def _standard(name: str, argument: str) -> dict[str, Any]:
    if name == "shares":
        return {"shares": {k: float(v) for k, v in (pair.split(":") for pair in argument.split(","))}}
    assert name in Standard.__dataclass_fields__, name
    return {name: True if name == "example" else int(argument)}


def _work(page: Page, value: str) -> Page:
    title, authors, year, *rest = [part.strip() for part in value.split("|")] + ["", "", ""]
    arxiv, doi, url = (*rest, "", "", "")[:3]
    names = tuple(name.strip() for name in authors.split(",") if name.strip())
    work = Work(title, names, int(year) if year else None, arxiv, doi, url)
    return replace(page, references=(*page.references, work))


def _ran(page: Page, value: str) -> Page:
    name, *pairs = value.split()
    values = {key: float(number) for key, number in (pair.split("=") for pair in pairs)}
    return replace(page, experiments={**page.experiments, name: Ran(True, values)})


def _bound(page: Page, value: str) -> Page:
    match = re.fullmatch(r"(\w+)\.(\S+) = (.*?)(?: @ ([\w.]*)#(\d+))?", value)
    assert match, value
    experiment, name, text, region, occurrence = match.groups()
    item = Bound(experiment, name, text, region or "", int(occurrence or 0))
    return replace(page, bindings=(*page.bindings, item))


_SETTERS = {"with": _with, "work": _work, "ran": _ran, "bound": _bound}


def cases(path: Path) -> list[Case]:
    found: list[Case] = []
    block: list[str] | None = None
    name = ""
    for line in path.read_text(encoding="utf-8").split("\n"):
        if block is not None:
            if line == "~~~~":
                found[-1].blocks[name] = "".join(f"{text}\n" for text in block)
                block = None
            else:
                block.append(_unescaped(line))
        elif line.startswith("## "):
            found.append(Case(path.stem, line[3:].strip()))
        elif line.startswith("~~~~ "):
            name, block = line[5:].strip(), []
        elif match := re.fullmatch(r"(with|work|ran|bound): (.+)", line):
            found[-1].settings.append((match.group(1), match.group(2).strip()))
        elif match := re.fullmatch(r"- (\d+) (error|warning|info)(?: (.*))?", line):
            found[-1].expected.append(Expected(int(match.group(1)), match.group(2), match.group(3) or ""))
        elif line == "- none":
            found[-1].none = True
        else:
            assert not line.startswith("- "), f"{path.name}: {line!r} is no expectation"
    assert block is None, f"{path.name}: a block is never closed"
    return found


def _unescaped(line: str) -> str:
    """``␀00`` … stand for control characters, which do not survive editors."""
    return re.sub("␀([0-9a-f]{2})", lambda match: chr(int(match.group(1), 16)), line)


def all_cases() -> list[Case]:
    return [case for path in sorted(FOLDER.glob("*.md")) for case in cases(path)]
