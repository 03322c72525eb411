"""Displayed formulas that state something, and the witnesses that stand for them as they are displayed.

A fact's witness was run against the outline's spelling; what counts in the end is the formula a reader sees, so
each witness runs again with the displayed right side, and formulas a writer added get witnesses of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.article import read
from agent.article.tex import LABEL
from agent.pipeline.evidence import Evidence
from agent.pipeline.job import Job, Shared
from agent.pipeline.records import Fact
from agent.pipeline.together import together

RELATION = re.compile(
    r"\\leqslant|\\geqslant|\\leq|\\geq|\\le(?![a-z])|\\ge(?![a-z])|\\approx|\\sim|\\to(?![a-z])|=|<|>|"
    r"\\lt(?![a-z])|\\gt(?![a-z])"
)
TOKEN = re.compile(r"\\begin\{[^}]*\}|\\end\{[^}]*\}|\\left|\\right|\\[A-Za-z]+|\\.|[{}()\[\]]|.", re.S)
CANONICAL = {
    "\\leqslant": "\\leq",
    "\\geqslant": "\\geq",
    "\\le": "\\leq",
    "\\ge": "\\geq",
    "\\lt": "\\leq",
    "\\gt": "\\geq",
    "<": "\\leq",
    ">": "\\geq",
}
WITNESSED = ("=", "\\leq", "\\geq", "\\to")
"""Relations a formula must have to be asked for a witness without a stated order of error."""
PER_CALL = 4
"""New formulas whose witnesses are asked for in one call."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One labelled `equation`, split at its first relation outside brackets."""

    label: str
    line: int
    lhs: str
    rel: str
    rhs: str


def claims(text: str) -> list[Claim]:
    """The labelled equations of a text that have a left side, a relation and a right side."""
    found = []
    for formula in read(text.encode("utf-8"), "part").displays:
        if formula.env.rstrip("*") != "equation" or len(formula.labels) != 1:
            continue
        body = (
            re.sub(r"\\(?:begin|end)\{equation\*?\}", "", LABEL.sub("", formula.tex))
            .strip()
            .rstrip(",.，。；")
        )
        parts = split_relation(body)
        if parts is not None:
            found.append(Claim(formula.labels[0], formula.line, *parts))
    return found


def split_relation(tex: str) -> tuple[str, str, str] | None:
    """(left, relation, right) at the first relation at depth 0. Of a chain, the last member is the right side."""
    places: list[tuple[int, int]] = []
    depth = 0
    for token in TOKEN.finditer(tex):
        word = token[0]
        if word in "{([" or word.startswith("\\begin"):
            depth += 1
        elif word in "})]" or word.startswith("\\end"):
            depth -= 1
        elif depth == 0 and RELATION.fullmatch(word):
            places.append(token.span())
    if not places:
        return None
    (first, after), (_, last) = places[0], places[-1]
    rel = tex[first:after]
    left, right = tex[:first].strip(), tex[last:].strip()
    return (left, CANONICAL.get(rel, rel), right) if left and right else None


async def witness_claims(
    job: Job, shared: Shared, name: str, text: str, evidence: Evidence, asked: bool
) -> Evidence:
    """Verdicts on the formulas of a text as it displays them.

    ``evidence`` holds the witnesses known so far; ``asked`` has witnesses written for formulas without one, the
    labelled ones in order, up to ``lab.formulas``. ``name``: of the calls that ask.
    """
    from agent.pipeline.laboratory import run_all, witness_group

    if job.sandbox is None:
        return evidence
    shown = {c.label: c for c in claims(text)}
    if asked:
        fresh = [c for c in shown.values() if c.rel in WITNESSED and not known(c.label, evidence)]
        facts = [as_fact(c) for c in fresh[: job.config.lab.formulas]]
        groups = [facts[i : i + PER_CALL] for i in range(0, len(facts), PER_CALL)]
        results = await together(
            [witness_group(job, shared, n, g, name=name, excerpt=text) for n, g in enumerate(groups, 1)]
        )
        for _, found in results:
            evidence = overlaid(evidence, found)
    again = {
        x: code
        for x, code in evidence.witnesses.items()
        if x in shown and evidence.shown.get(x) != (code, shown[x].rhs)
    }
    verdicts = await run_all(job, {x: as_fact(shown[x]) for x in again}, again)
    tried = {x: (code, shown[x].rhs) for x, code in again.items()}
    return replace(evidence, verdicts={**evidence.verdicts, **verdicts}, shown={**evidence.shown, **tried})


def known(label: str, evidence: Evidence) -> bool:
    return label in evidence.witnesses or label in evidence.declined


def as_fact(claim: Claim) -> Fact:
    return Fact(claim.label, claim.lhs, claim.rel, claim.rhs, None, "见正文", "", "照定义计算")


def overlaid(a: Evidence, b: Evidence) -> Evidence:
    return replace(
        a,
        verdicts={**a.verdicts, **b.verdicts},
        witnesses={**a.witnesses, **b.witnesses},
        declined={**a.declined, **b.declined},
        shown={**a.shown, **b.shown},
        runs={**a.runs, **b.runs},
        failures={**a.failures, **b.failures},
    )


def restricted(evidence: Evidence, labels: Sequence[str]) -> Evidence:
    """What is known of some formulas; the rest of an article's evidence stays behind."""
    keep = set(labels)

    def only(mapping: Mapping[str, object]) -> dict[str, object]:
        return {k: v for k, v in mapping.items() if k in keep}

    return Evidence(
        verdicts=only(evidence.verdicts),
        witnesses={k: v for k, v in evidence.witnesses.items() if k in keep},
        declined={k: v for k, v in evidence.declined.items() if k in keep},
    )
