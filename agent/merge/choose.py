"""Which sections a merge takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.article.tex import LABEL
from agent.errors import UsageError
from agent.pipeline.assemble import Section
from agent.pipeline.bind import unbound
from agent.report.words import listed
from agent.review.decide import INDEX
from agent.workspace import State


@dataclass(frozen=True, slots=True)
class Choice:
    taken: tuple[Section, ...]
    undecided: tuple[str, ...]
    rejected: tuple[str, ...]

    @property
    def left_out(self) -> tuple[str, ...]:
        return (*self.undecided, *self.rejected)


class DanglingReference(UsageError):
    """A section that is merged refers to one that is left out."""

    exit_code = 1


def choose(slug: str, sections: Sequence[Section], state: State) -> Choice:
    """The accepted sections. Raises UsageError where none is, naming the undecided ones."""
    if not sections:
        raise UsageError(
            "the draft holds no section, so there is nothing to merge",
            hint="the report says why each part is unfinished; try again, or with another model",
        )
    decided = [s for s in sections if s.id != INDEX]
    undecided = tuple(s.id for s in decided if s.id not in state.sections)
    rejected = tuple(s.id for s in decided if state.sections.get(s.id) == "rejected")
    # The index is made anew for what is merged.
    taken = tuple(s for s in decided if state.sections.get(s.id) == "accepted")
    if not taken:
        raise UsageError(
            f"{slug}: no section is accepted; undecided: {listed(undecided) or 'none'}",
            hint=f"expand review {slug} walks through them; expand accept {slug} takes all of them",
        )
    return Choice(taken, undecided, rejected)


class NotProduced(UsageError):
    """A section that is to be merged cites a result that no run produced."""

    exit_code = 1


def refuse_unbound(slug: str, taken: Sequence[Section]) -> None:
    """Raise NotProduced where ``{{exp1.loss}}`` still stands in a section: no output was there to bind."""
    for section in taken:
        left = unbound(section.text)
        if left:
            raise NotProduced(
                f"{slug}: {section.id} cites {left[0]}, which no run produced ({len(left)} such places)",
                hint=f"expand redo {slug} {section.id} --note …, or expand reject {slug} {section.id} --note … leaves it "
                "out; expand doctor says whether experiments can run here",
            )


def refuse_dangling(dangling: Sequence[tuple[str, str]], sections: Sequence[Section]) -> None:
    """Raise DanglingReference, naming both sections, where a merged one refers to one left out."""
    if not dangling:
        return
    where, label = dangling[0]
    bare = label.split(":", 1)[-1]
    owner = next((s.id for s in sections if {label, bare} & set(LABEL.findall(s.text))), "")
    if not owner:
        raise DanglingReference(
            f"{where} refers to {label}, which stands nowhere", hint=f"redo or edit {where}"
        )
    raise DanglingReference(
        f"{where} refers to {label}, which stands in {owner}, and {owner} is left out",
        hint=f"accept {owner} too, or redo {where}",
    )
