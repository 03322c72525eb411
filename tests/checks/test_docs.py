"""docs/checks.md says what the code does, and its tables are those the script makes."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

import pytest

from tests.corpus import ROOT, folder

DOC = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("checks_table", ROOT / "benchmarks" / "checks_table.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def between(name: str) -> str:
    match = re.search(rf"<!-- {name}:begin -->\n(.*?)<!-- {name}:end -->", DOC, re.DOTALL)
    assert match
    return match.group(1).strip()


def test_the_list_of_rules_is_the_code_s(tables: ModuleType) -> None:
    assert between("rules") == tables.rules_table(), "run: python benchmarks/checks_table.py --rules --write"


def test_the_measured_table_has_every_rule(tables: ModuleType) -> None:
    measured = between("measured")
    for group, name, _ in tables.RULES:
        assert f"| {group} | `{name}` |" in measured, name


def test_the_measured_table_is_what_is_measured(tables: ModuleType) -> None:
    """Where the articles are; elsewhere the table's promise about originals is what can be held against it."""
    measured = between("measured")
    if (folder() / "expanded").is_dir() and (folder() / "blogs_raw").is_dir():
        assert measured == tables.measured_tables(folder()), (
            "run: python benchmarks/checks_table.py FOLDER --write"
        )
    row = next(line for line in measured.split("\n") if line.startswith("| all |"))
    alone, with_source = row.split("|")[3:5]
    assert alone.strip().startswith("0 ·")
    assert with_source.strip().startswith("0 ·")


def test_the_limits_are_the_code_s() -> None:
    from agent.checks import mathjax, substance

    assert f"{mathjax.LONGEST:,} characters" in DOC
    assert f"{mathjax.SECONDS:g} s, then" in DOC
    assert f"{mathjax.SECONDS_EACH:g} s each" in DOC
    assert f"{mathjax.MEMORY // 2**20} MiB" in DOC
    assert substance.LEAST == 0.5
