"""Where things lie in a workspace, and the guard that keeps every path inside it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path

from agent.config import Config, load
from agent.errors import ConfigError, PathEscape, UsageError
from agent.plan import Place, Plan, slug_of
from agent.plan import load as load_plan
from agent.workspace.events import EventLog

CONFIG = "config.toml"


@dataclass(frozen=True, slots=True)
class Workspace:
    root: Path
    config: Config

    @property
    def articles(self) -> Path:
        return self.inside(self.config.paths.articles)

    @property
    def outputs(self) -> Path:
        return self.inside(self.config.paths.outputs)

    @property
    def ledger(self) -> Path:
        return self.outputs / "ledger.db"

    @property
    def locks(self) -> Path:
        return self.outputs / ".locks"

    @property
    def report(self) -> Path:
        return self.inside(self.config.paths.report)

    @property
    def prompts(self) -> Path:
        return self.inside(self.config.paths.prompts)

    @property
    def recordings(self) -> Path:
        return self.inside(self.config.paths.recordings)

    @property
    def events(self) -> EventLog:
        return EventLog(self.outputs / "progress.jsonl")

    def plan(self) -> Plan:
        return load_plan(self.inside(self.config.paths.plan))

    def inside(self, relative: str | Path) -> Path:
        """The path below the root. Raises PathEscape when it leaves it, through a symbolic link too."""
        path = self.root / relative
        root = self.root.resolve()
        if not path.resolve().is_relative_to(root):
            raise PathEscape(
                f"{relative} leaves the workspace",
                hint=f"name a path below {self.root}, without links that lead out",
            )
        return path

    def named(self, path: Path) -> str:
        """How a file of the workspace is called: its path below the root. What lies elsewhere keeps its own."""
        # Of thousands of files; `relative_to` takes ten times as long.
        return os.fspath(path).removeprefix(f"{self.root}{os.sep}").replace(os.sep, "/")

    def article(self, place: Place) -> Path:
        """Path of a plan item. Raises PathEscape, and ConfigError without a folder of articles; the file may be
        missing."""
        return self._item(self._planned(), place)

    def items(self, plan: Plan) -> dict[str, Path]:
        """Path of every item of a plan, by the file it names; errors as of `article`."""
        places = tuple(plan.places())
        articles = self._planned() if places else self.articles
        return {place.item.file: self._item(articles, place) for place in places}

    def _planned(self) -> Path:
        return self.articles_for(f"{self.config.paths.plan} names articles")

    def articles_for(self, what: str) -> Path:
        """The folder of articles, for ``what`` needs it. Raises ConfigError where there is none."""
        articles = self.articles
        if not articles.is_dir():
            raise ConfigError(
                f"{what}, and there is no folder {articles}",
                hint="make it, or name theirs in config.toml: paths.articles",
            )
        return articles

    def _item(self, articles: Path, place: Place) -> Path:
        path = articles / place.item.file
        # The plan names nothing above its folder, so that only a link can lead out; to look for one is much
        # quicker than to resolve every path.
        if _linked(articles, place.item.file) and not path.resolve().is_relative_to(articles.resolve()):
            raise PathEscape(
                f"{place.sub.id}: {place.item.file} leaves {self.config.paths.articles}/",
                hint="an item may not be a link to a file elsewhere",
            )
        return path

    def output(self, slug: str) -> Path:
        """Folder of an article's draft, report and sections."""
        return self.inside(Path(self.config.paths.outputs) / slug)

    def slugs(self) -> dict[str, Path]:
        """Every article by slug. Raises UsageError where two files share one."""
        found: dict[str, Path] = {}
        for path in _markdown(self.articles):
            slug = slug_of(path)
            if slug in found:
                raise UsageError(
                    f"two articles share the slug {slug}: "
                    f"{found[slug].relative_to(self.root)} and {path.relative_to(self.root)}",
                    hint="rename one of them",
                )
            found[slug] = path
        return found


def _linked(folder: Path, file: str) -> bool:
    """Whether ``file`` or a folder on the way to it is a link, or the way climbs."""
    parts = file.split("/")
    steps = accumulate(parts, os.path.join, initial=os.fspath(folder))
    return ".." in parts or any(os.path.islink(step) for step in islice(steps, 1, None))


def _markdown(folder: Path) -> list[Path]:
    """Every ``*.md`` below a folder, as `Path.rglob` has them, sorted; linked folders are not entered."""
    found: list[tuple[tuple[str, ...], str]] = []
    folders: list[tuple[tuple[str, ...], str]] = [((), os.fspath(folder))]
    while folders:
        parts, here = folders.pop()
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(here) as entries:
            for entry in entries:
                inside = (*parts, entry.name)
                if entry.name.endswith(".md"):
                    found.append((inside, entry.path))
                if entry.is_dir(follow_symlinks=False):
                    folders.append((inside, entry.path))
    # By their names: to compare paths takes longer than to list them.
    return [Path(path) for _, path in sorted(found)]


def find(start: Path) -> Workspace:
    """The workspace that holds ``start``: the nearest folder upwards with a ``config.toml``.

    Raises ConfigError when there is none or its config cannot be read.
    """
    start = start.absolute()
    if not start.is_dir():
        raise ConfigError(f"{start}: no such folder", hint="-C takes the folder of a workspace")
    for folder in (start, *start.parents):
        if (folder / CONFIG).is_file():
            return Workspace(folder, load(folder / CONFIG))
    raise ConfigError(
        f"no {CONFIG} in {start} or above it",
        hint="make a workspace with: expand init, or name one with -C DIR",
    )
