"""Every error has its exit code, says what and what to do, and shows no traceback."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.desk import FAKE, SHORT, Done, Running, Service, Site

MARKED = SHORT.replace("引言一段", "<!-- expand:begin x.1 glue=0 -->")
BROKEN = SHORT.replace("## 第一节", "<!-- expand:begin x.1 glue=0 -->\n\n## 第一节")


def clean(done: Done) -> None:
    """An error in the form all errors have."""
    assert "Traceback" not in done.err
    assert done.out == "", "results go to stdout, and there is none"
    assert "error: " in done.err.lower() or "usage: " in done.err.lower()


WRONG_USE: dict[str, tuple[list[str], str]] = {
    "no such command": (["frobnicate"], "No such command"),
    "no such option": (["status", "--frob"], "--frob"),
    "missing argument": (["run"], "SLUG"),
    "no such article": (["run", "aa"], "did you mean a"),
    "no such article to review": (["diff", "zzzzzz"], "zzzzzz"),
    "no draft to show": (["diff", "a"], "expand run a"),
    "no draft to accept": (["accept", "a"], "no draft"),
    "no draft to reject": (["reject", "a", "--note", "x"], "no draft"),
    "no note": (["reject", "a"], "--note"),
    "no draft to merge": (["merge", "a"], "no draft to merge"),
    "nothing to undo": (["undo", "a"], "was not merged"),
    "a workspace already": (["init", "."], "is there already"),
    "markers in a source": (["run", "marked"], "marked.md:6"),
    "broken markers": (["strip", "blogs_raw/broken.md"], "x.1"),
    "not UTF-8": (["run", "latin"], "not UTF-8 at byte"),
    "not UTF-8 either": (["measure", "blogs_raw/latin.md"], "not UTF-8 at byte"),
    "no such file": (["measure", "nowhere.md"], "No such file"),
    "a folder": (["check", "blogs_raw"], "Is a directory"),
    "a source that is not there": (["check", "blogs_raw/a.md", "--source", "no.md"], "no.md"),
    "no such folder": (["-C", "nowhere", "status"], "no such folder"),
    "an empty article": (["run", "empty", "--model", FAKE], "nothing to expand"),
}


@pytest.fixture
def crowded(site: Site) -> Site:
    site.article("a.md")
    site.article("marked.md", MARKED)
    site.article("broken.md", BROKEN)
    site.article("latin.md", "---\ntitle: x\n---\n\ncaf\xe9\n".encode("latin-1"))
    site.article("empty.md", "---\ntitle: 空\n---\n\n\n")
    return site


def test_wrong_use_is_2(crowded: Site) -> None:
    for name, (argv, said) in WRONG_USE.items():
        done = crowded.expand(*argv)
        assert done.code == 2, (name, done)
        assert said in done.err, (name, done.err)
        clean(done)
    assert not (crowded.root / "outputs" / "a").exists(), "nothing was written"


def test_wrong_configuration_is_2(crowded: Site) -> None:
    crowded.config("[targets]\nline = 3\n")
    done = crowded.expand("status")
    assert (done.code, "did you mean targets.lines?" in done.err) == (2, True)
    crowded.config("")
    crowded.plan("../x.md")
    assert crowded.expand("status").code == 2
    assert crowded.expand("next").code == 2
    (crowded.root / "plan.toml").unlink()
    done = crowded.expand("next")
    assert (done.code, "names no articles" in done.err) == (2, True)
    (crowded.root / "config.toml").unlink()
    done = crowded.expand("status")
    assert (done.code, "expand init" in done.err) == (2, True)


def test_a_model_that_nothing_stands_behind_is_wrong_use(crowded: Site) -> None:
    for spec, said in {
        "opena:x": "did you mean openai",
        "openai:": "no name after the vendor",
        "mailbox:": "no name after the vendor",
        "local:nofile.gguf": "no such file",
        "replay:nowhere.jsonl": "nowhere.jsonl",
        "command:no-such-program": "no-such-program",
    }.items():
        done = crowded.expand("run", "a", "--model", spec)
        assert (done.code, said in done.err) == (2, True), done
        clean(done)
    assert not crowded.root.joinpath("outputs", "progress.jsonl").exists()


def test_no_key_is_3(crowded: Site) -> None:
    crowded.env.pop("OPENAI_API_KEY")
    done = crowded.expand("run", "a")
    assert (done.code, "OPENAI_API_KEY" in done.err, "mailbox:DIR" in done.err) == (3, True, True)
    assert not crowded.root.joinpath("outputs", "progress.jsonl").exists(), (
        "none of this is the article's failure"
    )


def test_a_question_nobody_answers_is_2(site: Site) -> None:
    site.article("a.md")
    done = site.expand("plan", "propose")
    assert (done.code, "--yes" in done.err) == (2, True), done.err
    assert not (site.root / "plan.toml").exists()


def test_falling_short_is_1(site: Site) -> None:
    site.article("a.md")
    site.config("[targets]\nlines = 100000\n[lab]\nenabled = false\n[loop]\nrounds = 0\n")
    assert site.expand("run", "a", "--model", FAKE).code == 1
    assert site.expand("merge", "a").code in (1, 2), "nothing is accepted yet"


def test_strip_says_where_there_is_nothing_to_take_out(site: Site) -> None:
    path = site.article("a.md")
    done = site.expand("strip", path)
    assert (done.code, done.stdout) == (0, path.read_bytes())
    assert "holds no regions" in done.err
    said = site.expand("strip", path, "-o", "copy.md")
    assert (said.code, "holds no regions" in said.err) == (0, True)
    binary = site.root / "program"
    binary.write_bytes(b"\x7fELF\x02\x01\x00\xff\xfe")
    done = site.expand("strip", binary)
    assert (done.code, done.stdout) == (2, b""), "not a text"
    assert "not UTF-8 at byte 7" in done.err


def test_check_and_strip_are_1_where_they_find_something(site: Site) -> None:
    path = site.article("a.md")
    assert site.expand("check", path).code == 0
    path.write_text(SHORT.replace("x+x=2x", "\\frac{1}{2"), encoding="utf-8")
    assert site.expand("check", path).code == 1
    path.write_text(SHORT, encoding="utf-8")
    site.expand("run", "a", "--model", FAKE)
    draft = site.output("a") / "draft.md"
    draft.write_bytes(draft.read_bytes().replace("引言一段".encode(), "引言改过".encode()))
    done = site.expand("strip", draft)
    assert (done.code, "warning" in done.err) == (1, True)
    assert done.stdout == SHORT.replace("引言一段", "引言改过").encode()


def waiting_on(site: Site, box: Path, *argv: str) -> Running:
    """A run that holds its article's lock: it waits for an answer nobody gives."""
    running = site.start(*argv, "--model", f"mailbox:{box}")
    deadline = time.monotonic() + 60
    while not list(box.glob("*.request.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(box.glob("*.request.json")), running.err
    return running


def test_locked_is_5_and_next_passes_on(
    new_site: Callable[[str], Site], service: Service, tmp_path: Path
) -> None:
    site = new_site("locked").using(service)
    site.article("a.md")
    site.article("b.md", SHORT.replace("引言", "另一篇引言"))
    site.plan("a.md", "b.md")
    running = waiting_on(site, tmp_path / "box", "next")
    done = site.expand("run", "a", "--model", FAKE)
    assert (done.code, "another expand process" in done.err) == (5, True)
    done = site.expand("next", "--model", FAKE, "--json")
    assert done.json[0]["slug"] == "b"
    assert "a is being worked on by another process" in done.err
    assert site.expand("status").code == 0, "looking needs no lock"
    done = site.expand("next", "--model", FAKE)
    assert (done.code, "another expand process" in done.err) == (5, True), "a is pending, and another has it"
    os.kill(running.pid, signal.SIGKILL)
    site.nursery.wait(running)
    done = site.expand("run", "a", "--model", FAKE)
    assert done.code in (0, 1), "a lock does not outlive its process"


def test_ctrl_c_is_130_and_the_same_command_goes_on(
    new_site: Callable[[str], Site], service: Service, tmp_path: Path
) -> None:
    site = new_site("interrupted").using(service)
    site.article("a.md")
    running = waiting_on(site, tmp_path / "box", "run", "a")
    os.kill(running.pid, signal.SIGINT)
    done = site.nursery.wait(running)
    assert done.code == 130, done.err
    assert "Traceback" not in done.err
    assert "run the same command again" in done.err
    assert not site.events("failed")
    assert site.expand("run", "a", "--model", FAKE).code in (0, 1)


def test_ctrl_c_in_the_middle_of_calls_keeps_what_has_arrived(new_site: Callable[[str], Site]) -> None:
    running: list[Running] = []

    def interrupt(number: int, seen: object) -> None:
        if number == 6:
            while not running:
                time.sleep(0.001)
            os.kill(running[0].pid, signal.SIGINT)

    with Service(interrupt) as service:
        site = new_site("interrupted").using(service)
        site.article("a.md")
        running.append(site.start("run", "a", "--model", FAKE))
        done = site.nursery.wait(running[0])
        assert done.code == 130, done.err
        assert "Traceback" not in done.err
        stored = len(site.ledger())
        assert stored >= 3, "reading, outline, division"
        before = len(service.requests)
        service.before = None
        assert site.expand("run", "a", "--model", FAKE).code in (0, 1)
        assert len(service.requests) - before == len(site.ledger()) - stored


def test_a_defect_shows_its_traceback_only_with_debug(site: Site) -> None:
    site.article("a.md")
    (site.root / "prompts").mkdir()
    (site.root / "prompts" / "reading.md").write_text("{{ article.no.such.thing }}", encoding="utf-8")
    done = site.expand("run", "a", "--model", FAKE)
    assert done.code in (2, 70)
    assert "Traceback" not in done.err
    assert "Traceback" in site.expand("--debug", "run", "a", "--model", FAKE).err
