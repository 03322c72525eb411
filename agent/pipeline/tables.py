"""The tables that stand at the start of every prompt: reading, symbols, facts, experiments, division.

They are pure functions of what earlier stages agreed on, so that every call of an article starts with the
same bytes and a vendor's prompt cache hits.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.pipeline.records import Division, Experiment, Fact, Outline, Part, Reading


def reading_text(reading: Reading) -> str:
    rows = [f"中心论断：{reading.thesis}", "", "假设"]
    for a in reading.assumptions:
        where = f"{a.line} 行" if a.line else "未写出" if not a.explicit else "全文"
        rows.append(f"{a.id}（{where}）{a.text}｜用在：{a.used_at}｜失效：{a.fails_when}")
    rows += ["", "跳过的步骤"]
    rows += [
        f"{s.id}（{s.line} 行，{s.grade}）“{s.quote}”：{s.gap}｜补法：{s.bridge}" for s in reading.skipped
    ]
    if reading.slips:
        rows += ["", "原文疑误"]
        rows += [f"{s.id}（{s.line} 行）“{s.quote}”：{s.problem}｜依据：{s.evidence}" for s in reading.slips]
    rows += ["", "疑问"]
    rows += [f"{q.id}{f'（{q.line} 行）' if q.line else ''}{q.ask}｜靠{q.by}" for q in reading.questions]
    return "\n".join(rows)


def symbols_text(reading: Reading, outline: Outline) -> str:
    rows = [f"${s.tex}$：{s.meaning}（{s.kind}，{s.domain}）" for s in reading.notation]
    rows += [f"${s.tex}$：{s.meaning}（{s.kind}，{s.domain}；扩充新增）" for s in outline.symbols]
    return "\n".join(rows)


def fact_text(fact: Fact) -> str:
    error = f"（误差 {fact.error}）" if fact.error else ""
    return f"${fact.lhs} {fact.rel} {fact.rhs}${error}"


def facts_text(outline: Outline, owners: Mapping[str, str], verdicts: Mapping[str, str]) -> str:
    """One row a fact: label, formula, conditions, owner, verdict of its witness."""
    return (
        "\n".join(
            f"{f.label}｜{fact_text(f)}｜{f.given}｜{owners.get(f.label, '—')}｜{verdicts.get(f.label, '未核验')}"
            for f in outline.facts
        )
        or "（无）"
    )


def experiment_text(e: Experiment) -> str:
    return f"{e.id}（{e.level}，{e.seconds} 秒）{e.question}｜预言：{e.predict}｜判据：{e.refute}"


def experiments_text(outline: Outline, states: Mapping[str, str]) -> str:
    rows = [f"{experiment_text(e)}｜{states.get(e.id, '尚未运行')}" for e in outline.experiments]
    return "\n".join(rows) or "（无）"


def division_text(outline: Outline, division: Division, places: Mapping[str, str]) -> str:
    rows = [f"主线：{outline.argument}", ""]
    for part in division.parts:
        rows.append(f"{part.id} {part.title}｜{places[part.id]}｜{_content(part)}")
    if division.terms:
        rows += ["", "术语：" + "；".join(f"{t.term}（{t.by}）" for t in division.terms)]
    if division.uncovered:
        rows += ["", "有意不写：" + "；".join(f"{u.id}（{u.why}）" for u in division.uncovered)]
    return "\n".join(rows)


def _content(part: Part) -> str:
    pieces = [part.purpose]
    if part.covers:
        pieces.append("答 " + "、".join(part.covers))
    if part.claims:
        pieces.append("立：" + "；".join(part.claims))
    if part.formulas:
        pieces.append("推：" + "、".join(part.formulas))
    if part.experiment:
        pieces.append("实验：" + part.experiment)
    return "｜".join(pieces)
