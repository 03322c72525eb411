"""`--json` on every command that reports: valid JSON on stdout and nothing else there."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from agent.cli import cli
from tests.pipeline.desk import FAKE, SHORT, Nursery, Service, Site

TABLE: dict[str, tuple[str, ...]] = {
    "init": ("init", "fresh"),
    "plan show": ("plan", "show"),
    "plan import": ("plan", "import", "TODO.md", "--dry-run"),
    "plan propose": ("plan", "propose"),
    "status": ("status",),
    "next": ("next", "--dry-run"),
    "run": ("run", "b", "--dry-run"),
    "batch": ("batch", "1A", "--dry-run"),
    "adopt": ("adopt", "--dry-run"),
    "measure": ("measure", "blogs_raw/a.md", "outputs/a/draft.md"),
    "check": ("check", "outputs/a/draft.md"),
    "strip": ("strip", "outputs/a/draft.md"),
    "audit": ("audit",),
    "witness": ("witness", "w.py"),
    "experiment": ("experiment", "e.py"),
    "evaluate": ("evaluate", "outputs/a/draft.md"),
    "diff": ("diff", "a"),
    "review": ("review", "a", "--html", "page.html"),
    "accept": ("accept", "a"),
    "reject": ("reject", "a", "history.1", "--note", "x"),
    "redo": ("redo", "a"),
    "merge": ("merge", "a"),
    "undo": ("undo", "a"),
    "report": ("report",),
    "cost": ("cost",),
    "ledger stats": ("ledger", "stats"),
    "ledger verify": ("ledger", "verify"),
    "ledger export": ("ledger", "export", "x.jsonl"),
    "doctor": ("doctor",),
}


def reporting(group: click.Group, prefix: str = "") -> list[str]:
    """Every command with a `--json`, by its full name."""
    found = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += reporting(command, f"{prefix}{name} ")
        elif any("--json" in p.opts for p in command.params):
            found.append(prefix + name)
    return found


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Site:
    """A workspace with a draft of `a`, a pending `b`, and the files the table names."""
    with Service() as service:
        site = Site(tmp_path_factory.mktemp("busy"), nursery).using(service)
        site.config("[targets]\nlines = 60\nformulas = 4\n[lab]\nenabled = false\n")
        site.article("a.md")
        site.article("b.md", SHORT.replace("引言", "另一篇"))
        site.plan("a.md", "b.md")
        (site.root / "TODO.md").write_text("# 批次 9\n\n- [ ] a.md\n", encoding="utf-8")
        (site.root / "e.py").write_text("emit('x', 1)\n", encoding="utf-8")
        (site.root / "w.py").write_text(
            "BIND = {'x': 'x'}\ndef claim(x): return 2 * x\ndef check(claim, w):\n    x = w.real(.3, 2.)\n    w.equal(x + x, claim(x))\n",
            encoding="utf-8",
        )
        assert site.expand("run", "a", "--model", FAKE).code in (0, 1)
    site.env.pop("OPENAI_BASE_URL")
    return site


def test_the_table_names_every_command_that_reports() -> None:
    assert sorted(TABLE) == sorted(reporting(cli))


@pytest.mark.parametrize("name", TABLE)
def test_json(busy: Site, name: str) -> None:
    """In the order of the table: a later command finds what an earlier one did. A command that cannot do its work
    says so on stderr and leaves stdout empty."""
    done = busy.expand(*TABLE[name], "--json")
    assert "Traceback" not in done.err
    assert done.code in (0, 1, 2, 3), done
    if done.code in (0, 1):
        value = json.loads(done.out)
        assert isinstance(value, dict | list)
        assert "\\u" not in done.out.replace("\\ufffd", ""), "Chinese stays legible"
    else:
        assert done.out == "", done
        assert name in ("plan import", "redo", "doctor"), done.err


def test_json_and_screens_tell_the_same(busy: Site) -> None:
    path = Path("blogs_raw/a.md")
    row = busy.expand("measure", path, "--json").json[0]
    shown = busy.expand("measure", path).out.split()
    assert str(row["lines"]) in shown
    assert str(row["han_chars"]) in shown


@pytest.mark.parametrize(
    "name", ["experiment", "witness", "evaluate", "check", "cost", "ledger stats", "ledger verify"]
)
def test_every_report_has_a_screen(busy: Site, name: str) -> None:
    """What `--json` prints is what the screen is given: it can show all of it."""
    done = busy.expand(*TABLE[name])
    assert done.code in (0, 1), done
    assert done.out.strip()


def test_the_screen_of_an_experiment_shows_its_values_with_their_units(busy: Site) -> None:
    (busy.root / "units.py").write_text("emit('took', 1.5, '秒')\nemit('n', 3)\n", encoding="utf-8")
    done = busy.expand("experiment", "units.py", "--unsafe-no-sandbox")
    assert done.code == 0, done
    assert "took = 1.5 秒" in done.out
    assert "  n = 3" in done.out.splitlines()


def test_doctor_finds_no_fault_with_its_own_figure(busy: Site) -> None:
    """What it draws to try the fonts is a figure as this program wants them."""
    done = busy.expand("doctor")
    assert "图 probe 的" not in done.out
    assert "fonts: " in done.out
