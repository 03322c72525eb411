"""Phrases that fill a page and say nothing."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.checks.text import prose_lines
from agent.records import Finding

ALLOWED = 2
"""So many on a page are a manner of speaking; more are a habit."""

_PHRASE = re.compile(
    r"众所周知|不言而喻|毋庸置疑|值得(?:注意|一提|强调)的是|需要(?:注意|指出|强调)的是|综上所述|总而言之|总的来说|由此可见|不难发现"
    r"|在当今[^。，]{0,12}时代|随着[^。，]{0,16}的(?:飞速|快速|不断|蓬勃)?发展|具有(?:重要|深远|里程碑)的?(?:理论|现实|指导)?意义"
    r"|(?:这|它)?不仅(?:仅)?是[^。，]{1,20}[，,](?:更|也|还)是|华丽(?:的)?(?:冒险|转身)|深刻(?:地)?揭示了|本质上?的?奥秘|终极(?:秘密|奥义|答案)|诗意|魔法|惊艳"
)
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2705\u274c\u26a0\u2728\u2b50]")


def check(page: Page) -> list[Finding]:
    """Few stock phrases (众所周知, 值得注意的是, 综上所述) and no emoji in added text.

    From the third on a page each phrase is information; emoji are told once.
    """
    added = ours(page)
    phrases: list[tuple[int, int, str]] = []
    emoji: list[int] = []
    for number, line in enumerate(prose_lines(page.article), start=1):
        if number in added:
            phrases += [(number, m.start() + 1, m.group()) for m in _PHRASE.finditer(line)]
            emoji += [number for _ in _EMOJI.finditer(line)]
    found = [
        Finding("padding", "boilerplate", "info", f"a stock phrase: {text}", line, column)
        for line, column, text in phrases[ALLOWED:]
    ]
    if len(phrases) > 5 * ALLOWED:
        message = f"{len(phrases)} stock phrases in {len(added)} added lines"
        found.append(Finding("padding", "boilerplate", "warning", message))
    if emoji:
        message = f"{len(emoji)} emoji in the article"
        found.append(Finding("padding", "boilerplate", "warning", message, emoji[0]))
    return found
