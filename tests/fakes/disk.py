"""What may be left of files after a power loss: a model of a disk, and a recorder of what a program does to one.

After Pillai et al., "All File Systems Are Not Created Equal: On the Complexity of Crafting Crash-Consistent
Applications", OSDI 2014 (ALICE): system calls are recorded, and every state is made in which a crash may leave the
disk. The file system promises only what POSIX does: data is there for sure once its file was synced, a name once its
folder was; until then data of a file may be there in any selection, the last piece of it cut in two, and the changes
of a folder in the order they were made.
"""

from __future__ import annotations

import builtins
import io
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = 0


@dataclass(frozen=True)
class Data:
    """Bytes that were written to a file."""

    node: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Name:
    """A change of a folder: ``name`` leads to ``node`` (None: to nothing), and ``gone`` no longer exists."""

    folder: int
    name: str
    node: int | None
    gone: str = ""


@dataclass(frozen=True)
class Sync:
    """All that was done to a file or a folder before is on the disk."""

    node: int


@dataclass(frozen=True)
class Returned:
    """The program was told that what it asked for is done."""


@dataclass
class Disk:
    """Records what is done below ``root``. What is there at first is on the disk."""

    root: Path
    ops: list[Data | Name | Sync | Returned] = field(default_factory=list)
    _nodes: dict[Path, int] = field(default_factory=dict)
    _folders: set[int] = field(default_factory=lambda: {ROOT})
    _open: dict[int, Path] = field(default_factory=dict)
    """Descriptor → path."""

    def __post_init__(self) -> None:
        self._nodes[self.root] = ROOT
        for path in sorted(self.root.rglob("*")):
            self._born(path, folder=path.is_dir())
            if path.is_file():
                self.ops.append(Data(self._nodes[path], 0, path.read_bytes()))
        self.ops += [Sync(node) for node in self._nodes.values()]
        self._first = len(self.ops)

    def returned(self) -> None:
        self.ops.append(Returned())

    def states(self) -> Iterator[tuple[bool, Callable[[Path], None]]]:
        """Every crash: whether the program had been told that it is done, and what makes the state in a folder."""
        for length in range(self._first, len(self.ops) + 1):
            done = self.ops[:length]
            told = Returned() in done
            for kept in _kept(done):
                yield told, lambda folder, kept=kept: self._make(kept, folder)  # type: ignore[misc]

    def _make(self, kept: tuple[Data | Name, ...], folder: Path) -> None:
        content: dict[int, bytearray] = {}
        names: dict[int, dict[str, int]] = {}
        for op in kept:
            if isinstance(op, Data):
                file = content.setdefault(op.node, bytearray())
                file.extend(bytes(max(0, op.offset + len(op.data) - len(file))))
                file[op.offset : op.offset + len(op.data)] = op.data
            else:
                entries = names.setdefault(op.folder, {})
                entries.pop(op.gone, None)
                entries.pop(op.name, None)
                if op.node is not None:
                    entries[op.name] = op.node

        def make(node: int, path: Path) -> None:
            if node not in self._folders:
                path.write_bytes(bytes(content.get(node, b"")))
                return
            path.mkdir(exist_ok=True)
            for name, inner in names.get(node, {}).items():
                make(inner, path / name)

        make(ROOT, folder)

    def _born(self, path: Path, *, folder: bool) -> None:
        node = self._nodes[path] = len(self._nodes) + 1
        if folder:
            self._folders.add(node)
        self.ops.append(Name(self._nodes[path.parent], path.name, node))

    @contextmanager
    def recording(self) -> Iterator[None]:
        real = {name: getattr(os, name) for name in ("open", "close", "fsync", "replace", "mkdir", "unlink")}
        fdopen, opened = os.fdopen, builtins.open

        def mine(path: Any) -> bool:
            return not isinstance(path, int) and Path(path).is_relative_to(self.root)

        def os_open(path: Any, flags: int, *rest: Any, **more: Any) -> int:
            fresh = mine(path) and bool(flags & os.O_CREAT) and not Path(path).exists()
            handle: int = real["open"](path, flags, *rest, **more)
            if fresh:
                self._born(Path(path), folder=False)
            if mine(path):
                self._open[handle] = Path(path)
            return handle

        def os_close(handle: int) -> None:
            self._open.pop(handle, None)
            real["close"](handle)

        def fsync(handle: int) -> None:
            real["fsync"](handle)
            if handle in self._open:
                self.ops.append(Sync(self._nodes[self._open[handle]]))

        def replace(source: Any, target: Any) -> None:
            real["replace"](source, target)
            if mine(target):
                old, new = Path(source), Path(target)
                node = self._nodes[new] = self._nodes.pop(old)
                self.ops.append(Name(self._nodes[new.parent], new.name, node, gone=old.name))

        def mkdir(path: Any, *rest: Any, **more: Any) -> None:
            real["mkdir"](path, *rest, **more)
            if mine(path):
                self._born(Path(path), folder=True)

        def unlink(path: Any, **more: Any) -> None:
            real["unlink"](path, **more)
            if mine(path):
                old = Path(path)
                self.ops.append(Name(self._nodes[old.parent], old.name, None))
                del self._nodes[old]

        def watched(file: Any, path: Path) -> Any:
            return _Watched(self, file, path)

        def os_fdopen(handle: int, *rest: Any, **more: Any) -> Any:
            file = fdopen(handle, *rest, **more)
            return watched(file, self._open[handle]) if handle in self._open else file

        def plain_open(path: Any, mode: str = "r", *rest: Any, **more: Any) -> Any:
            fresh = mine(path) and not Path(path).exists()
            file = opened(path, mode, *rest, **more)
            if not mine(path) or mode in ("r", "rb"):
                return file
            if fresh:
                self._born(Path(path), folder=False)
            self._open[file.fileno()] = Path(path)
            return watched(file, Path(path))

        fakes = {"open": os_open, "close": os_close, "fsync": fsync, "replace": replace}
        with (
            patch.multiple(os, **fakes, mkdir=mkdir, unlink=unlink, fdopen=os_fdopen),
            patch.object(builtins, "open", plain_open),
        ):
            yield


class _Watched(io.RawIOBase):
    """A file whose writes are recorded when they reach the system: at a flush or at its end."""

    def __init__(self, disk: Disk, file: Any, path: Path) -> None:
        super().__init__()
        self._disk, self._file, self._path = disk, file, path
        self._waiting: list[bytes] = []

    def write(self, data: Any) -> int:
        self._waiting.append(bytes(data))
        return int(self._file.write(data))

    def flush(self) -> None:
        if self._file.closed:
            return
        before = os.fstat(self._file.fileno()).st_size
        self._file.flush()
        for data in self._waiting:
            self._disk.ops.append(Data(self._disk._nodes[self._path], before, data))
            before += len(data)
        self._waiting.clear()

    def close(self) -> None:
        if not self.closed:
            self.flush()
            if not self._file.closed:
                self._disk._open.pop(self._file.fileno(), None)
            self._file.close()
        super().close()

    def fileno(self) -> int:
        return int(self._file.fileno())

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def read(self, size: int = -1) -> bytes:
        return bytes(self._file.read(size))


def _kept(done: list[Data | Name | Sync | Returned]) -> Iterator[tuple[Data | Name, ...]]:
    """What may be on the disk of what was done."""
    durable: set[int] = set()
    for number, op in enumerate(done):
        if isinstance(op, Sync):
            durable |= {n for n in range(number) if _place(done[n]) == op.node}
    open_data: dict[int, list[int]] = {}
    open_names: dict[int, list[int]] = {}
    for number, op in enumerate(done):
        if isinstance(op, (Data, Name)) and number not in durable:
            (open_data if isinstance(op, Data) else open_names).setdefault(_place(op), []).append(number)
    selections = [
        [
            chosen
            for size in range(len(numbers) + 1)
            for subset in itertools.combinations(numbers, size)
            for chosen in ((subset, 0), (subset, subset[-1] if subset else 0))
        ]
        for numbers in open_data.values()
    ]
    prefixes = [[numbers[:n] for n in range(len(numbers) + 1)] for numbers in open_names.values()]
    for data in itertools.product(*selections):
        torn = {cut for _, cut in data if cut}
        chosen = {n for subset, _ in data for n in subset}
        for names in itertools.product(*prefixes):
            there = durable | chosen | {n for part in names for n in part}
            yield tuple(_cut(op, n in torn) for n, op in enumerate(done) if n in there)  # type: ignore[misc]


def _place(op: Data | Name | Sync | Returned) -> int | None:
    if isinstance(op, Data):
        return op.node
    return op.folder if isinstance(op, Name) else None


def _cut(op: Any, torn: bool) -> Any:
    return Data(op.node, op.offset, op.data[: len(op.data) // 2]) if torn else op
