"""The git history of a workspace, read through the ``git`` program.

Nothing here changes a repository but `commit`. A repository is somebody's data, so what its configuration
could start (hooks, pagers, external diffs, a file-system monitor) is switched off, and the environment holds
nothing that could point git at another repository.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from agent.errors import UsageError

SAID = 20
"""Lines of what git said that are passed on."""
_SAFE = (
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "log.showSignature=false",
    "-c", "diff.external=",
    "-c", "core.quotePath=false",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Version:
    """A file as one commit left it."""

    commit: str
    at: str
    """Committer date, ISO 8601."""
    path: str
    """The file's path at that time, relative to the folder `histories` was asked from."""
    blob: str
    """Object ID of the content."""


def tracked(root: Path) -> bool:
    """True when git is installed and ``root`` lies in a work tree with at least one commit."""
    try:
        return bool(_run(root, "rev-parse", "--verify", "--quiet", "HEAD"))
    except (UsageError, FileNotFoundError):
        return False


def histories(root: Path, folder: str = ".") -> dict[str, tuple[Version, ...]]:
    """Every version of every file below ``folder``, oldest first, by the path it has in HEAD's history.

    Follows renames inside ``folder`` and the commits of merged branches, for an expansion often grew on one.
    Deletions are passed over. Raises UsageError when git fails, as it does in a repository of another user.
    """
    raw = _run(
        root, "log", "--topo-order", "--root", "--raw", "-z", "-M", "--no-abbrev",
        "--no-ext-diff", "--no-textconv", "--relative", "--format=%x01%H %cI", "--", folder,
    )  # fmt: skip
    names: dict[str, str] = {}
    found: dict[str, list[Version]] = {}
    for commit, at, status, blob, paths in _entries(raw.decode("utf-8", "surrogateescape")):
        path = paths[-1]
        name = names.get(path, path)
        if status.startswith("R"):
            # Newest first: what follows about the old path is the earlier life of this file.
            names[paths[0]] = name
        if not status.startswith("D"):
            found.setdefault(name, []).append(Version(commit, at, path, blob))
        if status.startswith("A"):
            names.pop(path, None)
    return {name: tuple(reversed(versions)) for name, versions in found.items()}


def _entries(text: str) -> Iterator[tuple[str, str, str, str, list[str]]]:
    """(commit, date, status, blob, paths) of ``git log --raw -z``."""
    tokens = iter(text.split("\0"))
    commit = at = ""
    for token in tokens:
        token = token.lstrip("\n")
        if token.startswith("\x01"):
            commit, _, at = token[1:].strip().partition(" ")
        elif token.startswith(":"):
            _, mode, _, blob, status = token.split(" ")
            paths = [next(tokens) for _ in range(2 if status[0] in "RC" else 1)]
            # Links and submodules (modes 120000 and 160000) hold no article.
            if mode.startswith("100") or status == "D":
                yield commit, at, status, blob, paths


def contents(root: Path, blobs: Iterable[str]) -> dict[str, bytes]:
    """The bytes of many objects in one call of git."""
    wanted = sorted(set(blobs))
    if not wanted:
        return {}
    raw = _run(root, "cat-file", "--batch", stdin="".join(f"{b}\n" for b in wanted).encode())
    found: dict[str, bytes] = {}
    at = 0
    for blob in wanted:
        end = raw.index(b"\n", at)
        header = raw[at:end].split(b" ")
        if header[-1] == b"missing":
            # A shallow or partial clone does not hold it; the caller then knows no earlier version.
            at = end + 1
            continue
        size = int(header[2])
        found[blob] = raw[end + 1 : end + 1 + size]
        at = end + 1 + size + 1
    return found


def read(root: Path, blob: str) -> bytes:
    return contents(root, [blob])[blob]


@contextmanager
def objects(root: Path) -> Iterator[Callable[[str], bytes | None]]:
    """Give a function that reads one object after another from one process of git, for more of them than memory holds;
    None for what a shallow or partial clone lacks."""
    with subprocess.Popen(
        ["git", *_SAFE, "cat-file", "--batch"], cwd=root, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:  # fmt: skip
        asked, said = process.stdin, process.stdout
        assert asked is not None
        assert said is not None

        def read(blob: str) -> bytes | None:
            asked.write(f"{blob}\n".encode())
            asked.flush()
            header = said.readline().split()
            if len(header) != 3:
                return None
            return said.read(int(header[2]) + 1)[:-1]

        yield read
        asked.close()


def differing(root: Path, folder: str = ".") -> set[str]:
    """Files below ``folder`` that may differ from HEAD, by their path below ``root``: those that git's own index cannot
    vouch for."""
    raw = _run(root, "diff-index", "--name-only", "--relative", "-z", "HEAD", "--", folder)
    return set(raw.decode("utf-8", "surrogateescape").split("\0")) - {""}


def commit(root: Path, paths: Iterable[Path], message: str) -> str:
    """Commit exactly ``paths`` (new ones included), whatever else is staged. Returns the commit's ID.

    The person's own hooks and signing apply: it is his history. Raises UsageError when git refuses.
    """
    names = [os.path.relpath(p, root) for p in paths]
    try:
        _run(root, "add", "--", *names, own=True)
        _run(root, "commit", "--quiet", "-m", message, "--only", "--", *names, own=True)
    except UsageError:
        # What was staged for a commit that is none would go into the next one.
        with suppress(UsageError):
            _run(root, "reset", "--quiet", "--", *names, own=True)
        raise
    return _run(root, "rev-parse", "HEAD").decode().strip()


def branch(root: Path) -> str:
    """Name of the branch the work tree is on; empty where it is on none."""
    return _run(root, "branch", "--show-current").decode().strip()


def switch_new(root: Path, name: str) -> None:
    """Make a branch from HEAD and go there, changes in the work tree and all. Raises UsageError where it exists."""
    _run(root, "switch", "--quiet", "--create", name, own=True)


def unignored(root: Path, paths: Iterable[Path]) -> list[Path]:
    """Those of ``paths`` that git may be told of."""
    # Behind a dot and a slash no name is read as a pattern: check-ignore knows no literal ones.
    names = {f"./{os.path.relpath(p, root)}": p for p in paths}
    asked = "".join(f"{n}\0" for n in names).encode("utf-8", "surrogateescape")
    found = _run(root, "check-ignore", "-z", "--stdin", stdin=asked, literal=False, fine=(0, 1))
    ignored = set(found.decode("utf-8", "surrogateescape").split("\0"))
    return [path for name, path in names.items() if name not in ignored]


def changed(root: Path, paths: Iterable[Path]) -> bool:
    """Whether any of ``paths`` differs from HEAD."""
    names = [os.path.relpath(p, root) for p in paths]
    return bool(_run(root, "status", "--porcelain", "--untracked-files=all", "-z", "--", *names))


def _run(
    root: Path,
    *arguments: str,
    stdin: bytes = b"",
    own: bool = False,
    literal: bool = True,
    fine: tuple[int, ...] = (0,),
) -> bytes:
    """Output of git. ``own``: with the person's hooks and settings; ``fine``: exit codes that are no failure."""
    options = ("--no-pager", *(() if own else _SAFE), *(("--literal-pathspecs",) if literal else ()))
    try:
        done = subprocess.run(
            ["git", *options, *arguments], cwd=root, input=stdin, capture_output=True, env=_environment()
        )
    except FileNotFoundError:
        raise UsageError("git is not installed", hint="install git, or leave out what needs it") from None
    if done.returncode not in fine:
        said = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
        first, *more = said.splitlines()
        hint = "the folder must be in a git repository with a commit, and be owned by you"
        raise UsageError(f"git {arguments[0]} failed in {root}: {first}", hint="\n".join(more[:SAID]) or hint)
    return done.stdout


def _environment(source: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without what redirects git (GIT_DIR and its like), in a fixed language."""
    own = dict(os.environ if source is None else source)
    kept = {
        k: v
        for k, v in own.items()
        if not k.startswith("GIT_") or k.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))
    }
    return {**kept, "LC_ALL": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
