"""What comes from outside an article is frozen when the article is picked, so that a resumed run asks the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agent.article import Article
from agent.pipeline.citations import citations_text, load_references
from agent.pipeline.series import series_text
from agent.workspace import State, Workspace, write_json

FILE = "inputs.json"


@dataclass(frozen=True, slots=True)
class Inputs:
    source: str
    """sha256 of the source they were frozen for."""
    notes: int
    """How many notes a person had left then: sending a draft back freezes anew."""
    series: str
    citations: str
    works: list[dict[str, Any]] = field(default_factory=list)
    """The same works as citations, as records."""


def frozen_inputs(ws: Workspace, folder: Path, article: Article, state: State) -> Inputs:
    """The inputs of this run: those frozen for the same source and notes, else what stands now, frozen."""
    source = hashlib.sha256(article.data).hexdigest()
    notes = sum(1 for section, _ in state.notes if not section)
    path = folder / FILE
    known = _load(path)
    if known is not None and (known.source, known.notes) == (source, notes):
        return known
    works = load_references(ws.inside(ws.config.paths.references))
    fresh = Inputs(
        source, notes, series_text(ws, article), citations_text(article, works), [asdict(w) for w in works]
    )
    write_json(path, asdict(fresh))
    return fresh


def _load(path: Path) -> Inputs | None:
    try:
        return Inputs(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
