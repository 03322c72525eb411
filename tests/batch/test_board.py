"""What is shown of a run: the board adds up, the table fits, the stream can be read."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from agent.books.status import BatchStatus, Counts, Status, SubBatchStatus
from agent.config import Config, LabConfig
from agent.llm import CallEvent
from agent.pipeline.estimate import calls_of_parts
from agent.pipeline.job import Progress
from agent.records import Usage
from agent.report.board import Board
from agent.report.live import PlainLines, draw, noted, running, span, summary, watching
from agent.report.stream import Stream
from agent.report.watching import line, watch_status


class Ticking:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def call(kind: Any, name: str, **fields: Any) -> CallEvent:
    return CallEvent(kind, name, model="openai:m", **fields)


def busy(articles: int, active: int) -> tuple[Board, Ticking]:
    clock = Ticking()
    board = Board(lambda identity, usage: usage.completion / 1000, clock)
    board.progress(Progress("batch", "", total=articles))
    for n in range(active):
        slug = f"文章-{n:03d}"
        board.progress(Progress("begin", slug, f"第 {n} 篇\x1b[31m很长的标题" * 3, total=90))
        board.progress(Progress("part", slug, "写作", 3, 12))
        board.call(call("sent", f"{slug}/theory.1/write"))
    return board, clock


def test_the_board_adds_up() -> None:
    board, clock = busy(10, 2)
    clock.now = 10.0
    board.call(call("tokens", "文章-000/theory.1/write", tokens=40))
    board.call(call("stored", "文章-000/theory.1/write", usage=Usage(1000, 800, 50), seconds=9))
    board.call(call("rejected", "文章-001/theory.1/write", usage=Usage(1000, 0, 50), seconds=9))
    board.call(call("reused", "文章-001/reading"))
    totals = board.totals()
    assert (totals.articles, totals.active, totals.in_flight) == (10, 2, 0)
    assert (totals.calls, totals.rejected, totals.reused) == (2, 1, 1)
    assert (totals.prompt, totals.cached, totals.tokens) == (2000, 800, 100)
    assert totals.cost == 0.1
    assert totals.rate == 10.0, "100 tokens in 10 s, each counted once"
    board.progress(Progress("end", "文章-000", "draft"))
    board.progress(Progress("end", "文章-001", "failed"))
    totals = board.totals()
    assert (totals.drafts, totals.failed, totals.ended, totals.active) == (1, 1, 2, 0)


def test_time_left_is_that_of_the_calls_to_come() -> None:
    board, clock = busy(4, 2)
    for n in range(30):
        board.call(call("stored", "文章-000/x", usage=Usage(1, 0, 1)))
        clock.now = n + 1.0
    # 30 calls in 30 s; to come: 60 and 90 of those begun, 90 each of the two that wait.
    assert board.totals().left == 60 + 90 + 180


def test_the_division_tells_more_about_what_is_to_come() -> None:
    board, _ = busy(1, 1)
    board.call(call("stored", "文章-000/reading", usage=Usage(1, 0, 1)))
    board.progress(Progress("parts", "文章-000", "写作", 0, 40, calls=156))
    assert board.lines()[0].expected == 1 + 156
    bare = replace(Config(), loop=replace(Config().loop, referee=False), lab=LabConfig(enabled=False))
    assert calls_of_parts(40, bare) < calls_of_parts(40, Config())


def test_an_unknown_price_is_said() -> None:
    board = Board(lambda identity, usage: None)
    board.call(call("stored", "a/x", usage=Usage(1, 0, 1)))
    assert board.totals().cost is None
    assert "cost unknown" in summary(board.totals())


def shown(board: Board, *, rows: int, width: int = 100) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=24, force_terminal=False)
    console.print(draw(board.snapshot(), rows=rows))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_two_hundred_articles_fit_a_small_terminal() -> None:
    board, _ = busy(200, 40)
    lines = shown(board, rows=18)
    assert len(lines) <= 24
    assert max(len(x) for x in lines[:-1]) <= 100
    assert any("22 more" in x for x in lines)
    assert "0 of 200 drafts, 40 under way, 160 waiting" in " ".join(lines)
    assert "\x1b" not in "".join(lines), "what an article says moves no cursor"


@pytest.mark.parametrize("width", [30, 50, 80, 120])
def test_a_narrow_terminal_has_fewer_columns_and_no_number_is_cut(width: int) -> None:
    board, _ = busy(6, 6)
    lines = shown(board, rows=18, width=width)
    head = lines[0].split()
    assert head[0] == "article"
    assert "parts" in head
    assert set(head) <= {"article", "stage", "parts", "calls", "now", "tokens", "cost", "time"}
    assert all(cell_len(line) <= width for line in lines)
    assert (len(head) == 8) == (width >= 80)
    assert all("3/12" in line for line in lines[1:7])


def test_a_service_that_is_down_stands_in_the_table_until_it_is_up() -> None:
    board, _ = busy(3, 1)
    board.call(CallEvent("down", "", model="openai:m", detail="openai:m does not answer"))
    assert any("does not answer" in x for x in shown(board, rows=9))
    board.call(CallEvent("up", "", model="openai:m", detail="openai:m answers again"))
    assert not any("does not answer" in x for x in shown(board, rows=9))


def test_plain_lines_say_what_happened_and_sum_up() -> None:
    board, _ = busy(3, 1)
    said: list[str] = []
    lines = PlainLines(said.append, board)
    for p in (
        Progress("stage", "a", "精读"),
        Progress("part", "a", "一节", 1, 4),
        Progress("end", "a", "draft"),
    ):
        board.progress(p)
        lines.progress(p)
    lines.call(call("tokens", "a/x", tokens=3))
    lines.call(CallEvent("up", "", model="m", detail="m answers again", seconds=200))
    assert said[:2] == ["a: 精读", "a: 1/4 一节"]
    assert said[2].startswith("a: draft. 1 of 3 drafts")
    assert said[3:] == ["m answers again after 3 min"]


def test_the_stream_is_json_lines_without_a_flood_of_tokens() -> None:
    out, clock = io.StringIO(), Ticking()
    stream = Stream(out, clock=clock)
    stream.progress(Progress("part", "a", "一节", 1, 4))
    for n in range(50):
        clock.now = n / 10
        stream.call(call("tokens", "a/x", tokens=n))
    stream.call(call("stored", "a/x", usage=Usage(5, 1, 2), seconds=1.5))
    stream.line("一行\n两行")
    rows = [json.loads(x) for x in out.getvalue().splitlines()]
    assert all({"at", "event"} <= row.keys() for row in rows)
    assert [row["event"] for row in rows] == ["part", *["tokens"] * 5, "stored", "line"]
    assert rows[-2]["usage"] == {"prompt": 5, "cached": 1, "completion": 2, "counted": True, "written": 0}


def test_a_reader_that_goes_away_does_not_end_the_run() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = Stream(os.fdopen(writing, "w"))
    stream.line("x")
    stream.line("y")


def test_spans() -> None:
    assert [span(x) for x in (0.4, 48, 89.6, 700, 11_100)] == ["0 s", "48 s", "90 s", "12 min", "3 h 05 min"]


def test_runs_of_other_processes_are_seen_while_they_live(tmp_path: Path) -> None:
    board, _ = busy(5, 1)
    (tmp_path / f"live-{os.getpid()}.json").write_text(json.dumps(board.snapshot()), encoding="utf-8")
    (tmp_path / "live-999999999.json").write_text(json.dumps(board.snapshot()), encoding="utf-8")
    (tmp_path / "live-junk.json").write_text("{", encoding="utf-8")
    assert [r["totals"]["articles"] for r in running(tmp_path)] == [5]
    (tmp_path / f"live-{os.getpid()}.json").touch()
    assert running(tmp_path, now=lambda: 1e12) == [], "a note that nobody writes any more is old"


class Told(Board):
    """A board that tells when it was read for a note."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = threading.Semaphore(0)

    def snapshot(self) -> Mapping[str, Any]:
        self.reads.release()
        return super().snapshot()


def test_a_note_reaches_the_last_state_before_a_quiet_time(tmp_path: Path) -> None:
    board, file = Told(), tmp_path / "notes" / f"live-{os.getpid()}.json"
    with noted(board, file, every=0.001):
        board.call(call("sent", "a/plan"))
        seen = []
        for _ in range(2):
            # The note of the read before is whole when the next read begins.
            for _ in range(1 + 2):
                assert board.reads.acquire(timeout=60)
            seen += running(file.parent)
    assert [r["totals"]["in_flight"] for r in seen] == [1, 1]
    assert seen[0]["totals"]["seconds"] < seen[1]["totals"]["seconds"], "its seconds go on"
    assert not list(file.parent.iterdir()), "a note ends with its run"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_run_that_is_only_foreseen_draws_no_table_and_leaves_no_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with watching(notes=tmp_path, runs=False) as watch:
        watch.line("b: no such file, passing on")
        assert not list(tmp_path.iterdir())
    assert terminal.getvalue() == "b: no such file, passing on\n"


def looked(drafts: int) -> Status:
    counts = Counts(total=9, drafts=drafts, pending=9 - drafts)
    batch = BatchStatus("9", "", counts, (SubBatchStatus("9C", "优化", counts, ()),))
    return Status(".", counts, 100, 5, (batch,), ())


def watched(console: Console, looks: list[int], notes: Path, as_json: bool = False) -> None:
    left = iter(looks)

    def sleep(seconds: float) -> None:
        nonlocal looks
        looks = looks[1:]
        if not looks:
            raise KeyboardInterrupt

    watch_status(lambda: looked(next(left)), notes, 2.0, as_json, console=console, sleep=sleep)


def test_status_is_watched_as_lines_where_there_is_no_terminal(tmp_path: Path, capsys: Any) -> None:
    watched(Console(file=io.StringIO()), [1, 1, 2], tmp_path)
    assert capsys.readouterr().out.splitlines() == [line(looked(1), []), line(looked(2), [])]
    watched(Console(file=io.StringIO()), [3], tmp_path, as_json=True)
    assert json.loads(capsys.readouterr().out)["runs"] == []
    assert ", 1 draft, " in line(looked(1), [])


def test_status_is_watched_as_a_screen_on_a_terminal(tmp_path: Path) -> None:
    board, _ = busy(200, 40)
    (tmp_path / f"live-{os.getpid()}.json").write_text(json.dumps(board.snapshot()), encoding="utf-8")
    out = io.StringIO()
    watched(Console(file=out, force_terminal=True, width=120, height=30), [1, 2], tmp_path)
    assert "9C 优化" in out.getvalue()
    assert "under way" in out.getvalue()
