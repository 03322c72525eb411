"""``config.toml``: every setting with its default. A wrong key is an error that names the nearest right one."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from math import inf
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from agent.errors import ConfigError

T = TypeVar("T")

AT_LEAST_ONE = (
    "loop.concurrency", "loop.tries", "retry.attempts",
    "lab.seconds", "lab.memory_mb", "lab.processes", "lab.file_mb", "lab.output_kb",
)  # fmt: skip
"""With none of these nothing would ever be asked, or no program could run."""
ROLES = ("planner", "writer", "coder", "referee")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    spec: str = "auto"
    """`vendor:name`; `auto`: the configured key if there is one, else the recording of the sample article."""
    name: str = "gpt-5-mini"
    """The model `auto` asks for when a key is set."""
    base_url: str | None = None
    """Endpoint of an OpenAI-compatible server; unset: `OPENAI_BASE_URL`, else the vendor's own."""
    api_key_env: str = "OPENAI_API_KEY"
    """Name of the environment variable that holds the key. The key itself never stands in a file."""
    context_window: int | None = None
    """Tokens the model can take, prompt and reply together; unset: what is known of the model. A prompt that does
    not fit is not sent."""
    timeout: float = 120.0
    """Seconds without a byte from the service after which a call counts as stalled."""
    temperature: float | None = None
    """Sent only when set."""
    figures: bool = False
    """true: the models can see, so that the figures of an experiment go with the prompts of whoever writes about it
    and of the referee. Not for `command:`, which is given text."""


@dataclass(frozen=True, slots=True)
class RolesConfig:
    planner: str | None = None
    """Model of reading, outline and division; unset: `model.spec`."""
    writer: str | None = None
    """Model of the sections, their repair and deepening."""
    coder: str | None = None
    """Model of witnesses and experiments."""
    referee: str | None = None
    """Model that reads adversarially; another one than the writer's sees more."""


@dataclass(frozen=True, slots=True)
class TargetsConfig:
    lines: int = 1000
    """Newline-terminated lines an expanded article should reach."""
    formulas: int = 40
    """Display blocks it should reach."""
    added: bool = False
    """true: the targets are meant for what is added, not for the file's total."""


@dataclass(frozen=True, slots=True)
class LoopConfig:
    layout: str = "weave"
    """`weave`: explanations stand after the paragraph they explain; `append`: all at the end."""
    repairs: int = 2
    """Repair calls for one reply at most."""
    rounds: int = 3
    """Deepening rounds at most while a target is missed."""
    pack_lines: int = 100
    """Consecutive parts of a chapter share a call up to this many planned lines."""
    pack_formulas: int = 4
    """… and up to this many planned formulas."""
    referee: bool = True
    """Have every part read adversarially before it is assembled."""
    concurrency: int = 4
    """Calls in flight at most, over all articles; `batch -j N` beats it."""
    tries: int = 3
    """Deliberate new tries after a cut-off, empty, refused or malformed reply."""


@dataclass(frozen=True, slots=True)
class RetryConfig:
    attempts: int = 6
    """Transport retries of one call (429, 5xx, resets, stalls)."""
    wait_cap: float = 60.0
    """Seconds a single wait may last, unless the service asks for more."""
    total_cap: float = 900.0
    """Seconds all waits of one call may add up to."""


@dataclass(frozen=True, slots=True)
class BudgetConfig:
    article: float | None = None
    """US dollars one article may cost, over all runs."""
    run: float | None = None
    """US dollars one command may cost."""
    day: float | None = None
    """US dollars a calendar day (UTC) may cost."""
    tokens: int | None = None
    """Tokens (prompt and reply) one command may use; the cap for models without a known price."""


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    rpm: float | None = None
    """Requests a minute to one service; unset: what its `x-ratelimit` headers say, else no limit. After a 429 the
    number of calls in flight is halved and grows again with every round that went well."""
    tpm: float | None = None
    """Tokens a minute to one service, prompt and longest reply together; unset: as for `rpm`."""
    warm: float = 5.0
    """Seconds that calls with the same start wait at most for the first of them to have its first token, so that
    the vendor's prompt cache serves them; 0: they do not wait."""


@dataclass(frozen=True, slots=True)
class PriceConfig:
    input: float = 0.0
    """US dollars a million prompt tokens."""
    cached: float | None = None
    """US dollars a million prompt tokens from the vendor's cache; unset: as `input`."""
    written: float | None = None
    """US dollars a million prompt tokens that the vendor puts into its cache; unset: as `input`."""
    output: float = 0.0
    """US dollars a million reply tokens, reasoning tokens included."""


@dataclass(frozen=True, slots=True)
class PricesConfig:
    models: Mapping[str, PriceConfig] = field(default_factory=dict)
    """Prices by model, such as `"openai:qwen3" = {input = 0.1, cached = 0.01, output = 0.4}` in US dollars a million
    tokens; they beat the list prices of genai-prices."""


@dataclass(frozen=True, slots=True)
class LabConfig:
    enabled: bool = True
    """Run witnesses and experiments; false marks them 未运行."""
    formulas: int = 12
    """Formulas beyond the outline's that get a witness, of the parts that share a call; 0: none."""
    seconds: int = 60
    """Wall-clock limit of one program."""
    memory_mb: int = 4096
    processes: int = 64
    file_mb: int = 256
    output_kb: int = 1024
    """Standard output kept."""


@dataclass(frozen=True, slots=True)
class StandardConfig:
    subsections: int = 20
    """Subsections an expansion should have at least."""
    methods: int = 5
    """Methods a comparison table should compare at least."""
    boxes: int = 5
    """Kinds of boxes an expansion should use at least."""
    example: bool = True
    """Ask for a hand-computed example (`example-box`)."""
    fold: int = 50
    """Code and derivations longer than this many lines belong into `<details>`."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Share of the added lines by template, such as `{theory = 0.4}`; unset: what the template says."""


@dataclass(frozen=True, slots=True)
class PathsConfig:
    articles: str = "blogs_raw"
    outputs: str = "outputs"
    prompts: str = "prompts"
    plan: str = "plan.toml"
    report: str = "PROGRESS_REPORT.md"
    references: str = "references.toml"
    recordings: str = "recordings"


@dataclass(frozen=True, slots=True)
class SourcesConfig:
    online: bool = False
    """Allow arXiv, Crossref and OpenAlex to be asked about works that are cited."""
    email: str | None = None
    """Contact address sent to those services, as they ask for."""


@dataclass(frozen=True, slots=True)
class Config:
    model: ModelConfig = ModelConfig()
    roles: RolesConfig = RolesConfig()
    targets: TargetsConfig = TargetsConfig()
    loop: LoopConfig = LoopConfig()
    retry: RetryConfig = RetryConfig()
    budget: BudgetConfig = BudgetConfig()
    limits: LimitsConfig = LimitsConfig()
    prices: PricesConfig = PricesConfig()
    lab: LabConfig = LabConfig()
    standard: StandardConfig = StandardConfig()
    paths: PathsConfig = PathsConfig()
    sources: SourcesConfig = SourcesConfig()

    def spec_for(self, role: str) -> str:
        """The model SPEC that a role uses."""
        chosen: str | None = getattr(self.roles, role, None)
        return chosen or self.model.spec


def load(path: Path) -> Config:
    """Read a `config.toml`.

    Raises ConfigError for a file that cannot be read, an unknown key (with the nearest known one) or a value
    of the wrong kind.
    """
    raw = read_toml(path)
    config = parse(Config, raw, where=str(path))
    if config.loop.layout not in ("weave", "append"):
        raise ConfigError(f'{path}: loop.layout is "{config.loop.layout}"', hint='use "weave" or "append"')
    for name in AT_LEAST_ONE:
        table, _, key = name.partition(".")
        value = getattr(getattr(config, table), key)
        if value < 1:
            raise ConfigError(f"{path}: {name} is {value}", hint="it takes a number of at least 1")
    return config


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises ConfigError where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}", hint="mend the TOML at that place") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None


def parse(
    kind: type[T], raw: Mapping[str, Any], *, where: str, prefix: str = "", more: Sequence[str] = ()
) -> T:
    """Build the dataclass ``kind`` from a TOML table; see `load` for the errors. ``more``: keys that stand there too
    and were taken out before."""
    hints, known = _shape(kind)  # type: ignore[arg-type]  # mypy takes no class to be hashable
    for key in raw:
        if key not in known:
            raise ConfigError(
                f"{where}: unknown key {prefix}{key}", hint=_nearest(key, (*known, *more), prefix)
            )
    for name, f in known.items():
        if name not in raw and f.default is MISSING and f.default_factory is MISSING:
            raise ConfigError(f"{where}: {prefix}{name} is missing", hint=f"add a line: {name} = …")
    values = {k: _value(hints[k], v, where=where, prefix=f"{prefix}{k}") for k, v in raw.items()}
    return kind(**values)


@cache
def _shape(kind: type) -> tuple[Mapping[str, Any], Mapping[str, Field[Any]]]:
    """Types and fields of a dataclass by name. Finding them takes longer than a plan's table takes to parse."""
    return get_type_hints(kind), {f.name: f for f in fields(kind)}


@cache
def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,)


def _nearest(key: str, known: Sequence[str], prefix: str) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    if near:
        return f"did you mean {prefix}{near[0]}?"
    return "known keys here: " + ", ".join(known)


def tables(raw: dict[str, Any], key: str, where: str, prefix: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Take ``[[…]]`` out of a table: (where it stands, table), counted from 1. Raises ConfigError for anything else
    under that name."""
    found = raw.pop(key, [])
    if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
        raise ConfigError(f"{where}: {prefix}{key} must be a list of tables", hint=f"write [[{prefix}{key}]]")
    return [(f"{where}: {key} {n}", table) for n, table in enumerate(found, 1)]


def _value(hint: Any, value: Any, *, where: str, prefix: str) -> Any:
    options = _options(hint)
    for option in options:
        if is_dataclass(option) and isinstance(option, type) and isinstance(value, dict):
            return parse(option, value, where=where, prefix=f"{prefix}.")
        if option is float and type(value) is int:
            value = float(value)
        if isinstance(option, type) and type(value) is option:
            if isinstance(value, int | float) and not 0 <= value < inf:
                raise ConfigError(
                    f"{where}: {prefix} is {value:g}", hint="use a number that is finite and not negative"
                )
            return value
        if get_origin(option) is tuple and isinstance(value, list):
            inner = get_args(option)[0]
            return tuple(
                _value(inner, v, where=where, prefix=f"{prefix}[{n}]") for n, v in enumerate(value, 1)
            )
        if get_origin(option) not in (None, tuple) and isinstance(value, dict):
            inner = get_args(option)[1]
            return {k: _value(inner, v, where=where, prefix=f"{prefix}.{k}") for k, v in value.items()}
    kinds = ("list" if get_origin(o) is tuple else getattr(o, "__name__", str(o)) for o in options)
    wanted = " or ".join(k for k in kinds if k != "NoneType")
    raise ConfigError(f"{where}: {prefix} is {value!r}", hint=f"it takes a value of type {wanted}")
