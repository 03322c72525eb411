"""Answers from a mailbox and from a recording: the same draft, whoever gave them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes import writer
from tests.pipeline.desk import FAKE, SHORT, Nursery, Service, Site, steady


class Person(threading.Thread):
    """Answers requests of a mailbox until told to stop, whole files moved into place, as the protocol asks."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.read: list[dict[str, object]] = []
        self.stop = threading.Event()

    def run(self) -> None:
        done: set[str] = set()
        while not self.stop.is_set():
            for path in sorted(self.folder.glob("*.request.json")):
                if path.name in done:
                    continue
                done.add(path.name)
                request = json.loads(path.read_text(encoding="utf-8"))
                self.read.append(request)
                draft = self.folder / f"{path.name}.draft"
                draft.write_text(writer.answer(request["messages"][-1]["content"]), encoding="utf-8")
                draft.replace(path.with_name(path.name.replace(".request.json", ".reply.md")))
            time.sleep(0.01)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Site]:
    """An article expanded by the service, its ledger exported to `answers.jsonl`."""
    with Service() as service:
        site = Site(tmp_path_factory.mktemp("recorded"), nursery).using(service)
        site.config("[targets]\nlines = 60\nformulas = 4\n[lab]\nenabled = false\n")
        site.article("a.md")
        assert site.expand("run", "a", "--model", FAKE).code in (0, 1)
        assert site.expand("ledger", "export", "answers.jsonl", "--slug", "a").code == 0
        yield site


@pytest.fixture
def replayed(recorded: Site, new_site: Callable[[str], Site]) -> Callable[..., Site]:
    """A workspace with the same article and a part of the recording; no key, no network."""

    def make(keep: Callable[[dict[str, object]], bool] = lambda row: True, article: str = SHORT) -> Site:
        site = new_site("replayed")
        site.config((recorded.root / "config.toml").read_text(encoding="utf-8"))
        site.article("a.md", article)
        rows = (recorded.root / "answers.jsonl").read_text(encoding="utf-8").split("\n")
        kept = [row for row in rows if row and keep(json.loads(row))]
        (site.root / "answers.jsonl").write_text("".join(f"{row}\n" for row in kept), encoding="utf-8")
        return site

    return make


def test_a_mailbox_is_answered_by_another_program(
    recorded: Site, new_site: Callable[[str], Site], tmp_path: Path
) -> None:
    site = new_site("mailbox")
    site.config((recorded.root / "config.toml").read_text(encoding="utf-8"))
    site.article("a.md")
    box = tmp_path / "box"
    box.mkdir()
    person = Person(box)
    person.start()
    done = site.expand("run", "a", "--model", f"mailbox:{box}")
    person.stop.set()
    person.join()
    assert done.code in (0, 1), done.err
    assert site.draft("a") == recorded.draft("a")
    for request in person.read:
        assert request.keys() == {"name", "messages", "params", "schema"}
        assert str(request["name"]).startswith("a/")
    names = sorted(p.name for p in box.iterdir())
    assert len(names) == 3 * len(person.read), (
        "a request for programs and one for eyes, a reply, no leftovers"
    )
    assert len(person.read) == site.report("a")["calls"]


def test_a_mailbox_goes_on_after_a_kill_and_old_answers_do_not_fit_new_prompts(
    new_site: Callable[[str], Site], tmp_path: Path
) -> None:
    import os
    import signal

    site = new_site("mailbox")
    site.article("a.md")
    box = tmp_path / "box"
    box.mkdir()
    running = site.start("run", "a", "--model", f"mailbox:{box}")
    deadline = time.monotonic() + 60
    while not list(box.glob("*.request.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    site.nursery.wait(running)
    [first] = box.glob("*.request.json")
    first.with_name(first.name.replace(".request.json", ".reply.md")).write_text("旧的答复", encoding="utf-8")

    site.article("a.md", SHORT.replace("引言一段", "引言改过"))
    person = Person(box)
    person.start()
    done = site.expand("run", "a", "--model", f"mailbox:{box}")
    person.stop.set()
    person.join()
    assert done.code in (0, 1), done.err
    assert "旧的答复" not in {row["text"] for row in site.ledger()}


def test_a_recording_replays_to_the_same_bytes(recorded: Site, replayed: Callable[..., Site]) -> None:
    site = replayed()
    done = site.expand("run", "a", "--model", "replay:answers.jsonl")
    assert done.code in (0, 1), done.err
    assert site.draft("a") == recorded.draft("a")
    ours, theirs = steady(site.report("a")), steady(recorded.report("a"))
    for report in (ours, theirs):
        report.pop("models")
        report.pop("cost")
    assert ours == theirs
    assert "changed" not in done.err


def test_a_recording_in_the_workspace_is_what_auto_finds(
    recorded: Site, replayed: Callable[..., Site]
) -> None:
    site = replayed()
    (site.root / "recordings").mkdir()
    (site.root / "answers.jsonl").rename(site.root / "recordings" / "a.jsonl")
    done = site.expand("run", "a")
    assert done.code in (0, 1), done.err
    assert "model auto" in done.err
    assert site.draft("a") == recorded.draft("a")


@pytest.mark.parametrize(
    ("missing", "section"),
    [
        ("a/theory.3/write", "theory.3"),
        ("a/experiments.1/write", "experiments.1"),
        ("a/summary/write", "summary"),
    ],
)
def test_what_a_recording_lacks_is_left_unfinished(
    recorded: Site, replayed: Callable[..., Site], missing: str, section: str
) -> None:
    site = replayed(lambda row: row["name"] != missing)
    done = site.expand("run", "a", "--model", "replay:answers.jsonl")
    assert done.code == 1
    assert "Traceback" not in done.err
    report = site.report("a")
    verdicts = {s["id"]: s["verdict"] for s in report["sections"]}
    assert report["verdict"] == "fail"
    assert verdicts.get(section) == "unfinished"
    assert any(section in reason for reason in report["reasons"])
    assert f"expand:begin {section} ".encode() not in site.draft("a")
    assert site.expand("strip", "outputs/a/draft.md").stdout == SHORT.encode()
    assert site.expand("accept", "a").code == 0
    assert site.expand("merge", "a").code in (0, 1), (
        "merging what is there, or saying what refers to what is not"
    )


def test_a_recording_without_the_first_answers_fails_with_a_line(replayed: Callable[..., Site]) -> None:
    site = replayed(lambda row: row["name"] != "a/outline")
    done = site.expand("run", "a", "--model", "replay:answers.jsonl")
    assert done.code == 3
    assert "a/outline" in done.err
    assert [e["event"] for e in site.events()] == ["picked", "failed"]
    assert not (site.output("a") / "draft.md").exists()


def test_a_changed_prompt_is_replayed_with_a_warning(recorded: Site, replayed: Callable[..., Site]) -> None:
    site = replayed(article=SHORT.replace("引言一段", "引言换了一句"))
    done = site.expand("run", "a", "--model", "replay:answers.jsonl")
    assert done.code in (0, 1), done.err
    assert "the prompt has changed since the recording" in done.err
    report = site.report("a")
    assert len(report["changed_prompts"]) >= 3, report["changed_prompts"]
    assert "older prompts" in done.out
    assert (
        site.expand("strip", "outputs/a/draft.md").stdout
        == SHORT.replace("引言一段", "引言换了一句").encode()
    )


def test_a_recording_names_no_place_of_this_machine(recorded: Site) -> None:
    text = (recorded.root / "answers.jsonl").read_text(encoding="utf-8")
    assert str(recorded.root) not in text
    assert "127.0.0.1" not in text
    rows = [json.loads(line) for line in text.split("\n") if line]
    assert rows == sorted(rows, key=lambda row: (row["name"], row["attempt"]))
    assert len(rows) == len(recorded.ledger())
