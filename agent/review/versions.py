"""Earlier texts of a section: numbered files that are never written twice.

They are inputs of a redo (the old text stands in its prompt) and of what a person wrote by hand, so the event log
names them by number and nothing overwrites them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agent.errors import UsageError
from agent.workspace import write_text


@dataclass(frozen=True, slots=True)
class Version:
    section: str
    number: int
    """From 1, oldest first."""
    path: Path

    @property
    def text(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8").strip("\n")
        except OSError as error:
            raise UsageError(
                f"{self.path}: {error.strerror}",
                hint="the event log names this version; bring the file back from a backup or from git",
            ) from None


def versions(folder: Path, section: str) -> list[Version]:
    """Kept texts of a section of the draft in ``folder``, oldest first."""
    place = folder / "versions" / section
    found = [Version(section, int(p.stem), p) for p in place.glob("*.md") if p.stem.isdigit()]
    return sorted(found, key=lambda v: v.number)


def version(folder: Path, section: str, number: int) -> Version:
    return Version(section, number, folder / "versions" / section / f"{number}.md")


def keep(folder: Path, section: str, text: str) -> int:
    """Keep a text; gives its number. The same text twice in a row is one version."""
    text = text.strip("\n")
    known = versions(folder, section)
    if known and known[-1].text == text:
        return known[-1].number
    number = known[-1].number + 1 if known else 1
    write_text(version(folder, section, number).path, f"{text}\n")
    return number
