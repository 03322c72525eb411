"""Rules of the house that a reviewer should not have to look for."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "agent").rglob("*.py"))
LONGEST = 400
"""Lines of a module; the aim is 300."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_layer_imports_only_what_stands_below_it() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_modules_stay_short() -> None:
    long = {name(p): n for p in MODULES if (n := p.read_text(encoding="utf-8").count("\n")) > LONGEST}
    assert long == {}


def test_every_module_says_what_it_is() -> None:
    silent = [
        name(p) for p in MODULES if p.stat().st_size and ast.get_docstring(ast.parse(p.read_bytes())) is None
    ]
    assert silent == []


def calls(tree: ast.AST, function: str) -> list[int]:
    return [
        n.lineno
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == function
    ]


SPEAKERS = ("agent/report/", "agent/cli/", "agent/review/terminal.py", "agent/lab/inside/")
"""Who may print: the screens, the command line, and the program inside the sandbox, whose stdout is its answer."""


def test_nobody_else_prints() -> None:
    found = {name(p): lines for p in MODULES if (lines := calls(ast.parse(p.read_bytes()), "print"))}
    assert {p: lines for p, lines in found.items() if not p.startswith(SPEAKERS)} == {}


def imported(tree: ast.AST) -> set[str]:
    """Top names of what a module imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


ONLY = {
    "rich": ("agent/report/", "agent/cli/", "agent/review/terminal.py"),
    "openai": ("agent/llm/",),
    "langchain": ("agent/llm/",),
    "distributed": ("agent/batch/",),
    "sqlite3": ("agent/llm/",),
    "numpy": ("agent/lab/",),
    "py_mini_racer": ("agent/checks/",),
    "subprocess": (
        "agent/lab/",
        "agent/llm/",
        "agent/workspace/git.py",
        "agent/cli/",
        "agent/review/",
        "agent/commands/",
    ),
}


@pytest.mark.parametrize("library", ONLY)
def test_libraries_stay_where_they_belong(library: str) -> None:
    found = [name(p) for p in MODULES if library in imported(ast.parse(p.read_bytes()))]
    assert [p for p in found if not p.startswith(ONLY[library])] == []


HEAVY = (
    "numpy",
    "openai",
    "py_mini_racer",
    "tiktoken",
    "matplotlib",
    "jsonschema",
    "scipy",
    "langchain",
    "sklearn",
    "distributed",
)
INSIDE = "agent/lab/inside/"
"""Runs in a process of its own, where numpy is the point."""


def test_heavy_libraries_are_imported_where_they_are_needed() -> None:
    """Inside functions: `expand --help` must not wait for them. The vendor's module is itself imported late."""
    at_top = {}
    for path in MODULES:
        tree = ast.parse(path.read_bytes())
        top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
        heavy = imported(ast.Module(body=list(top), type_ignores=[])) & set(HEAVY)
        if heavy and not name(path).startswith(INSIDE):
            at_top[name(path)] = heavy
    assert set(at_top) <= {
        "agent/llm/openai.py",
        "agent/llm/openai_errors.py",
        "agent/llm/langchain.py",
        "agent/batch/dask.py",
        "agent/batch/worker.py",
    }


GROUP_REPEATED_POSSESSIVELY = re.compile(r"\)(?:[*+?]|\{+[0-9,]+\}+)\+")
RAW = re.compile(r"""(?<![a-zA-Z])r[fb]?(?:"[^"\n]*"|'[^'\n]*')""")


def test_no_group_is_repeated_possessively() -> None:
    """`(?:…)*+` loses its place in Python before 3.11.4 (gh-106052), which Debian 12 ships; `(?>(?:…)*)` means the
    same and works. Repeats of one character or class are safe."""
    found = [
        f"{name(path)}:{number}"
        for path in MODULES
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1)
        for pattern in RAW.findall(line)
        if GROUP_REPEATED_POSSESSIVELY.search(re.sub(r"\\.|\[[^]]*\]", "x", pattern))
    ]
    assert found == []


def test_no_state_at_module_level() -> None:
    """No `global`, and no lists or sets to append to: what a run knows is handed around."""
    found = []
    for path in MODULES:
        tree = ast.parse(path.read_bytes())
        found += [f"{name(path)}:{n.lineno} global" for n in ast.walk(tree) if isinstance(n, ast.Global)]
        for node in tree.body:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            if isinstance(value, ast.List | ast.Set) and not getattr(value, "elts", True):
                found.append(f"{name(path)}:{node.lineno} empty collection")
            if isinstance(value, ast.Dict) and not value.keys:
                found.append(f"{name(path)}:{node.lineno} empty collection")
    assert found == []


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.fail("the tests run in a git checkout")
    return [ROOT / n for n in done.stdout.decode().split("\0") if n and (ROOT / n).is_file()]


SAID = re.compile(r"(?<![\w/])/(?:work/\w+|root/\.\w+)/|BEGIN (?:RSA |OPENSSH )?PRIVATE KEY")


def test_nothing_names_a_machine() -> None:
    found = []
    for path in tracked():
        if path.suffix in (".py", ".md", ".toml", ".json", ".jsonl", ".html", ".css", ".js", ".lock", ""):
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{name(path)}: {m[0]}" for m in SAID.finditer(text)]
    assert found == []


def test_generated_files_stay_out_of_the_repository() -> None:
    kept = [name(p) for p in tracked()]
    assert [
        n for n in kept if n.startswith(("outputs/", ".venv/", "dist/")) or n.endswith((".pyc", ".db"))
    ] == []
