"""Control characters where a TeX command lost its backslash on the way."""

from __future__ import annotations

import re

from agent.checks.page import Page
from agent.checks.text import Places
from agent.records import Finding

_NEVER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TAB = re.compile(
    r"\t(?=(?:heta|imes|ext(?:bf|rm|it|tt)?|ilde|anh|riangle|frac|binom)(?![a-z]))|(?<=\S)\t(?=(?:au|op|o)(?![a-z]))"
)
"""A tab is white space as well: the short names count only in the middle of a line."""
_RETURN = re.compile(r"\r(?!\n)(?=(?:ho|ight(?:arrow)?|angle|ceil|floor|m|Vert)(?![a-z]))")
_NEWLINE = re.compile(r"\n(?=(?:abla|ewcommand|otin)(?![a-z]))")
"""\\nu and \\neq cannot be told: a line of a formula may begin with u or eq."""
_NAMES = {
    "\x00": "NUL",
    "\x07": r"BEL, as in \alpha",
    "\x08": r"BS, as in \beta",
    "\x0b": r"VT, as in \varepsilon",
    "\x0c": r"FF, as in \frac",
    "\x1b": r"ESC, as in \eta",
}


def check(page: Page) -> list[Finding]:
    """No control characters from escapes that a JSON or Python string swallowed: ``\\theta`` → TAB + heta."""
    text = page.article.text
    places = Places(text)
    found = []
    for match in _NEVER.finditer(text):
        name = _NAMES.get(match.group(), f"U+{ord(match.group()):04X}")
        found.append(_finding(f"control character ({name})", places(match.start())))
    for formula in page.article.formulas:
        for pattern, letter in ((_TAB, "t"), (_RETURN, "r"), (_NEWLINE, "n")):
            for match in pattern.finditer(formula.raw):
                rest = re.match(r"[A-Za-z]+", formula.raw[match.end() :])
                command = f"\\{letter}{rest.group() if rest else ''}"
                message = f"a control character stands where {command} lost its backslash"
                found.append(_finding(message, places(formula.start + match.end())))
    return found


def _finding(message: str, place: tuple[int, int]) -> Finding:
    line, column = place
    return Finding("references", "control_character", "error", message, line, column)
