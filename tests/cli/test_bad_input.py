"""Input nobody wishes for: a clear error, the right exit code, nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.needs import missing
from tests.pipeline.desk import FAKE, ROOT, SHORT, Done, Service, Site


def without_privilege(site: Site, *argv: str) -> Done:
    """A command that permissions hold for: root's power to pass over them is left behind."""
    program = [sys.executable, "-m", "agent", *argv]
    privileged = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    env = {**site.env, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*privileged, *program], cwd=site.root, capture_output=True, env=env, check=False)
    return Done(done.returncode, done.stdout, done.stderr.decode())


def tree(root: Path) -> dict[str, bytes]:
    """Every file that is the user's, with its bytes; locks and the ledger are the program's own."""
    own = (".locks", "ledger.db", "index.json")
    return {
        p.relative_to(root).as_posix(): p.read_bytes()
        for p in sorted(root.rglob("*"))
        if p.is_file() and not any(part.startswith(own) for part in p.parts)
    }


def said(done: Done, code: int, *words: str) -> None:
    assert done.code == code, done
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err, done.err


def test_plan_items_without_files_are_listed_and_passed_over(site: Site) -> None:
    site.article("b.md")
    site.plan("gone.md", "b.md")
    counts = site.expand("status", "--json").json["counts"]
    assert (counts["missing"], counts["pending"]) == (1, 1)
    done = site.expand("next", "--dry-run", "--json")
    assert done.json[0]["slug"] == "b"
    assert "gone" in done.err
    said(site.expand("run", "gone"), 2, "no article gone")


def test_a_plan_is_not_imported_without_the_folder_of_articles(site: Site) -> None:
    (site.root / "TODO.md").write_text("# 1A\n\n- [ ] 某文.md\n", encoding="utf-8")
    shutil.rmtree(site.root / "blogs_raw", ignore_errors=True)
    before = tree(site.root)
    said(site.expand("plan", "import", "TODO.md"), 2, "there is no folder", "blogs_raw", "paths.articles")
    assert tree(site.root) == before


def test_a_batch_of_which_nothing_can_be_taken_says_why(site: Site) -> None:
    site.plan("gone.md")
    for more in ([], ["--dry-run"]):
        done = site.expand("batch", "1A", *more)
        assert (done.code, "no article of 1A has a file in blogs_raw/" in done.out) == (0, True), done
    plan = site.root / "plan.toml"
    plan.write_text(plan.read_text(encoding="utf-8").partition("[[batch.sub.item]]")[0], encoding="utf-8")
    assert "plan.toml names no article in 1A" in site.expand("batch", "1A", "--dry-run").out


def test_a_file_that_cannot_be_used_is_named_and_hides_no_other(site: Site) -> None:
    site.article("good.md")
    site.article("torn.md", SHORT + "<!-- expand:begin x -->\n")
    site.article("gb.md", "梯度".encode("gb18030"))
    names = [f"blogs_raw/{name}.md" for name in ("gone", "torn", "good", "gb")]
    for command in ("measure", "check", "evaluate"):
        done = site.expand(command, *names, "--json")
        said(done, 2, f"{names[0]}: ", f"{names[1]}: line 21: region x", f"{names[3]}: not UTF-8")
        assert names[2] in done.out or command == "check", "nothing is found in the good one"
        assert names[1] not in done.out
    done = site.expand("check", names[0], names[1])
    said(done, 2, f"{names[0]}: ", f"{names[1]}: line")
    assert done.out == "", "of no file there is anything to say"
    said(site.expand("strip", names[1]), 2, f"{names[1]}: line 21: region x begins here and never ends")


def test_programs_are_no_articles_and_one_that_is_missing_hides_no_other(site: Site) -> None:
    site.article("good.md")
    (site.root / "sum.py").write_text("emit('total', 2)\n", encoding="utf-8")
    done = site.expand("experiment", "gone.py", "blogs_raw/good.md", "sum.py", "--json")
    said(done, 2, "gone.py: ", "blogs_raw/good.md: an article, not a program", "name a Python file")
    assert [row["file"] for row in done.json] == ["sum.py"]
    done = site.expand("witness", "gone.py", "sum.py", "--json")
    said(done, 2, "gone.py: ")
    assert [row["file"] for row in done.json] == ["sum.py"]


def test_two_articles_with_one_slug(site: Site) -> None:
    site.article("a.md")
    site.article("sub/a.md", SHORT.replace("引言", "别的"))
    before = tree(site.root)
    for argv in (["status"], ["run", "a", "--model", FAKE], ["next"], ["merge", "a"]):
        said(
            site.expand(*argv),
            2,
            "two articles share the slug a",
            "blogs_raw/a.md",
            "blogs_raw/sub/a.md",
            "rename",
        )
    assert tree(site.root) == before


def test_an_article_is_found_by_its_title(site: Site) -> None:
    """`expand status` shows titles: what it shows can be typed."""
    site.article("kept.md")
    site.article("other.md", SHORT.replace("两数之和", "隐藏在动量中的梯度累积：少更新几步，效果反而更好？"))
    done = site.expand("run", "两数之和", "--dry-run", "--json")
    assert (done.code, done.json[0]["slug"]) == (0, "kept")
    said(site.expand("run", "隐藏在动量中的梯度累积"), 2, "did you mean other?")
    site.article("twin.md", SHORT.replace("引言", "另一篇"))
    said(site.expand("run", "两数之和"), 2, "2 articles have the title", "kept, twin")


def test_articles_without_text(site: Site) -> None:
    for name, data in {
        "none.md": b"",
        "blank.md": b"\n\n \n",
        "head.md": b"---\ntitle: x\nstatus: pending\n---\n",
    }.items():
        site.article(name, data)
        said(site.expand("run", name, "--model", FAKE), 2, name, "nothing to expand")
        said(site.expand("run", name, "--dry-run"), 2, name, "nothing to expand")
        assert site.expand("measure", f"blogs_raw/{name}", "--json").json[0]["formulas"] == 0
        assert site.expand("strip", f"blogs_raw/{name}").stdout == data
    assert site.expand("status").code == 0


def test_next_passes_over_what_cannot_be_expanded(site: Site) -> None:
    site.article("marked.md", SHORT + "<!-- expand:begin x -->\n")
    site.article("heads.md", "# 题\n\n## 节\n")
    site.article("gb.md", "梯度".encode("gb18030"))
    site.plan("marked.md", "heads.md", "gb.md", "good.md")
    first = site.expand("next", "--model", FAKE)
    said(first, 2, "marked: ", "heads: ", "gb: ", "passing on")
    assert not (site.root / "outputs" / "progress.jsonl").exists(), "their author may mend them at any time"
    site.article("good.md")
    done = site.expand("next", "--model", FAKE, "--json")
    assert done.json[0]["slug"] == "good"
    said(done, done.code, "marked: ", "heads: ", "gb: ")
    site.article("heads.md", SHORT.replace("两数之和", "标题之下"))
    assert site.expand("next", "--model", FAKE, "--json").json[0]["slug"] == "heads"


def test_nothing_to_do_names_drafts_only_where_some_wait(site: Site) -> None:
    site.plan("gone.md")
    done = site.expand("next")
    assert done.code == 0
    assert "Drafts wait" not in done.out
    site.article("a.md")
    site.plan("a.md")
    site.expand("next", "--model", FAKE)
    assert "Drafts wait" in site.expand("next").out


def test_one_that_fails_hides_no_draft_of_the_others(site: Site) -> None:
    site.article("a.md")
    site.article("none.md", b"")
    done = site.expand("run", "none", "a", "--model", FAKE, "--json")
    assert {row["slug"]: row["ending"] for row in done.json["articles"]} == {"none": "failed", "a": "draft"}
    assert done.code == 2
    assert "nothing to expand" in done.json["articles"][0]["error"]
    assert "`blogs_raw/a.md`" in (site.root / "PROGRESS_REPORT.md").read_text(encoding="utf-8")


def test_a_failed_run_stands_in_the_report(site: Site) -> None:
    site.article("a.md")
    said(site.expand("run", "a", "--model", f"replay:{_empty(site)}"), 3)
    assert "本日失败（1 篇）" in (site.root / "PROGRESS_REPORT.md").read_text(encoding="utf-8")


def _empty(site: Site) -> Path:
    path = site.root / "empty.jsonl"
    path.write_text("")
    return path


def test_a_name_of_255_bytes(site: Site) -> None:
    name = "长" * 83 + "ab"
    assert len(f"{name}.md".encode()) == 254
    path = site.article(f"{name}.md")
    assert site.expand("run", name, "--model", FAKE).code in (0, 1)
    assert site.expand("diff", name).stdout.startswith(b"diff --git a/")
    assert site.expand("accept", name).code == 0
    assert site.expand("merge", name).code == 0
    assert site.expand("undo", name).code == 0
    assert path.read_bytes() == SHORT.encode()


def test_a_line_of_5_mb(site: Site) -> None:
    """Read, measured and taken back in linear time; it does not fit any window, and that is said before a call."""
    path = site.article("long.md", SHORT + "\n" + ("很长的一行，没有尽头。" * 30 + "$x_1$") * 5_200 + "\n")
    assert path.stat().st_size > 5_000_000
    row = site.expand("measure", path, "--json").json[0]
    assert row["lines"] == SHORT.count("\n") + 2
    assert row["inline_formulas"] == 5_200
    assert site.expand("status", "--json").json["lines"] == row["lines"]
    assert site.expand("strip", path).stdout == path.read_bytes()
    with Service() as service:
        site.using(service)
        site.config("[model]\ncontext_window = 128000\n[lab]\nenabled = false\n")
        said(site.expand("run", "long", "--model", FAKE), 3, "context window of")
        assert service.requests == []


def test_what_cannot_be_read(site: Site) -> None:
    path = site.article("a.md")
    site.article("b.md", SHORT.replace("引言", "另一篇"))
    site.plan("a.md", "b.md")
    path.chmod(0)
    for argv in (["measure", "blogs_raw/a.md"], ["run", "a", "--model", FAKE]):
        said(without_privilege(site, *argv), 2, "a.md", "Permission denied", "permission to read")
    rows = without_privilege(site, "status", "--json").json["batches"][0]["subs"][0]["articles"]
    assert "Permission denied" in {r["slug"]: r["error"] for r in rows}["a"]
    path.chmod(0o644)
    for name in ("plan.toml", "config.toml"):
        (site.root / name).chmod(0)
        said(without_privilege(site, "status"), 2, name, "Permission denied")
        (site.root / name).chmod(0o644)


def test_where_nothing_can_be_written(site: Site, service: Service) -> None:
    site.article("a.md")
    before = tree(site.root)
    site.root.chmod(0o555)
    said(without_privilege(site, "run", "a", "--model", FAKE), 2, "outputs", "Permission denied")
    assert service.requests == [], "what could not be stored is not asked for"
    assert without_privilege(site, "status").code == 0, "looking needs no permission to write"
    said(without_privilege(site, "init", "fresh"), 2, "fresh", "Permission denied")
    site.root.chmod(0o755)
    assert tree(site.root) == before


def test_outputs_that_may_not_be_written(site: Site, service: Service) -> None:
    """Answers are in the ledger, the draft cannot be put down: said, and done by the same command later."""
    site.article("a.md")
    site.expand("run", "a", "--model", FAKE)
    draft, asked = site.draft("a"), len(service.requests)
    (site.output("a") / "draft.md").unlink()
    site.output("a").chmod(0o555)
    said(without_privilege(site, "run", "a", "--model", FAKE), 2, "cannot be written")
    site.output("a").chmod(0o755)
    assert site.expand("run", "a", "--model", FAKE).code in (0, 1)
    assert (site.draft("a"), len(service.requests)) == (draft, asked)


def test_an_article_that_may_not_be_written_is_not_merged(site: Site) -> None:
    """The folder of the articles is closed: the merge says so and leaves a draft that can be merged later."""
    path = site.article("a.md")
    site.expand("run", "a", "--model", FAKE)
    assert site.expand("accept", "a").code == 0
    path.parent.chmod(0o555)
    said(without_privilege(site, "merge", "a"), 2, "cannot be written")
    path.parent.chmod(0o755)
    assert path.read_bytes() == SHORT.encode()
    assert site.expand("merge", "a").code == 0
    assert site.expand("strip", path).stdout == SHORT.encode()


@pytest.fixture
def small_disk(site: Site, tmp_path: Path) -> Iterator[Site]:
    """The workspace on a disk of 3 MB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(mount)], capture_output=True, check=False
    )
    if done.returncode:
        missing(
            "mount",
            f"no small disk: {done.stderr.decode().strip()}; test_files_limited_in_size is the other way",
        )
    shutil.copytree(site.root, mount / "ws")
    yield Site(mount / "ws", site.nursery, dict(site.env))
    subprocess.run(["umount", "-l", str(mount)], check=True)


def test_a_full_disk(small_disk: Site) -> None:
    site = small_disk
    path = site.article("a.md")
    filler = site.root / "filler"
    free = shutil.disk_usage(site.root).free
    filler.write_bytes(b"x" * (free - 120_000))
    done = site.expand("run", "a", "--model", FAKE)
    assert done.code == 2, done
    assert "Traceback" not in done.err
    assert "disk" in done.err or "space" in done.err, done.err
    assert path.read_bytes() == SHORT.encode()
    assert not (site.output("a") / "draft.md").exists()
    assert not list(site.root.rglob("*.tmp"))
    filler.unlink()
    assert site.expand("run", "a", "--model", FAKE).code in (0, 1), "with room again the same command goes on"
    assert site.expand("ledger", "verify").code == 0


def test_a_merge_on_a_full_disk_changes_nothing(small_disk: Site) -> None:
    site = small_disk
    path = site.article("a.md", SHORT + "\n" + "很长的原文。\n\n" * 1200)
    assert site.expand("run", "a", "--model", FAKE).code in (0, 1)
    assert site.expand("accept", "a").code == 0
    before = path.read_bytes()
    filler = site.root / "filler"
    filler.write_bytes(b"x" * max(shutil.disk_usage(site.root).free - 8192, 1))
    done = site.expand("merge", "a")
    assert (done.code, "Traceback" in done.err) == (2, False), done
    assert path.read_bytes() == before
    filler.unlink()
    assert site.expand("merge", "a").code == 0
    assert site.expand("strip", path).stdout == before


def test_files_limited_in_size(site: Site) -> None:
    """The other way in which writing fails in the middle: a limit on the size of a file."""
    site.article("a.md")
    site.expand("run", "a", "--model", FAKE)
    draft = site.draft("a")
    (site.output("a") / "draft.md").unlink()
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "from pathlib import Path\nfrom agent.workspace import write_bytes\n"
        "from agent.errors import UsageError\n"
        "try:\n    write_bytes(Path(sys.argv[1]), b'x' * 100000)\n"
        "except UsageError as error:\n    print(error)\n"
    )
    target = site.output("a") / "report.json"
    before = target.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", code, str(target)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert "cannot be written (File too large)" in done.stdout
    assert target.read_bytes() == before
    assert site.expand("run", "a", "--model", FAKE).code in (0, 1)
    assert site.draft("a") == draft


def test_damaged_outputs_are_named(site: Site) -> None:
    site.article("a.md")
    site.expand("run", "a", "--model", FAKE)
    log = site.root / "outputs" / "progress.jsonl"
    good = log.read_bytes()
    log.write_bytes(b"damaged\n" + good)
    said(site.expand("status"), 2, "progress.jsonl:1", "restore this line")
    log.write_bytes(good)
    (site.root / "outputs" / "ledger.db").write_bytes(b"not a database, surely not one" * 100)
    said(site.expand("ledger", "stats"), 2, "ledger.db")
    said(site.expand("run", "a", "--model", FAKE), 2, "ledger.db")
    (site.output("a") / "sections" / "index.json").unlink()
    done = site.expand("merge", "a")
    assert done.code in (1, 2), done
    assert "Traceback" not in done.err


def test_a_loop_of_links_and_a_folder_named_like_an_article(site: Site) -> None:
    site.article("a.md")
    (site.root / "blogs_raw" / "loop").symlink_to(site.root / "blogs_raw")
    (site.root / "blogs_raw" / "dir.md").mkdir()
    (site.root / "blogs_raw" / "dangling.md").symlink_to("nowhere.md")
    done = site.expand("status", "--json")
    assert done.code == 0, done.err
    assert "a" in {x["slug"] for x in done.json["unplanned"]}
    for name in ("dir", "dangling"):
        done = site.expand("run", name, "--model", FAKE)
        assert done.code == 2, done
        assert "Traceback" not in done.err


BROKEN_REPORT = "# 进度\n\n<!-- expand:progress 1A 2025-01-01 begin -->\n"


def test_a_broken_report_hides_nothing_that_was_done(site: Site) -> None:
    """The draft was paid for, and a decision was made: that the report cannot be written is a warning."""
    site.article("a.md")
    (site.root / "PROGRESS_REPORT.md").write_text(BROKEN_REPORT, encoding="utf-8")
    warning = "warning: PROGRESS_REPORT.md is not up to date"
    done = site.expand("run", "a", "--model", FAKE, "--json", "--events", "events")
    said(done, done.json[0]["verdict"] != "pass", warning)
    assert json.loads((site.root / "events").read_text("utf-8").splitlines()[-1])["event"] == "result"
    said(site.expand("strip", "outputs/a/draft.md", "-o", "gone/a.md"), 2, "there is no folder gone")
    assert not (site.root / "gone").exists()
    for argv in (("accept", "a"), ("merge", "a"), ("undo", "a"), ("reject", "a", "--note", "x")):
        said(site.expand(*argv), 0, warning)
    said(site.expand("report"), 2, "PROGRESS_REPORT.md")
    assert (site.root / "PROGRESS_REPORT.md").read_text("utf-8") == BROKEN_REPORT


def test_a_damaged_ledger_is_what_verify_finds(site: Site) -> None:
    site.article("a.md")
    site.expand("run", "a", "--model", FAKE)
    path = site.root / "outputs" / "ledger.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page: int = db.execute("PRAGMA page_size").fetchone()[0]
    whole = path.read_bytes()
    pages = len(whole) // page
    assert pages > 8
    for first in range(1, pages, max(1, pages // 6)):
        path.write_bytes(whole[: first * page] + b"\xa5" * (2 * page) + whole[(first + 2) * page :])
        done = site.expand("ledger", "verify", "--json")
        assert (done.code, "defect" in done.err) in ((1, False), (2, False)), done
        assert done.code == 2 or done.json["problems"]
    path.unlink()
    done = site.expand("ledger", "verify", "--json")
    assert (done.code, done.json["problems"]) == (
        1,
        ["outputs/ledger.db is gone, and the event log has 1 draft"],
    )
    for argv in (("ledger", "stats"), ("cost",), ("next", "--dry-run")):
        site.expand(*argv)
        assert not path.exists(), "looking makes none"


def test_titles_move_no_cursor_in_json_either(site: Site) -> None:
    path = site.article("a.md", "---\ntitle: 甲\x9b31m\u202e乙\n---\n" + SHORT)
    for argv in (("status", "--json"), ("measure", str(path), "--json")):
        done = site.expand(*argv)
        assert not set("\x9b\u202e") & set(done.out)
    assert site.expand("status", "--json").json["unplanned"][0]["title"] == "甲\x9b31m\u202e乙"


@pytest.mark.parametrize("every", ["nan", "inf", "0", "-1"])
def test_a_watch_needs_a_time_to_look_again(site: Site, every: str) -> None:
    said(site.expand("status", "--watch", "--every", every), 2, "--every")
