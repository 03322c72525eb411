"""One article from `init` to a merge and back, with real processes, a real sandbox and real git."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.desk import FAKE, SHORT, Done, Nursery, Service, Site, prompt_of

SAMPLE = "早停与岭回归差多少"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> tuple[Site, Done, Service]:
    """A workspace as `init` makes it, after `expand next`: laboratory, referee and all."""
    root = tmp_path_factory.mktemp("first") / "ws"
    root.mkdir()
    with Service() as service:
        site = Site(root, nursery).using(service)
        assert site.expand("init").code == 0
        plan = (root / "plan.toml").read_text(encoding="utf-8")
        aimed = plan.replace('id = "1A"\n', 'id = "1A"\ntargets = { lines = 400, formulas = 30 }\n')
        assert aimed != plan
        (root / "plan.toml").write_text(aimed, encoding="utf-8")
        return site, site.expand("next", "--model", FAKE), service


@pytest.fixture
def drafted(first: tuple[Site, Done, Service], tmp_path: Path, nursery: Nursery) -> Site:
    """A copy of it, to do with as a test likes. No service answers here: none is needed after a draft."""
    shutil.copytree(first[0].root, tmp_path / "ws")
    return Site(tmp_path / "ws", nursery)


def displays(data: bytes) -> int:
    """Display blocks, counted in another way than the program does: fences taken out, then one pattern."""
    text = re.sub(r"^(```+).*?^\1", "", data.decode(), flags=re.S | re.M)
    names = "equation|align|gather|multline|eqnarray"
    pattern = rf"\$\$.+?\$\$|\\\[.+?\\\]|\\begin\{{({names})\*?\}}.+?\\end\{{\1\*?\}}"
    return len(re.findall(pattern, text, re.S))


def git(root: Path, *argv: str) -> str:
    options = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.autocrlf=false")
    done = subprocess.run(["git", *options, *argv], cwd=root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_next_expands_the_first_article_of_the_plan(first: tuple[Site, Done, Service]) -> None:
    site, done, _ = first
    assert done.code == 1, "the fake writer's filler cannot reach the targets"
    assert "falls short" in done.out
    assert [p.name for p in site.root.glob("outputs/*/draft.md")] == ["draft.md"]
    kept = {p.relative_to(site.output(SAMPLE)).as_posix() for p in site.output(SAMPLE).rglob("*.*")}
    wanted = {
        "draft.md",
        "diff.patch",
        "report.json",
        "bindings.json",
        "experiments/exp1.py",
        "sections/theory.1.md",
    }
    assert wanted <= kept
    assert {"witnesses/eq-double.py", "witnesses/eq-square.py"} <= kept


def test_the_report_holds_what_the_design_names_and_its_figures_are_those_of_the_files(
    first: tuple[Site, Done, Service],
) -> None:
    site, _, service = first
    report = site.report(SAMPLE)
    source = (site.root / "blogs_raw" / f"{SAMPLE}.md").read_bytes()
    draft = site.draft(SAMPLE)

    assert report["slug"] == SAMPLE
    assert report["source"] == {
        "path": f"blogs_raw/{SAMPLE}.md",
        "sha256": hashlib.sha256(source).hexdigest(),
    }
    assert report["draft_sha256"] == hashlib.sha256(draft).hexdigest()
    assert set(report["models"].values()) == {f"{FAKE}@{service.base_url.removeprefix('http://')}"}

    assert report["before"]["lines"] == source.count(b"\n")
    assert report["after"]["lines"] == draft.count(b"\n")
    assert report["before"]["formulas"] == displays(source)
    assert report["after"]["formulas"] == displays(draft)
    for key in ("lines", "formulas", "substance_lines", "inline_formulas", "han_chars"):
        assert report["added"][key] == report["after"][key] - report["before"][key], key

    wanted = {"lines": 400, "formulas": 30}
    assert [(t["name"], t["wanted"]) for t in report["targets"]] == list(wanted.items())
    for target in report["targets"]:
        assert target["got"] == report["after"][target["name"]]
        assert target["met"] == (target["got"] >= target["wanted"])

    assert [c["name"] for c in report["checks"]][:2] == ["formulas", "references"]
    for check in report["checks"]:
        assert check["verdict"] in ("pass", "fail", "undecided")
        assert all({"line", "message", "severity", "rule"} <= f.keys() for f in check["findings"])
    verdicts = {w["label"]: w["verdict"] for w in report["witnesses"]}
    assert {label for label, v in verdicts.items() if v == "verified"} == {"eq:double", "eq:square"}
    assert verdicts["eq:third"] == "unchecked", "without a witness a formula is unchecked, and counted"
    assert [(e["id"], e["verdict"]) for e in report["experiments"]] == [("exp1", "pass")]
    assert report["experiments"][0]["values"]["total"] == pytest.approx(1.6439345667)

    assert report["calls"] == len(service.requests)
    prompts = [len(prompt_of(r)) for r in service.requests]
    assert report["tokens"]["prompt"] == sum(prompts)
    assert report["tokens"]["cached"] == sum(n // 3 for n in prompts)
    assert report["tokens"]["completion"] == sum(len(row["text"]) for row in site.ledger())
    assert report["cost"] is None, "nobody knows the price of a fake"
    assert report["seconds"] == pytest.approx(sum(row["seconds"] for row in site.ledger()), abs=0.01)


def test_no_answer_was_asked_for_twice_and_all_were_used(first: tuple[Site, Done, Service]) -> None:
    site, _, service = first
    rows = site.ledger()
    assert len(rows) == len(service.requests)
    assert {row["status"] for row in rows} == {"ok"}
    assert all(row["name"].startswith(f"{SAMPLE}/") for row in rows)


def test_a_bound_value_stands_in_the_draft_and_in_the_bindings(first: tuple[Site, Done, Service]) -> None:
    site, _, _ = first
    bindings = json.loads((site.output(SAMPLE) / "bindings.json").read_bytes())
    assert [(b["experiment"], b["name"]) for b in bindings] == [("exp1", "total")]
    text = site.draft(SAMPLE).decode()
    assert f"得到 {bindings[0]['text']}，与预言" in text
    assert "{{exp1" not in text
    assert bindings[0]["text"].startswith("1.64"), bindings


def test_sections_of_a_prompt_share_their_first_bytes(first: tuple[Site, Done, Service]) -> None:
    prompts = [prompt_of(r) for r in first[2].requests if "# 怎样审稿" in prompt_of(r)]
    start = prompts[0][: prompts[0].index("# 怎样审稿")]
    assert len(prompts) > 2
    assert len(start) > 3000
    assert all(p.startswith(start) for p in prompts)


def test_events_and_progress_entry(first: tuple[Site, Done, Service]) -> None:
    site, _, _ = first
    report = site.report(SAMPLE)
    picked, drafted = site.events()
    assert (picked["event"], picked["sha256"]) == ("picked", report["source"]["sha256"])
    assert (drafted["event"], drafted["draft_sha256"]) == ("drafted", report["draft_sha256"])
    assert drafted["sections"] == [s["id"] for s in report["sections"]]
    entry = (site.root / "PROGRESS_REPORT.md").read_text(encoding="utf-8")
    assert "子批次1A" in entry
    assert f"{report['before']['lines']}" in entry
    assert f"{report['after']['lines']}" in entry


def test_a_draft_is_passed_over_and_the_plan_goes_on(
    first: tuple[Site, Done, Service], drafted: Site
) -> None:
    done = drafted.expand("next", "--dry-run", "--json")
    assert done.code == 0
    assert [row["slug"] for row in done.json] == ["随机舍入为什么不伤训练"]
    assert done.json[0]["estimate"]["calls"] > 10


def test_the_diff_applies_and_strip_gives_the_source(drafted: Site) -> None:
    git(drafted.root, "init", "-q")
    done = drafted.expand("diff", SAMPLE)
    assert done.stdout == (drafted.output(SAMPLE) / "diff.patch").read_bytes()
    (drafted.root / "p").write_bytes(done.stdout)
    source = (drafted.root / "blogs_raw" / f"{SAMPLE}.md").read_bytes()
    git(drafted.root, "apply", "--whitespace=nowarn", "p")
    assert (drafted.root / "blogs_raw" / f"{SAMPLE}.md").read_bytes() == drafted.draft(SAMPLE)
    assert drafted.expand("strip", f"blogs_raw/{SAMPLE}.md").stdout == source


def test_merge_and_undo(drafted: Site) -> None:
    path = drafted.root / "blogs_raw" / f"{SAMPLE}.md"
    source = path.read_bytes()
    refused = drafted.expand("merge", SAMPLE)
    assert refused.code == 2
    assert "history.1" in refused.err, "what nobody has decided on is listed, and not merged"
    assert path.read_bytes() == source
    assert drafted.expand("accept", SAMPLE).code == 0
    merged = drafted.expand("merge", SAMPLE, "--json")
    assert merged.code == 0, merged.err
    row = merged.json[0]
    assert row["before"]["lines"] == source.count(b"\n")
    assert row["after"]["lines"] == path.read_bytes().count(b"\n")
    assert row["left_out"] == []
    assert b"status: completed\n" in path.read_bytes()
    assert path.read_bytes().replace(b"completed", b"draft", 1) == drafted.draft(SAMPLE)
    assert drafted.expand("strip", path).stdout == source
    assert drafted.expand("status", "--json").json["counts"]["done"] == 1
    assert drafted.expand("merge", SAMPLE).code == 2, "there is no draft to merge any more"

    assert drafted.expand("undo", SAMPLE).code == 0
    assert path.read_bytes() == source
    assert (
        drafted.expand("status", "--json").json["counts"] | {"done": 0, "drafts": 1}
        == (drafted.expand("status", "--json").json["counts"])
    )
    assert drafted.expand("undo", SAMPLE).code == 2
    assert drafted.expand("merge", SAMPLE).code == 0, "an undone merge can be made again"


def test_merge_and_undo_refuse_an_article_that_was_edited(drafted: Site) -> None:
    path = drafted.root / "blogs_raw" / f"{SAMPLE}.md"
    source = path.read_bytes()
    assert drafted.expand("accept", SAMPLE).code == 0
    anchored = "不过1.215也未必是终点".encode()
    before = "因此平均意义下".encode()
    assert source.index(before) < source.index(anchored), "theory.1 stands between these two paragraphs"
    changed = source.replace(before, "所以平均意义下".encode())
    path.write_bytes(changed)
    done = drafted.expand("merge", SAMPLE)
    assert done.code == 5
    assert SAMPLE in done.err
    assert "theory.1" in done.err
    assert path.read_bytes() == changed

    path.write_bytes(source)
    assert drafted.expand("merge", SAMPLE).code == 0
    edited = path.read_bytes() + b"edited after the merge\n"
    path.write_bytes(edited)
    assert drafted.expand("undo", SAMPLE).code == 5
    assert path.read_bytes() == edited


def test_sections_are_decided_one_by_one(drafted: Site) -> None:
    path = drafted.root / "blogs_raw" / f"{SAMPLE}.md"
    source = path.read_bytes()
    ids = [s["id"] for s in drafted.report(SAMPLE)["sections"]]
    done = drafted.expand("accept", SAMPLE, "history.1", "--json")
    assert done.code == 0
    assert done.json["sections"] == {"history.1": "accepted"}
    assert done.json["status"] == "draft"
    assert done.json["undecided"] == [i for i in ids if i != "history.1"]
    assert drafted.expand("reject", SAMPLE, "theory.3").code == 2, "a rejection needs a note"
    assert drafted.expand("reject", SAMPLE, "theory.3", "--note", "条件写错了").code == 0
    assert drafted.expand("accept", SAMPLE, "theory.99").code == 2

    merged = drafted.expand("merge", SAMPLE, "--json").json[0]
    assert "history.1" in merged["sections"]
    assert "theory.3" in merged["left_out"]
    text = path.read_text(encoding="utf-8")
    assert "expand:begin history.1 " in text
    assert "expand:begin theory.3 " not in text
    assert "eq:third" not in text
    assert drafted.expand("strip", path).stdout == source


def test_a_reference_into_a_section_left_out_stops_the_merge(drafted: Site) -> None:
    path = drafted.root / "blogs_raw" / f"{SAMPLE}.md"
    source = path.read_bytes()
    ids = [s["id"] for s in drafted.report(SAMPLE)["sections"]]
    citing, owner = "summary", "theory.1"
    assert "\\eqref{eq:double}" in (drafted.output(SAMPLE) / "sections" / "summary.md").read_text(
        encoding="utf-8"
    )
    assert drafted.expand("accept", SAMPLE, *(i for i in ids if i != owner)).code == 0
    before = drafted.events()
    done = drafted.expand("merge", SAMPLE)
    assert done.code == 1
    assert "eq:double" in done.err
    assert owner in done.err
    assert path.read_bytes() == source
    assert drafted.events() == before
    assert not (drafted.output(SAMPLE) / "merges").exists()
    assert citing in done.err or "map" in done.err


def test_a_rejected_draft_makes_the_article_pending_with_its_note_in_the_prompts(
    drafted: Site, service: Service
) -> None:
    assert drafted.expand("reject", SAMPLE, "--note", "多讲噪声的作用").code == 0
    status = drafted.expand("status", "--json").json
    assert (status["counts"]["drafts"], status["counts"]["pending"]) == (0, 3)
    assert (drafted.output(SAMPLE) / "draft.md").exists(), "a rejected draft is kept"
    drafted.using(service)
    drafted.config("[lab]\nenabled = false\n[targets]\nlines = 10\nformulas = 1\n[retry]\nwait_cap = 0.0\n")
    assert drafted.expand("next", "--model", FAKE, "--json").json[0]["slug"] == SAMPLE
    assert all(
        "多讲噪声的作用" in prompt_of(r) for r in service.requests if "# 任务：精读原文" in prompt_of(r)
    )
    assert any("# 任务：精读原文" in prompt_of(r) for r in service.requests)


ARTICLES: dict[str, bytes] = {
    "lf.md": SHORT.encode(),
    "crlf.md": SHORT.replace("\n", "\r\n").encode(),
    "mixed.md": SHORT.replace("\n\n", "\r\n\n").encode(),
    "no final newline.md": SHORT.rstrip("\n").encode(),
    "名字 有空格 与中文.md": SHORT.replace("TODO: 补充\n", "这里已经写了一段。\n").encode(),
    "no-front-matter.md": SHORT.split("---\n\n", 1)[1].encode(),
    "bom.md": b"\xef\xbb\xbf" + SHORT.encode(),
    "tail.md": (SHORT + "\n\n\n   \n\t").encode(),
}


def test_articles_of_every_form_outside_the_plan(site: Site) -> None:
    for name, data in ARTICLES.items():
        site.article(name, data)
    done = site.expand("run", *(Path(name).stem for name in ARTICLES), "--model", FAKE, "--json")
    assert done.code in (0, 1), done.err
    assert [row["slug"] for row in done.json] == [Path(name).stem for name in ARTICLES]
    git(site.root, "init", "-q")
    for name, data in ARTICLES.items():
        slug, path = Path(name).stem, site.root / "blogs_raw" / name
        assert path.read_bytes() == data, "a run never writes an article"
        draft = site.draft(slug)
        assert draft.count(b"expand:begin") >= 6, name
        git(site.root, "apply", "--whitespace=nowarn", f"outputs/{slug}/diff.patch")
        assert path.read_bytes() == draft, name
        assert site.expand("strip", f"outputs/{slug}/draft.md").stdout == data, name
        path.write_bytes(data)
    status = site.expand("status", "--json").json
    assert {a["slug"] for a in status["unplanned"]} == {Path(name).stem for name in ARTICLES}

    for name in ARTICLES:
        assert site.expand("accept", Path(name).stem).code == 0
    merged = site.expand("merge", *(Path(name).stem for name in ARTICLES), "--json")
    assert merged.code == 0, merged.err
    for name, data in ARTICLES.items():
        assert site.expand("strip", f"blogs_raw/{name}").stdout == data, name
        assert site.expand("undo", name).code == 0
        assert (site.root / "blogs_raw" / name).read_bytes() == data, name


def test_next_takes_one_article_after_the_other_and_then_says_that_none_is_left(
    site: Site, service: Service
) -> None:
    site.article("a.md")
    site.article("b.md", SHORT.replace("两数", "两个数"))
    site.plan("b.md", "gone.md", "a.md")
    picked: list[Any] = []
    for _ in range(2):
        done = site.expand("next", "--model", FAKE, "--json")
        picked += [row["slug"] for row in done.json]
    assert picked == ["b", "a"]
    assert "gone" in done.err
    asked = len(service.requests)
    last = site.expand("next", "--model", FAKE, "--json")
    assert (last.code, last.json["picked"]) == (0, None)
    assert len(service.requests) == asked


def test_run_again_asks_nothing_again_and_gives_the_same_draft(site: Site, service: Service) -> None:
    site.article("a.md")
    site.expand("run", "a", "--model", FAKE)
    draft, report, asked = site.draft("a"), site.report("a"), len(service.requests)
    site.expand("run", "a", "--model", FAKE)
    assert len(service.requests) == asked
    assert site.draft("a") == draft
    assert site.report("a") == report, "durations too are those of the stored calls"
