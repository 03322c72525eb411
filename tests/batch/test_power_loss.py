"""Power loss at every moment of a write: what is read afterwards is what was before or what was to be, and what the
program was told is done stays done. See `tests.fakes.disk` for what a disk may do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.errors import UsageError
from agent.pipeline.resources import shared
from agent.pipeline.watch import Watch
from agent.workspace import EventLog, find, remove, write_text
from agent.workspace.files import sync_folder
from tests.fakes.disk import Disk
from tests.llm.helpers import run
from tests.needs import missing

REPO = Path(__file__).parents[2]
OLD, NEW = "旧文\n" * 3, "新的正文，比旧的长\n" * 9


def clock() -> datetime:
    return datetime(2025, 3, 1, tzinfo=UTC)


def crashes(
    tmp_path: Path, root: Path, act: Callable[[], None], read: Callable[[Path], Any]
) -> tuple[list[Any], list[Any]]:
    """What is read after each possible crash: before the program was told that it is done, and after."""
    disk = Disk(root)
    with disk.recording():
        act()
    disk.returned()
    found: tuple[list[Any], list[Any]] = ([], [])
    for number, (told, make) in enumerate(disk.states()):
        place = tmp_path / "crash" / str(number)
        place.parent.mkdir(exist_ok=True)
        make(place)
        found[told].append(read(place))
        shutil.rmtree(place)
    return found


def content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "ws"
    made.mkdir()
    return made


def test_a_file_that_is_replaced_is_the_old_one_or_the_new_one(tmp_path: Path, root: Path) -> None:
    (root / "a.md").write_text(OLD, encoding="utf-8")
    during, after = crashes(
        tmp_path, root, lambda: write_text(root / "a.md", NEW), lambda place: content(place / "a.md")
    )
    assert set(during) == {OLD, NEW}
    assert set(after) == {NEW}


def test_a_file_in_new_folders_is_whole_or_not_there_and_stays(tmp_path: Path, root: Path) -> None:
    during, after = crashes(
        tmp_path,
        root,
        lambda: write_text(root / "outputs" / "a" / "merges" / "1" / "before.md", NEW),
        lambda place: content(place / "outputs" / "a" / "merges" / "1" / "before.md"),
    )
    assert set(during) == {None, NEW}
    assert set(after) == {NEW}


def test_a_file_that_was_removed_stays_away(tmp_path: Path, root: Path) -> None:
    (root / "a.md").write_text(OLD, encoding="utf-8")
    during, after = crashes(
        tmp_path, root, lambda: remove(root / "a.md"), lambda place: content(place / "a.md")
    )
    assert set(during) == {OLD, None}
    assert set(after) == {None}


@pytest.mark.parametrize("earlier", [0, 2])
def test_an_event_is_there_or_not_and_the_log_goes_on(tmp_path: Path, root: Path, earlier: int) -> None:
    """Half an event is passed over, and those that are appended after it are read."""

    def log(place: Path) -> EventLog:
        return EventLog(place / "outputs" / "progress.jsonl", clock)

    for number in range(earlier):
        log(root).append("picked", f"old-{number}", sha256="x" * 64)
    before = tuple(f"old-{n}" for n in range(earlier))

    def read(place: Path) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
        there, cut = tuple(e.slug for e in log(place).read()), log(place).cut_line()
        log(place).append("picked", "next")
        assert log(place).cut_line() == 0
        return there, tuple(e.slug for e in log(place).read()), cut > 0

    def act() -> None:
        log(root).append("drafted", "新", tokens={"prompt": 1})

    during, after = crashes(tmp_path, root, act, read)
    whole = (*before, "新")
    # A line that lacks nothing but its newline is an event, and the next one does not spoil it.
    assert {there for there, _, _ in during} == {before, whole}
    assert all(then == (*there, "next") for there, then, _ in during + after)
    assert {cut for _, _, cut in during} == {True, False}
    assert {there for there, _, _ in after} == {whole}


def test_a_run_says_that_an_event_was_cut_off(root: Path) -> None:
    (root / "config.toml").write_text("[lab]\nenabled = false\n", encoding="utf-8")
    (root / "outputs").mkdir()
    (root / "outputs" / "progress.jsonl").write_text(
        '{"at": "2025-03-01T00:00:00+00:00", "eve', encoding="utf-8"
    )
    said: list[str] = []

    async def main() -> None:
        async with shared(find(root), Watch(line=said.append)):
            pass

    run(main())
    assert [line.rpartition("progress.jsonl")[2] for line in said] == [
        ":1: cut off in the middle (a power loss?); it is passed over"
    ]


def test_without_the_sync_of_its_folder_a_new_file_could_be_lost(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model finds what it is there to find: the same write without this call."""
    assert sync_folder.__module__ == "agent.workspace.files"
    monkeypatch.setattr("agent.workspace.files.sync_folder", lambda folder: None)
    _, after = crashes(
        tmp_path, root, lambda: write_text(root / "a.md", NEW), lambda place: content(place / "a.md")
    )
    assert set(after) == {None, NEW}


def test_without_the_sync_of_the_file_it_could_be_torn(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a.md").write_text(OLD, encoding="utf-8")
    disk = Disk(root)
    with disk.recording():
        monkeypatch.setattr(os, "fsync", lambda handle: None)
        write_text(root / "a.md", "ascii " * 10)
    found = set()
    for number, (_, make) in enumerate(disk.states()):
        make(tmp_path / str(number))
        found.add(content(tmp_path / str(number) / "a.md"))
    assert {"", "ascii " * 5, "ascii " * 10} <= found


def test_a_full_disk_leaves_the_old_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "a.md").write_text(OLD, encoding="utf-8")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        write_text(root / "a.md", NEW)
    assert {p.name: content(p) for p in root.iterdir()} == {"a.md": OLD}


STORE = """
import sys
from pathlib import Path
from agent.llm import Ledger
from agent.records import Call, Message, Reply
with Ledger(Path(sys.argv[1])) as ledger:
    for n in range(2):
        ledger.put(Call(f"a/{n}", "m", (Message("user", str(n)),)), Reply("好。" * 3000), seconds=1)
        print("stored", flush=True)
"""
TRACED = "write,pwrite64,pwritev,ftruncate,fsync,fdatasync,rename,unlink"


def test_a_reply_is_on_the_disk_before_anybody_is_told(tmp_path: Path) -> None:
    """The ledger's own calls of the system: SQLite writes, syncs, and only then is the program told. That SQLite reads a
    log back that was cut off anywhere is what its makers test."""
    if shutil.which("strace") is None:
        missing("strace", "strace is not installed")
    log, place = tmp_path / "trace", tmp_path / "ws" / "outputs" / "ledger.db"
    (tmp_path / "ws").mkdir()
    traced = ["strace", "-f", "-y", "-s", "16", "-o", str(log), "-e", f"trace={TRACED}"]
    done = subprocess.run(
        [*traced, sys.executable, "-c", STORE, str(place)], cwd=REPO, capture_output=True, text=True
    )
    if "stored" not in done.stdout:
        pytest.skip(f"strace cannot run here: {done.stderr.strip()[-200:]}")
    unsynced: set[str] = set()
    synced: set[str] = set()
    told = 0
    for call, file, rest in CALL.findall(log.read_text(encoding="utf-8", errors="replace")):
        if call in ("fsync", "fdatasync"):
            unsynced.discard(file)
            synced.add(file)
        elif file.startswith(str(place)) and not file.endswith("-shm"):
            unsynced.add(file)
        elif call == "write" and "stored" in rest:
            told += 1
            assert unsynced == set()
            assert {f"{place}-wal", str(place.parent), str(place.parent.parent)} <= synced
            synced.discard(f"{place}-wal")
    assert told == 2


CALL = re.compile(r"^\d+ +(\w+)\(\d+<([^>]*)>(.*)$", re.M)
