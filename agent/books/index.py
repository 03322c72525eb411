"""``outputs/index.json``: what `status` needs of each file, so that unchanged files need not be read again.

The index is a cache and nothing else: it may be deleted at any time, and one that cannot be read is ignored.
An entry counts only while the file's size and both its times are those it was made from. A file that
changed so shortly before it was read that a second change could bear the same times is not remembered
(git calls such entries racy).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import agent
from agent import article, measure
from agent.errors import ExpandError
from agent.workspace import Workspace, write_text

FORMAT = f"5 {agent.__version__}"
"""Another format or program version: the index is made anew, since measures may be defined differently."""

_REGION = b"<!-- expand:begin "


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one Markdown file."""

    size: int
    mtime_ns: int
    ctime_ns: int
    sha256: str = ""
    lines: int = 0
    """Newline-terminated lines."""
    formulas: int = 0
    """Display blocks."""
    title: str = ""
    status: str = ""
    """The front matter's ``status``, a claim."""
    stub: bool = False
    """The author's ``TODO`` under ``## 公式推导与注释`` is still there."""
    regions: bool = False
    """The file holds marked regions, so this program expanded it."""
    error: str = ""
    """Why the file could not be read or measured."""


class Index:
    """Entries of files below a workspace, read from the cache and kept in it by `save`."""

    def __init__(self, ws: Workspace, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._ws = ws
        self._path = ws.outputs / "index.json"
        self._clock = clock
        self._stored = _load(self._path)
        self._seen: dict[str, Entry] = {}
        self._doubtful: dict[str, Entry] = {}
        """Good for this run, and not to be remembered."""
        self._fresh = False

    def look(self, path: Path) -> Entry | None:
        """The entry of a file below the workspace, None where there is no such file."""
        try:
            stat = path.stat()
        except OSError:
            return None
        name = path.relative_to(self._ws.root).as_posix()
        entry = self._seen.get(name) or self._doubtful.get(name) or self._stored.get(name)
        times = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        if entry is None or (entry.size, entry.mtime_ns, entry.ctime_ns) != times:
            now = self._clock()
            entry = _read(path, *times)
            self._fresh = True
            doubtful = entry.error or _racy(stat.st_mtime_ns, now) or _racy(stat.st_ctime_ns, now)
            (self._doubtful if doubtful else self._seen)[name] = entry
        elif name not in self._doubtful:
            self._seen[name] = entry
        return entry

    def save(self) -> None:
        """Write the index where something in it is new. A folder that cannot be written is no error here:
        the next run then reads the files again."""
        if not self._fresh and self._seen.keys() == self._stored.keys():
            return
        files = {name: astuple(entry) for name, entry in sorted(self._seen.items())}
        with contextlib.suppress(ExpandError, OSError):
            whole = {"format": FORMAT, "digest": _digest(files), "files": files}
            write_text(self._path, json.dumps(whole, ensure_ascii=False) + "\n")


def _digest(files: Mapping[str, Any]) -> str:
    """Of all entries: one that was damaged into another well-formed one is damage too."""
    return hashlib.sha256(json.dumps(files, ensure_ascii=False).encode()).hexdigest()


def _load(path: Path) -> dict[str, Entry]:
    try:
        raw = json.loads(path.read_bytes())
        if raw["format"] != FORMAT or raw["digest"] != _digest(raw["files"]):
            return {}
        entries = {name: Entry(*values) for name, values in raw["files"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
    return entries if all(_sound(e) for e in entries.values()) else {}


def _sound(entry: Entry) -> bool:
    numbers = (entry.size, entry.mtime_ns, entry.ctime_ns, entry.lines, entry.formulas)
    texts = (entry.sha256, entry.title, entry.status, entry.error)
    return all(type(n) is int for n in numbers) and all(type(t) is str for t in texts)


def _racy(stamp: int, now: int) -> bool:
    """True when a write after ``now`` could carry the same time: file systems keep time in ticks of some
    milliseconds, the oldest in two whole seconds."""
    tick = 2_000_000_000 if stamp % 1_000_000_000 == 0 else 20_000_000
    return stamp + tick > now


def _read(path: Path, size: int, mtime: int, ctime: int) -> Entry:
    try:
        data = path.read_bytes()
        lines, formulas = measure.quick(data)
    except ExpandError as error:
        return Entry(size, mtime, ctime, error=str(error))
    except OSError as error:
        return Entry(size, mtime, ctime, error=error.strerror or "cannot be read")
    fields = front_matter(data)
    return Entry(
        size, mtime, ctime, hashlib.sha256(data).hexdigest(), lines, formulas,
        fields.get("title", ""), fields.get("status", ""), article.has_stub(data), _REGION in data,
    )  # fmt: skip


def front_matter(data: bytes) -> Mapping[str, str]:
    """Fields of the front matter, as the reader has them."""
    found = article.front_matter(data)
    return found.fields if found else {}


def look_at(ws: Workspace, paths: Iterable[Path]) -> dict[Path, Entry]:
    """Entries of existing files, through the index, which is brought up to date."""
    index = Index(ws)
    found = {path: entry for path in paths if (entry := index.look(path)) is not None}
    index.save()
    return found
