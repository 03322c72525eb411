"""What Anthropic's service offers beyond LangChain's common ground: a prompt cache that is asked for by marks, and
limits that only the headers of an answer tell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from agent.records import Call

KEEP = {"type": "ephemeral"}
"""Kept for five minutes from its last use, and billed at 1.25 times the price of the prompt when it is put there."""

Told = list[tuple[str, str]]
"""Messages as (role, text)."""


def marked(call: Call, told: Told) -> list[tuple[str, str | list[dict[str, Any]]]]:
    """Messages with marks behind the system message and behind the start that the user's message shares with those of
    other calls: up to a mark the service keeps a prompt, and looks one up.

    It goes by blocks, so that what is shared has to be one of its own.
    """
    made: list[tuple[str, str | list[dict[str, Any]]]] = list(told)
    user = next((i for i, (role, _) in enumerate(told) if role == "user"), None)
    if user is None:
        return made
    text = told[user][1]
    start, rest = text[: call.shared], text[call.shared :]
    made[user] = ("user", [_block(start, kept=True), *([_block(rest)] if rest.strip() else [])])
    if told[0][0] == "system":
        made[0] = ("system", [_block(told[0][1], kept=True)])
    return made


def _block(text: str, *, kept: bool = False) -> dict[str, Any]:
    return {"type": "text", "text": text, **({"cache_control": KEEP} if kept else {})}


def listen(chat: Any, hear: Callable[[Mapping[str, str]], None]) -> Sequence[Callable[[], Awaitable[None]]]:
    """Have ``hear`` told the headers of every answer to a ``ChatAnthropic``; gives what closes its connections.

    LangChain hands them on only with errors, and all its models share one HTTP client; so this one gets a client of
    its own, in the place where LangChain keeps it. Where there is no such place, only errors tell the limits.
    """
    client = getattr(chat, "_async_client", None)
    if client is None:
        return ()
    from anthropic import DefaultAsyncHttpxClient

    async def on_response(response: Any) -> None:
        hear(response.headers)

    http = DefaultAsyncHttpxClient(
        base_url=client.base_url, timeout=client.timeout, event_hooks={"response": [on_response]}
    )
    vars(chat)["_async_client"] = client.copy(http_client=http)
    return (http.aclose,)
