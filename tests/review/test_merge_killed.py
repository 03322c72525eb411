"""A merge or undo that is killed at any write leaves the old article or the new one, and the next run finishes it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.merge import merge, undo
from agent.review.decide import accept
from agent.review.edit import edit
from tests.review.desk import ARTICLE, Desk, copy

WRITES = ("replace", "fsync", "unlink", "rename", "remove", "mkdir")
"""System calls that change what is on disk; a kill comes right before or right after each."""
KILLED = 77


def killed_at(work: Callable[[], Any], number: int, *, after: bool) -> bool:
    """Run ``work`` in a process that ends at its ``number``-th write; False where it came to its end before."""
    child = os.fork()
    if child == 0:
        count = 0

        def trap(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal count
                count += 1
                if count == number and not after:
                    os._exit(KILLED)
                try:
                    return real(*args, **kwargs)
                finally:
                    if count == number:
                        os._exit(KILLED)

            return call

        for name in WRITES:
            setattr(os, name, trap(getattr(os, name)))
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, KILLED), f"the work failed by itself ({code})"
    return code == KILLED


def prepared(desk: Desk) -> None:
    """All accepted, one figure to copy, one to replace."""
    folder = desk.folder / "assets" / desk.slug
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "exp1-a.png").write_bytes(b"a")
    (folder / "exp1-b.png").write_bytes(b"b")
    beside = desk.path.parent / "assets" / desk.slug
    beside.mkdir(parents=True)
    (beside / "exp1-b.png").write_bytes(b"old b")
    links = f"![](assets/{desk.slug}/exp1-a.png) ![](assets/{desk.slug}/exp1-b.png)"
    edit(desk.ws, desk.slug, "theory.2", f"{desk.text('theory.2')}\n\n{links}")
    accept(desk.ws, desk.slug)


def beside(desk: Desk) -> dict[str, bytes]:
    folder = desk.path.parent / "assets" / desk.slug
    return {p.name: p.read_bytes() for p in sorted(folder.glob("exp1-*"))}


def fresh(desk: Desk, root: Path) -> Desk:
    if root.exists():
        shutil.rmtree(root)
    return copy(desk, root)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_merge_killed_at_every_write(desk: Desk, tmp_path: Path, after: bool) -> None:
    prepared(desk)
    whole = fresh(desk, tmp_path / "whole")
    merge(whole.ws, whole.slug)
    new = whole.path.read_bytes()
    number = 0
    while True:
        number += 1
        one = fresh(desk, tmp_path / "one")
        if not killed_at(lambda: merge(one.ws, one.slug), number, after=after):  # noqa: B023
            break
        assert one.path.read_bytes() in (ARTICLE.encode(), new), f"torn at write {number}"
        if one.state.status != "merged":
            merge(one.ws, one.slug)
        assert one.path.read_bytes() == new
        assert one.kinds().count("merged") == 1, f"one merge, one event (write {number})"
        assert beside(one) == {"exp1-a.png": b"a", "exp1-b.png": b"b"}
        undo(one.ws, one.slug)
        assert one.path.read_bytes() == ARTICLE.encode()
        assert beside(one) == {"exp1-b.png": b"old b"}
    assert number > 15, "there were writes to be killed at"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_undo_killed_at_every_write(desk: Desk, tmp_path: Path, after: bool) -> None:
    prepared(desk)
    merge(desk.ws, desk.slug)
    new = desk.path.read_bytes()
    number = 0
    while True:
        number += 1
        one = fresh(desk, tmp_path / "one")
        if not killed_at(lambda: undo(one.ws, one.slug), number, after=after):  # noqa: B023
            break
        assert one.path.read_bytes() in (ARTICLE.encode(), new), f"torn at write {number}"
        if one.state.status == "merged":
            undo(one.ws, one.slug)
        assert one.path.read_bytes() == ARTICLE.encode()
        assert one.kinds().count("undone") == 1
        assert beside(one) == {"exp1-b.png": b"old b"}
        merge(one.ws, one.slug)
        assert one.path.read_bytes() == new
    assert number > 5, "there were writes to be killed at"
