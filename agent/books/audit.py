"""``audit``: what a workspace's documents claim, beside what is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from agent.books import rules_articles, rules_counts, rules_names, rules_totals
from agent.books.evidence import AuditRow, Evidence, gather
from agent.books.reading import read_all
from agent.workspace import Workspace

__all__ = ["RULES", "AuditRow", "audit"]

RULES: tuple[Callable[[Evidence], Iterator[AuditRow]], ...] = (
    rules_counts.done_counts,
    rules_totals.totals,
    rules_totals.marks,
    rules_totals.running,
    rules_counts.sums,
    rules_totals.percents,
    rules_totals.remains,
    rules_totals.stock,
    rules_names.letters,
    rules_names.starts,
    rules_names.twice,
    rules_articles.sizes,
    rules_articles.ratios,
    rules_articles.targets,
    rules_articles.states,
    rules_articles.fronts,
    rules_articles.files,
    rules_articles.figures,
)

_LARGE = 5_000_000
"""Bytes beyond which a file beside the articles is no document that somebody keeps by hand."""


def audit(ws: Workspace, files: Sequence[Path] = ()) -> list[AuditRow]:
    """Every claim that does not hold, by file and line.

    ``files`` are the documents to read, wherever they lie; without any, all Markdown and text files at the
    workspace's root. Raises as `status` does, UsageError or NotUtf8 for a document that cannot be read.
    """
    documents = read_all(files or _beside_articles(ws), ws.root)
    evidence = gather(ws, documents)
    rows = [found for rule in RULES for found in rule(evidence)]
    return sorted(set(rows), key=lambda r: (r.file, r.line, r.column, r.rule, r.claimed))


def _beside_articles(ws: Workspace) -> list[Path]:
    found = [p for p in ws.root.iterdir() if p.suffix in (".md", ".txt") and p.is_file()]
    return sorted(p for p in found if p.stat().st_size < _LARGE)
