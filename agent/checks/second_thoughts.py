"""A model changing its mind in the published text."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.checks.text import Pattern, scan
from agent.records import Finding

PATTERNS: tuple[Pattern, ...] = (
    ("error", re.compile(r"(?:^|[。！？!?；\s*>“「『\"‘])(等一下|等等|且慢)[，,：:。…!！]+\s*(?=让我|我们|这里|这个|好像|似乎|不对|上面|刚才|重新|我)")),
    ("error", re.compile(r"[（(](错误|不对|有误|仍有误|算错了|矛盾|仍然?矛盾|仍需(?:核对|检查|验证)|错误在[^）)]{1,12}|符号有误|此处有误)[！!？?]*[）)]")),
    ("error", re.compile(r"(?:^|[。！？\s*])(不对|糟糕|哦不)[，,！!]\s*(?=让我|我|应该|这里|上面|重新)")),
    ("error", re.compile(r"我(?:刚才|前面|上面|之前)?(?:算错|写错|弄错|搞错|推错)了")),
    ("error", re.compile(r"\*\*(重新检查|重新计算|纠正理解|最终解决|自我修正|修正理解|再次检查)\*\*")),
    ("error", re.compile(r"(?:^|[。！？\s])(?:Wait|Hmm+|Oops|Actually, wait)[,.!…]+\s+(?=[A-Za-z])")),
    ("error", re.compile(r"\b[Ll]et me (?:re-?check|re-?compute|re-?calculate|re-?think|double[- ]check|try again|start over)\b")),
    ("warning", re.compile(r"让(?:我|我们)(?:重新|再)(?:检查|核对|计算一[下遍]|算一[下遍]|确认)")),
    ("warning", re.compile(r"(?:这里|此处|上面|前面)(?:似乎|好像)(?:有误|不对|算错|有问题)[，,。]?(?:让|我们?重新|重新)")),
)  # fmt: skip


def check(page: Page) -> list[Finding]:
    """No second thoughts in a finished text: 等一下, （错误！）, "let me recompute".

    The derivation is mended, or the reader is told once and plainly what does not hold. In quoted speech
    and in block quotes such words may stand: a warning.
    """
    return [
        Finding(
            "self-talk", "second_thoughts", severity, f"second thoughts left in the text: {hit}", line, column
        )
        for severity, hit, line, column in scan(page, PATTERNS)
    ]
