"""What may be cited: works a person confirmed in ``references.toml``, and what the source itself links."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from agent.article import Article
from agent.checks.page import Work
from agent.errors import ConfigError
from agent.pipeline.material import defuse


def load_references(path: Path) -> tuple[Work, ...]:
    """The works of ``references.toml``: a list of ``[[work]]`` with title, authors, year, arxiv, doi, url.

    An absent file holds none. Raises ConfigError for one that cannot be read.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path.name}: {error}", hint="it holds [[work]] tables") from None
    return tuple(_work(entry, path.name) for entry in raw.get("work", []))


def _work(entry: dict[str, Any], where: str) -> Work:
    known = {"title", "authors", "year", "arxiv", "doi", "url"}
    unknown = set(entry) - known
    if unknown or "title" not in entry:
        wrong = f"unknown key {min(unknown)}" if unknown else "a work without a title"
        raise ConfigError(f"{where}: {wrong}", hint="keys: " + ", ".join(sorted(known)))
    values = {**entry, "authors": tuple(entry.get("authors", ()))}
    return Work(**values)


def citations_text(article: Article, works: tuple[Work, ...]) -> str:
    """The table of works for the prompts. Links of the source count as confirmed: the author made them."""
    rows = [work_text(w) for w in works]
    seen: set[str] = set()
    for link in article.links:
        if link.url.startswith(("http://", "https://")) and link.url not in seen and link.text.strip("*_ "):
            seen.add(link.url)
            rows.append(f"原文第 {link.line} 行的链接：{defuse(link.text)}")
    return "\n".join(rows)


def work_text(work: Work) -> str:
    pieces = [
        "、".join(work.authors),
        f"《{work.title}》",
        str(work.year or ""),
        work.arxiv and f"arXiv:{work.arxiv}",
        work.doi,
    ]
    return "，".join(p for p in pieces if p)
