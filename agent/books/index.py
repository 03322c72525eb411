"""``outputs/index.json``: what `status` needs of each file, so that unchanged files need not be read again.

The index is a cache and nothing else: it may be deleted at any time, and one that cannot be read is ignored.
An entry counts only while the file's size, inode and both its times are those it was made from. A file that
changed so shortly before it was read that a second change could bear the same times is not remembered
(git calls such entries racy).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import agent
from agent.errors import ExpandError
from agent.workspace import Workspace, write_bytes

FORMAT = f"5 {agent.__version__}"
"""Another format or program version: the index is made anew, since measures may be defined differently."""

_REGION = b"<!-- expand:begin "
_FILES, _END = b', "files": ', b"}\n"


class Entry(NamedTuple):
    """What is known of one Markdown file: a tuple, because thousands are made before anything is shown."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    sha256: str = ""
    """Empty where the file could not be read."""
    lines: int = 0
    """Newline-terminated lines."""
    formulas: int = 0
    """Display blocks."""
    inline: int = 0
    """Inline formulas."""
    chars: int = 0
    """Characters of its text."""
    title: str = ""
    status: str = ""
    """The front matter's ``status``, a claim."""
    tags: str = ""
    """The front matter's ``tags`` as they are written."""
    stub: bool = False
    """The author's ``TODO`` under ``## 公式推导与注释`` is still there."""
    regions: bool = False
    """The file holds marked regions, so this program expanded it."""
    pictures: bool = False
    """What opens a picture stands somewhere in it."""
    error: str = ""
    """Why the file could not be read or measured."""


class Index:
    """Entries of files below a workspace, read from the cache and kept in it by `save`."""

    def __init__(self, ws: Workspace, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._ws = ws
        self._path = ws.outputs / "index.json"
        self._clock = clock
        self._known = _load(self._path)
        self._looked: set[str] = set()
        self._doubtful: dict[str, Entry] = {}
        """Good for this run, and not to be remembered."""
        self._changed = False

    def look(self, path: Path) -> Entry | None:
        """The entry of a file below the workspace, None where there is no such file."""
        name = self._ws.named(path)
        self._looked.add(name)
        try:
            stat = os.stat(path)
        except OSError:
            self._changed |= self._known.pop(name, None) is not None
            return None
        entry = self._known.get(name) or self._doubtful.get(name)
        identity = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        if entry is not None and entry[:4] == identity:
            return entry
        now = self._clock()
        entry = _read(path, identity)
        self._known.pop(name, None)
        racy = _racy(stat.st_mtime_ns, now) or _racy(stat.st_ctime_ns, now)
        (self._doubtful if racy or not entry.sha256 else self._known)[name] = entry
        self._changed = True
        return entry

    def save(self) -> None:
        """Write the index where something in it is new. Files that nobody asked for now stay in it while they are
        there. A folder that cannot be written is no error here: the next run then reads the files again."""
        if not self._changed:
            return
        kept = {
            n: e for n, e in sorted(self._known.items()) if n in self._looked or (self._ws.root / n).exists()
        }
        with contextlib.suppress(ExpandError, OSError):
            write_bytes(self._path, _dump(kept))


def _dump(files: Mapping[str, Entry]) -> bytes:
    body = json.dumps(files, ensure_ascii=False).encode("utf-8", "surrogatepass")
    head = {"format": FORMAT, "digest": hashlib.sha256(body).hexdigest()}
    return json.dumps(head)[:-1].encode() + _FILES + body + _END


def _load(path: Path) -> dict[str, Entry]:
    """The entries of an index of this format that is as it was written; none of any other. The digest is of the bytes,
    because to write the entries again for comparison takes as long as everything else."""
    try:
        head, _, rest = path.read_bytes().partition(_FILES)
        body = rest.removesuffix(_END)
        said = json.loads(head + b"}")
        if said["format"] != FORMAT or said["digest"] != hashlib.sha256(body).hexdigest():
            return {}
        files = json.loads(body.decode("utf-8", "surrogatepass"))
        return {name: Entry(*values) for name, values in files.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _racy(stamp: int, now: int) -> bool:
    """True when a write after ``now`` could carry the same time: file systems keep time in ticks of some
    milliseconds, the oldest in two whole seconds."""
    tick = 2_000_000_000 if stamp % 1_000_000_000 == 0 else 20_000_000
    return stamp + tick > now


def _read(path: Path, identity: tuple[int, int, int, int]) -> Entry:
    # What reads articles is not needed, and not imported, where nothing has changed.
    from agent import measure
    from agent.article import has_stub

    try:
        data = path.read_bytes()
    except OSError as error:
        return Entry(*identity, error=error.strerror or "cannot be read")
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        seen = measure.glance(data)
    except ExpandError as error:
        return Entry(*identity, sha256, error=str(error))
    fields = front_matter(data)
    return Entry(
        *identity, sha256, *seen, fields.get("title", ""), fields.get("status", ""),
        fields.get("tags", ""), has_stub(data), _REGION in data, b"![" in data,
    )  # fmt: skip


def front_matter(data: bytes) -> Mapping[str, str]:
    """Fields of the front matter, as the reader has them. Raises UnicodeDecodeError where it is not UTF-8."""
    from agent import article

    found = article.front_matter(data)
    return found.fields if found else {}


def look_at(ws: Workspace, paths: Iterable[Path]) -> dict[Path, Entry]:
    """Entries of existing files, through the index, which is brought up to date."""
    index = Index(ws)
    found = {path: entry for path in dict.fromkeys(paths) if (entry := index.look(path)) is not None}
    index.save()
    return found
