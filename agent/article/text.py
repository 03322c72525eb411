"""Reading an article."""

from __future__ import annotations

from agent.article.parts import Article


def read(data: bytes, name: str) -> Article:
    """Parse ``data``; any UTF-8 text is an article, however malformed its Markdown.

    Raises NotUtf8 with the offset of the first bad byte.
    """
    raise NotImplementedError


def prose(article: Article) -> str:
    """``article.text`` with everything that is no prose blanked out: front matter, mathematics, code, comments
    and HTML tags become spaces. Same length and the same line endings, so offsets and lines still hold."""
    raise NotImplementedError
