"""Instructions of a prompt that came back in the text."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.checks.text import Pattern, scan
from agent.records import Finding

PATTERNS: tuple[Pattern, ...] = (
    ("error", re.compile(r"^\s*+=== [\w.]+\s*$")),
    ("error", re.compile(r"^\s*+@@ (?:\d+|见证|无)\b.*")),
    ("error", re.compile(r"^\s*+%% \S.*")),
    ("error", re.compile(r"^\s*+</?(?:现稿|问题|代码|输出|见证|原文|任务|符号表|提纲|正文)>\s*$")),
    ("error", re.compile(r"^\s*+#*\s*任务[：:]\s*写[「“\"]?")),
    ("error", re.compile(r"^\s*+(?:要补的缺口|要回答的疑问|要立住的论断|输出格式|写作要求|字数要求|格式要求|你的任务|不写)[：:]")),
    ("error", re.compile(r"(?:不要|禁止|不得)使用\s*`?\\(?:tag|label)`?")),
    ("error", re.compile(r"^\s*+(?:[-*]\s*)?\*{0,2}(?:总行数|推导公式数量|公式数量|新增(?:行数|公式)|扩充(?:行数|倍数|比例))\*{0,2}[：:]\*{0,2}\s*(?:约|共)?\s*\**\d+")),
    ("warning", re.compile(r"(?:按照|根据|遵照)(?:上述|以上|题目|给定|扩写|扩充|写作)(?:的)?(?:要求|标准|规范|提示)")),
    ("warning", re.compile(r"(?:从|由)\s*\d+\s*行(?:扩充|扩写|扩展)")),
    # Lines are numbered in the prompt alone.
    ("warning", re.compile(r"原文(?:的|中)?\s*(?:第\s*)?\d+\s*行")),
)  # fmt: skip


def check(page: Page) -> list[Finding]:
    """The prompt does not come back: section markers, edit commands, instructions, and counts a model makes up
    about its own text (推导公式数量：31 个; counts are measured by the program, never claimed).
    """
    return [
        Finding("self-talk", "prompt_echo", severity, f"the prompt came back: {hit}", line, column)
        for severity, hit, line, column in scan(page, PATTERNS)
    ]
