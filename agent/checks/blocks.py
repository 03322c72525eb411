"""The Python blocks of an article; each is parsed once for all code rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agent.article import Article, Code
from agent.checks import python

_PYTHON = frozenset({"python", "py", "python3", "py3", "pycon", "ipython"})
_ROLES = frozenset({"experiment", "witness", "listing"})


@dataclass(frozen=True, slots=True)
class Block:
    code: Code
    read: python.Program | python.Broken
    role: str
    """Second word of the info string: ``experiment``, ``witness``, ``listing``; empty for plain code."""

    def line(self, within: int) -> int:
        """The file's line of the block's line ``within`` (1-based)."""
        return self.code.line + within


def of(article: Article) -> Iterator[Block]:
    """Fenced blocks that say they are Python; interpreter and notebook sessions are left out."""
    for code in article.codes:
        if code.language.lower() not in _PYTHON or not code.text.strip() or python.is_session(code.text):
            continue
        role = next((word for word in code.info.split() if word in _ROLES), "")
        yield Block(code, python.read(code.text), role)
