"""The records that travel between the layers. All are frozen; none knows how it is stored or shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
Judgement = Literal["pass", "fail", "undecided"]
FinishReason = Literal["stop", "length", "refused", "error"]
INDEX = "index"
"""The section the program writes itself; it goes with whatever is merged, and nobody decides on it."""
EXPERIMENT_ID = r"(?:exp|practice)[0-9]{1,4}"
"""Pattern of an experiment's ID: ``exp1`` of the outline, ``practice1`` of a part that brings its own. It becomes
part of file names and of placeholders (``{{exp1.loss}}``), which LaTeX could mean otherwise."""


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str
    images: tuple[str, ...] = ()
    """Pictures that go with the text, as ``data:`` URIs of PNG, for models that can see."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call as the service counted them (or as we did, where it does not say)."""

    prompt: int = 0
    cached: int = 0
    """The part of ``prompt`` that the vendor served from its cache."""
    completion: int = 0
    """Reply tokens, reasoning tokens included."""
    counted: bool = True
    """False where the service gave no usage and the figures are our own count."""
    written: int = 0
    """The part of ``prompt`` that the vendor put into its cache, where it bills that (Anthropic)."""
    batched: bool = False
    """True where the call went in a file of a batch API, which costs less; False for sums that mix both."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.completion + other.completion,
            self.counted and other.counted,
            self.written + other.written,
            self.batched and other.batched,
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a model. Everything here but ``name`` and ``shared`` goes into the ledger key."""

    name: str
    """Stable over runs, such as ``sgd-svm/theory.2/write``."""
    model: str
    """Identity of the model: the SPEC, and the endpoint where it is not the vendor's own."""
    messages: tuple[Message, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    """What shapes the answer (max_tokens, temperature, seed). Time-outs and retry knobs stay out."""
    schema: Mapping[str, Any] | None = None
    """JSON schema the reply must satisfy, or None for text."""
    attempt: int = 0
    """Counts deliberate new tries of the same name; a new try carries what was wrong with the last."""
    shared: int = 0
    """Characters with which the first message of the user starts in other calls too; 0: not known. The system message
    is then shared as well."""


@dataclass(frozen=True, slots=True)
class Reply:
    text: str
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has to say about one place of a file."""

    check: str
    """One of the ten groups: formulas, references, source, structure, code, results, citations, self-talk,
    padding, drift."""
    rule: str
    """Name of the rule's own file under ``agent/checks/``."""
    severity: Severity
    message: str
    line: int = 0
    """1-based; 0 where the finding is about the whole file."""
    column: int = 0
    """1-based; 0 where it is about a whole line."""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check concluded: pass, fail (an error-level finding) or undecided (it could not run)."""

    name: str
    judgement: Judgement
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Targets:
    lines: int = 0
    """Newline-terminated lines; 0 asks for nothing."""
    formulas: int = 0
    """Display blocks; 0 asks for nothing."""
    added: bool = False
    """True: the targets are meant for what was added, not for the file's total."""


@dataclass(frozen=True, slots=True)
class TargetResult:
    name: str
    wanted: int
    got: int

    @property
    def met(self) -> bool:
        return self.got >= self.wanted


@dataclass(frozen=True, slots=True)
class Measure:
    """What a text holds. One definition each, see docs/measures.md; the fields are the JSON keys."""

    lines: int = 0
    """Newline-terminated lines, as ``wc -l``."""
    substance_lines: int = 0
    """Lines that are not blank, not HTML-only and not a fence."""
    formulas: int = 0
    """Display-mathematics blocks; a block counts once."""
    numbered: int = 0
    """Rows that get a number."""
    inline_formulas: int = 0
    code_blocks: Mapping[str, int] = field(default_factory=dict)
    """Fenced blocks by language; ``""`` where none is named."""
    headings: Mapping[str, int] = field(default_factory=dict)
    """Headings by level: ``{"1": 1, "2": 5}``."""
    boxes: Mapping[str, int] = field(default_factory=dict)
    """HTML boxes by class."""
    han_chars: int = 0
    words: int = 0
    """Runs of letters and digits outside CJK."""
    tokens: int | None = None
    """o200k tokens, or None where they were not counted."""
