"""Links that were added."""

from __future__ import annotations

import re

from agent.checks.known_works import ARXIV, DOI, MARK, is_known_url
from agent.checks.page import Page
from agent.checks.provenance import ours
from agent.records import Finding

_OUTSIDE = re.compile(r"(?:https?:)?//|/|www\.", re.IGNORECASE)
"""Links to other pages, those of the same site included; what is relative belongs to the article."""


def check(page: Page) -> list[Finding]:
    """A link that was added goes where the source or a confirmed work goes, or is marked 待核实 in its line.

    A warning: a home page can be right without being a work. Links to arXiv and DOIs have a rule of their
    own; links within the page are no citations.
    """
    if not page.provenance_known:
        return []
    added = ours(page)
    found = []
    for link in page.article.links:
        url = link.url
        if link.line not in added or not _OUTSIDE.match(url):
            continue
        if ARXIV.search(url) or DOI.search(url) or MARK in page.article.lines[link.line - 1]:
            continue
        if not is_known_url(page, url):
            message = f"the link {url} is neither in the source nor confirmed"
            found.append(Finding("citations", "link", "warning", message, link.line))
    return found
