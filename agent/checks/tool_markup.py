"""Markup of tools and chat formats that leaked into the text."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.checks.text import Pattern, scan
from agent.records import Finding

PATTERNS: tuple[Pattern, ...] = (
    ("error", re.compile(r"</?(?:antml:)?(?:parameter|invoke|function_calls?|function_results?|tool_(?:call|use|result|response)s?)\b[^>\n]*>")),
    ("error", re.compile(r"<\|(?:im_start|im_end|endoftext|eot_id|begin_of_text|start_header_id|end_header_id|assistant|user|system)\|>")),
    ("error", re.compile(r"</?(?:think|thinking|scratchpad|reflection|artifact|antArtifact|answer|final_answer)>")),
    ("error", re.compile(r"\[/?INST\]|<<SYS>>")),
    ("error", re.compile(r"【\d+(?::\d+)?†[^】]*】|:contentReference\[|oaicite:|\bturn\d+(?:search|view|fetch)\d+\b")),
    ("error", re.compile(r"^\s*+(?:assistant|user|system)\s*(?:to=\w|<\|)")),
    ("error", re.compile(r"^\s*+\{\"(?:name|tool|function)\":\s*\"\w+\",\s*\"(?:arguments|parameters|input)\":")),
)  # fmt: skip


def check(page: Page) -> list[Finding]:
    """No tool markup: ``<parameter name=…>``, ``<think>``, ``<|im_end|>``, citation tokens of a search tool.

    Code, and inline code, may show such markup.
    """
    return [
        Finding("self-talk", "tool_markup", severity, f"leaked tool markup: {hit}", line, column)
        for severity, hit, line, column in scan(page, PATTERNS, quotes=False)
    ]
