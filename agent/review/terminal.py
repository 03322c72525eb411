"""Walking through a draft in a terminal, with the keys of the browser; over ssh, without colour, through a pipe."""

from __future__ import annotations

import difflib
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from agent.article import read, regions
from agent.errors import ExpandError
from agent.pipeline.run import Watch
from agent.pipeline.tally import of_display
from agent.records import INDEX
from agent.report.plain import plain
from agent.report.words import listed, standing
from agent.review import decide
from agent.review.dossier import Dossier, SectionView, WitnessView, load
from agent.review.edit import current_text, edit, mend
from agent.review.redo import redo
from agent.review.take_back import take_back
from agent.review.versions import versions
from agent.workspace import Workspace

KEYS = """  j k  next, previous section        space more of this one
  a    accept                        A     accept all undecided without errors
  r    reject, with a note           n     have it written again, with a note
  e    edit by hand ($EDITOR)        u     take back the last decision or edit
  w    witnesses of this section     s     this section as a diff
  v    compare with the text before  m     merge what is accepted
  q    leave (nothing is lost)       ?     these keys"""
DECISION = {"accepted": "accepted", "rejected": "rejected", "": "undecided"}


class Screen(Protocol):
    """What the walk needs of a terminal."""

    @property
    def height(self) -> int:
        """Lines that fit on it."""

    def say(self, text: str = "", style: str = "") -> None: ...

    def key(self, prompt: str) -> str:
        """One key; empty at the end of the input."""

    def line(self, prompt: str) -> str: ...

    def edit(self, text: str) -> str | None:
        """The text as a person leaves it in an editor; None where it was not saved."""


@dataclass
class Walk:
    ws: Workspace
    slug: str
    screen: Screen
    spec: str | None
    refresh: Callable[[], object]
    dossier: Dossier
    at: int = 0
    shown: int = 0
    """Lines of the present section that were shown."""

    @property
    def sections(self) -> tuple[SectionView, ...]:
        return self.dossier.sections

    @property
    def section(self) -> SectionView:
        return self.sections[self.at]

    def reload(self) -> None:
        self.dossier = load(self.ws, self.slug)
        self.at = min(self.at, len(self.sections) - 1)


def walk(
    ws: Workspace,
    slug: str,
    *,
    spec: str | None = None,
    refresh: Callable[[], object] = lambda: None,
    screen: Screen | None = None,
) -> None:
    """Show section after section and carry out one key at a time. Raises UsageError without a draft; an error of a
    single key is shown and the walk goes on."""
    mend(ws, slug)
    w = Walk(ws, slug, screen or Terminal(), spec, refresh, load(ws, slug))
    head(w)
    if not w.sections:
        w.screen.say("The draft holds no section.")
        return
    show(w)
    while True:
        key = w.screen.key(f"{w.section.id} [a r n e u j k m q ?] ")
        if key in ("q", "\x03", "\x04", ""):
            break
        action = ACTIONS.get(key)
        if action is None:
            w.screen.say(KEYS)
            continue
        try:
            action(w)
        except ExpandError as error:
            w.screen.say(f"error: {error}" + (f"\n  {error.hint}" if error.hint else ""), "red")
    last = w.dossier.standing
    w.screen.say(f"{slug}: {last.status}; undecided: {', '.join(last.undecided) or 'none'}")


def head(w: Walk) -> None:
    d = w.dossier
    w.screen.say(f"{d.title}  ({d.verdict})", "bold")
    for t in d.targets:
        w.screen.say(f"  {t.name} {t.got} of {t.wanted}: {'met' if t.met else 'missed'}")
    w.screen.say(f"  {standing(d.verdicts)}; experiments {d.ran} of {len(d.experiments)} run")
    for reason in d.reasons:
        w.screen.say(f"  - {reason}", "red")
    for f in d.loose:
        w.screen.say(f"  {f.severity}: {f.message} [{f.check}/{f.rule}]")


def show(w: Walk) -> None:
    """The present section from its start."""
    s = w.section
    w.shown = 0
    decision = "waits to be written again" if s.waiting else DECISION[s.decision]
    w.screen.say()
    w.screen.say(f"[{place(w)}] {s.id}  {s.name}", "bold")
    w.screen.say(f"{s.verdict}, {s.lines} lines, {s.formulas} formulas, {decision}")
    if s.reason:
        w.screen.say(s.reason)
    for note in s.notes:
        w.screen.say(f"  its writer: {note}")
    more(w)


def place(w: Walk) -> str:
    """Such as 3/35, of the sections a person decides on; the index is the program's own."""
    chosen = [s.id for s in w.sections if s.id != INDEX]
    return "—" if w.section.id == INDEX else f"{chosen.index(w.section.id) + 1}/{len(chosen)}"


def more(w: Walk) -> None:
    """The next screenful of the section, findings below their lines."""
    rows = section_rows(w.dossier, w.section)
    room = max(8, w.screen.height - 6)
    for number, text in rows[w.shown : w.shown + room]:
        w.screen.say(f"{number:>5}  {text}")
        for f in w.section.findings:
            if f.line == number:
                w.screen.say(
                    f"    !  {f.severity}: {f.message} [{f.check}/{f.rule}]",
                    "red" if f.severity == "error" else "yellow",
                )
    w.shown += room
    left = len(rows) - w.shown
    if left > 0:
        w.screen.say(f"       … {left} more lines: space")


def section_rows(d: Dossier, s: SectionView) -> list[tuple[int, str]]:
    """(line of the draft, text) of a section without its markers."""
    region = next((r for r in regions(d.draft) if r.id == s.id), None)
    if region is None:
        return []
    lines = d.draft.decode("utf-8").split("\n")
    return [(n, lines[n - 1].rstrip("\r")) for n in range(region.begin_line + 2, region.end_line - 1)]


def go(w: Walk, by: int) -> None:
    w.at = max(0, min(len(w.sections) - 1, w.at + by))
    show(w)


def to_undecided(w: Walk) -> None:
    w.reload()
    undecided = w.dossier.standing.undecided
    order = [*range(w.at + 1, len(w.sections)), *range(w.at + 1)]
    following = next((n for n in order if w.sections[n].id in undecided), None)
    if following is None:
        w.screen.say("all sections are decided; m merges")
    else:
        w.at = following
        show(w)


def accept(w: Walk) -> None:
    decide.accept(w.ws, w.slug, [w.section.id])
    w.screen.say(f"{w.section.id} accepted", "green")
    to_undecided(w)


def accept_rest(w: Walk) -> None:
    undecided = w.dossier.standing.undecided
    chosen = [s.id for s in w.sections if s.id in undecided and s.verdict == "pass" and not s.waiting]
    if not chosen:
        w.screen.say("no undecided section without an error")
        return
    decide.accept(w.ws, w.slug, chosen)
    w.screen.say(f"accepted {', '.join(chosen)}", "green")
    to_undecided(w)


def reject(w: Walk) -> None:
    note = w.screen.line("what is wrong? ")
    decide.reject(w.ws, w.slug, [w.section.id], note=note)
    w.screen.say(f"{w.section.id} rejected", "green")
    to_undecided(w)


def again(w: Walk) -> None:
    note = w.screen.line("what to do differently? ")
    watch = Watch(progress=lambda p: w.screen.say(f"  {p.text}"), line=lambda text: w.screen.say(f"  {text}"))
    redo(w.ws, w.slug, w.section.id, note=note, spec=w.spec, watch=watch)
    w.reload()
    show(w)
    compare(w)


def by_hand(w: Walk) -> None:
    text = current_text(w.ws, w.slug, w.section.id)
    changed = w.screen.edit(text)
    if changed is None or changed.strip("\n") == text.strip("\n"):
        w.screen.say("not changed")
        return
    edit(w.ws, w.slug, w.section.id, changed)
    w.reload()
    show(w)


def compare(w: Walk) -> None:
    """What changed since the last text that was kept."""
    now = current_text(w.ws, w.slug, w.section.id)
    old = next(
        (v for v in reversed(versions(w.ws.output(w.slug), w.section.id)) if v.text != now.strip("\n")), None
    )
    if old is None:
        w.screen.say("no earlier text of this section")
        return
    rows = difflib.unified_diff(
        old.text.split("\n"), now.strip("\n").split("\n"), f"version {old.number}", "now", lineterm=""
    )
    for row in rows:
        w.screen.say(row, {"+": "green", "-": "red"}.get(row[:1], ""))


def back(w: Walk) -> None:
    _, what = take_back(w.ws, w.slug)
    w.screen.say(f"taken back: {what}", "green")
    w.reload()


def witnesses(w: Walk) -> None:
    lines = {number for number, _ in section_rows(w.dossier, w.section)}
    displays = [f for f in read(w.dossier.draft, w.dossier.file).displays if f.line in lines]
    known = {x.label: x for x in w.dossier.witnesses}
    found = of_display([label for f in displays for label in f.labels], known)
    if not found:
        w.screen.say("no witness belongs to a formula of this section")
    for x in found:
        witness(w, x)


def witness(w: Walk, x: WitnessView) -> None:
    w.screen.say(f"{x.label}: {x.says}", "bold")
    if x.killed is not None:
        w.screen.say(f"  route: {x.route}; mutants noticed: {x.killed} of {x.live}; link: {x.linked}")
    for survivor in x.survivors:
        w.screen.say(f"  not noticed: {survivor}")
    for row in x.code.rstrip("\n").split("\n"):
        w.screen.say(f"    {row}")


def as_diff(w: Walk) -> None:
    for _, text in section_rows(w.dossier, w.section):
        w.screen.say(f"+{text}", "green")


def merge(w: Walk) -> None:
    from agent.merge import check
    from agent.merge import merge as merge_one
    from agent.workspace.git import tracked

    check(w.ws, w.slug)
    undecided = w.dossier.standing.undecided
    if undecided:
        w.screen.say(f"undecided, so left out: {listed(undecided)}")
    commit = tracked(w.ws.root) and w.screen.line("commit it too? [Y/n] ").strip().lower() in ("", "y", "yes")
    done = merge_one(w.ws, w.slug, commit=commit, refresh=w.refresh)
    w.screen.say(f"{done.file}: {done.before['lines']} → {done.after['lines']} lines", "green")
    if done.commit:
        w.screen.say(f"commit {done.commit[:10]}", "green")
    w.reload()


ACTIONS: dict[str, Callable[[Walk], None]] = {
    "j": lambda w: go(w, 1),
    "k": lambda w: go(w, -1),
    " ": more,
    "a": accept,
    "A": accept_rest,
    "r": reject,
    "n": again,
    "e": by_hand,
    "u": back,
    "w": witnesses,
    "s": as_diff,
    "v": compare,
    "m": merge,
    "?": lambda w: w.screen.say(KEYS),
}


class Terminal:
    """The real one. Without a terminal on standard input, keys come as lines."""

    @property
    def height(self) -> int:
        return shutil.get_terminal_size().lines if sys.stdout.isatty() else 1 << 30

    def say(self, text: str = "", style: str = "") -> None:
        import click

        looks = {"bold": {"bold": True}, "": {}}.get(style, {"fg": style})
        # click leaves colours out where the output is no terminal.
        click.echo(click.style(plain(text), **looks))

    def key(self, prompt: str) -> str:
        import click

        if not sys.stdin.isatty():
            line = sys.stdin.readline()
            return line.rstrip("\n")[:1] or ("?" if line else "")
        click.echo(prompt, nl=False)
        pressed = click.getchar()
        click.echo(pressed if pressed.isprintable() else "")
        return pressed

    def line(self, prompt: str) -> str:
        if not sys.stdin.isatty():
            return sys.stdin.readline().strip()
        try:
            return input(prompt)
        except EOFError:
            return ""

    def edit(self, text: str) -> str | None:
        import click

        return click.edit(text, extension=".md")
