"""Files written whole or not at all, the event log, and the states folded from it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import Locked, UsageError
from agent.workspace import Event, EventLog, State, derive, hold, remove, slug_of, write_bytes, write_json
from agent.workspace.events import KINDS
from tests.pipeline.desk import FAKE, ROOT, SHORT, Site

DYING = Path(__file__).with_name("dying.py")
FILES = "workspace/files.py"


def die_everywhere(root: Path, action: str, *modules: str) -> list[Path]:
    """Folders of all steps at which the action died. The last step, at which it ended, is left out."""
    done = subprocess.run(
        [sys.executable, str(DYING), str(root), action, *modules],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    steps = [line.split() for line in done.stdout.splitlines()]
    assert [int(code) for _, code in steps] == [-signal.SIGKILL] * (len(steps) - 1) + [0], done.stdout[-500:]
    return [root / step for step, _ in steps[:-1]]


def test_a_file_is_the_old_one_or_the_new_one_at_every_step(tmp_path: Path) -> None:
    (tmp_path / "start" / "sub").mkdir(parents=True)
    path = tmp_path / "start" / "sub" / "a.md"
    path.write_bytes(b"old" * 10)
    path.chmod(0o640)
    folders = die_everywhere(tmp_path, "write", FILES)
    assert len(folders) > 10
    seen = set()
    for folder in folders:
        found = folder / "sub" / "a.md"
        seen.add(found.read_bytes()[:3])
        assert found.read_bytes() in (b"old" * 10, b"new" * 1000)
        assert stat.S_IMODE(found.stat().st_mode) == 0o640
    assert seen == {b"old", b"new"}


def test_an_event_is_there_or_not_at_every_step_and_the_log_goes_on(tmp_path: Path) -> None:
    (tmp_path / "start").mkdir()
    EventLog(tmp_path / "start" / "progress.jsonl").append("picked", "slug", sha256="old")
    counts = set()
    for folder in die_everywhere(tmp_path, "append", FILES, "workspace/events.py"):
        log = EventLog(folder / "progress.jsonl")
        before = log.read()
        counts.add(len(before))
        log.append("drafted", "slug")
        assert [e.kind for e in log.read()] == [*(e.kind for e in before), "drafted"]
    assert counts == {1, 2}


MERGING = ("merge/apply.py", "merge/journal.py", "merge/undo.py", FILES, "workspace/events.py")


@pytest.fixture
def drafted(site: Site, tmp_path: Path) -> Path:
    """A workspace with an accepted draft, in the place `dying.py` starts from."""
    site.article("a.md")
    site.expand("run", "a", "--model", FAKE)
    assert site.expand("accept", "a").code == 0
    (tmp_path / "steps").mkdir()
    return shutil.move(site.root, tmp_path / "steps" / "start")


def test_a_merge_that_dies_at_any_step_can_be_finished_and_undone(drafted: Path, site: Site) -> None:
    root = drafted.parent
    folders = die_everywhere(root, "merge", *MERGING)
    merged = (root / "whole" / "blogs_raw" / "a.md").read_bytes()
    assert len(folders) > 10
    found = set()
    for n, folder in enumerate(folders):
        path = folder / "blogs_raw" / "a.md"
        now = path.read_bytes()
        found.add(now)
        assert now in (SHORT.encode(), merged), folder
        if n % 4 == 0:
            place = Site(folder, site.nursery)
            complete = place.events()[-1]["event"] == "merged"
            done = place.expand("merge", "a")
            assert done.code == (2 if complete else 0), done.err
            assert path.read_bytes() == merged
            assert place.expand("undo", "a").code == 0
            assert path.read_bytes() == SHORT.encode()
    assert found == {SHORT.encode(), merged}


def test_an_undo_that_dies_at_any_step_can_be_finished(drafted: Path, site: Site) -> None:
    place = Site(drafted, site.nursery)
    assert place.expand("merge", "a").code == 0
    merged = (drafted / "blogs_raw" / "a.md").read_bytes()
    folders = die_everywhere(drafted.parent, "undo", *MERGING)
    for n, folder in enumerate(folders):
        path = folder / "blogs_raw" / "a.md"
        assert path.read_bytes() in (SHORT.encode(), merged)
        if n % 4 == 0:
            place = Site(folder, site.nursery)
            complete = place.events()[-1]["event"] == "undone"
            assert place.expand("undo", "a").code == (2 if complete else 0)
            assert path.read_bytes() == SHORT.encode()


def test_a_file_that_cannot_be_written_keeps_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    write_bytes(path, b"old")
    with pytest.raises(UsageError, match="cannot be written"):
        write_bytes(path / "below" / "a file", b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.md"], "no temporary file stays"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_bytes(pipe, b"whole")
        assert os.read(reader, 100) == b"whole"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    with pytest.raises(UsageError, match="cannot be written"):
        write_bytes(tmp_path, b"a folder is no file")


def test_names_near_255_bytes(tmp_path: Path) -> None:
    name = "长" * 84 + ".md"
    assert len(name.encode()) == 255
    write_bytes(tmp_path / name, b"x")
    assert (tmp_path / name).read_bytes() == b"x"
    with hold(tmp_path / ".locks", name):
        pass


def test_json_keeps_chinese_and_remove_is_quiet(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"题": "目"})
    assert "题" in (tmp_path / "a.json").read_text(encoding="utf-8")
    remove(tmp_path / "a.json")
    remove(tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()


def test_a_lock_is_held_once_and_released_by_death(tmp_path: Path) -> None:
    with hold(tmp_path, "a"), pytest.raises(Locked, match="a is being worked on"), hold(tmp_path, "a"):
        pass
    code = "import os, sys\nfrom pathlib import Path\nfrom agent.workspace import hold\nwith hold(Path(sys.argv[1]), 'a'):\n    os.kill(os.getpid(), 9)"
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    with hold(tmp_path, "a"):
        pass


def test_a_torn_last_line_is_passed_over_and_spoils_nothing(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "progress.jsonl", clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    log.append("picked", "甲")
    whole = log.path.read_bytes()
    line = b'{"at": "2026-01-02T03:04:05+00:00", "event": "drafted", "slug": "\xe7\x94\xb2", "a": {"b\\"": {}}, "c": "}"}'
    for cut in range(len(line) + 1):
        log.path.write_bytes(whole + line[:cut])
        kinds = [e.kind for e in log.read()]
        assert kinds == (["picked", "drafted"] if cut == len(line) else ["picked"]), cut
        log.append("failed", "甲")
        assert [e.kind for e in log.read()] == [*kinds, "failed"], cut


def test_a_line_that_is_no_event_is_an_error_with_its_number(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "progress.jsonl")
    log.append("picked", "a")
    log.append("drafted", "a")
    good = log.path.read_bytes().split(b"\n")
    for bad in (b"not json", b"[]", b'{"event": "picked"}', b"\xff\xfe"):
        log.path.write_bytes(b"\n".join([good[0], bad, good[1], b""]))
        with pytest.raises(UsageError, match=r"progress\.jsonl:2: not an event"):
            log.read()


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom agent.workspace import EventLog\n"
        "log = EventLog(Path(sys.argv[1]))\n"
        "for n in range(40): log.append('picked', sys.argv[2], n=n, text='长' * 3000)"
    )
    path = tmp_path / "progress.jsonl"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), who], env=env) for who in "ab"]
    assert [w.wait() for w in writers] == [0, 0]
    events = EventLog(path).read()
    for who in "ab":
        assert [e.data["n"] for e in events if e.slug == who] == list(range(40))
    assert len({json.dumps(e.data) for e in events}) == 40


def test_one_name_has_one_slug_however_it_is_written() -> None:
    assert slug_of(Path("caf\u00e9.md")) == slug_of(Path("cafe\u0301.md"))
    assert slug_of(Path("a/b/名字.v2.md")) == "名字.v2"


events = st.lists(
    st.builds(
        Event,
        st.sampled_from(KINDS),
        st.just("a"),
        st.just("2026-01-01T00:00:00+00:00"),
        st.fixed_dictionaries(
            {
                "sections": st.lists(st.sampled_from(["s.1", "s.2"]), max_size=2),
                "of": st.just(["s.1", "s.2"]),
                "note": st.just("why"),
                "sha256": st.just("0"),
                "section": st.sampled_from(["s.1", "s.2"]),
            }
        ),
    ),
    max_size=12,
)


@given(events)
def test_any_log_gives_a_state_that_holds_together(log: list[Event]) -> None:
    state = derive(log).get("a", State())
    assert state.status in ("pending", "draft", "accepted", "merged", "failed", "by-hand")
    assert set(state.sections.values()) <= {"accepted", "rejected"}
    if state.status == "accepted":
        assert state.sections == {"s.1": "accepted", "s.2": "accepted"}
    if state.status == "failed":
        assert state.error == ""
        assert state.failures >= 1
    assert state.open == (state.status == "pending" or (state.status == "failed" and state.failures < 2))
    rejected = [e for e in log if e.kind == "rejected"]
    if rejected:
        assert all(note == "why" for _, note in state.notes)
        assert state.notes, "what a person said is not forgotten"
    assert derive([*log, Event("picked", "a")])["a"].status == state.status, "picking changes no standing"


def history(*kinds: str | tuple[str, dict[str, object]]) -> State:
    made = [Event(k, "a") if isinstance(k, str) else Event(k[0], "a", "", k[1]) for k in kinds]
    return derive(made).get("a", State())


def test_the_life_of_an_article() -> None:
    both = {"of": ["s.1", "s.2"]}
    assert history().open
    assert history("picked", "drafted").status == "draft"
    assert history("picked", ("failed", {"retry": {"a/x": 3}})).open
    assert dict(history(("failed", {"retry": {"a/x": 3}}), ("failed", {"retry": {"a/y": 2}})).retry) == {
        "a/x": 3,
        "a/y": 2,
    }
    assert not history("failed", "failed").open
    assert history("failed", "failed", "drafted").failures == 0
    assert history("drafted", ("accepted", {"sections": ["s.1"], **both})).status == "draft"
    assert (
        history(
            "drafted",
            ("accepted", {"sections": ["s.1"], **both}),
            ("accepted", {"sections": ["s.2"], **both}),
        ).status
        == "accepted"
    )
    assert (
        history(
            "drafted",
            ("accepted", {"sections": ["s.1", "s.2"], **both}),
            ("rejected", {"sections": ["s.2"], **both, "note": "n"}),
        ).status
        == "draft"
    )
    rejected = history("drafted", ("rejected", {"sections": [], "note": "再想想"}))
    assert (rejected.status, rejected.notes) == ("pending", (("", "再想想"),))
    assert history("drafted", "merged").status == "merged"
    assert history("drafted", "merged", "undone").status == "draft"
    assert history("adopted").status == "by-hand"
