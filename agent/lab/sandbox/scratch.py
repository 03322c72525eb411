"""The folder one run may write to: made before it, read without trust after it, removed in any case."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

MAX_FILES = 256
MAX_COLLECTED = 64 << 20
MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Scratch:
    root: Path
    box: Path
    """Working folder of the program."""
    tmp: Path
    """Its /tmp."""
    shm: Path
    """Its /dev/shm."""

    @property
    def writable(self) -> tuple[Path, Path, Path]:
        return self.box, self.tmp, self.shm


@contextmanager
def scratch(files: Mapping[str, bytes], owner: int | None) -> Iterator[Scratch]:
    """A private folder with ``files`` in it, given to uid ``owner`` if one is named."""
    root = Path(tempfile.mkdtemp(prefix="expand-lab-"))
    try:
        place = Scratch(root, root / "box", root / "tmp", root / "shm")
        for folder in place.writable:
            # open to all: the folder above is private, and a root without capabilities must enter too
            folder.mkdir()
            folder.chmod(0o777)
        for name, data in files.items():
            target = place.box / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        if owner is not None:
            _give(place, owner)
        yield place
    finally:
        remove(root)


def _give(place: Scratch, owner: int) -> None:
    for folder in place.writable:
        os.chown(folder, owner, owner)
        for base, folders, names in os.walk(folder):
            for name in (*folders, *names):
                os.chown(os.path.join(base, name), owner, owner, follow_symlinks=False)


def used(place: Scratch, budget: int = 20_000) -> int:
    """Bytes on disk under the writable folders, counting at most ``budget`` entries.

    Entries themselves count for 4 KiB each, so that a million empty files are not free.
    """
    total = 0
    stack = [str(folder) for folder in place.writable]
    while stack and budget > 0:
        try:
            entries = os.scandir(stack.pop())
        except OSError:
            continue
        with entries:
            for entry in entries:
                budget -= 1
                with suppress(OSError):
                    info = entry.stat(follow_symlinks=False)
                    total += max(info.st_blocks * 512, 4096)
                    if stat.S_ISDIR(info.st_mode):
                        stack.append(entry.path)
    return total if budget > 0 else total + (1 << 60)


def collect(box: Path, given: Mapping[str, bytes]) -> dict[str, bytes]:
    """Regular files under ``box`` that the run made or changed.

    Nothing is opened through a link: a program may have put ``out.png -> /etc/shadow`` there, and the reader
    may be root. Folders are entered by file descriptor for the same reason.
    """
    found: dict[str, bytes] = {}
    fd = os.open(box, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _collect(fd, "", found, MAX_DEPTH)
    finally:
        os.close(fd)
    return {name: data for name, data in sorted(found.items()) if given.get(name) != data}


def _collect(folder: int, prefix: str, found: dict[str, bytes], depth: int) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if len(found) >= MAX_FILES:
                return
            name = prefix + entry.name
            if entry.name == "__pycache__" or not _is_text(name):
                continue
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False) and depth > 0:
                    inner = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                    try:
                        _collect(inner, name + "/", found, depth - 1)
                    finally:
                        os.close(inner)
                elif entry.is_file(follow_symlinks=False):
                    room = MAX_COLLECTED - sum(map(len, found.values()))
                    data = _read(entry.name, folder, room)
                    if data is not None:
                        found[name] = data


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _read(name: str, folder: int, room: int) -> bytes | None:
    # O_NONBLOCK: between the listing and this line a pipe could stand in the file's place
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(fd, "rb") as stream:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or info.st_size > room:
            return None
        return stream.read(room)


def remove(root: Path) -> None:
    """Remove the folder, also where the program took away its own rights to it or nested folders deeply."""

    def unlock(_function: object, path: str, _error: object) -> None:
        with suppress(OSError):
            os.chmod(os.path.dirname(path), 0o700, follow_symlinks=False)
        with suppress(OSError):
            os.chmod(path, 0o700, follow_symlinks=False)

    for attempt in (unlock, None):
        with suppress(OSError, RecursionError):
            shutil.rmtree(root, ignore_errors=attempt is None, onerror=attempt)
        if not root.exists():
            return
    # a tree deeper than Python's recursion limit: rm walks without recursion
    import subprocess

    subprocess.run(["rm", "-rf", "--", str(root)], check=False, stderr=subprocess.DEVNULL, timeout=60)
