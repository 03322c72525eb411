"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from agent.errors import UsageError


def write_bytes(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``: temporary file beside it, fsync, rename, fsync of the folder.

    A crash at any point leaves the old file or the new one. The mode of an existing file is kept. A device or a pipe is
    written to, not replaced. Raises UsageError when the folder cannot be written or the disk is full; the old file is
    then untouched.
    """
    # Most commands only read, and it takes as long to import as all of this package.
    import tempfile

    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            # A rename would take the place of /dev/null, or of /dev/stdout.
            path.write_bytes(data)
            return
        make_folder(path.parent)
        # A short fixed prefix: names near 255 bytes leave no room for one made from the target's name.
        handle, temporary = tempfile.mkstemp(prefix=".expand-", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, path.stat().st_mode & 0o7777 if path.exists() else 0o644)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written ({error.strerror})",
            hint="check the free space and your permission to write there; nothing was changed",
        ) from error


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=False) + "\n")


def remove(path: Path) -> None:
    """Delete a file if it is there; it does not come back after a power loss."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def append_line(path: Path, line: str) -> None:
    """Append one line and fsync. A torn last line, left by a power loss, is ended first so that it spoils
    only itself."""
    try:
        make_folder(path.parent)
        with open(path, "ab+") as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                torn = file.read(1) != b"\n"
            else:
                torn = False
            file.write((b"\n" if torn else b"") + line.encode("utf-8") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if not end:
            sync_folder(path.parent)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written ({error.strerror})",
            hint="check the free space and your permission to write there",
        ) from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, each of which survives a power loss: what is synced in a
    folder is lost with the folder."""
    missing = []
    above = folder
    while not above.is_dir() and above != above.parent:
        missing.append(above)
        above = above.parent
    folder.mkdir(parents=True, exist_ok=True)
    for made in reversed(missing):
        sync_folder(made.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power loss, where the system allows a folder to be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
