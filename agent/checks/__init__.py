"""The checks: one rule a file, in one ordered list, and one verdict for each of the ten groups."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from agent.checks import (
    assistant_voice,
    author_year,
    blank_in_display,
    boilerplate,
    bound_value,
    box_kinds,
    comparison,
    compiles,
    constant_conclusion,
    control_character,
    cut_off,
    duplicate_label,
    duplicate_tag,
    elided,
    empty_section,
    front_matter,
    heading_level,
    identifier,
    identity,
    invalid_tex,
    key_formulas,
    key_terms,
    left_open,
    link,
    main_work,
    milestone,
    mismatched_environment,
    misplaced_tag,
    missing_figure,
    missing_number,
    near_duplicate,
    omission,
    placeholder,
    prompt_echo,
    repeated_heading,
    second_thoughts,
    shares,
    subsections,
    substance,
    survival,
    tool_markup,
    unbacked_result,
    undefined_name,
    unfolded,
    unresolved_reference,
    worked_example,
)
from agent.checks.mathjax import Unread
from agent.checks.page import Bound, Page, Ran, Rule, Work
from agent.checks.provenance import tell_apart
from agent.checks.standard import Standard
from agent.records import Finding, Verdict

__all__ = ["GROUPS", "RULES", "Bound", "Page", "Ran", "Rule", "Standard", "Work", "run"]

RULES: tuple[tuple[str, str, Rule], ...] = (
    ("formulas", "invalid_tex", invalid_tex.check),
    ("references", "duplicate_label", duplicate_label.check),
    ("references", "duplicate_tag", duplicate_tag.check),
    ("references", "unresolved_reference", unresolved_reference.check),
    ("references", "missing_number", missing_number.check),
    ("references", "misplaced_tag", misplaced_tag.check),
    ("references", "mismatched_environment", mismatched_environment.check),
    ("references", "blank_in_display", blank_in_display.check),
    ("references", "control_character", control_character.check),
    ("source", "survival", survival.check),
    ("source", "front_matter", front_matter.check),
    ("structure", "left_open", left_open.check),
    ("structure", "cut_off", cut_off.check),
    ("structure", "heading_level", heading_level.check),
    ("structure", "empty_section", empty_section.check),
    ("structure", "subsections", subsections.check),
    ("structure", "comparison", comparison.check),
    ("structure", "box_kinds", box_kinds.check),
    ("structure", "worked_example", worked_example.check),
    ("structure", "unfolded", unfolded.check),
    ("structure", "shares", shares.check),
    ("code", "compiles", compiles.check),
    ("code", "elided", elided.check),
    ("code", "undefined_name", undefined_name.check),
    ("code", "missing_figure", missing_figure.check),
    ("results", "unbacked_result", unbacked_result.check),
    ("results", "constant_conclusion", constant_conclusion.check),
    ("results", "bound_value", bound_value.check),
    ("citations", "author_year", author_year.check),
    ("citations", "identifier", identifier.check),
    ("citations", "link", link.check),
    ("citations", "milestone", milestone.check),
    ("self-talk", "second_thoughts", second_thoughts.check),
    ("self-talk", "assistant_voice", assistant_voice.check),
    ("self-talk", "tool_markup", tool_markup.check),
    ("self-talk", "omission", omission.check),
    ("self-talk", "placeholder", placeholder.check),
    ("self-talk", "prompt_echo", prompt_echo.check),
    ("padding", "near_duplicate", near_duplicate.check),
    ("padding", "repeated_heading", repeated_heading.check),
    ("padding", "substance", substance.check),
    ("padding", "boilerplate", boilerplate.check),
    ("drift", "identity", identity.check),
    ("drift", "main_work", main_work.check),
    ("drift", "key_terms", key_terms.check),
    ("drift", "key_formulas", key_formulas.check),
)
"""(group, rule, function); the rule has its file's name."""

GROUPS = (
    "formulas",
    "references",
    "source",
    "structure",
    "code",
    "results",
    "citations",
    "self-talk",
    "padding",
    "drift",
)

NEED_A_SOURCE = frozenset({"source", "drift"})
"""Groups that say nothing about a text whose original is not known: *undecided*."""


def run(page: Page, groups: Collection[str] | None = None) -> tuple[Verdict, ...]:
    """One verdict for each group asked for (all, by default), in the order of :data:`GROUPS`.

    *fail*: an error-level finding. *undecided*: a rule could not run (or, for source and drift, there is no
    source to compare with), and no other found an error. Findings are in file order; what the author's own
    text had before is told apart and lowered to *info*. Takes a second or two for a long page and may be
    called from any thread.
    """
    return tuple(_judge(page, group) for group in GROUPS if groups is None or group in groups)


def _judge(page: Page, group: str) -> Verdict:
    findings: list[Finding] = []
    before: list[Finding] = []
    undecided = group in NEED_A_SOURCE and page.source is None and not page.is_part
    source = _source_alone(page)
    for rule in [function for member, _, function in RULES if member == group]:
        try:
            findings += rule(page)
            before += rule(source) if source else []
        except Unread as error:
            undecided = True
            findings.append(Finding(group, "", "info", f"could not run: {error}"))
    told = [replace(finding, file=page.file) for finding in tell_apart(page, findings, before)]
    told.sort(key=lambda finding: (finding.line, finding.column))
    if any(finding.severity == "error" for finding in told):
        return Verdict(group, "fail", tuple(told))
    return Verdict(group, "undecided" if undecided else "pass", tuple(told))


def _source_alone(page: Page) -> Page | None:
    """The author's text as it was, with what else is known; a part is not compared with it."""
    if page.source is None or page.is_part:
        return None
    return replace(
        page, article=page.source, source=None, ours=None, standard=Standard(), bindings=(), experiments={}
    )
