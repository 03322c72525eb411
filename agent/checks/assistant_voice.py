"""The assistant speaking to the person who asked, instead of the author to the reader."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.checks.text import Pattern, scan
from agent.records import Finding

PATTERNS: tuple[Pattern, ...] = (
    ("error", re.compile(r"作为(?:一[个名款])?(?:AI|人工智能|大?语言模型|大模型|智能|Claude|ChatGPT|GPT)(?:语言)?(?:助手|模型|助理)?[，,]?\s*我")),
    ("error", re.compile(r"\b[Aa]s an? (?:AI|large language|language) (?:language )?(?:model|assistant)\b,? I\b")),
    ("error", re.compile(r"\bI(?:'m| am) (?:sorry|unable)[^.]{0,40}\b(?:assist|help|comply|provide|access)\b")),
    ("error", re.compile(r"(?:很?抱歉|对不起)[，,]\s*(?:我|作为)(?:无法|不能|没有办法|没法)")),
    ("error", re.compile(r"希望(?:这|以上|本)[^。]{0,16}(?:对您|对你|能帮到您|能帮到你|能帮助到您|满足您|符合您)")),
    ("error", re.compile(r"(?:^|[。！？])\s*(?:好的|当然|没问题|明白了)[，,！!。]\s*(?:下面|以下|这是|我(?:将|会|来|为您|给您)|为您|让我)")),
    ("error", re.compile(r"(?:^|[。！？])\s*(?:以下|下面)是(?:根据(?:您|你)|为(?:您|你)|按(?:照)?(?:您|你)|(?:扩充|扩写|改写|修改|补充|修订|润色)(?:后)?的(?:文章|内容|版本|全文|章节|部分|完整))")),
    ("error", re.compile(r"如(?:果)?(?:您|你)?(?:还)?(?:需要?|有)[^。]{0,24}(?:请(?:随时)?告诉我|我可以(?:继续|进一步|为您)|欢迎(?:随时)?(?:告诉|提问))")),
    ("error", re.compile(r"(?:^|\n)\s*(?:Sure|Certainly|Of course)[!,.]\s+(?:[Hh]ere|I)\b")),
    ("error", re.compile(r"(?:^|[。！？])\s*我(?:将|会)(?:按照|根据)(?:您|你|用户)的(?:要求|指示|需求)")),
    ("warning", re.compile(r"(?:用户|您)(?:的|所)(?:要求|请求|提示|指令)(?:是|为|中|，)")),
    ("warning", re.compile(r"由于(?:长度|字数|token|输出)(?:的)?限制|受(?:回复|输出)长度限制")),
)  # fmt: skip


def check(page: Page) -> list[Finding]:
    """The text speaks as the author, never as an assistant: 作为AI，我…, 好的，下面是…, 希望对您有帮助.

    An article *about* assistants may quote one: a warning.
    """
    return [
        Finding("self-talk", "assistant_voice", severity, f"an assistant's voice: {hit}", line, column)
        for severity, hit, line, column in scan(page, PATTERNS)
    ]
