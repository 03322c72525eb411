"""``openai:NAME``: any OpenAI-compatible endpoint, through the openai SDK."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent.errors import ExpandError, ModelError, NotConfigured, Rejected, Unavailable
from agent.llm.endpoints import address_of, is_local
from agent.llm.identities import identity_of, openai_url, split
from agent.llm.model import CallEvent, ModelSettings
from agent.llm.openai_dialect import LIMITS, Dialect
from agent.llm.openai_errors import is_complaint, translate
from agent.llm.prices import window_of
from agent.llm.rates import Quotas, quotas_of
from agent.llm.redact import one_line, redact, without
from agent.llm.reply_limit import Ruler
from agent.llm.usage import own_count
from agent.records import Call, FinishReason, Reply, Usage

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream

PLACEHOLDER_KEY = "none"
"""For local servers, which ask for no key while the SDK does."""

FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "refused",
}
"""What is not named here ended of itself: servers have names of their own for that."""

REASONING = ("reasoning_content", "reasoning")
"""Names under which servers show what a model thinks; it counts towards the limit."""

FAILED_FINISH = ("error", "insufficient_system_resource", "network_error")
"""Reasons by which services report that they broke off."""


class OpenAIModel:
    """One model of one endpoint. What the endpoint does not support is found out once and remembered here."""

    def __init__(self, spec: str, name: str, settings: ModelSettings) -> None:
        self.spec = spec
        self._name = name
        self._settings = settings
        self._base_url = openai_url(settings)
        self._key = _checked_key(settings, self._base_url)
        self.identity = identity_of(f"openai:{name}", settings)
        own = not split(self.identity).endpoint
        self._dialect = Dialect.of(own_endpoint=own, streams=settings.stream)
        self._client: AsyncOpenAI | None = None
        self._window: int | str | None = settings.context_window or "unknown yet"
        self._quotas: Quotas | None = None

    def __repr__(self) -> str:
        return f"OpenAIModel({self.identity!r})"

    @property
    def context_window(self) -> int | None:
        """As configured, else what the price tables know of this model at this endpoint."""
        if isinstance(self._window, str):
            self._window = window_of(self.identity)
        return self._window

    def quotas(self) -> Quotas | None:
        """What the last answer's headers said is left, once."""
        told, self._quotas = self._quotas, None
        return told

    async def send(self, call: Call, *, on_token: Callable[[int], None] | None = None) -> Reply:
        """One request, or a few more where the endpoint turns out not to support a feature.

        Raises Unavailable for what trying again can mend, Rejected, ContextOverflow or NotConfigured else.
        """
        while True:
            body = self._dialect.body(call)
            try:
                return await self._exchange(call, body, on_token)
            except ExpandError:
                raise
            except Exception as error:
                self._hear(getattr(error, "response", None))
                failure = self.complaint(call, body, error)
            if failure is not None:
                # Outside of the handler, so that no chain leads to the SDK's error, which holds headers and body.
                raise failure

    def complaint(self, call: Call, body: dict[str, Any], error: Exception) -> ModelError | None:
        """Our error for one of the SDK about this body; None where the endpoint only does not know a field: it is left
        out from now on, and the call can be sent again. Raises the error itself where it is none of the SDK's."""
        if is_complaint(error) and (dropped := self._dialect.adapt(error, body)):
            self._tell(call, f"{self.identity}: {dropped}")
            return None
        return _at(self.failure(error), call, self.identity)

    def failure(self, error: Exception) -> ModelError:
        """Our error for one of the SDK. Raises the error itself where it is none."""
        failure = translate(error, secrets=(self._key,), now=self._settings.now)
        if failure is None:
            raise error
        return failure

    def quoted(self, said: str) -> str:
        """What the service says, for a message: short, and without the key."""
        return one_line(redact(said, (self._key,)))

    def body(self, call: Call) -> dict[str, Any]:
        """The whole request for an answer in one piece."""
        body = {k: v for k, v in self._dialect.body(call).items() if k != "stream_options"}
        return {"model": self._name, **body}

    def answered(self, call: Call, body: Mapping[str, Any]) -> Reply:
        """The reply in the body of an answer in one piece. Raises Unavailable where it is not whole."""
        from openai.types.chat import ChatCompletion

        return self._reply(call, _whole(ChatCompletion.model_construct(**body)))

    async def client(self) -> AsyncOpenAI:
        """The SDK's client, opened."""
        if self._client is None:
            await asyncio.to_thread(importlib.import_module, "openai")  # the first time it takes a second
        return self._opened()

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _exchange(
        self, call: Call, body: dict[str, Any], on_token: Callable[[int], None] | None
    ) -> Reply:
        client = await self.client()
        # The body goes as it is: the SDK's own parameters would refuse what other vendors take.
        rest = {k: v for k, v in body.items() if k not in ("model", "messages", "stream")}
        if not self._settings.stream:
            raw = client.chat.completions.with_raw_response.create
            whole = await raw(model=self._name, messages=body["messages"], extra_body=rest)
            self._hear(whole)
            return self._reply(call, _whole(whole.parse()))
        ruler = await Ruler.of(call, kept=any(name in rest for name in LIMITS))
        answer = client.chat.completions.create
        stream = await answer(model=self._name, messages=body["messages"], stream=True, extra_body=rest)
        self._hear(stream.response)
        return self._reply(call, await _collected(stream, ruler, on_token))

    def _reply(self, call: Call, heard: Heard) -> Reply:
        if heard.finish is None:
            raise Unavailable(f"{call.name}: {self.identity} broke off in the middle of its answer")
        if heard.finish in FAILED_FINISH:
            raise Unavailable(f"{call.name}: {self.identity} broke off ({heard.finish})")
        finish = "refused" if heard.refusal else FINISH.get(heard.finish, "stop")
        text = without(heard.text or heard.refusal, (self._key,))
        return Reply(text, finish, heard.usage or own_count(call, text, heard.tokens))

    def _hear(self, response: Any) -> None:
        headers = getattr(response, "headers", None)
        self._quotas = (quotas_of(headers) if headers is not None else None) or self._quotas

    def _opened(self) -> AsyncOpenAI:
        if self._client is None:
            from httpx2 import Timeout
            from openai import AsyncOpenAI

            # They log addresses and all headers of a reply, where services repeat keys; our events say
            # enough.
            for chatty in ("httpx2", "httpcore2"):
                logging.getLogger(chatty).setLevel(logging.WARNING)
            self._client = AsyncOpenAI(
                api_key=self._key,
                base_url=self._base_url,
                # Retries are ours alone: two layers of them would multiply.
                max_retries=0,
                timeout=Timeout(self._settings.timeout, connect=min(self._settings.timeout, 10.0)),
            )
        return self._client

    def _tell(self, call: Call, detail: str) -> None:
        if self._settings.observe is not None:
            self._settings.observe(CallEvent("fallback", call.name, call.attempt, call.model, detail=detail))


@dataclass(slots=True)
class Heard:
    """What has arrived of an answer."""

    parts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    finish: str | None = None
    usage: Usage | None = None
    tokens: int | None = None
    """Our own count of an answer that we broke off, reasoning included."""

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def refusal(self) -> str:
        return "".join(self.refusals)


async def _collected(stream: AsyncStream[Any], ruler: Ruler, on_token: Callable[[int], None] | None) -> Heard:
    """A stream, put together.

    The text is whole once a reason for its end was given: what goes wrong after that (usage, end marker,
    closing) costs at most the usage, and a cancellation is left to the caller, who stores the text first.
    """
    heard = Heard()
    try:
        async with stream:
            await _listen(stream, heard, ruler, on_token)
    except (Exception, asyncio.CancelledError):
        if heard.finish is None:
            raise
    return heard


async def _listen(
    chunks: AsyncIterable[Any], heard: Heard, ruler: Ruler, on_token: Callable[[int], None] | None
) -> None:
    """Chunks of other vendors lack fields, so none is taken for granted."""
    async for chunk in chunks:
        heard.usage = _usage(getattr(chunk, "usage", None)) or heard.usage
        for choice in getattr(chunk, "choices", None) or ():
            delta = getattr(choice, "delta", None)
            heard.parts.append(getattr(delta, "content", None) or "")
            heard.refusals.append(getattr(delta, "refusal", None) or "")
            heard.finish = getattr(choice, "finish_reason", None) or heard.finish
            thought = "".join(getattr(delta, name, None) or "" for name in REASONING)
            arrived = ruler.take(heard.parts[-1] + heard.refusals[-1] + thought)
            if on_token is not None:
                on_token(arrived)
            if heard.finish is None and ruler.is_over:
                heard.finish, heard.tokens = "length", ruler.tokens
                return


def _whole(answer: Any) -> Heard:
    choices = getattr(answer, "choices", None) or ()
    heard = Heard(usage=_usage(getattr(answer, "usage", None)))
    for choice in choices[:1]:
        message = getattr(choice, "message", None)
        heard.parts.append(getattr(message, "content", None) or "")
        heard.refusals.append(getattr(message, "refusal", None) or "")
        heard.finish = getattr(choice, "finish_reason", None) or "stop"
    return heard


def _usage(usage: Any) -> Usage | None:
    if usage is None or getattr(usage, "prompt_tokens", None) is None:
        return None
    details = getattr(usage, "prompt_tokens_details", None)
    # DeepSeek has a name of its own for the part that came from the cache.
    cached = getattr(details, "cached_tokens", None) or getattr(usage, "prompt_cache_hit_tokens", None) or 0
    return Usage(usage.prompt_tokens, cached, getattr(usage, "completion_tokens", None) or 0)


def _at(failure: ModelError, call: Call, identity: str) -> ModelError:
    failure.args = (f"{call.name}: {identity}: {failure}",)
    if isinstance(failure, Rejected) and any(m.images for m in call.messages):
        failure.hint = "a model that cannot see needs model.figures = false in config.toml" + (
            f"; {failure.hint}" if failure.hint else ""
        )
    return failure


def _checked_key(settings: ModelSettings, base_url: str) -> str:
    key = (settings.api_key or settings.env.get("OPENAI_API_KEY") or "").strip()
    if not key and is_local(base_url):
        return PLACEHOLDER_KEY
    if not key:
        raise NotConfigured(
            f"no key for {address_of(base_url)}",
            hint="set OPENAI_API_KEY, or use what needs none: mailbox:DIR, replay:FILE, a local endpoint",
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        # It could not be sent as a header, and the HTTP library would show it in its complaint.
        raise NotConfigured(
            "the API key holds a space, a line break or a character beyond ASCII",
            hint="copy the key again",
        )
    return key
