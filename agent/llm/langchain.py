"""Every other vendor, through LangChain's ``init_chat_model``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from agent.errors import (
    ContextOverflow,
    ExpandError,
    ModelError,
    NotConfigured,
    Rejected,
    Unavailable,
    UnusableSpec,
)
from agent.llm.keys import canonical
from agent.llm.model import ModelSettings
from agent.llm.openai_dialect import content_of, followed
from agent.llm.prices import window_of
from agent.llm.redact import one_line, redact, without
from agent.llm.usage import own_count
from agent.records import Call, FinishReason, Reply, Usage

EXTRAS = {"anthropic": "anthropic", "google_genai": "google", "ollama": "ollama"}
"""Vendor → the extra of ours that installs it; others need LangChain's own package beside ``langchain``."""

FINISH: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "refusal": "refused",
    "content_filter": "refused",
    "safety": "refused",
    "recitation": "refused",
    "prohibited_content": "refused",
    "blocklist": "refused",
    "error": "error",
}
"""Vendors' names in lower case; what is not named here ended of itself."""

BY_STATUS: dict[int, type[ModelError]] = {
    400: Rejected,
    401: Rejected,
    402: Rejected,
    403: Rejected,
    404: Rejected,
    408: Unavailable,
    409: Unavailable,
    413: ContextOverflow,
    422: Rejected,
    425: Unavailable,
    429: Unavailable,
}
"""LangChain hands on each vendor's own exceptions. They share no class, but nearly all carry the status."""

FINISH_FIELDS = ("finish_reason", "stop_reason", "done_reason")
"""Where vendors put it in ``response_metadata``."""

LIMIT_FIELD = {
    "google_genai": "max_output_tokens",
    "google_vertexai": "max_output_tokens",
    "ollama": "num_predict",
}
"""Vendors that call ``max_tokens`` something else."""


class LangChainModel:
    """Raises UnusableSpec on opening where LangChain or the vendor's package is missing, naming the
    extra."""

    def __init__(
        self,
        spec: str,
        name: str,
        settings: ModelSettings,
        *,
        init: Callable[..., Any] | None = None,
    ) -> None:
        """init: stands in for ``init_chat_model``."""
        self.spec = self.identity = spec
        self._vendor = spec.partition(":")[0]
        self._name = name
        self._settings = settings
        self._init = init or _init_chat_model(self._vendor)
        self._chats: dict[str, Any] = {}
        self._window: int | str | None = settings.context_window or "unknown yet"
        self._chat({})

    @property
    def context_window(self) -> int | None:
        """As configured, else what the price tables know."""
        if isinstance(self._window, str):
            self._window = window_of(self.identity)
        return self._window

    async def send(self, call: Call, *, on_token: Callable[[int], None] | None = None) -> Reply:
        """Raises Unavailable for what trying again can mend, else Rejected, ContextOverflow or
        NotConfigured."""
        try:
            return await self._exchange(call, on_token)
        except ExpandError:
            raise
        except Exception as error:
            failure = translate(error, self._secrets())
        # Outside of the handler: the vendor's error may hold headers.
        failure.args = (f"{call.name}: {self.identity}: {failure}",)
        raise failure

    async def aclose(self) -> None:
        """LangChain's models close their connections themselves."""

    async def _exchange(self, call: Call, on_token: Callable[[int], None] | None) -> Reply:
        parts: list[str] = []
        usage = Usage()
        finish = ""
        async for chunk in self._chat(dict(call.params)).astream(_messages(call)):
            parts.append(_text(chunk.content))
            usage = usage + _usage(getattr(chunk, "usage_metadata", None))
            told = getattr(chunk, "response_metadata", None) or {}
            finish = next((str(told[name]) for name in FINISH_FIELDS if told.get(name)), finish)
            if on_token is not None:
                on_token(len(parts))
        if not parts:
            raise Unavailable("it sent nothing")
        text = without("".join(parts), self._secrets())
        used = usage if usage.prompt or usage.completion else own_count(call, text)
        return Reply(text, FINISH.get(finish.lower(), "stop"), used)

    def _chat(self, params: dict[str, Any]) -> Any:
        """The vendor's object for these params; they belong to its construction, not to a call."""
        limit = LIMIT_FIELD.get(self._vendor)
        if limit and "max_tokens" in params:
            params[limit] = params.pop("max_tokens")
        key = canonical(params)
        if key not in self._chats:
            retries = (
                {} if self._vendor == "ollama" else {"max_retries": 0, "timeout": self._settings.timeout}
            )
            try:
                made = self._init(self._name, model_provider=self._vendor, **retries, **params)
            except ImportError as error:
                raise missing(self._vendor, error) from None
            except Exception as error:
                reason = one_line(redact(str(error), self._secrets()))
                raise NotConfigured(f"{self.spec}: {reason}", hint="set the vendor's key") from None
            self._chats[key] = made
        return self._chats[key]

    def _secrets(self) -> Iterable[str]:
        marks = ("KEY", "TOKEN", "SECRET")
        return [v for k, v in self._settings.env.items() if any(mark in k.upper() for mark in marks)]


def translate(error: Exception, secrets: Iterable[str]) -> ModelError:
    """Our error for whatever a vendor's package raised, by the status it carries, else by its name."""
    response = getattr(error, "response", None)
    said = (
        getattr(error, "status_code", None),
        getattr(error, "code", None),
        getattr(response, "status_code", None),
    )
    status = next((code for code in said if isinstance(code, int)), None)
    message = one_line(redact(f"{type(error).__name__}: {error}", secrets))
    if isinstance(error, ImportError):
        return NotConfigured(message, hint="install the vendor's package")
    if status is None:
        return Unavailable(message)
    kind = BY_STATUS.get(status, Unavailable if status >= 500 else Rejected)
    return Unavailable(message, limited=True) if status == 429 else kind(message)


def missing(vendor: str, error: ImportError) -> UnusableSpec:
    """Names what to install."""
    extra = EXTRAS.get(vendor)
    package = f"langchain-{vendor.replace('_', '-')}"
    what = f"'expand-articles[{extra}]'" if extra else f"'expand-articles[langchain]' {package}"
    return UnusableSpec(f"{vendor}: {error.name or error} is not installed", hint=f"pip install {what}")


def _init_chat_model(vendor: str) -> Callable[..., Any]:
    try:
        from langchain.chat_models import init_chat_model
    except ImportError as error:
        raise missing(vendor, error) from None
    made: Callable[..., Any] = init_chat_model
    return made


def _messages(call: Call) -> list[tuple[str, Any]]:
    """LangChain takes OpenAI's parts for all vendors."""
    told = [(str(m.role), content_of(m)) for m in call.messages]
    if call.schema is not None:
        role, content = told[-1]
        told[-1] = (role, followed(content, f"\n\nJSON Schema:\n{canonical(dict(call.schema))}"))
    return told


def _text(content: Any) -> str:
    """Content is a string, or a list of blocks of which only text is ours (others are reasoning and the
    like)."""
    if isinstance(content, str):
        return content
    texts = (b if isinstance(b, str) else b.get("text", "") for b in content if isinstance(b, (str, dict)))
    return "".join(t for t in texts if isinstance(t, str))


def _usage(told: Any) -> Usage:
    if not told:
        return Usage()
    cached = (told.get("input_token_details") or {}).get("cache_read", 0)
    return Usage(told.get("input_tokens", 0), cached, told.get("output_tokens", 0))
