"""A vendor that keeps only what is marked: the start that an article's prompts share is marked, whoever writes what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.llm import Ledger
from agent.pipeline.run import Watch, run_article
from agent.workspace import find
from tests.fakes import writer
from tests.fakes.anthropic_server import FakeAnthropic
from tests.llm.helpers import SECRET
from tests.pipeline.desk import QUICK, SHORT

pytest.importorskip("langchain_anthropic", reason="pip install 'expand-articles[anthropic]'")


def texts(content: str | list[dict[str, Any]]) -> list[str]:
    return [content] if isinstance(content, str) else [block["text"] for block in content]


def answer(body: dict[str, Any]) -> str:
    return writer.answer("".join(texts(body["messages"][0]["content"])))


def test_prompts_of_an_article_are_read_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blogs_raw").mkdir()
    (tmp_path / "blogs_raw" / "a.md").write_text(SHORT, encoding="utf-8")
    (tmp_path / "config.toml").write_text(QUICK, encoding="utf-8")
    ws = find(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    with FakeAnthropic(answers=answer) as server:
        monkeypatch.setenv("ANTHROPIC_API_URL", server.base_url)
        run_article(ws, ws.slugs()["a"], spec="anthropic:claude-sonnet-4-6", watch=Watch())
    starts = [texts(seen.body["messages"][0]["content"]) for seen in server.requests]
    shared = [found[0] for found in starts if len(found) > 1]
    # Every stage but the first adds to what is agreed on, and several prompts start with each of the later ones.
    assert len(set(shared)) < len(shared)
    assert all(start.startswith("<原文>") for start in shared)
    with Ledger(ws.ledger) as ledger:
        stats = ledger.stats()
        assert ledger.verify() == []
    assert 0 < stats.usage.written < stats.usage.cached < stats.usage.prompt
    report = json.loads((ws.output("a") / "report.json").read_text(encoding="utf-8"))
    assert report["tokens"]["cached"] == stats.usage.cached
