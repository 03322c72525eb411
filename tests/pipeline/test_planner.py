"""Any planning reply that satisfies its schema is workable, however hostile."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agent.article import read, regions, strip
from agent.pipeline.assemble import END, Section, assemble
from agent.pipeline.badges import file_name
from agent.pipeline.material import Material
from agent.pipeline.packs import join, pack_chapter, split
from agent.pipeline.planner import owners, settle_division, settle_outline, spots_text
from agent.pipeline.records import Division, Outline, Reading, build
from agent.pipeline.tables import division_text, experiments_text, facts_text, reading_text, symbols_text
from agent.prompts import open_library
from tests.fakes import writer
from tests.pipeline.desk import SHORT

LIBRARY = open_library()
MATERIALS = [
    Material("a", read(text.encode(), "a.md"))
    for text in (
        SHORT,
        SHORT.replace("x+x=2x", "x\\label{eq:double}"),
        "没有标题，一段话\n",
        "# 题\n\n```\n没有关上的代码\n",
        "一\n\n## 二\n\n- 列表\n- 列表\n\n三\n\n---\n\n## 四\n",
    )
]

text = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "补一步",
            "两行\n## 标题",
            "# 井号",
            "<!-- expand:begin x glue=0 -->",
            "<!-- 注释",
            "</原文>",
            "{{ exp1.total }} {% raw %}",
            "\\label{eq:double}",
            "$$",
            "```",
            "\x1b[31m红",
            "=== theory.1",
        ]
    ),
    st.text(max_size=8),
)
label = st.sampled_from(["eq:double", "eq:double-x1", "eq:square", "eq:none"])
part = st.fixed_dictionaries(
    {
        "id": st.one_of(st.sampled_from(["theory.1", "theory.2", "history.1", "../x"]), text),
        "title": text,
        "purpose": text,
        "after": st.one_of(st.none(), st.integers(-3, 40), st.integers(-(10**20), 10**20)),
        "inline": st.booleans(),
        "covers": st.lists(st.sampled_from(["S1", "Q1", "E9", "?"]), max_size=3),
        "claims": st.lists(text, max_size=3),
        "formulas": st.lists(label, max_size=4),
        "experiment": st.sampled_from([None, "exp1", "exp7"]),
        "not_here": text,
        "lines": st.one_of(st.integers(-5, 200), st.integers(-(10**20), 10**20)),
    }
)
chapter = st.fixed_dictionaries(
    {
        "id": st.sampled_from([*(s.name for s in LIBRARY.sections), "theory", "theory", "nonsense", ""]),
        "parts": st.lists(part, max_size=4),
    }
)
division = st.fixed_dictionaries(
    {
        "sections": st.lists(chapter, min_size=3, max_size=5),
        "terms": st.lists(st.fixed_dictionaries({"term": text, "by": text}), max_size=2),
        "citations": st.lists(st.fixed_dictionaries({"key": text, "by": text, "use": text}), max_size=2),
        "uncovered": st.lists(st.fixed_dictionaries({"id": text, "why": text}), max_size=2),
        "wanted": st.just([]),
    }
)
symbol = st.fixed_dictionaries({"tex": text, "meaning": text, "kind": st.just("标量"), "domain": text})
fact = st.fixed_dictionaries(
    {
        "label": label,
        "lhs": text,
        "rel": st.sampled_from(["=", "\\approx"]),
        "rhs": text,
        "error": st.one_of(st.none(), text),
        "given": text,
        "check": text,
        "witness": st.one_of(st.none(), text),
    }
)
experiment = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["exp1", "exp2"]),
        "level": st.just("玩具"),
        "question": text,
        "predict": text,
        "refute": text,
        "design": text,
        "emits": st.lists(text, min_size=1, max_size=2),
        "figures": st.lists(text, max_size=2),
        "seconds": st.integers(-5, 10**9),
    }
)
outline = st.fixed_dictionaries(
    {
        "argument": text,
        "symbols": st.lists(symbol, max_size=3),
        "facts": st.lists(fact, min_size=3, max_size=6),
        "experiments": st.lists(experiment, max_size=3),
        "left_out": st.lists(text, max_size=2),
    }
)
READING = build(Reading, json.loads(writer.reading("<原文>\n1 甲\n2 乙\n</原文>")))


def valid(name: str, value: Any) -> None:
    schema = LIBRARY.schema(name)
    assert schema is not None
    Draft202012Validator(dict(schema)).validate(value)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.sampled_from(MATERIALS), outline, division, st.sampled_from(["weave", "append"]))
def test_any_division_becomes_an_article(material: Material, plan: Any, who: Any, layout: str) -> None:
    valid("outline", plan)
    valid("division", who)
    settled, _ = settle_outline(build(Outline, plan), material)
    labels = [f.label for f in settled.facts]
    assert len(labels) == len(set(labels))
    assert not set(labels) & material.labels
    assert len({e.id for e in settled.experiments}) == len(settled.experiments)

    made = settle_division(build(Division, who), settled, material, LIBRARY, layout)
    parts = made.division.parts
    assert len({p.id for p in parts}) == len(parts)
    for p in parts:
        template = LIBRARY.section(p.section)
        assert template is not None
        assert p.id in made.spots
        assert 8 <= p.lines <= 120
        assert p.title.strip(), "every part has a heading to stand under"
        if template.layout == "append" or layout == "append":
            assert made.spots[p.id].mode == "append"
    for name, most in ((s.name, s.max_parts) for s in LIBRARY.sections):
        assert sum(p.section == name for p in parts) <= most
    owned = [x for p in parts for x in p.formulas]
    assert len(owned) == len(set(owned))
    assert set(owned) <= set(labels)
    run = [p.experiment for p in parts if p.experiment]
    assert len(run) == len(set(run))
    assert set(run) <= {e.id for e in settled.experiments}
    found = "\n".join(f.message for f in made.findings)
    assert all(x in found for x in set(labels) - set(owned)), "what nobody derives is said"
    assert owners(made.division) == {x: p.id for p in parts for x in p.formulas}

    for words in (
        reading_text(READING),
        symbols_text(READING, settled),
        facts_text(settled, owners(made.division), {}),
        experiments_text(settled, {}),
        division_text(settled, made.division, spots_text(made)),
    ):
        assert isinstance(words, str)

    packs = [p for c in made.division.sections for p in pack_chapter(c, lines=100, formulas=4)]
    assert [p for pack in packs for p in pack.parts] == list(parts)
    sections = []
    for pack in packs:
        ids = [p.id for p in pack.parts]
        for p, body in zip(pack.parts, split(join([(i, f"文 {i}") for i in ids]), ids).values(), strict=True):
            spot = made.spots[p.id]
            anchor = str(spot.anchor) if spot.anchor else END
            title = LIBRARY.section(p.section).title if spot.anchor is None else ""  # type: ignore[union-attr]
            sections.append(Section(p.id, p.title, body, anchor, title, spot.mode == "inline"))
    draft = assemble(material.article.data, "a.md", sections, status="draft")
    assert strip(draft.data) == material.article.data
    assert {r.id for r in regions(draft.data)} == {p.id for p in parts}
    for section in sections:
        rows = draft.texts[section.id].split("\n")
        headings = [row for row in rows if row.startswith("#")]
        assert len(headings) <= 2, "a title is one line, and no second heading"


def test_a_good_division_is_taken_as_it_is() -> None:
    """Nothing is found fault with where nothing is wrong."""
    material = MATERIALS[0]
    plan = build(Outline, json.loads(writer.outline("")))
    line = next(n for n, row in enumerate(SHORT.split("\n"), 1) if "由定义" in row)
    who = build(Division, json.loads(writer.division(f"S1（{line} 行")))
    made = settle_division(who, plan, material, LIBRARY, "weave")
    assert made.findings == ()
    assert [p.title for p in made.division.parts] == [p.title for p in who.parts]
    assert {id: s.mode for id, s in made.spots.items()} == {
        "history.1": "append",
        "theory.1": "inline",
        "theory.2": "section",
        "theory.3": "append",
        "experiments.1": "append",
        "philosophy.1": "append",
    }
    assert made.spots["theory.2"].host == "第一节"


def test_a_label_of_any_length_names_a_file() -> None:
    assert re.fullmatch(r"eq-\.\.-a-b-[0-9a-f]{10}", file_name("eq:../a b"))
    assert len(file_name("eq:" + "a" * 400)) <= 200


def test_what_does_not_fit_is_said() -> None:
    material = MATERIALS[0]
    plan = build(Outline, json.loads(writer.outline("")))
    raw = json.loads(writer.division("S1（10 行"))
    raw["sections"].append({"id": "poetry", "parts": raw["sections"][0]["parts"]})
    raw["sections"][1]["parts"][2]["after"] = 999
    raw["sections"][1]["parts"][2]["formulas"] = ["eq:double"]
    made = settle_division(build(Division, raw), plan, material, LIBRARY, "weave")
    said = "\n".join(f.message for f in made.findings)
    for words in ("poetry", "第 999 行", "eq:double 分给了两个部分", "eq:third 没有部分来推导"):
        assert words in said
