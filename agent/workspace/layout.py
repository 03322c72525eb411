"""Where things lie in a workspace, and the guard that keeps every path inside it."""

from __future__ import annotations

from dataclasses import dataclass
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

    def article(self, place: Place) -> Path:
        """Path of a plan item. Raises PathEscape, and ConfigError without a folder of articles; the file may be
        missing."""
        if not self.articles.is_dir():
            raise ConfigError(
                f"{self.config.paths.plan} names articles, and there is no folder {self.articles}",
                hint="make it, or name theirs in config.toml: paths.articles",
            )
        path = self.articles / place.item.file
        if not path.resolve().is_relative_to(self.articles.resolve()):
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
        if not self.articles.is_dir():
            return found
        for path in sorted(self.articles.rglob("*.md")):
            slug = slug_of(path)
            if slug in found:
                raise UsageError(
                    f"two articles share the slug {slug}: "
                    f"{found[slug].relative_to(self.root)} and {path.relative_to(self.root)}",
                    hint="rename one of them",
                )
            found[slug] = path
        return found


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
