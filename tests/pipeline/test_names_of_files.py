"""Labels as file names: any label, one file each, and ordinary ones as they always were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import SandboxUnavailable
from agent.lab import open_sandbox
from agent.pipeline.badges import file_name, witness_file
from tests.fakes.openai_server import Seen, Text
from tests.pipeline.desk import FAKE, QUICK, Service, Site

labels = st.text(st.sampled_from("ab1:-._/ 甲"), max_size=12)


@given(labels, labels)
def test_two_labels_never_share_a_file(a: str, b: str) -> None:
    assert (file_name(a) == file_name(b)) == (a == b)


def test_a_label_that_looks_like_the_name_of_another_has_a_name_of_its_own() -> None:
    assert file_name(file_name("eq:a b").replace("-", ":", 1)) != file_name("eq:a b")


@given(st.text(max_size=400))
def test_any_label_gives_a_name_that_file_systems_take(label: str) -> None:
    name = witness_file(label)
    assert len(name.encode()) <= 120
    assert "/" not in name


@pytest.mark.parametrize("label", ["eq:a", "eq:theory-2-slope", "eq:rho_c", "eq:theory.7-bias", "double"])
def test_ordinary_labels_have_plain_names(label: str) -> None:
    assert file_name(label) == label.replace(":", "-")


LONG = "eq:" + "-".join(["the-gap-between-early-stopping-and-ridge"] * 8)


class Author(Service):
    """Calls one of its formulas by a very long name."""

    def written(self, seen: Seen) -> Text:
        messages = [
            {**m, "content": str(m["content"]).replace(LONG, "eq:double")} for m in seen.body["messages"]
        ]
        made = super().written(replace(seen, body={**seen.body, "messages": messages}))
        return replace(made, text=made.text.replace("eq:double", LONG))


def test_a_long_label_is_written_down_and_stays_below_the_articles_folder(
    new_site: Callable[[str], Site],
) -> None:
    try:
        open_sandbox()
    except SandboxUnavailable as error:
        pytest.skip(f"no sandbox on this machine: {error}")
    site = new_site("long")
    site.config(QUICK.replace("enabled = false", "enabled = true"))
    site.article("a.md")
    before = set(site.files())
    with Author() as author:
        done = site.using(author).expand("run", "a", "--model", FAKE)
    assert done.code in (0, 1), done.err
    assert len(LONG) > 255
    assert (site.output("a") / "witnesses" / f"{file_name(LONG)}.py").is_file()
    assert f"assets/a/{witness_file(LONG)}" in site.draft("a").decode()
    assert (site.output("a") / "assets" / "a" / witness_file(LONG)).is_file()
    elsewhere = {
        p.relative_to(site.root) for p in set(site.files()) - before if site.output("a") not in p.parents
    }
    books = {p for p in elsewhere if len(p.parts) == 2 and p.parts[0] == "outputs"}
    caches = {p for p in elsewhere if p.parts[:2] == ("outputs", ".cache")}
    left = {p.name for p in elsewhere - books - caches if p.suffix != ".lock"}
    assert left <= {"PROGRESS_REPORT.md"}
