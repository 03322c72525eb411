"""What the laboratory found: verdicts of witnesses and outputs of experiments, as the writers see them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.errors import NotRun
from agent.lab.witness.record import NOT_RUN
from agent.pipeline.records import Part


@dataclass(frozen=True, slots=True)
class RunText:
    """An experiment's code and output in the words of the prompt."""

    code: str
    numbers: str
    tables: str
    printed: str
    doubts: str = ""
    """What a careful reader would object to, one line each."""

    @property
    def shown(self) -> str:
        """All that was handed over."""
        return f"{self.numbers}\n{self.tables}\n{self.printed}".rstrip()


@dataclass(frozen=True, slots=True)
class Run:
    """One experiment of the article."""

    id: str
    code: str
    prompt: RunText
    values: Mapping[str, Any] = field(default_factory=dict)
    """What it emitted, by name: numbers, strings, booleans or None."""
    units: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    """Tables as Markdown, by name."""
    figures: Mapping[str, bytes] = field(default_factory=dict)
    """PNG by name."""
    warnings: tuple[str, ...] = ()
    """What a careful reader would object to, found in what it did."""
    captions: Mapping[str, str] = field(default_factory=dict)
    """What a figure says it shows, by name; only those that say it."""
    seconds: float = 0.0

    @property
    def images(self) -> tuple[str, ...]:
        """The figures as ``data:`` URIs, in the order in which they were handed over."""
        return tuple(
            f"data:image/png;base64,{base64.b64encode(png).decode()}" for png in self.figures.values()
        )

    def figure_file(self, name: str) -> str:
        """File name of a figure below `assets/<slug>/`."""
        return f"{self.id}-{name}.png"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Empty where the laboratory did not run: then everything is 未核验 or 未运行, and says so."""

    verdicts: Mapping[str, Any] = field(default_factory=dict)
    """Formula label → the laboratory's verdict record."""
    witnesses: Mapping[str, str] = field(default_factory=dict)
    """Formula label → source of its witness."""
    runs: Mapping[str, Run] = field(default_factory=dict)
    """Experiment → what it gave; only those that ran."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Experiment → why it did not run or failed."""
    declined: Mapping[str, str] = field(default_factory=dict)
    """Formula label → why it has no witness."""
    shown: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Formula label → (witness, displayed right side) its verdict is about; empty before it is displayed."""

    def words(self) -> dict[str, str]:
        """Formula label → its verdict in words, for the table of facts."""
        declined = {label: f"未核验（{why}）" for label, why in self.declined.items()}
        return {**declined, **{label: describe(v) for label, v in self.verdicts.items()}}

    def states(self) -> dict[str, str]:
        """Experiment → what became of it, for the table of experiments."""
        return {
            **dict.fromkeys(self.runs, "已运行"),
            **{id: f"未运行：{why}" for id, why in self.failures.items()},
        }

    def ran(self, experiment: str) -> Run:
        """What an experiment gave. Raises NotRun with the reason where it gave nothing."""
        run = self.runs.get(experiment)
        if run is None:
            raise NotRun(f"{experiment} 没有输出：{self.failures.get(experiment, '没有运行')}")
        return run

    def behind(self, parts: Sequence[Part]) -> list[Run]:
        """The runs that some parts are about."""
        return [run for p in parts if (run := self.runs.get(p.experiment or ""))]

    def record(self, parts: Sequence[Part], labels: Iterable[str]) -> str:
        """What the referee is shown of the evidence behind some parts and formulas."""
        rows = [f"{label}：{describe(self.verdicts[label])}" for label in labels]
        for run in self.behind(parts):
            rows.append(f"{run.id} 的输出\n{run.prompt.shown}")
            if run.prompt.doubts:
                rows.append(f"{run.id} 的可疑之处（程序看出的）\n{run.prompt.doubts}")
        return "\n".join(rows)

    def refuted_sources(self) -> str:
        """Sources of the refuted witnesses: formula or witness, one of the two must change."""
        labels = [x for x, v in self.verdicts.items() if is_refuted(v) and x in self.witnesses]
        return "\n\n".join(f"{x}\n```python witness eq={x}\n{self.witnesses[x]}\n```" for x in labels)


VERDICTS = {
    "proved": "已证明",
    "verified": "已核验",
    "consistent": "自洽",
    "holds-on-samples": "样本上成立",
    "refuted": "被否定",
    "unchecked": "未核验",
}
"""A witness's verdict, in the words of articles, prompts and the review page."""
REMARKS = {"consistent": "（未独立核验）"}
"""What the prompts say besides."""


def named(verdict: Any) -> str:
    """The word that a verdict goes by: its name, or *proved* for the one grade of verified that says more."""
    grade = getattr(verdict, "grade", "")
    return str(grade if grade == "proved" else verdict.verdict)


def describe(verdict: Any) -> str:
    # What the machine lacks is no matter for a prompt or a page.
    reason = "未运行" if verdict.grade == NOT_RUN else verdict.reason
    word = VERDICTS.get(named(verdict), verdict.verdict) + REMARKS.get(verdict.verdict, "")
    return f"{word}（{reason}）" if reason and named(verdict) != "verified" else word


def is_refuted(verdict: Any) -> bool:
    return bool(verdict.verdict == "refuted")


def is_settled(verdict: Any) -> bool:
    """True where nothing is gained by sending the witness back."""
    return verdict.verdict in ("verified", "holds-on-samples")
