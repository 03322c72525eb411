"""Places where the text says that it leaves something out."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.checks.text import Pattern, scan
from agent.records import Finding

_WHAT = r"(?:内容|推导|证明|步骤|代码|细节|章节|部分|公式|文字|段落|正文|过程)"

PATTERNS: tuple[Pattern, ...] = (
    ("error", re.compile(rf"[（(\[【]\s*(?:此处|这里|以下|以上|中间|其余|后续|下文)(?:的)?{_WHAT}?(?:省略|从略|略去|略)(?:[^）)\]】]{{0,16}})[）)\]】]")),
    ("error", re.compile(rf"(?:此处|这里)省略(?:了)?(?:约|若干|部分|其余|后续|\s*[\dNn]+)?\s*(?:个|行|字|段|页|步)?{_WHAT}?(?=[。…）)\]】]|$)")),
    ("error", re.compile(rf"(?:其余|剩余|后续|余下)(?:的)?{_WHAT}(?:与上(?:文|面|述)?(?:相同|类似|一致)，?)?(?:省略|从略|不变|保持不变)(?=[。…）)\]】]|$)")),
    ("error", re.compile(r"[（(\[【]\s*(?:rest of|remaining|the rest)[^）)\]】\n]{0,40}(?:unchanged|omitted|same as before)[^）)\]】\n]{0,20}[）)\]】]", re.IGNORECASE)),
    ("warning", re.compile(r"(?:限于|由于)篇幅(?:所限|有限|限制|原因)?[^。]{0,12}(?:省略|从略|不再?展开|略去)")),
)  # fmt: skip


def check(page: Page) -> list[Finding]:
    """What is announced stands there: no 此处省略, no "rest unchanged".

    限于篇幅 … 从略 is an author's turn of phrase as well: a warning.
    """
    return [
        Finding("self-talk", "omission", severity, f"left out instead of written: {hit}", line, column)
        for severity, hit, line, column in scan(page, PATTERNS)
    ]
