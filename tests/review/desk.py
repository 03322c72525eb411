"""What the tests of review, merge and browser share: a workspace with a draft, made once and copied."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.article import regions, strip
from agent.pipeline.run import Watch, run_article
from agent.review.decide import state_of
from agent.workspace import State, Workspace, find
from tests.pipeline.desk import FAKE, KEY, QUICK, Service, prompt_of

ROOT = Path(__file__).resolve().parent.parent.parent
SLUG = "两数之和"
ARTICLE = """\
---
title: 两数之和
date: 2024-01-01
status: pending
---

引言一段，说明问题从哪里来。

## 第一节

由定义显然有

$$
x+x=2x
$$

于是得到结论，它不依赖于起点。

## 第二节

另一段，没有公式，只有文字。

## 公式推导与注释

TODO: 补充
"""
ANCHORED = "于是得到结论，它不依赖于起点。"
"""The paragraph behind the display, before which the woven sections stand."""


@dataclass
class Desk:
    """A workspace with one draft, and the loopback service that a redo asks."""

    root: Path
    service: Service | None = None
    slug: str = SLUG
    calls: list[str] = field(default_factory=list)
    """Names of the calls that were sent since the draft was made."""

    @property
    def ws(self) -> Workspace:
        return find(self.root)

    @property
    def path(self) -> Path:
        return self.root / "blogs_raw" / f"{self.slug}.md"

    @property
    def folder(self) -> Path:
        return self.root / "outputs" / self.slug

    @property
    def article(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def state(self) -> State:
        return state_of(self.ws, self.slug)

    @property
    def report(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "report.json").read_text(encoding="utf-8")))

    @property
    def draft(self) -> bytes:
        return (self.folder / "draft.md").read_bytes()

    def text(self, section: str) -> str:
        return (self.folder / "sections" / f"{section}.md").read_text(encoding="utf-8").strip("\n")

    def sections(self) -> list[str]:
        return [s["id"] for s in self.report["sections"] if s["id"] != "index"]

    def regions(self) -> list[str]:
        return [r.id for r in regions(self.path.read_bytes())]

    def kinds(self) -> list[str]:
        return [e.kind for e in self.ws.events.read() if e.slug == self.slug]

    def prompts(self) -> list[str]:
        assert self.service is not None
        return [prompt_of(seen) for seen in self.service.requests]

    def watch(self) -> Watch:
        def seen(event: Any) -> None:
            if event.kind == "sent":
                self.calls.append(event.name.removeprefix(f"{self.slug}/"))

        return Watch(calls=seen)

    def change(self, old: str, new: str) -> None:
        """The author goes on writing."""
        text = self.article
        assert text.count(old) == 1
        self.path.write_text(text.replace(old, new), encoding="utf-8")

    def git(self, *argv: str) -> str:
        options = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        done = subprocess.run(["git", *options, *argv], cwd=self.root, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def repository(self) -> None:
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "t")
        self.git("config", "user.email", "t@example.org")
        (self.root / ".gitignore").write_text("/outputs/ledger.db*\n/outputs/.locks/\n/outputs/*/merges/\n")
        self.git("add", "-A")
        self.git("commit", "-qm", "as it was")


@contextmanager
def asking(service: Service) -> Iterator[None]:
    """`openai:` stands for this service while the block runs."""
    before = {name: os.environ.get(name) for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY")}
    os.environ |= {"OPENAI_BASE_URL": service.base_url, "OPENAI_API_KEY": KEY}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def make(
    root: Path, service: Service, *, article: str = ARTICLE, config: str = QUICK, slug: str = SLUG
) -> Desk:
    """A workspace with a draft of ``article``."""
    (root / "blogs_raw").mkdir(parents=True)
    (root / "config.toml").write_text(config, encoding="utf-8")
    desk = Desk(root, slug=slug)
    desk.path.write_text(article, encoding="utf-8")
    with asking(service), ThreadPoolExecutor(1) as pool:
        # A thread of its own: in the browser's tests this one has a running event loop.
        pool.submit(run_article, desk.ws, desk.path, spec=FAKE, watch=Watch()).result()
    assert strip(desk.draft).decode() == article
    return desk


def copy(desk: Desk, root: Path, service: Service | None = None) -> Desk:
    shutil.copytree(desk.root, root)
    return Desk(root, service, desk.slug)


Make = Callable[[], Desk]
