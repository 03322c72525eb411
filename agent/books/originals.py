"""What an article was before somebody expanded it, found in the git history."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.article import has_stub
from agent.errors import UsageError
from agent.workspace import git

GROWTH = 1.5
"""A version grew when it has at least this many times the lines of the one before …"""
GROWTH_LINES = 50
"""… and at least this many lines more: a re-wrapped paragraph or a new link is no expansion."""


@dataclass(frozen=True, slots=True)
class Original:
    data: bytes
    commit: str
    at: str
    """Committer date."""
    path: str
    """The file's path in that commit, relative to the folder asked for."""
    reason: str
    """stub: the last version that holds the stub; growth: the one before it grew."""


def grew(before: int, after: int) -> bool:
    """True when a text of ``before`` lines was expanded into one of ``after`` lines."""
    return after >= GROWTH * before and after - before >= GROWTH_LINES


def originals(root: Path, folder: str, files: Mapping[str, Path]) -> dict[str, Original]:
    """The original of each of ``files`` (by its path relative to ``root``) that was expanded.

    A file that is not in the history, or never grew and never lost its stub, has no original of its own: it
    is its own original, and is left out. Raises UsageError when git fails, OSError for a file that cannot be read.
    """
    names = {_name(path): path for path in files}
    found: dict[str, Original] = {}
    for path, held in earlier(root, folder, names):
        name = names[path]
        chosen = choose([data for _, data in held], files[name].read_bytes())
        if chosen is not None:
            index, reason = chosen
            version, data = held[index]
            found[name] = Original(data, version.commit, version.at, version.path, reason)
    return found


def earlier(
    root: Path, folder: str, names: Container[str], *, always: Container[str] = ()
) -> Iterator[tuple[str, list[tuple[git.Version, bytes]]]]:
    """(path, versions with their bytes, oldest first) of those ``names`` (paths below ``root``, composed) whose history
    holds another text than their file, and of those in ``always``.

    One file at a time: a history is larger than the articles, and may be larger than memory. Raises UsageError when
    git fails.
    """
    histories = git.histories(root, folder)
    differing = {_name(path) for path in git.differing(root, folder)}
    with git.objects(root) as read:
        for path, versions in histories.items():
            name = _name(path)
            same = len({v.blob for v in versions}) == 1 and name not in differing
            if name in names and (not same or name in always):
                yield name, [(v, data) for v in versions if (data := read(v.blob)) is not None]


def original(path: Path) -> Original | None:
    """The original of one file, None where history knows of none.

    Raises UsageError when the file cannot be read or does not lie in a git repository.
    """
    try:
        path.stat()
        return originals(path.parent, ".", {path.name: path}).get(path.name)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint="name a file that exists") from None


def choose(versions: list[bytes], present: bytes) -> tuple[int, str] | None:
    """Which of the earlier ``versions`` (oldest first) is the original of ``present``, and why it is."""
    if not has_stub(present):
        stubs = [i for i, data in enumerate(versions) if has_stub(data)]
        if stubs:
            return stubs[-1], "stub"
    sizes = [data.count(b"\n") for data in (*versions, present)]
    jumps = [i for i in range(len(versions)) if grew(sizes[i], sizes[i + 1])]
    # Of several, the first: what came later grew from a text that was an expansion already.
    return (jumps[0], "growth") if jumps else None


def _name(path: str) -> str:
    # A checkout on another system may spell the same name in the decomposed form.
    return unicodedata.normalize("NFC", path)
