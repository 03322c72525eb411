"""Which model answers: SPECs of the roles, and what `auto` stands for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.config import ROLES, Config
from agent.errors import NotConfigured
from agent.llm import CallEvent, Model, ModelSettings, open_model
from agent.prompts import shipped
from agent.workspace import Workspace

AUTO = "auto"
Opener = Callable[[str, ModelSettings], Model]
"""(SPEC, settings) → model."""
HELP = (
    "OpenAI:  export OPENAI_API_KEY=…            DeepSeek: also OPENAI_BASE_URL=https://api.deepseek.com, "
    "--model openai:deepseek-chat\n"
    "Ollama:  export OPENAI_BASE_URL=http://localhost:11434/v1, then --model openai:qwen3 (any model it has)\n"
    "No key:  --model mailbox:DIR writes each request to DIR and waits for an answer there, by a person or a program"
)


@dataclass(frozen=True)
class Models:
    by_role: Mapping[str, Model]
    note: str = ""
    """What a person should know about the choice; empty when they made it."""

    @property
    def identities(self) -> dict[str, str]:
        return {role: model.identity for role, model in self.by_role.items()}


def open_models(
    ws: Workspace,
    slug: str,
    spec: str | None,
    observe: Callable[[CallEvent], None] | None = None,
    *,
    opened: dict[str, Model] | None = None,
    opener: Opener = open_model,
) -> Models:
    """The model of each role. ``spec`` (from `--model`) beats config.toml for all roles. ``opened`` holds models by
    SPEC that other articles use already; what is opened is added, by ``opener``.

    Raises NotConfigured where no key is set and no recording of this article ships.
    """
    note = ""
    opened = {} if opened is None else opened
    by_role: dict[str, Model] = {}
    for role in ROLES:
        wanted = spec or ws.config.spec_for(role)
        if wanted == AUTO:
            wanted, note = resolve_auto(ws, slug)
        if wanted not in opened:
            opened[wanted] = opener(wanted, settings(ws.config, observe))
        by_role[role] = opened[wanted]
    return Models(by_role, note)


def resolve_auto(ws: Workspace, slug: str) -> tuple[str, str]:
    """The SPEC that `auto` means for an article, and the line that says so."""
    if os.environ.get(ws.config.model.api_key_env):
        spec = f"openai:{ws.config.model.name}"
        return spec, f"model auto: {ws.config.model.api_key_env} is set, using {spec}"
    recording = find_recording(ws, slug)
    if recording is not None:
        return f"replay:{recording}", f"model auto: no key is set, using the recording of {slug} that ships"
    raise NotConfigured(f"{slug}: no key is set and no recording of this article ships", hint=HELP)


def expected(ws: Workspace, slug: str, spec: str | None) -> tuple[str, str]:
    """The SPEC that would write an article, and why it cannot, if so: then the one to think of is `auto`'s model."""
    wanted = spec or ws.config.spec_for("writer")
    if wanted != AUTO:
        return wanted, ""
    try:
        return resolve_auto(ws, slug)[0], ""
    except NotConfigured as error:
        return f"openai:{ws.config.model.name}", str(error)


def find_recording(ws: Workspace, slug: str) -> Path | None:
    """The recording of an article: the workspace's, else the one that ships."""
    for folder in (ws.recordings, shipped("recordings")):
        path = folder / f"{slug}.jsonl"
        if path.is_file():
            return path
    return None


def settings(config: Config, observe: Callable[[CallEvent], None] | None = None) -> ModelSettings:
    return ModelSettings(
        base_url=config.model.base_url,
        api_key=os.environ.get(config.model.api_key_env),
        timeout=config.model.timeout,
        context_window=config.model.context_window,
        observe=observe,
    )
