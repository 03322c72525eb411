"""Headings that stand twice."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding

_COMMON = re.compile(
    r"(?:证明|推导|步骤|例子?|示例|小结|总结|讨论|分析|结论|说明|注记?|备注|实验(?:设置|结果|讨论)?|设置|结果|代码|问题|方法|背景|动机|定义|引理|定理|推论|直觉|解释)"
    r"[\s\d.:：一二三四五六七八九十]*"
)


def check(page: Page) -> list[Finding]:
    """No added heading repeats an earlier one, its number left out; 证明, 小结 and the like may."""
    seen: dict[str, int] = {}
    added = ours(page)
    found = []
    for heading in page.article.headings:
        text = (
            re.sub(
                r"^(?:[（(]?[\d.一二三四五六七八九十]+[）)]?[、.\s]\s*|第[\d一二三四五六七八九十]+[章节部分]+\s*)",
                "",
                heading.text,
            ).strip(" ：:*")
            or heading.text
        )
        if _COMMON.fullmatch(text):
            continue
        if text in seen and heading.line in added:
            message = f"the heading {text} stands already in line {seen[text]}"
            found.append(Finding("padding", "repeated_heading", "warning", message, heading.line))
        seen.setdefault(text, heading.line)
    return found
