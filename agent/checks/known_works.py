"""What may be cited: works of the source, confirmed works, and what the text marks as not confirmed."""

from __future__ import annotations

import re
from collections.abc import Callable

from agent.article import Article
from agent.checks.page import Page, Work

MARK = "待核实"
"""Written beside a citation that nobody has confirmed; an honest reader's warning."""

ARXIV = re.compile(r"(?:arxiv\s*[:：]?\s*|arxiv\.org/(?:abs|pdf|html)/|/arxiv/)(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})", re.IGNORECASE)  # fmt: skip
DOI = re.compile(r"\b10\.\d{4,9}/[^\s<>\"'，。；、）)\]}]+")
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")


def arxiv_ids(text: str) -> set[str]:
    return {match.group(1).lower() for match in ARXIV.finditer(text)}


def dois(text: str) -> set[str]:
    return {match.group().rstrip(".,;").lower() for match in DOI.finditer(text)}


def known_arxiv(page: Page) -> set[str]:
    return _of_source(page, arxiv_ids) | {work.arxiv.lower() for work in page.references if work.arxiv}


def known_dois(page: Page) -> set[str]:
    return _of_source(page, dois) | {work.doi.lower() for work in page.references if work.doi}


def known_urls(page: Page) -> set[str]:
    source = {_bare(link.url) for link in page.source.links} if page.source else set()
    return source | {_bare(work.url) for work in page.references if work.url}


def is_known_url(page: Page, url: str) -> bool:
    return _bare(url) in known_urls(page)


def _bare(url: str) -> str:
    return re.sub(r"^https?://(?:www\.)?", "", url).split("#")[0].rstrip("/").lower()


def _of_source(page: Page, find: Callable[[str], set[str]]) -> set[str]:
    return find(page.source.text) if page.source else set()


def is_confirmed(page: Page, names: tuple[str, ...], year: str) -> bool:
    """Whether ``names`` with ``year`` are in the source or one confirmed work; every name must be there.

    An empty ``year`` asks for the names alone.
    """
    if page.source and _says(page.source, names, year):
        return True
    return any(_fits(work, names, year) for work in page.references)


def _says(source: Article, names: tuple[str, ...], year: str) -> bool:
    text = source.text
    if not all(re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![a-z])", text) for name in names):
        return False
    return not year or year in _YEAR.findall(text)


def _fits(work: Work, names: tuple[str, ...], year: str) -> bool:
    if year and work.year is not None and int(year) != work.year:
        return False
    if year and work.year is None:
        return False
    authors = {part.lower() for author in work.authors for part in re.split(r"[\s,]+", author) if part}
    title = work.title.lower()
    return all(name.lower() in authors or name.lower() in title for name in names)
