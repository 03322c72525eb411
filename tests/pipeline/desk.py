"""What the tests of the pipeline share: a service that writes, processes of `expand`, a workspace to run them in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes import writer
from tests.fakes.openai_server import FakeOpenAI, Seen, Step, Text

ROOT = Path(__file__).resolve().parent.parent.parent
CONTINUE = "从断开的那个字接着写完"
"""What the pipeline says after a reply that was cut off."""
KEY = "sk-test-4b1d90e2c7f8a6355d21"
"""Long enough to be recognised as a secret wherever it turns up."""
FAKE = "openai:fake"

SHORT = """\
---
title: 两数之和
status: pending
---

引言一段，说明问题从哪里来。

## 第一节

由定义显然有

$$
x+x=2x
$$

于是得到结论，它不依赖于起点。

## 公式推导与注释

TODO: 补充
"""


def task_of(prompt: str) -> str:
    """The words by which the fake writer knows a prompt's task."""
    return next(mark for mark, _ in writer.TASKS if mark in prompt)


def prompt_of(seen: Seen) -> str:
    return str(seen.body["messages"][-1]["content"])


class Service(FakeOpenAI):
    """The loopback server with the fake writer behind it, whole texts in few chunks.

    ``before(number, seen)`` is asked first, number counting requests from 1; it may give a step of its own.
    """

    def __init__(self, before: Callable[[int, Seen], Step | None] | None = None) -> None:
        super().__init__()
        self.before = before
        self._counting = threading.Lock()

    def take(self, seen: Seen) -> Step:
        with self._counting:
            # At once, whatever `before` waits for: a request counts from its arrival.
            self.requests.append(seen)
            number = len(self.requests)
        own = self.before(number, seen) if self.before is not None else None
        return self.written(seen) if own is None else own

    def written(self, seen: Seen) -> Text:
        """The writer's answer, with token counts of its own for every answer."""
        prompt = prompt_of(seen)
        text = writer.answer(str(seen.body["messages"][1]["content"]))
        if CONTINUE in prompt:
            said = str(seen.body["messages"][-2]["content"])
            assert text.startswith(said), "the cut reply is carried as it came"
            text = text[len(said) :]
        usage = {
            "prompt_tokens": len(prompt),
            "completion_tokens": len(text),
            "prompt_tokens_details": {"cached_tokens": len(prompt) // 3},
        }
        return Text(text, chunk=20_000, usage=usage)

    def tasks(self) -> list[str]:
        return [task_of(str(r.body["messages"][1]["content"])) for r in self.requests]


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    stdout: bytes
    err: str

    @property
    def out(self) -> str:
        return self.stdout.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Running:
    pid: int
    folder: Path

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text(encoding="utf-8")


class Nursery:
    """Starts processes of `expand`, see nursery.py. ``also``: modules to import before."""

    def __init__(self, folder: Path, *also: str) -> None:
        self._folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("nursery.py")), *also],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def start(
        self, *argv: str | Path, env: Mapping[str, str], cwd: Path, module: str = "agent.cli"
    ) -> Running:
        """Run ``main()`` of a module."""
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        answer = self._say(
            do="start",
            module=module,
            argv=[str(a) for a in argv],
            env=dict(env),
            cwd=str(cwd),
            out=str(folder / "out"),
            err=str(folder / "err"),
        )
        return Running(answer["pid"], folder)

    def wait(self, running: Running) -> Done:
        code = self._say(do="wait", pid=running.pid)["code"]
        return Done(code, (running.folder / "out").read_bytes(), running.err)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _say(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@dataclass
class Site:
    """A workspace, and the commands that are run in it."""

    root: Path
    nursery: Nursery
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = ("PATH", "HOME", "LANG", "TMPDIR")
        self.env = {**{k: v for k, v in os.environ.items() if k in kept}, "NO_COLOR": "1", **self.env}

    def using(self, service: FakeOpenAI, key: str = KEY) -> Site:
        self.env |= {"OPENAI_BASE_URL": service.base_url, "OPENAI_API_KEY": key}
        return self

    def start(self, *argv: str | Path) -> Running:
        return self.nursery.start(*argv, env=self.env, cwd=self.root)

    def expand(self, *argv: str | Path) -> Done:
        return self.nursery.wait(self.start(*argv))

    def article(self, name: str, data: str | bytes = SHORT) -> Path:
        path = self.root / "blogs_raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def config(self, text: str) -> None:
        (self.root / "config.toml").write_text(text, encoding="utf-8")

    def plan(self, *files: str, **sub: str) -> None:
        rows = ['[[batch]]\nid = "1"\n\n[[batch.sub]]\nid = "1A"\n']
        rows += [f'\n[[batch.sub.item]]\nfile = "{file}"\n' for file in files]
        (self.root / "plan.toml").write_text("".join(rows), encoding="utf-8")

    def output(self, slug: str) -> Path:
        return self.root / "outputs" / slug

    def draft(self, slug: str) -> bytes:
        return (self.output(slug) / "draft.md").read_bytes()

    def report(self, slug: str) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.output(slug) / "report.json").read_bytes())
        return report

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        path = self.root / "outputs" / "progress.jsonl"
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [row for row in rows if not kinds or row["event"] in kinds]

    def ledger(self) -> list[dict[str, Any]]:
        """Every stored reply: name, attempt, status, problem, tokens."""
        import sqlite3

        # Closed here and now: left to the collector, its files vanish while another test copies the workspace.
        with closing(sqlite3.connect(self.root / "outputs" / "ledger.db")) as db:
            db.row_factory = sqlite3.Row
            found = db.execute(
                "SELECT c.*, j.status, j.problem FROM calls c LEFT JOIN judgements j ON j.key = c.key "
                "ORDER BY c.name, c.attempt"
            ).fetchall()
        return [dict(row) for row in found]

    def files(self) -> Iterator[Path]:
        yield from sorted(p for p in self.root.rglob("*") if p.is_file())


QUICK = """\
[targets]
lines = 60
formulas = 4

[lab]
enabled = false

[retry]
wait_cap = 0.0

[limits]
warm = 0.0
"""
"""Settings of a run that takes a second: the laboratory has tests of its own, and waiting is not tested here."""


def steady(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report without what may differ between two runs that did the same: durations."""
    return {k: v for k, v in report.items() if k != "seconds"}
