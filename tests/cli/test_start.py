"""What starting costs, and what reaches a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.desk import FAKE, ROOT, SHORT, Site

HEAVY = (
    "openai",
    "langchain",
    "numpy",
    "tiktoken",
    "py_mini_racer",
    "matplotlib",
    "scipy",
    "jinja2",
    "jsonschema",
)
PROGRAM = """
import json, sys
sys.argv = ["expand", *sys.argv[1:]]
from agent.cli import main
try:
    main()
except SystemExit as end:
    code = end.code
names = sorted({m.partition(".")[0] for m in sys.modules})
sys.stderr.write("\\n" + json.dumps([code, names]))
"""
ENTRY = Path(sys.executable).with_name("expand")


def modules(site: Site, *argv: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *argv],
        cwd=site.root,
        capture_output=True,
        text=True,
        env={**site.env, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    code, names = json.loads(done.stderr.splitlines()[-1])
    assert code in (0, None), done.stderr
    return set(names)


@pytest.mark.parametrize(
    "argv", [["--help"], ["--version"], ["run", "--help"], ["status"], ["status", "--json"], ["plan", "show"]]
)
def test_nothing_heavy_is_imported(site: Site, argv: list[str]) -> None:
    site.article("a.md")
    site.plan("a.md")
    assert not modules(site, *argv) & set(HEAVY)


def test_measuring_needs_no_model_library(site: Site) -> None:
    site.article("a.md")
    assert not modules(site, "strip", "blogs_raw/a.md") & set(HEAVY)


ESCAPES = "\x1b]0;owned\x07\x1b[2J\x1b[31m红\u202e\x9b1m"


def test_escapes_of_articles_do_not_reach_the_terminal(site: Site) -> None:
    """Titles, file names and notes are text of others: nothing in them may move the cursor or set the title."""
    site.article("a.md", SHORT.replace("两数之和", ESCAPES))
    site.article(f"b{ESCAPES}.md".replace("/", ""), SHORT)
    for argv in (
        ["status"],
        ["run", "a", "--model", FAKE],
        ["status"],
        ["diff", f"zz{ESCAPES}"],
        ["measure", f"no{ESCAPES}"],
        ["check", "blogs_raw/a.md"],
    ):
        done = site.expand(*argv)
        for text in (done.out, done.err):
            assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text), (argv, text)


def test_a_terminal_shows_progress_and_nothing_of_others_moves_it(site: Site) -> None:
    """The display of a real terminal: its own sequences, none of the article's or the model's."""
    site.article("a.md", SHORT.replace("两数之和", ESCAPES).replace("第一节", f"第一节{ESCAPES}"))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "run", "a", "--model", FAKE],
        cwd=site.root,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**site.env, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "NO_COLOR": ""},
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux says EIO where a terminal's other end is closed
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    out, _ = process.communicate()
    assert process.returncode in (0, 1), shown.decode()
    assert "引言".encode() not in shown
    assert b"tokens" in shown
    for text in (shown, out):
        assert b"\x1b]0;owned" not in text
        assert "\u202e".encode() not in text


def test_raw_output_is_left_alone(site: Site) -> None:
    path = site.article("a.md", SHORT.replace("两数之和", ESCAPES))
    assert site.expand("strip", path).stdout == path.read_bytes(), (
        "bytes for a file are not for a person's eyes"
    )


def test_a_reader_that_goes_away_is_no_error(site: Site) -> None:
    """`expand measure … | head`: the pipe is closed before the output is through."""
    path = site.article("a.md", SHORT + "行\n" * 200_000)
    read, write = os.pipe()  # of 64 KiB, less than the article
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "strip", str(path)],
        stdout=write,
        stderr=subprocess.PIPE,
        env={**site.env, "PYTHONPATH": str(ROOT)},
    )
    os.close(write)
    assert os.read(read, 10)
    os.close(read)
    _, err = process.communicate()
    assert b"Traceback" not in err
    assert b"error" not in err.lower()
    assert process.returncode == 0


@pytest.mark.parametrize("argv", [["status"], ["status", "--json"], ["--help"]])
def test_nobody_reads_at_all(site: Site, argv: list[str]) -> None:
    site.article("a.md")
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", *argv],
        cwd=site.root,
        stdout=write,
        stderr=subprocess.PIPE,
        env={**site.env, "PYTHONPATH": str(ROOT)},
    )
    os.close(write)
    _, err = process.communicate()
    assert b"Traceback" not in err, err
    assert b"Exception ignored" not in err, err
    assert process.returncode == 0


def test_both_names_are_installed_and_work(site: Site) -> None:
    """`expand` of coreutils has the same name, so there is a second one."""
    for name in ("expand", "expand-articles"):
        done = subprocess.run(
            [ENTRY.with_name(name), "--version"], capture_output=True, text=True, check=True
        )
        assert "expand" in done.stdout


def test_help_names_the_exit_codes_and_every_command_says_what_it_does(site: Site) -> None:
    done = site.expand("--help")
    assert "130 interrupted" in " ".join(done.out.split())
    from agent.cli import cli

    for name, command in cli.commands.items():
        assert command.help, name


def test_a_locale_without_utf8_is_no_error(site: Site) -> None:
    site.article("a.md")
    site.env |= {"LC_ALL": "C", "LANG": "C", "PYTHONIOENCODING": ""}
    process = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-m", "agent", "status"],
        cwd=site.root,
        capture_output=True,
        env={**site.env, "PYTHONPATH": str(ROOT), "PYTHONCOERCECLOCALE": "0"},
        check=False,
    )
    assert b"Traceback" not in process.stderr
    assert process.returncode == 0, process.stderr.decode()
