"""Everything one article's run is given, and the one way its stages ask a model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeVar

from agent.checks.page import Work
from agent.config import Config, StandardConfig
from agent.lab import DEFAULT_LIMITS, Limits, Sandbox
from agent.llm import Answer, Price, Request, cost_of
from agent.pipeline.citations import Bibliography
from agent.pipeline.material import Material
from agent.pipeline.redo import Redo
from agent.pipeline.shelf import Shelf
from agent.pipeline.workshop import Workshop
from agent.prompts import Library
from agent.records import Targets, Usage

T = TypeVar("T")


class Asker(Protocol):
    """What the pipeline needs of a client; it cannot tell ledger, retries or vendor apart."""

    async def ask(self, request: Request[T]) -> Answer[T]: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """Something a person watching may want to know."""

    kind: Literal["batch", "begin", "stage", "parts", "part", "note", "measure", "end"]
    """batch: ``done`` of ``total`` articles have ended · begin: an article is taken up, ``text`` is its title and
    ``total`` the calls that are expected · parts: what is written is divided, and ``calls`` are still expected · end:
    ``text`` says how."""
    slug: str
    text: str = ""
    done: int = 0
    total: int = 0
    calls: int = 0


Watcher = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Shared:
    """The start of every prompt of an article: the same bytes for every call of a stage.

    Each stage fills in what it has agreed on; nothing here depends on how far other sections have come.
    """

    article: str
    focus: str = ""
    series: str = ""
    reading: str = ""
    symbols: str = ""
    facts: str = ""
    source_formulas: str = ""
    experiments: str = ""
    parts_table: str = ""
    citations: str = ""

    def values(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def digest(self, schema: str) -> str:
        """Names the start that prompts made from this have in common. A schema goes before it all: services put it
        ahead of the system message."""
        return hashlib.sha256("\0".join([schema, *self.values().values()]).encode()).hexdigest()


@dataclass(slots=True)
class Meter:
    """Ledger keys and usage of the calls a run relied on, stored ones included: the figures of a resumed run
    are those of an unbroken one."""

    rows: dict[str, str] = field(default_factory=dict)
    """Ledger key → call name, in the order of asking."""
    usage: Usage = field(default_factory=Usage)
    changed: list[str] = field(default_factory=list)
    """Calls whose replayed answer belongs to an older prompt."""

    def note(self, name: str, answer: Answer[Any]) -> None:
        fresh = [key for key in answer.rows if key not in self.rows]
        self.rows.update(dict.fromkeys(fresh, name))
        if fresh:
            self.usage = self.usage + answer.usage
        if answer.changed:
            self.changed.append(name)


@dataclass(frozen=True)
class Job:
    """One article to expand. Everything here is frozen before the first call."""

    material: Material
    library: Library
    client: Asker
    config: Config
    targets: Targets
    standard: StandardConfig
    focus: str = ""
    """核心点 of the plan and the notes of a person who rejected an earlier draft."""
    series: str = ""
    """Digests of earlier parts of a series, frozen when the article was picked."""
    citations: str = ""
    """Works that may be cited, in the words of the prompts."""
    works: tuple[Work, ...] = ()
    """The same works, for the checks."""
    bibliography: Bibliography = field(default_factory=Bibliography)
    """Asks bibliographic services about works the planner wants."""
    redos: Mapping[str, Redo] = field(default_factory=dict)
    """Section → why it was sent back last, and its old text."""
    edits: Mapping[str, str] = field(default_factory=dict)
    """Section → the text a person gave it."""
    live: Asker | None = None
    """Who is asked for what was sent back; ``client`` then answers out of the ledger alone."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """Section → what a person wants done differently; set only while it is written again."""
    old: Mapping[str, str] = field(default_factory=dict)
    """Section → the text that was sent back; set like ``notes``."""
    retry: Mapping[str, int] = field(default_factory=dict)
    """Call name → first attempt that may be sent, for calls that failed in an earlier run."""
    sandbox: Sandbox | None = None
    """Where generated code runs; None: it does not run, and the article says so."""
    limits: Limits = DEFAULT_LIMITS
    shelf: Shelf = field(default_factory=Shelf)
    """Results of programs by their hash."""
    workshop: Workshop = field(default_factory=Workshop)
    """Whose turn it is to run a program; shared by the articles of a run."""
    price: Price = cost_of
    """What a call cost."""
    watch: Watcher = lambda _: None
    meter: Meter = field(default_factory=Meter)

    @property
    def slug(self) -> str:
        return self.material.slug

    def tell(self, kind: Any, text: str = "", done: int = 0, total: int = 0, *, calls: int = 0) -> None:
        self.watch(Progress(kind, self.slug, text, done, total, calls))

    async def ask(
        self,
        name: str,
        template: str,
        shared: Shared,
        parse: Callable[[str], T],
        *,
        images: Sequence[str] = (),
        **values: Any,
    ) -> Answer[T]:
        """Ask for ``template`` under the stable name ``slug/name``. ``images``: ``data:`` URIs that go with it."""
        head = self.library.templates.get(template) or self.library.section(
            template.removeprefix("sections/")
        )
        assert head is not None, template
        schema = self.library.schema(template) if template in self.library.templates else None
        params: dict[str, Any] = {"max_tokens": head.max_tokens}
        if self.config.model.temperature is not None:
            params["temperature"] = self.config.model.temperature
        full = f"{self.slug}/{name}"
        messages = self.library.messages(template, **{**shared.values(), **values})
        request = Request(
            name=full,
            role=head.role,
            messages=(*messages[:-1], replace(messages[-1], images=tuple(images))),
            parse=parse,
            continue_prompt=self.library.render("continue"),
            malformed_prompt=lambda problem: self.library.render("malformed", problem=problem),
            params=params,
            schema=schema,
            tries=self.config.loop.tries,
            first_attempt=self.retry.get(full, 0),
            prefix=shared.digest(head.name if schema else ""),
            shared=self.library.shared_start(messages[-1].content, **shared.values()),
        )
        answer = await self.client.ask(request)
        self.meter.note(full, answer)
        return answer

    def start(self) -> Shared:
        """What the first call of the article is given."""
        return Shared(
            article=self.material.numbered,
            focus=self.focus,
            series=self.series,
            source_formulas=self.material.source_formulas,
            citations=self.citations,
        )


def extend(shared: Shared, **values: str) -> Shared:
    return replace(shared, **values)
