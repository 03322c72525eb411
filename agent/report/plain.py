"""Text of others on a terminal: nothing in it may move the cursor, change colours or set the title."""

from __future__ import annotations

import re

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""C0 and C1 controls but TAB and LF, and the marks that reverse the reading direction."""


def plain(text: str) -> str:
    """The text with control characters made visible as U+FFFD."""
    return CONTROL.sub("\ufffd", text)
