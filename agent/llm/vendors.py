"""SPEC → model. One line a vendor."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from agent.errors import UnusableSpec
from agent.llm.model import Model, ModelSettings

Factory = Callable[[str, str, ModelSettings], Model]
"""(spec, name, settings) → model; imports its vendor's module only when it is called."""


def _openai(spec: str, name: str, settings: ModelSettings) -> Model:
    from agent.llm.openai import OpenAIModel

    return OpenAIModel(spec, name, settings)


def _replay(spec: str, name: str, settings: ModelSettings) -> Model:
    from agent.llm.replay import ReplayModel

    return ReplayModel(spec, name, settings)


def _mailbox(spec: str, name: str, settings: ModelSettings) -> Model:
    from agent.llm.mailbox import MailboxModel

    return MailboxModel(spec, name, settings)


def _command(spec: str, name: str, settings: ModelSettings) -> Model:
    from agent.llm.command import CommandModel

    return CommandModel(spec, name, settings)


def _local(spec: str, name: str, settings: ModelSettings) -> Model:
    from agent.llm.local import LocalModel

    return LocalModel(spec, name, settings)


def _langchain(spec: str, name: str, settings: ModelSettings) -> Model:
    from agent.llm.langchain import LangChainModel

    return LangChainModel(spec, name, settings)


VENDORS: tuple[tuple[str, Factory], ...] = (
    ("openai", _openai),
    ("replay", _replay),
    ("mailbox", _mailbox),
    ("command", _command),
    ("local", _local),
    ("anthropic", _langchain),
    ("google_genai", _langchain),
    ("google_vertexai", _langchain),
    ("ollama", _langchain),
    ("mistralai", _langchain),
    ("deepseek", _langchain),
    ("groq", _langchain),
    ("xai", _langchain),
    ("bedrock", _langchain),
    ("bedrock_converse", _langchain),
    ("azure_openai", _langchain),
    ("cohere", _langchain),
    ("fireworks", _langchain),
    ("together", _langchain),
    ("huggingface", _langchain),
    ("nvidia", _langchain),
    ("openrouter", _langchain),
    ("perplexity", _langchain),
)
"""All that stand behind LangChain are those its ``init_chat_model`` knows by these names."""


def open_model(spec: str, settings: ModelSettings) -> Model:
    """The model behind ``vendor:name``. Nothing is contacted yet.

    Raises UnusableSpec for an unknown vendor (with near names), a missing recording, file, program or extra,
    NotConfigured for a missing key.
    """
    vendor, colon, name = spec.partition(":")
    factory = dict(VENDORS).get(vendor)
    if factory is None:
        near = difflib.get_close_matches(vendor, [known for known, _ in VENDORS], n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "known: " + ", ".join(v for v, _ in VENDORS)
        if vendor and not colon and not near:
            hint = f"write vendor:name, such as openai:{vendor}; {hint}, and auto"
        raise UnusableSpec(f"model {spec!r}: unknown vendor {vendor!r}", hint=hint)
    if not colon or not name.strip():
        raise UnusableSpec(f"model {spec!r}: no name after the vendor", hint=f"write {vendor}:NAME")
    return factory(spec, name.strip(), settings)
