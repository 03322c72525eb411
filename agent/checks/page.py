"""What a rule looks at: one text, where it comes from, and what is known around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.article import Article
from agent.checks.standard import Standard
from agent.records import Finding


@dataclass(frozen=True, slots=True)
class Work:
    """A work that may be cited: from ``references.toml``, or confirmed by a bibliographic service."""

    title: str
    authors: tuple[str, ...] = ()
    """Names as the service writes them, family name last (``Daniel Soudry``) or first with a comma."""
    year: int | None = None
    arxiv: str = ""
    """Identifier without version, such as ``1710.10345``."""
    doi: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """One value, table or figure that was written into the text from an experiment's output."""

    experiment: str
    name: str
    """Name of the output, such as ``loss``, ``table`` or ``figure:path``."""
    text: str
    """What was written."""
    region: str = ""
    """ID of the region it stands in; empty for the whole text."""
    occurrence: int = 0
    """Place in the order of the region's bound outputs."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What is known of an experiment of the article."""

    ok: bool
    """It ran to its end."""
    values: Mapping[str, object] = field(default_factory=dict)
    """Values by name, as ``emit`` gave them."""


@dataclass(frozen=True, slots=True)
class Page:
    article: Article
    """The text under check: a whole page, or one part's Markdown while it is written."""
    file: str = ""
    """Name that findings carry."""
    source: Article | None = None
    """The author's original, when known."""
    is_part: bool = False
    """A part while being written: no front matter, and known labels come from outside."""
    known_labels: frozenset[str] = frozenset()
    """Labels of the rest of the page, for a part."""
    prelude: tuple[str, ...] = ()
    """TeX that defines the macros and labels of the rest of the page (:func:`agent.checks.prelude.of`)."""
    ours: tuple[tuple[int, int], ...] | None = None
    """First and last lines of the regions; None: not known, then ``source`` decides which lines are new."""
    standard: Standard = field(default_factory=Standard)
    """What structure asks for; the default asks for nothing."""
    experiments: Mapping[str, Ran] = field(default_factory=dict)
    """Experiments of the article by ID."""
    bindings: tuple[Bound, ...] = ()
    references: tuple[Work, ...] = ()
    """Works that a person, or a bibliographic service, has confirmed."""
    assets: frozenset[str] | None = None
    """Files that exist, as the text would link them; None: not known, and none is reported as missing."""

    @property
    def provenance_known(self) -> bool:
        """Whether it can be told which lines are the author's and which were added."""
        return self.is_part or self.ours is not None or self.source is not None


Rule = Callable[[Page], list[Finding]]
"""States its rule in its docstring, returns early where it does not apply, never changes anything."""
