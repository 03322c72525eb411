"""Reading and rendering templates."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.config import parse
from agent.errors import ConfigError, PromptError
from agent.prompts.resources import shipped
from agent.records import Message

FENCE = "+++"
CONTEXT = (
    "article",
    "focus",
    "series",
    "reading",
    "symbols",
    "facts",
    "source_formulas",
    "experiments",
    "parts_table",
    "citations",
)
"""Variables of the shared start of every prompt; each is empty until its stage has run."""


@dataclass(frozen=True, slots=True)
class Template:
    name: str
    role: str = "writer"
    """planner, writer, coder or referee; `all` and `same` for texts that go with another template."""
    output: str = "markdown"
    """json, markdown, edits or none."""
    needs: list = field(default_factory=list)  # type: ignore[type-arg]
    """Variables the body uses beyond the shared context."""
    max_tokens: int = 4000
    """Reply tokens allowed; part of the ledger key."""
    schema: str = ""
    """File in `prompts/schemas/` that a JSON reply must satisfy."""


@dataclass(frozen=True, slots=True)
class SectionTemplate:
    """One part of an expansion; adding a file to `prompts/sections/` adds one."""

    name: str
    title: str
    purpose: str
    order: int
    role: str = "writer"
    layout: str = "append"
    """weave: its parts may stand inside the author's text; append: at the end."""
    share_lines: float = 0.1
    """Share of the added lines."""
    share_formulas: float = 0.1
    """Share of the added display formulas."""
    max_parts: int = 4
    must: list = field(default_factory=list)  # type: ignore[type-arg]
    """What the section has to hold: `table`, `code`, `experiment` or the class of a box."""
    needs: list = field(default_factory=list)  # type: ignore[type-arg]
    max_tokens: int = 4000
    witness: bool = False
    """Formulas its writers add get witnesses of their own."""


@dataclass(frozen=True, slots=True)
class Library:
    """The templates of one run."""

    folders: tuple[Path, ...]
    """Searched in this order."""
    templates: Mapping[str, Template]
    sections: tuple[SectionTemplate, ...]
    """In the order in which they stand in an article."""
    bodies: Mapping[str, str]
    environment: Any = field(repr=False, compare=False)
    """Jinja's, with the templates it has compiled: that takes longer than everything else in a call."""

    def render(self, name: str, **values: Any) -> str:
        """The text of a prompt. Raises PromptError for a template or variable that is missing."""
        needs = self.needs(name)
        missing = [n for n in needs if n not in values]
        if missing:
            raise PromptError(
                f"prompt {name}: {', '.join(missing)} not given", hint="see `needs` in its front matter"
            )
        return str(self.environment.get_template(name).render({**dict.fromkeys(CONTEXT, ""), **values}))

    def messages(self, name: str, **values: Any) -> tuple[Message, ...]:
        """System and user message of a call. The user message starts with the shared context."""
        return (Message("system", self.render("system")), Message("user", self.render(name, **values)))

    def shared_start(self, text: str, **values: Any) -> int:
        """Characters of a user's message that are the shared context made from these values; 0 where it does not
        start with that."""
        start = str(self.environment.get_template("_context").render(values)).rstrip()
        return len(start) if text.startswith(start) else 0

    def needs(self, name: str) -> list[str]:
        template = self.templates.get(name)
        if template is not None:
            return template.needs
        section = next((s for s in self.sections if f"sections/{s.name}" == name), None)
        if section is None:
            raise PromptError(f"no prompt named {name}", hint="prompts/ holds one file for each")
        return section.needs

    def schema(self, name: str) -> Mapping[str, Any] | None:
        """JSON schema of a template's reply, or None."""
        file = self.templates[name].schema
        if not file:
            return None
        for folder in self.folders:
            path = folder / "schemas" / file
            if path.is_file():
                return dict(json.loads(path.read_text(encoding="utf-8")))
        raise PromptError(f"prompt {name}: no schema {file}", hint="it belongs into prompts/schemas/")

    def section(self, name: str) -> SectionTemplate | None:
        return next((s for s in self.sections if s.name == name), None)


def _environment(bodies: Mapping[str, str]) -> Any:
    from jinja2 import DictLoader, Environment, StrictUndefined

    return Environment(
        loader=DictLoader(dict(bodies)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=False,
        keep_trailing_newline=False,
        autoescape=False,  # prompts are plain text; article text is only ever a value, never a template
    )


def open_library(own: Path | None = None) -> Library:
    """Read the shipped prompts, overridden file by file by those in ``own`` (a workspace's `prompts/`).

    Raises PromptError naming the file whose front matter cannot be read.
    """
    folders = tuple(f for f in (own, shipped("prompts")) if f is not None and f.is_dir())
    files: dict[str, Path] = {}
    for folder in reversed(folders):
        for path in sorted(folder.glob("*.md")) + sorted(folder.glob("sections/*.md")):
            files[path.relative_to(folder).with_suffix("").as_posix()] = path
    templates: dict[str, Template] = {}
    sections: list[SectionTemplate] = []
    bodies: dict[str, str] = {}
    for name, path in sorted(files.items()):
        head, body = _split(path)
        bodies[name] = bodies[f"{name}.md"] = body
        try:
            if name.startswith("sections/"):
                sections.append(parse(SectionTemplate, head, where=str(path)))
            elif not name.startswith("_"):
                templates[name] = parse(Template, head, where=str(path))
        except ConfigError as error:
            raise PromptError(str(error), hint=error.hint) from None
    ordered = sorted(sections, key=lambda s: (s.order, s.name))
    return Library(folders, templates, tuple(ordered), bodies, _environment(bodies))


def _split(path: Path) -> tuple[dict[str, Any], str]:
    text = path.read_text(encoding="utf-8")
    if not text.startswith(FENCE):
        return {}, text
    try:
        _, head, body = text.split(FENCE, 2)
        return tomllib.loads(head), body.lstrip("\n")
    except (ValueError, tomllib.TOMLDecodeError) as error:
        raise PromptError(
            f"{path}: front matter cannot be read ({error})", hint="TOML between two +++ lines"
        ) from None
