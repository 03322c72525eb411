"""How good an expansion is: what can be measured, and what a judge says who does not know whose it is.

The second part is evidence, not truth: a model's preference depends on the model. The order is swapped and both
verdicts are kept; a preference that turns with the order counts as a tie (position bias, see Zheng et al. 2023,
arXiv:2306.05685).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.article import Article, read, regions, strip
from agent.llm import Client, Request, json_parser
from agent.measure import measure
from agent.pipeline.badges import BADGE
from agent.pipeline.material import defuse
from agent.pipeline.recheck import recheck
from agent.pipeline.tally import tally
from agent.prompts import Library


@dataclass(frozen=True, slots=True)
class Measured:
    """What programs can tell of a file."""

    file: str
    lines: int
    substance_share: float
    """Lines of substance over lines."""
    formulas: int
    errors: Mapping[str, int]
    """Error-level findings by check."""
    warnings: Mapping[str, int]
    claims: int
    """Displays of the added text that say something which could be wrong, as `tally` counts them."""
    verdicts: Mapping[str, int]
    """Claims by verdict; all unchecked where the file lies beside no report."""
    witnesses: Mapping[str, int]
    """Formulas a witness was asked for, by verdict, displayed or not; empty where no report tells."""
    steps: int
    """Steps the reading found skipped; 0 where there is no reading."""
    covered: int
    """Those of them that some written part took on."""
    symbols: int
    """Symbols with two meanings."""
    source_intact: bool | None
    """The author's bytes are those recorded; None where nothing is recorded."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One reading of a pair. ``raw`` is the judge's own answer."""

    order: str
    """`ab` or `ba`: which file was shown first."""
    winner: str
    """a, b or tie."""
    scores: Mapping[str, str]
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    a: str
    b: str
    model: str
    readings: tuple[Judgement, ...]
    winner: str
    """a or b when both readings agree, else tie."""
    scores: Mapping[str, str]


def evaluate(path: Path) -> Measured:
    """Measure one file. Its report and plan are read where it is a draft in `outputs/<slug>/`."""
    data = path.read_bytes()
    verdicts = recheck(path, data, strip(data) if regions(data) else None)
    found = [f for v in verdicts for f in v.findings]
    size = measure(read(data, str(path)))
    report, plan = _beside(path, "report.json"), _beside(path, "plan.json")
    stand = tally(data, report.get("witnesses", ()))
    steps = [s["id"] for s in plan.get("reading", {}).get("skipped", ())]
    return Measured(
        file=str(path),
        lines=size.lines,
        substance_share=round(size.substance_lines / size.lines, 3) if size.lines else 0.0,
        formulas=size.formulas,
        errors=_by_check(found, "error"),
        warnings=_by_check(found, "warning"),
        claims=sum(stand.values()),
        verdicts=stand,
        witnesses=_count(w["verdict"] for w in report.get("witnesses", ())),
        steps=len(steps),
        covered=len(set(steps) & _covered(plan, report)),
        symbols=sum("有两个意思" in f["message"] for c in report.get("checks", ()) for f in c["findings"]),
        source_intact=_intact(data, report),
    )


def _beside(path: Path, name: str) -> dict[str, Any]:
    try:
        return dict(json.loads((path.parent / name).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _covered(plan: Mapping[str, Any], report: Mapping[str, Any]) -> set[str]:
    written = {s["id"] for s in report.get("sections", ()) if s["verdict"] != "unfinished"}
    parts = [p for c in plan.get("division", {}).get("sections", ()) for p in c["parts"]]
    return {c for p in parts if p["id"] in written for c in p["covers"]}


def _intact(data: bytes, report: Mapping[str, Any]) -> bool | None:
    recorded = report.get("source", {}).get("sha256")
    return None if recorded is None else hashlib.sha256(strip(data)).hexdigest() == recorded


def _by_check(found: Any, severity: str) -> dict[str, int]:
    return _count(f.check for f in found if f.severity == severity)


def _count(names: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


async def compare(
    client: Client, library: Library, source: Article, a: Path, b: Path, model: str
) -> Comparison:
    """Ask the judge twice, with the order swapped. Raises ModelError."""
    shown = {"a": _blind(a), "b": _blind(b)}
    readings = []
    for order in ("ab", "ba"):
        readings.append(await _judge(client, library, source, shown, order))
    agree = {x.winner for x in readings}
    aspects = readings[0].scores
    scores = {k: v if all(r.scores.get(k) == v for r in readings) else "tie" for k, v in aspects.items()}
    return Comparison(
        str(a), str(b), model, tuple(readings), agree.pop() if len(agree) == 1 else "tie", scores
    )


async def _judge(
    client: Client, library: Library, source: Article, shown: Mapping[str, str], order: str
) -> Judgement:
    schema = library.schema("judge")
    assert schema is not None
    first, second = order[0], order[1]
    digest = hashlib.sha256("\0".join((source.text, shown["a"], shown["b"])).encode()).hexdigest()[:12]
    answer = await client.ask(
        Request(
            name=f"evaluate/{digest}/{order}",
            role="referee",
            messages=library.messages("judge", source=defuse(source.text), a=shown[first], b=shown[second]),
            parse=json_parser(schema, dict),
            continue_prompt=library.render("continue"),
            malformed_prompt=lambda problem: library.render("malformed", problem=problem),
            params={"max_tokens": library.templates["judge"].max_tokens},
            schema=schema,
        )
    )
    raw = answer.value
    who = {"甲": first, "乙": second, "平": "tie"}
    scores = {name: who[said["winner"]] for name, said in raw["scores"].items()}
    return Judgement(order, who[raw["overall"]["winner"]], scores, raw)


def _blind(path: Path) -> str:
    """A file without what would tell whose it is: markers, badges and front matter."""
    data = path.read_bytes()
    article = read(data, str(path))
    lines = article.lines[article.front.last :] if article.front else article.lines
    kept = [BADGE.sub("", line) for line in lines if not line.startswith("<!-- expand:")]
    return defuse("\n".join(f"{n} {line}" for n, line in enumerate(kept, 1)))
