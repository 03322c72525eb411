"""Every golden case of every rule, and none of the rules without one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent import checks
from agent.checks import GROUPS, RULES
from tests.checks.golden import FOLDER, Case, all_cases, cases


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_case(case: Case) -> None:
    findings = case.findings()
    shown = "\n".join(f"{f.line} {f.severity} {f.message}" for f in findings)
    assert bool(case.expected) != case.none, "say which findings are expected, or - none"
    assert len(findings) == len(case.expected), shown
    for expected, finding in zip(case.expected, findings, strict=True):
        assert expected.fits(finding), f"expected {expected}, got\n{shown}"


@pytest.mark.parametrize("rule", [name for _, name, _ in RULES])
def test_every_rule_has_positive_and_negative_cases(rule: str) -> None:
    of_rule = cases(FOLDER / f"{rule}.md")
    assert any(case.expected for case in of_rule)
    assert any(case.none for case in of_rule)
    assert len({case.title for case in of_rule}) == len(of_rule)


def test_every_golden_file_belongs_to_a_rule() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == {name for _, name, _ in RULES}


def test_a_rule_is_a_file_with_a_docstring_that_states_it() -> None:
    for group, name, rule in RULES:
        assert group in GROUPS
        assert rule.__module__ == f"agent.checks.{name}"
        assert rule.__doc__, name


def test_findings_carry_their_group_and_rule() -> None:
    for group, name, _ in RULES:
        text = (Path(checks.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
        made = set(re.findall(r'Finding\(\s*"([\w-]+)",\s*"(\w+)"', text))
        assert made == {(group, name)}, name


def test_every_group_has_a_rule() -> None:
    assert {group for group, _, _ in RULES} == set(GROUPS)
