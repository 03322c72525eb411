"""What may be cited: works a person confirmed in ``references.toml``, and what the source itself links."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.article import Article
from agent.checks.page import Work
from agent.config import parse, tables
from agent.errors import ConfigError
from agent.pipeline.material import defuse
from agent.pipeline.records import Wanted
from agent.sources import Resolver
from agent.sources import Wanted as Query
from agent.workspace import write_json


def load_references(path: Path) -> tuple[Work, ...]:
    """The works of ``references.toml``: a list of ``[[work]]`` with title, authors, year, arxiv, doi, url.

    An absent file holds none. Raises ConfigError for one that cannot be read, an unknown key, a value of the wrong kind.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path.name}: {error}", hint="it holds [[work]] tables") from None
    works = tables(raw, "work", path.name)
    if raw:
        raise ConfigError(f"{path.name}: unknown key {next(iter(raw))}", hint="it holds [[work]] tables")
    return tuple(parse(Work, work, where=where, prefix="work.") for where, work in works)


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


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What became of the works a planner wanted beyond those at hand."""

    works: tuple[Work, ...] = ()
    refused: tuple[str, ...] = ()
    """Works nobody confirmed, with the reason; they are not cited."""


@dataclass(frozen=True, slots=True)
class Bibliography:
    """Who is asked whether a work exists, and where the answers for an article are frozen."""

    resolver: Resolver | None = None
    """None: nobody is asked."""
    frozen: Path | None = None

    async def confirm(self, wanted: Sequence[Wanted]) -> Confirmed:
        """Ask about wanted works, once for an article: the answers are frozen beside its draft. Goes out to the
        network where settings allow it."""
        return await asyncio.to_thread(confirm_wanted, self.resolver, self.frozen, wanted)


def confirm_wanted(resolver: Resolver | None, frozen: Path | None, wanted: Sequence[Wanted]) -> Confirmed:
    """The work of `Bibliography.confirm`; call it off the event loop."""
    if not wanted:
        return Confirmed()
    if resolver is None:
        return Confirmed(refused=tuple(f"{w.title}：没有询问文献库" for w in wanted))
    answers = _frozen(frozen)
    works, refused = [], []
    for want in wanted:
        if want.title not in answers:
            answers[want.title] = asdict(resolver.confirm(Query(want.title, want.authors, want.year)))
        answer = answers[want.title]
        if answer["verdict"] == "confirmed":
            found = answer["work"]
            keep = ("title", "year", "arxiv", "doi", "url")
            works.append(Work(authors=tuple(found["authors"]), **{k: found[k] for k in keep}))
        else:
            refused.append(
                f"{want.title}：{REFUSED[answer['verdict']]}{answer['note'] and '，'}{answer['note']}"
            )
    if frozen is not None:
        write_json(frozen, answers)
    return Confirmed(tuple(works), tuple(refused))


REFUSED = {"different": "作者不符", "unknown": "文献库里没有", "unreachable": "文献库没有回答"}


def _frozen(path: Path | None) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path is not None else {}
    except (OSError, ValueError):
        return {}
