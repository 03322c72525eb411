"""Golden cases in Markdown: a heading, the input in a ````text fence, the outcome in an ````expect fence."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.corpus import ROOT

_CASE = re.compile(
    r"^## ([^\n]+)\n\n````text\n(.*?)^````\n\n````expect\n(.*?)^````\n", re.MULTILINE | re.DOTALL
)


class Case(NamedTuple):
    name: str
    given: str
    expected: str


def cases(name: str) -> list[Case]:
    text = (ROOT / "tests" / "golden" / "article" / f"{name}.md").read_text(encoding="utf-8")
    found = [Case(*match.groups()) for match in _CASE.finditer(text)]
    assert len(found) == len(re.findall(r"^## (?!标题)", text, re.MULTILINE)), "a case that cannot be read"
    return [Case(case.name, _plain(case.given), case.expected.replace("␣", " ")) for case in found]


def _plain(given: str) -> str:
    return given.replace("␣", " ").replace("␍", "\r")
