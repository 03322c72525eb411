"""The work that the article is about is not mentioned any more."""

from __future__ import annotations

import re

from agent.article import Article, Link
from agent.checks.known_works import arxiv_ids
from agent.checks.page import Page
from agent.records import Finding

_TITLE = re.compile(r"《([^》]{12,})》")


def check(page: Page) -> list[Finding]:
    """A paper that the source names by title (《…》 with an arXiv link) is still named, or linked to.

    Any that is gone is a warning; when all are gone, an error: the article lost its subject.
    """
    if page.source is None or page.is_part:
        return []
    works = _works(page.source)
    text = page.article.text
    gone = [link for link in works if not _is_named(link, text)]
    if not gone:
        return []
    severe = len(gone) == len(works)
    found = []
    for link in gone:
        message = f"the source discusses {link.text.strip()} (line {link.line}); it is not mentioned any more"
        found.append(Finding("drift", "main_work", "error" if severe else "warning", message))
    return found


def _works(source: Article) -> list[Link]:
    """Papers named by title and linked to; each once."""
    seen: set[str] = set()
    works = []
    for link in source.links:
        ids = arxiv_ids(link.url)
        if _TITLE.search(link.text) and ids and not ids & seen:
            seen |= ids
            works.append(link)
    return works


def _is_named(link: Link, text: str) -> bool:
    title = _TITLE.search(link.text)
    named = title is not None and title.group(1).split("：")[0].split(":")[0].strip().lower() in text.lower()
    return named or bool(arxiv_ids(link.url) & arxiv_ids(text))
