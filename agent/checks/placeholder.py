"""Placeholders that nobody filled."""

from __future__ import annotations

import re

from agent.article import stub_lines
from agent.checks.page import Page
from agent.checks.text import Pattern, Places, scan
from agent.records import EXPERIMENT_ID, Finding

PATTERNS: tuple[Pattern, ...] = (
    ("error", re.compile(r"[（(\[【]\s*(?:此处|这里|在此|请)(?:插入|填入|补充|添加|填写|替换为?)[^）)\]】\n]{0,20}[）)\]】]")),
    ("error", re.compile(r"[（(\[【]\s*(?:插入|填入|填写)(?:一张)?(?:图|表|公式|代码|链接|数据|内容|标题|姓名)[^）)\]】\n]{0,12}[）)\]】]")),
    ("error", re.compile(r"[（(\[【]\s*(?:内容|此处|这里|本节|细节|证明|推导|数据|图片?|公式)?\s*(?:待补充?|待完善|待填写|待添加|待续写|待插入)\s*[）)\]】]")),
    ("error", re.compile(r"\[(?:Your|Insert|Author|Title|Placeholder|TODO|TBD|图片占位符?|占位符?)[^\]\n]{0,30}\](?!\()")),
    ("error", re.compile(r"\bLorem ipsum\b", re.IGNORECASE)),
    ("error", re.compile(r"\{\{\s*[A-Za-z_]\w*(?:\.[A-Za-z_][\w:]*)+\s*\}\}")),
    ("error", re.compile(r"(?:^|[\s（(：:*_>-])(?:TODO|FIXME|TBD)(?=[\s：:，,。.）)*_-]|$)")),
    ("warning", re.compile(r"\bXXX+\b|某某某|＊＊＊")),
)  # fmt: skip

_ID = re.compile(r"\bid=([\w.-]+)")


def check(page: Page) -> list[Finding]:
    """Nothing is left to be filled in: TODO, [插入图片], （待补充）, ``{{exp1.loss}}`` without a value.

    The author's own stub is no finding. A part that is being written still holds its ``{{exp1.…}}``: those are
    bound when the parts are assembled. In mathematics ``{{a.b}}`` is TeX, unless ``a`` is an experiment or named like
    one.
    """
    found = []
    stub = stub_lines(page.article) or (0, 0)
    for severity, hit, line, column in scan(page, PATTERNS):
        if hit.startswith("{{") and (page.is_part or _is_tex(page, hit, line, column)):
            continue
        if stub[0] <= line <= stub[1]:
            continue
        found.append(Finding("self-talk", "placeholder", severity, f"a placeholder: {hit}", line, column))
    return found


def _is_tex(page: Page, hit: str, line: int, column: int) -> bool:
    name = hit.strip("{ ").split(".")[0]
    experiments = set(page.experiments) | {
        match.group(1) for code in page.article.codes if (match := _ID.search(code.info))
    }
    if name in experiments or re.fullmatch(EXPERIMENT_ID, name):
        return False
    at = Places(page.article.text).offset(line, column)
    return any(formula.start <= at < formula.stop for formula in page.article.formulas)
