"""Importing the model layer is quick: what is heavy is imported where it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "openai",
    "tiktoken",
    "httpx2",
    "langchain",
    "tenacity",
    "jsonschema",
    "genai_prices",
    "pydantic",
    "numpy",
)


def loaded(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("code", ["import agent.llm", "import agent.tokens"])
def test_nothing_heavy_at_import(code: str) -> None:
    assert loaded(code) & set(HEAVY) == set()


def test_a_replay_needs_no_vendor(tmp_path: Path) -> None:
    recording = tmp_path / "r.jsonl"
    recording.write_text('{"name": "a/b", "text": "x"}\n')
    code = f"""
import asyncio
from pathlib import Path
from agent.llm import *
from agent.records import Message
model = open_model("replay:{recording}", ModelSettings())
request = Request("a/b", "writer", (Message("user", "x"),), str, "", str)
answer = asyncio.run(Client(Ledger(Path({str(tmp_path / "l.db")!r})), {{"default": model}}).ask(request))
assert answer.value == "x"
"""
    assert loaded(code) & {"openai", "tiktoken", "httpx2", "langchain", "genai_prices"} == set()
