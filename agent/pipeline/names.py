"""Call names, read backwards: which template, and so which role, a stored call belongs to."""

from __future__ import annotations

import re

from agent.prompts import Library
from agent.records import EXPERIMENT_ID

LAST = (
    (re.compile(r"(reading|outline|division)"), r"\1"),
    (re.compile(r"[0-9a-f]{12}/(?:ab|ba)"), "judge"),
    (re.compile(r"witness\.\d+/repair\.\d+"), "witness_repair"),
    (re.compile(r"witness\.\d+/write"), "witness"),
    (re.compile(rf"{EXPERIMENT_ID}/code"), "experiment_code"),
    (re.compile(rf"{EXPERIMENT_ID}/fix\.\d+"), "experiment_fix"),
    (re.compile(r"map/(?:write|rewrite\.\d+)"), "opening_map"),
    (re.compile(r"summary/(?:write|rewrite\.\d+)"), "summary"),
    (re.compile(r"referee"), "referee"),
    (re.compile(r"repair\.\d+"), "repair"),
    (re.compile(r"deepen\.\d+"), "deepen"),
    (re.compile(r"smooth"), "smooth"),
)
"""How the name of a call ends → its template."""
WRITTEN = re.compile(r"/([^/.]+)\.[^/]*/(?:write|rewrite\.\d+)$")
"""A part: its section's template."""


def role_of(name: str, library: Library) -> str:
    """planner, writer, coder or referee; ``other`` for a name that the pipeline does not use."""
    for pattern, template in LAST:
        found = re.search(rf"/{pattern.pattern}$", name)
        if found:
            known = library.templates.get(found.expand(template) if "\\" in template else template)
            return known.role if known else "other"
    part = WRITTEN.search(name)
    section = library.section(part[1]) if part else None
    return section.role if section else "other"
