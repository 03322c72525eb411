"""The screens: one function a view. Everything an article or a model wrote is made plain before it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.report.plain import plain
from agent.report.reviews import REVIEWS

MARKS = {
    "merged": ("done", "green"),
    "accepted": ("accepted", "green"),
    "draft": ("draft", "yellow"),
    "failed": ("failed", "red"),
    "pending": ("pending", "dim"),
    "by-hand": ("by hand", "cyan"),
    "missing": ("no file", "red"),
}
FOLDED = 12
"""Rows of one kind a screen shows before it folds the rest."""
SEVERITY = {"error": "red", "warning": "yellow", "info": "dim"}


def screen(view: str, data: Any, console: Console | None = None) -> None:
    """Show ``data`` as the screen ``view``."""
    SCREENS[view](console or default_console(), data)


def default_console() -> Console:
    """stdout. Through a pipe nothing is wrapped or cut: another program reads it."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=200)


def t(value: Any, style: str = "") -> Text:
    return Text(plain(str(value)), style=style)


def show_init(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"workspace {data['folder']}: {', '.join(data['made']) or 'nothing to make'}"))
    if not data["sample"]:
        console.print(
            "It holds articles already, so no sample was added; build a plan: expand plan import FILE…"
        )
    else:
        console.print("Next: expand next")


def show_status(console: Console, data: Mapping[str, Any]) -> None:
    c = data["counts"]
    console.print(t(f"{c['total']} articles: {c['done']} done, {c['accepted']} accepted, {c['drafts']} drafts, "
                    f"{c['pending']} pending, {c['failed']} failed, {c['by_hand']} by hand, {c['missing']} missing"))  # fmt: skip
    console.print(t(f"{data['lines']:,} lines, {data['formulas']:,} display formulas"))
    show_plan(console, data["batches"])
    if data["unplanned"]:
        console.print(t(f"\n{len(data['unplanned'])} articles that no batch names", "bold"))
        console.print(_articles(data["unplanned"]))


def show_plan(console: Console, batches: Sequence[Mapping[str, Any]]) -> None:
    if not batches:
        console.print("The plan is empty; build one: expand plan import FILE…")
    for batch in batches:
        for sub in batch["subs"]:
            c = sub["counts"]
            head = f"\n{sub['id']} {sub['title']}  {c['done']}/{c['total']} done"
            console.print(t(head + (f", {c['drafts']} drafts" if c["drafts"] else ""), "bold"))
            console.print(_articles(sub["articles"]))


def _articles(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("state", "article", "lines", "formulas", "target"):
        table.add_column(name, justify="right" if name in ("lines", "formulas") else "left", style="")
    for row in rows:
        word, style = MARKS.get(row["status"], (row["status"], ""))
        lines = row["draft_lines"] if row["draft_lines"] is not None else row["lines"]
        formulas = row["draft_formulas"] if row["draft_formulas"] is not None else row["formulas"]
        wanted = {x["name"]: x["wanted"] for x in row["targets"]}
        target = f"{wanted.get('lines', 0)}+ / {wanted.get('formulas', 0)}+" if wanted else ""
        verdict = (
            " met" if row["met"] else " short" if row["status"] in ("draft", "accepted", "merged") else ""
        )
        remark = f"  {row['error']}" if row["error"] else "  source changed" if row["changed"] else ""
        table.add_row(
            t(word, style),
            t(row["title"] or row["slug"]),
            str(lines),
            str(formulas),
            t(target + verdict + remark),
        )
    return table


def show_dry_run(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        guess, wanted = row["estimate"], row["targets"]
        cost = "price unknown" if guess["cost"] is None else f"about ${guess['cost']:.2f}"
        console.print(t(f"{row['slug']}  ({row['sub'] or 'not in the plan'})", "bold"))
        console.print(t(f"  target {wanted['lines']}+ lines, {wanted['formulas']}+ formulas; about {guess['calls']} calls, "
                        f"{guess['prompt_tokens']:,} prompt and {guess['completion_tokens']:,} reply tokens, "
                        f"{cost} with {guess['model']}"))  # fmt: skip


def show_nothing(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"Nothing to do: {data['why']}. Drafts wait for review: expand status"))


def show_finished(console: Console, reports: Sequence[Mapping[str, Any]]) -> None:
    for report in reports:
        _report(console, report)


def _report(console: Console, report: Mapping[str, Any]) -> None:
    style = {"pass": "green", "fail": "red"}.get(report["verdict"], "yellow")
    word = {"pass": "meets its targets", "fail": "falls short", "undecided": "undecided"}[report["verdict"]]
    console.print(t(report["title"], "bold"), t(word, style))
    before, after = report["before"], report["after"]
    table = Table(box=None, pad_edge=False)
    for name in ("", "before", "after", "added", "target"):
        table.add_column(name, justify="left" if not name else "right")
    wanted = {x["name"]: x for x in report["targets"]}
    for key, label in (("lines", "lines"), ("substance_lines", "substance"), ("formulas", "formulas")):
        goal = wanted.get(key)
        mark = f"{goal['wanted']}+ {'met' if goal['met'] else 'missed'}" if goal else ""
        table.add_row(label, str(before[key]), str(after[key]), str(report["added"][key]), mark)
    console.print(table)
    done = [s for s in report["sections"] if s["verdict"] != "unfinished"]
    witnesses = report["witnesses"]
    verified = sum(w["verdict"] == "verified" for w in witnesses)
    ran = sum(e["verdict"] == "pass" for e in report["experiments"])
    console.print(t(f"{len(done)} of {len(report['sections'])} sections written; witnesses: {verified} of {len(witnesses)} "
                    f"verified; experiments: {ran} of {len(report['experiments'])} run"))  # fmt: skip
    tokens = report["tokens"]
    cost = "cost unknown" if report["cost"] is None else f"${report['cost']:.4f}"
    console.print(t(f"{report['calls']} calls, {tokens['prompt']:,} prompt tokens ({tokens['cached']:,} cached), "
                    f"{tokens['completion']:,} reply tokens, {cost}"))  # fmt: skip
    for verdict in report["checks"]:
        errors = sum(f["severity"] == "error" for f in verdict["findings"])
        warnings = sum(f["severity"] == "warning" for f in verdict["findings"])
        if errors or warnings:
            console.print(t(f"  {verdict['name']}: {errors} errors, {warnings} warnings"))
    for reason in report["reasons"]:
        console.print(t(f"  - {reason}", "red"))
    if report["changed_prompts"]:
        console.print(
            t(f"  {len(report['changed_prompts'])} answers were recorded for older prompts", "yellow")
        )
    console.print(t(f"Read it: outputs/{report['slug']}/draft.md   Diff: expand diff {report['slug']}   "
                    f"Merge: expand merge {report['slug']}"))  # fmt: skip


def show_measure(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        console.print(t(row["file"], "bold"))
        console.print(t(f"  {_measured(row)}"))
        if row["added"]["lines"]:
            console.print(t(f"  added: {_measured(row['added'])}"))
        for name in ("code_blocks", "headings", "boxes"):
            if row[name]:
                held = ", ".join(f"{k or 'plain'} {v}" for k, v in row[name].items())
                console.print(t(f"  {name.replace('_', ' ')}: {held}"))


def _measured(m: Mapping[str, Any]) -> str:
    tokens = "" if m["tokens"] is None else f", {m['tokens']:,} tokens"
    return (
        f"{m['lines']:,} lines ({m['substance_lines']:,} of substance), {m['formulas']} display formulas "
        f"({m['numbered']} numbered), {m['inline_formulas']} inline, {m['han_chars']:,} Han characters, "
        f"{m['words']:,} words{tokens}"
    )


def show_findings(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """As a compiler prints: file:line:column: severity: message [check/rule]."""
    for f in rows:
        place = f"{f['file']}:{f['line']}:{f['column']}: "
        console.print(t(place).append(f["severity"], SEVERITY[f["severity"]]).append(plain(f": {f['message']} [{f['check']}/{f['rule']}]")))  # fmt: skip
    count = {s: sum(f["severity"] == s for f in rows) for s in SEVERITY}
    console.print(t(f"{count['error']} errors, {count['warning']} warnings, {count['info']} notes"))


def show_report(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"{data['file']}: {data['lines']} lines"))


def show_ledger(console: Console, data: Mapping[str, Any]) -> None:
    console.print(
        t(
            f"{data['rows']} replies: {data['ok']} used, {data['rejected']} rejected, {data['unjudged']} not looked at"
        )
    )
    for name, m in data["models"].items():
        cost = "cost unknown" if m["cost"] is None else f"${m['cost']:.4f}"
        console.print(
            t(
                f"  {name}: {m['calls']} calls, {m['prompt']:,} prompt, {m['cached']:,} cached, {m['completion']:,} reply tokens, {cost}"
            )
        )


def show_verify(console: Console, data: Mapping[str, Any]) -> None:
    for problem in data["problems"]:
        console.print(t(problem, "red"))
    console.print(t(f"{data['rows']} replies, {len(data['problems'])} problems"))


def show_export(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"{data['file']}: {data['rows']} replies"))


def show_import(console: Console, data: Mapping[str, Any]) -> None:
    console.print(t(f"read: {', '.join(data['documents'])}"))
    console.print(t(f"{len(data['matched'])} articles matched, {len(data['unmatched'])} not, "
                    f"{len(data['conflicts'])} conflicts, {len(data['claims'])} marks (claims, not status)"))  # fmt: skip
    for row in data["unmatched"][:FOLDED]:
        near = f"  near: {', '.join(row['near'])}" if row.get("near") else ""
        console.print(
            t(f"  no file: {row.get('title') or row.get('name')}  ({place(row['source'])}){near}", "yellow")
        )
    if len(data["unmatched"]) > FOLDED:
        console.print(t(f"  … and {len(data['unmatched']) - FOLDED} more; --json lists all", "dim"))
    for row in data["conflicts"]:
        said = "; ".join(f"{x['text']} ({place(x)})" if "text" in x else place(x) for x in row["sources"])
        console.print(t(f"  conflict: {row['subject']}: {row['chosen']} — {said}", "yellow"))
    for row in data["kept"]:
        console.print(t(f"  kept your edit: {row}"))
    console.print(t(f"{len(data['added'])} additions" + ("" if data["written"] else " (nothing written)")))


def place(source: Mapping[str, Any]) -> str:
    return f"{source.get('file', '')}:{source.get('line', '')}"


def show_adopt(console: Console, data: Mapping[str, Any]) -> None:
    if not data["history"]:
        console.print("no git history here: only articles marked completed without their stub can be found")
    table = Table(box=None, pad_edge=False)
    for name in ("article", "why", "lines", "formulas", "recorded"):
        table.add_column(name)
    for row in data["rows"]:
        before, after = row["before"], row["after"]

        def grew(key: str, before: Any = before, after: Any = after) -> str:
            if after is None:
                return ""
            return f"{before[key] if before else '?'} → {after[key]}"

        said = "now" if row["recorded"] else "before" if row["known"] else "no"
        table.add_row(t(row["title"] or row["slug"]), t(row["reason"]), grew("lines"), grew("formulas"), said)
    console.print(table)


def show_audit(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    shown: dict[tuple[str, str], int] = {}
    for f in rows:
        group = (f["file"], f["rule"])
        shown[group] = shown.get(group, 0) + 1
        if shown[group] > FOLDED:
            continue
        head = t(f"{f['file']}:{f['line']}:{f['column']}: ").append(f["severity"], SEVERITY[f["severity"]])
        said = f": {f['message']} (claimed {f['claimed']}, measured {f['measured']}) [{f['rule']}]"
        console.print(head.append(plain(said)))
    for (file, rule), count in shown.items():
        if count > FOLDED:
            console.print(t(f"{file}: {count - FOLDED} more of [{rule}]; --json lists all", "dim"))
    console.print(t(f"{len(rows)} claims that do not hold"))


def show_cost(console: Console, data: Mapping[str, Any]) -> None:
    for kind in ("article", "section", "model"):
        table = Table(box=None, pad_edge=False)
        for name in (kind, "calls", "rejected", "prompt", "cached", "reply", "cost"):
            table.add_column(name, justify="left" if name == kind else "right")
        for row in data[kind]:
            table.add_row(t(row["name"]), *_cost_cells(row))
        console.print(table)
        console.print()
    console.print(t("total: " + ", ".join(f"{n} {v}" for n, v in zip(("calls", "rejected", "prompt", "cached", "reply", "cost"), _cost_cells(data["total"]), strict=True))))  # fmt: skip


def _cost_cells(row: Mapping[str, Any]) -> list[str]:
    cost = "unknown" if row["cost"] is None else f"${row['cost']:.4f}"
    return [
        str(row["calls"]),
        str(row["rejected"]),
        f"{row['prompt']:,}",
        f"{row['cached']:,}",
        f"{row['completion']:,}",
        cost,
    ]


def show_witness(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    style = {"verified": "green", "refuted": "red", "unchecked": "yellow"}
    for row in rows:
        head = t(f"{row['file']}  {row['eq']}  ").append(row["verdict"], style.get(row["verdict"], "cyan"))
        tail = f"  {row['grade']}, {row['route']}, killed {row['killed']}/{row['live']}, linked {row['linked']}, {row['seconds']:.2f} s"
        console.print(head.append(plain(tail + (f"\n    {row['reason']}" if row["reason"] else ""))))


def show_experiment(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        console.print(t(f"{row['file']}  ").append("ok" if row["ok"] else "failed", "green" if row["ok"] else "red").append(f"  {row['seconds']:.2f} s"))  # fmt: skip
        for name, value in row["values"].items():
            console.print(t(f"  {name} = {value['value']} {value['unit']}"))
        for name in (*row["tables"], *row["figures"]):
            console.print(t(f"  {name}"))
        if row["stdout"].strip():
            console.print(t(row["stdout"].rstrip(), "dim"))
        if row["error"]:
            console.print(t(row["error"], "red"))
        for warning in row.get("warnings", ()):
            console.print(t(f"  {warning['message']}", "yellow"))


def show_doctor(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    words = {True: ("ok", "green"), False: ("fails", "red"), None: ("—", "dim")}
    for row in rows:
        word, style = words[row["ok"]]
        console.print(t(f"{word:5}", style).append(plain(f" {row['name']}: {row['detail']}")))
        if row["ok"] is not True and row["fix"]:
            for line in row["fix"].splitlines():
                console.print(t(f"        {line}", "dim"))


def show_evaluate(console: Console, data: Mapping[str, Any]) -> None:
    for m in data["measured"]:
        console.print(t(m["file"], "bold"))
        console.print(t(f"  {m['lines']} lines, {m['substance_share']:.0%} substance, {m['formulas']} display formulas, "
                        f"{m['claims']} labelled claims"))  # fmt: skip
        console.print(t(f"  errors {_counts(m['errors'])}; warnings {_counts(m['warnings'])}"))
        if m["witnesses"]:
            console.print(t(f"  witnesses: {_counts(m['witnesses'])}"))
        if m["steps"]:
            console.print(
                t(
                    f"  skipped steps covered: {m['covered']} of {m['steps']}; symbols with two meanings: {m['symbols']}"
                )
            )
    for c in data["compared"]:
        console.print(
            t(f"{c['a']} (a) against {c['b']} (b), judged by {c['model']}: ", "bold").append(c["winner"])
        )
        console.print(t("  " + ", ".join(f"{k} {v}" for k, v in c["scores"].items())))
        for r in c["readings"]:
            console.print(t(f"  order {r['order']}: {r['winner']} — {r['raw']['overall']['reason']}"))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{k} {v}" for k, v in counts.items()) or "none"


def show_propose(console: Console, data: Mapping[str, Any]) -> None:
    for g in data["groups"]:
        cost = "price unknown" if g["cost"] is None else f"about ${g['cost']:.2f}"
        console.print(t(f"{g['id']} {g['title']}  {len(g['items'])} articles, about {g['calls']} calls, "
                        f"{g['tokens']:,} tokens, {cost}", "bold"))  # fmt: skip
        for c in g["items"]:
            console.print(t(f"  {c['title']}"))
    if data["aside"]:
        console.print(t(f"set aside ({len(data['aside'])}):", "bold"))
        for a in data["aside"]:
            console.print(t(f"  {a['title']}: {a['reason']}", "dim"))
    if not data["groups"]:
        console.print("Every technical article stands in a batch already.")


SCREENS: dict[str, Callable[[Console, Any], None]] = {
    **REVIEWS,
    "init": show_init,
    "status": show_status,
    "plan": show_plan,
    "dry-run": show_dry_run,
    "nothing": show_nothing,
    "finished": show_finished,
    "measure": show_measure,
    "findings": show_findings,
    "report": show_report,
    "ledger": show_ledger,
    "verify": show_verify,
    "export": show_export,
    "import": show_import,
    "adopt": show_adopt,
    "audit": show_audit,
    "cost": show_cost,
    "witness": show_witness,
    "experiment": show_experiment,
    "doctor": show_doctor,
    "evaluate": show_evaluate,
    "propose": show_propose,
}
