"""Every other vendor, through LangChain's ``init_chat_model``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from agent.errors import ExpandError, NotConfigured, Unavailable, UnusableSpec
from agent.llm.anthropic import listen, marked
from agent.llm.identities import identity_of
from agent.llm.keys import canonical
from agent.llm.langchain_errors import headers_of, translate
from agent.llm.model import ModelSettings
from agent.llm.openai_dialect import content_of, followed
from agent.llm.prices import window_of
from agent.llm.rates import Quotas, anthropic_quotas_of, quotas_of
from agent.llm.redact import one_line, redact, without
from agent.llm.reply_limit import Ruler
from agent.llm.usage import own_count
from agent.llm.warmth import keeps_marked
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

ALWAYS_SAY = ("anthropic",)
"""Vendors whose streams end with the reason why: without it they broke off, and LangChain does not notice."""

FINISH_FIELDS = ("finish_reason", "stop_reason", "done_reason")
"""Where vendors put it in ``response_metadata``."""

CACHE_WRITES = ("cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
"""Of them LangChain gives either the first or the others."""

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
        self.spec = spec
        self.identity = identity_of(spec, settings)
        self._vendor = spec.partition(":")[0]
        self._name = name
        self._settings = settings
        self._init = init or _init_chat_model(self._vendor)
        self._chats: dict[str, Any] = {}
        self._quotas: Quotas | None = None
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self._window: int | str | None = settings.context_window or "unknown yet"
        self._chat({})

    @property
    def context_window(self) -> int | None:
        """As configured, else what the price tables know."""
        if isinstance(self._window, str):
            self._window = window_of(self.identity)
        return self._window

    def quotas(self) -> Quotas | None:
        """What the last answer's headers said is left, once."""
        told, self._quotas = self._quotas, None
        return told

    async def send(self, call: Call, *, on_token: Callable[[int], None] | None = None) -> Reply:
        """Raises Unavailable for what trying again can mend, else Rejected, ContextOverflow or
        NotConfigured."""
        try:
            return await self._exchange(call, on_token)
        except ExpandError:
            raise
        except Exception as error:
            for headers in headers_of(error):
                self._hear(headers)
            failure = translate(error, self._secrets(), self._settings.now)
        # Outside of the handler: the vendor's error may hold headers.
        failure.args = (f"{call.name}: {self.identity}: {failure}",)
        raise failure

    async def aclose(self) -> None:
        """Others of LangChain's models close their connections themselves."""
        while self._closing:
            await self._closing.pop()()
        self._chats.clear()

    async def _exchange(self, call: Call, on_token: Callable[[int], None] | None) -> Reply:
        parts: list[str] = []
        usage, finish = Usage(), ""
        ruler, over = await Ruler.of(call, kept=True), False
        told = _messages(call)
        stream = self._chat(dict(call.params)).astream(marked(call, told) if keeps_marked(call) else told)
        async with aclosing(stream):
            async for chunk in stream:
                parts.append(_text(chunk.content))
                usage = usage + _usage(getattr(chunk, "usage_metadata", None))
                ending = getattr(chunk, "response_metadata", None) or {}
                finish = next((str(ending[name]) for name in FINISH_FIELDS if ending.get(name)), finish)
                arrived = ruler.take(parts[-1] + _thought(chunk.content))
                if on_token is not None:
                    on_token(arrived)
                if not finish and (over := ruler.is_over):
                    finish = "length"
                    break
        if not parts:
            raise Unavailable(f"{call.name}: {self.identity} sent nothing")
        if not finish and self._vendor in ALWAYS_SAY:
            raise Unavailable(f"{call.name}: {self.identity} broke off in the middle of its answer")
        text = without("".join(parts), self._secrets())
        if over or not (usage.prompt or usage.completion):
            usage = own_count(call, text, ruler.tokens if over else None)
        return Reply(text, FINISH.get(finish.lower(), "stop"), usage)

    def _hear(self, headers: Mapping[str, str]) -> None:
        told = quotas_of(headers) or anthropic_quotas_of(headers, self._settings.now())
        self._quotas = told or self._quotas

    def _chat(self, params: dict[str, Any]) -> Any:
        """The vendor's object for these params; they belong to its construction, not to a call."""
        limit = LIMIT_FIELD.get(self._vendor)
        if limit and "max_tokens" in params:
            params[limit] = params.pop("max_tokens")
        key = canonical(params)
        if key not in self._chats:
            patience = {"timeout": self._settings.timeout}
            # Ollama's package has no retries of its own, and hands what concerns HTTP on to httpx.
            own = {"client_kwargs": patience} if self._vendor == "ollama" else {"max_retries": 0, **patience}
            try:
                made = self._init(self._name, model_provider=self._vendor, **own, **params)
            except ImportError as error:
                raise missing(self._vendor, error) from None
            except Exception as error:
                reason = one_line(redact(str(error), self._secrets()))
                raise NotConfigured(f"{self.spec}: {reason}", hint="set the vendor's key") from None
            if self._vendor == "anthropic":
                self._closing.extend(listen(made, self._hear))
            self._chats[key] = made
        return self._chats[key]

    def _secrets(self) -> Iterable[str]:
        marks = ("KEY", "TOKEN", "SECRET")
        return [v for k, v in self._settings.env.items() if any(mark in k.upper() for mark in marks)]


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


def _thought(content: Any) -> str:
    """What the model shows of its reasoning; it counts towards the limit."""
    blocks = content if isinstance(content, list) else []
    texts = (b.get("thinking") or b.get("reasoning") for b in blocks if isinstance(b, dict))
    return "".join(t for t in texts if isinstance(t, str))


def _usage(told: Any) -> Usage:
    if not told:
        return Usage()
    details = told.get("input_token_details") or {}
    written = sum(details.get(name) or 0 for name in CACHE_WRITES)
    return Usage(
        told.get("input_tokens", 0),
        details.get("cache_read") or 0,
        told.get("output_tokens", 0),
        written=written,
    )
