"""Results of the laboratory by the hash of what ran: they enter later prompts, so a resumed run must meet the same.

Where articles are written on other machines, the shelf at home serves them all; see `agent.batch`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.errors import PathEscape
from agent.workspace import write_bytes

KEY = re.compile(r"(?P<kind>[ew])[0-9]+:(?P<digest>[0-9a-f]{40})[0-9a-f]{24}")
"""Of an experiment or a witness. Its version is the laboratory's matter; see `agent.lab.cache.PREFIX`."""
FILE = re.compile(r"experiments/[0-9a-f]{40}/[^/\0.][^/\0]*|witnesses/[0-9a-f]{40}\.json")
RECORD = "result.json"
"""Names a result that is whole, so it is written last."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The results of this machine. ``folder`` is None where nothing is kept."""

    folder: Path | None = None

    @property
    def experiments(self) -> Path | None:
        return self.folder and self.folder / "experiments"

    @property
    def witnesses(self) -> Path | None:
        return self.folder and self.folder / "witnesses"

    async def fetch(self, keys: Sequence[str]) -> None:
        """Have at hand what is known anywhere of programs with these keys."""

    async def share(self, keys: Sequence[str]) -> None:
        """Let others have what was found of these."""

    def read(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The files of some results, by their path on the shelf; nothing of those that are not there."""
        if self.folder is None:
            return {}
        found = [path for key in keys for path in _files(self.folder, key)]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}

    def write(self, files: Mapping[str, bytes]) -> None:
        """Put files of another shelf on this one. Raises PathEscape for a name that no result has."""
        for name in sorted(files, key=lambda name: name.endswith(RECORD)):
            if FILE.fullmatch(name) is None:
                raise PathEscape(f"{name!r} is no result of the laboratory")
            if self.folder is not None:
                write_bytes(self.folder / name, files[name])


def _files(folder: Path, key: str) -> list[Path]:
    match = KEY.fullmatch(key)
    if match is None:
        return []
    if match["kind"] == "e":
        place = folder / "experiments" / match["digest"]
        return [p for p in sorted(place.glob("*")) if p.is_file()] if (place / RECORD).is_file() else []
    return [p for p in [folder / "witnesses" / f"{match['digest']}.json"] if p.is_file()]
