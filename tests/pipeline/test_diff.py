"""The diff of a draft, as git reads it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.pipeline.diff import patch

line = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [
            "甲乙".encode(),
            b"--- a",
            b"+++ b",
            b"@@ -1 +1 @@",
            b"\\ No newline at end of file",
            b"x\r",
            b"\t",
            b" ",
        ]
    ),
)
text = st.lists(line.map(lambda b: b.replace(b"\n", b"")), max_size=12).flatmap(
    lambda rows: st.sampled_from([b"\n".join(rows), b"\n".join([*rows, b""])])
)
name = st.text(st.sampled_from("ab 名字-_.()'&\"\\"), min_size=1, max_size=20).map(lambda s: f"x{s}y.md")


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(text, text, name), min_size=8, max_size=30, unique_by=lambda t: t[2]))
def test_git_applies_it(cases: list[tuple[bytes, bytes, str]]) -> None:
    """Many files in one patch, since starting git takes longer than the rest."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        wanted: dict[str, bytes] = {}
        patches = b""
        for before, after, file in cases:
            # An empty file is a deletion or a creation to git; no article is either.
            if not before or not after:
                continue
            (root / file).write_bytes(before)
            wanted[file] = after
            patches += patch(before, after, file)
        (root / "p").write_bytes(patches)
        if patches:
            command = ["git", "apply", "--whitespace=nowarn", "p"]
            done = subprocess.run(command, cwd=root, capture_output=True, check=False)
            assert done.returncode == 0, done.stderr.decode()
        assert {file: (root / file).read_bytes() for file in wanted} == wanted


def test_nothing_changed_is_no_patch() -> None:
    assert patch("甲\n".encode(), "甲\n".encode(), "a.md") == b""


def test_it_reads_like_a_diff() -> None:
    shown = patch(b"a\nb\n", b"a\nc\n", "blogs_raw/x.md").decode()
    assert (
        shown
        == "diff --git a/blogs_raw/x.md b/blogs_raw/x.md\n--- a/blogs_raw/x.md\n+++ b/blogs_raw/x.md\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    )
