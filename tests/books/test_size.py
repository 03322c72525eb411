"""Thousands of articles: how often their files are opened, and that nothing is overlooked for it. No times."""

from __future__ import annotations

import dataclasses
import io
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from agent.books.adopt import adopt
from agent.books.index import Entry, Index, look_at
from agent.books.originals import original
from agent.books.status import status
from agent.llm import Ledger
from agent.pipeline.experience import RECENT
from agent.report.progress import _days
from agent.report.screens import screen
from agent.report.show import as_data
from agent.workspace import Event, Workspace, derive, find
from benchmarks import library, size
from tests.books.conftest import commit_all, expanded
from tests.books.conftest import git as run_git
from tests.books.conftest import original as written

ARTICLES = (60, 120)


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Workspaces of the benchmark's kind, by the number of their articles."""
    roots = {n: tmp_path_factory.mktemp(f"of{n}") for n in ARTICLES}
    for number, root in roots.items():
        library.make(root, number)
    return roots


def aged(ws: Workspace) -> None:
    """An index made an hour later: no entry of it is too young to be believed."""
    index = Index(ws, clock=lambda: time.time_ns() + 3600 * 10**9)
    for path in [*ws.slugs().values(), *ws.outputs.glob("*/draft.md")]:
        index.look(path)
    index.save()


def test_a_cold_status_opens_every_file_once_and_a_warm_one_none(shelves: dict[int, Path]) -> None:
    for number, root in shelves.items():
        ws = find(root)
        (ws.outputs / "index.json").unlink(missing_ok=True)
        drafts = len(list(ws.outputs.glob("*/draft.md")))
        times, again = size.opened(("status",), root)
        others = 5  # settings, plan, log, index, and the folder it is written to
        assert number + drafts <= times <= number + drafts + others
        assert again == 0
    warm = set()
    for root in shelves.values():
        aged(find(root))
        warm.add(size.opened(("status",), root))
    assert len(warm) == 1, "what a warm run opens does not grow with the articles"


@pytest.mark.parametrize("argv", [("plan", "propose", "--json"), ("next", "--dry-run")])
def test_what_else_is_opened_does_not_grow_with_the_articles(
    shelves: dict[int, Path], argv: tuple[str, ...]
) -> None:
    counts = []
    for root in shelves.values():
        aged(find(root))
        counts.append(size.opened(argv, root)[0])
    learnt_from = RECENT if "--dry-run" in argv else 0
    assert counts[0] == counts[1] <= 9 + learnt_from


def test_an_audit_opens_only_the_articles_that_are_spoken_of(shelves: dict[int, Path]) -> None:
    root = shelves[120]
    (root / "TODO.md").write_text("# 待办\n", encoding="utf-8")
    aged(find(root))
    expanded_ones = sum(a.status in ("merged", "by-hand") for a in status(find(root)).articles())
    assert size.opened(("audit",), root)[0] <= expanded_ones + 8


# The index


@pytest.fixture
def ws(workspace: Workspace) -> Workspace:
    for name in "abc":
        (workspace.articles / f"{name}.md").write_text(written(name, 40), encoding="utf-8")
    return workspace


def stored(ws: Workspace) -> set[str]:
    return set(Index(ws)._known)


def test_who_asks_for_one_file_leaves_the_others_in_the_index(ws: Workspace) -> None:
    aged(ws)
    (ws.articles / "a.md").write_text(written("new", 42), encoding="utf-8")
    index = Index(ws, clock=lambda: time.time_ns() + 3600 * 10**9)
    index.look(ws.articles / "a.md")
    index.save()
    assert stored(ws) == {"blogs_raw/a.md", "blogs_raw/b.md", "blogs_raw/c.md"}
    (ws.articles / "b.md").unlink()
    (ws.articles / "c.md").unlink()
    index = Index(ws, clock=lambda: time.time_ns() + 3600 * 10**9)
    assert index.look(ws.articles / "c.md") is None
    index.save()
    assert stored(ws) == {"blogs_raw/a.md"}


def test_a_file_put_in_anothers_place_is_seen(ws: Workspace) -> None:
    """Same size, same time of change: another file none the less."""
    path, other = ws.articles / "a.md", ws.articles / "other"
    stamp = (1_700_000_000_123_456_789,) * 2
    os.utime(path, ns=stamp)
    aged(ws)
    other.write_bytes(path.read_bytes().replace(b"title: a", b"title: z"))
    os.utime(other, ns=stamp)
    os.replace(other, path)
    assert look_at(ws, [path])[path].title == "z"
    # A file system may not stamp a rename, and then the inode alone tells.
    entry = Index(ws)._known["blogs_raw/b.md"]
    index = Index(ws)
    index._known["blogs_raw/b.md"] = entry._replace(inode=entry.inode + 1, title="stale")
    assert index.look(ws.articles / "b.md") == entry


def test_a_write_in_the_same_tick_is_seen(ws: Workspace) -> None:
    """The second write leaves size and times as the first did: what was read in between is not believed."""
    path = ws.articles / "a.md"
    index = Index(ws, clock=lambda: path.stat().st_mtime_ns)
    first = index.look(path)
    index.save()
    assert first is not None
    seen = path.stat()
    path.write_bytes(path.read_bytes().replace(b"title: a", b"title: z"))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert path.stat().st_size == seen.st_size
    assert look_at(ws, [path])[path].title == "z"


def test_a_file_that_is_no_utf8_is_not_read_each_time(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ws.articles / "a.md"
    path.write_bytes(b"\xff")
    aged(ws)
    monkeypatch.setattr(Path, "read_bytes", forbidden(Path.read_bytes, path))
    assert "UTF-8" in look_at(ws, [path])[path].error


def forbidden(real, path: Path):  # type: ignore[no-untyped-def]
    def read_bytes(self: Path) -> bytes:
        assert self != path, "read again"
        return real(self)  # type: ignore[no-any-return]

    return read_bytes


@pytest.mark.parametrize("cut", [1, 40, 300])
def test_an_index_that_is_cut_off_is_made_anew(ws: Workspace, cut: int) -> None:
    aged(ws)
    expected = status(ws)
    path = ws.outputs / "index.json"
    path.write_bytes(path.read_bytes()[:-cut])
    assert stored(ws) == set()
    assert status(ws) == expected


@given(st.dictionaries(st.text(), st.text()))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, titles: dict[str, str]
) -> None:
    from agent.books.index import _dump, _load

    path = tmp_path_factory.mktemp("index") / "index.json"
    entries = {name: Entry(1, 2, 3, 4, title=title) for name, title in titles.items()}
    path.write_bytes(_dump(entries))
    assert _load(path) == entries


# Where articles lie


def test_articles_are_those_that_a_glob_finds(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = workspace.articles
    for name in ("b.md", "a.md", "x/c.md", "x/y/d.md", ".hidden.md", "x.mdx", "e.MD", "z.md.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x\n", encoding="utf-8")
    outside = tmp_path_factory.mktemp("outside")
    (outside / "far.md").write_text("x\n", encoding="utf-8")
    os.symlink(outside, folder / "link")
    os.symlink(folder / "a.md", folder / "twin.md")
    assert list(workspace.slugs().values()) == sorted(folder.rglob("*.md"))


# Screens and JSON


def test_records_as_data_are_those_of_dataclasses(shelves: dict[int, Path]) -> None:
    whole = status(find(shelves[60]))
    assert as_data(whole) == dataclasses.asdict(whole)


def shown(view: str, data: object, *, terminal: bool) -> str:
    console = Console(
        file=io.StringIO(), force_terminal=terminal, width=200, highlight=False, color_system=None
    )
    screen(view, data, console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_pipe_gets_every_article_and_a_terminal_what_is_under_way(shelves: dict[int, Path]) -> None:
    data = status(find(shelves[120]))
    piped = shown("status", data, terminal=False)
    assert sorted(piped.split()) == sorted(shown("status", data, terminal=True).split())
    articles = [a for b in data.batches for s in b.subs for a in s.articles]
    assert all(sum(a.slug in line for line in piped.splitlines()) == 1 for a in articles), "a line each"
    assert all(a.title in piped for a in articles)
    data = replace(data, counts=replace(data.counts, total=10_000))
    folded = shown("status", data, terminal=True)
    assert shown("status", data, terminal=False).count("\n") == piped.count("\n")
    for sub in (s for b in data.batches for s in b.subs):
        waiting = sub.counts.pending == sub.counts.total
        assert sub.id in folded
        assert (sub.articles[0].title in folded) is not waiting


# The event log, the history and the ledger

KINDS = st.sampled_from(
    ["picked", "drafted", "failed", "accepted", "rejected", "merged", "undone", "adopted"]
)
DAYS = st.sampled_from(["", "2026-01-01", "2026-01-02", "2026-01-03", "2026-02-01"])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.builds(Event, KINDS, st.sampled_from("abc"), DAYS), max_size=30))
def test_the_states_of_each_day_are_those_of_all_events_until_then(events: list[Event]) -> None:
    """Whatever the order of the log: a clock may have been set back."""
    for day, states in _days(events):
        assert dict(states) == derive(e for e in events if e.at[:10] <= day)


def test_an_expansion_that_is_not_committed_yet_has_its_original(ws: Workspace) -> None:
    run_git(ws.root, "init", "-q")
    commit_all(ws.root, "one")
    assert adopt(ws, write=False).rows == ()
    path = ws.articles / "a.md"
    path.write_text(expanded("a", 300), encoding="utf-8")
    found = original(path)
    assert found is not None
    assert found.reason == "stub"
    assert [r.slug for r in adopt(ws, write=False).rows] == ["a"]


def test_what_was_paid_is_what_the_rows_say(shelves: dict[int, Path]) -> None:
    with Ledger(shelves[60] / "outputs" / "ledger.db") as ledger:
        rows, paid = ledger.rows(), ledger.paid()
        some = paid[0].name.partition("/")[0] + "/"
        assert ledger.paid(some) == [p for p in paid if p.name.startswith(some)]
    assert len(rows) > library.CALLS
    assert [(r.name, r.model, r.reply.usage, r.seconds, r.status, r.at) for r in rows] == [
        tuple(p) for p in paid
    ]


def test_a_row_stays_a_row_and_moves_no_cursor(shelves: dict[int, Path]) -> None:
    data = status(find(shelves[60]))
    rows = shown("status", data, terminal=False).count("\n")
    odd = replace(data.batches[0].subs[0].articles[0], error="one\ntwo\x1b[2J")
    sub = replace(data.batches[0].subs[0], articles=(odd, *data.batches[0].subs[0].articles[1:]))
    batch = replace(data.batches[0], subs=(sub, *data.batches[0].subs[1:]))
    text = shown("status", replace(data, batches=(batch, *data.batches[1:])), terminal=False)
    assert text.count("\n") == rows
    assert "one two\ufffd[2J" in text
