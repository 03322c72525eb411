"""Counting tokens without the network."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.tokens import RANKS_FILE, RANKS_SHA256, count, estimate

ROOT = Path(__file__).parents[2]
# Whoever asks for an address gets an error: a download would show.
OFFLINE = """
import socket, sys
def refuse(*args, **kwargs): raise AssertionError(f"network: {args}")
socket.getaddrinfo = refuse
sys.path.insert(0, ".")
from agent.tokens import count
print(count("hello world"), count("梯度下降是一种优化算法"))
"""


def counted(**env: str) -> list[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")}
    return subprocess.run(
        [sys.executable, "-c", OFFLINE],
        cwd=ROOT,
        env={**clean, **env},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def test_known_counts() -> None:
    assert count("") == 0
    assert count("hello world") == 2
    assert count("<|endoftext|>") > 1


def test_the_ranks_are_unpacked_into_the_users_cache(tmp_path: Path) -> None:
    assert counted(XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path)) == [
        "2",
        str(count("梯度下降是一种优化算法")),
    ]
    (file,) = tmp_path.rglob(RANKS_FILE)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == RANKS_SHA256
    # tiktoken's own way to name it, so that it is found there.
    address = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
    assert hashlib.sha1(address.encode()).hexdigest() == RANKS_FILE
    assert [p.name for p in file.parent.iterdir()] == [RANKS_FILE]


def test_a_folder_that_is_set_is_used_and_a_damaged_file_replaced(tmp_path: Path) -> None:
    (tmp_path / RANKS_FILE).write_bytes(b"cut off")
    assert counted(TIKTOKEN_CACHE_DIR=str(tmp_path))[0] == "2"
    assert hashlib.sha256((tmp_path / RANKS_FILE).read_bytes()).hexdigest() == RANKS_SHA256


def test_where_nothing_can_be_unpacked_it_estimates(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    found = counted(TIKTOKEN_CACHE_DIR=str(tmp_path / "file"))
    assert found == [str(estimate("hello world")), str(estimate("梯度下降是一种优化算法"))]


def test_the_estimate_errs_upwards_for_what_we_write() -> None:
    text = (
        (ROOT / "README.md").read_text(encoding="utf-8") if (ROOT / "README.md").exists() else "a b c " * 99
    )
    assert estimate(text) >= 0.7 * count(text)
    chinese = "随机梯度下降在每一步只用一个小批量估计梯度，估计是无偏的。" * 20
    assert count(chinese) <= estimate(chinese)


@given(st.text(max_size=200))
def test_any_text_can_be_counted(text: str) -> None:
    encodable = text.encode("utf-8", "replace").decode()
    assert 0 <= count(encodable) <= len(encodable.encode())
    assert 0 <= estimate(encodable) <= len(encodable)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_lone_surrogates_do_not_break_it(text: str) -> None:
    assert count(text) >= 1
