"""What an endpoint understands of the protocol, found out as it complains."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from agent.llm.keys import canonical
from agent.llm.openai_errors import complaint, is_filtered, is_overflow
from agent.records import Call, Message

JSON_MODES = ("json_schema", "json_object", "prompt")
"""From the strictest to what every endpoint takes: the schema in the prompt's last message."""

LIMITS = ("max_tokens", "max_completion_tokens")
"""OpenAI's newer models refuse the first, most other servers know nothing else."""

NEEDED = ("model", "messages", "stream", "response_format", *LIMITS)
"""Fields that are never dropped as unsupported: they have a way of their own, or none."""

_UNSUPPORTED = re.compile(
    r"unsupported|not supported|does not support|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed"
    r"|extra (?:fields|inputs)|only the default",
    re.IGNORECASE,
)


def content_of(message: Message) -> str | list[dict[str, Any]]:
    """A message's content as the protocol wants it: the text, or text and pictures as parts."""
    if not message.images:
        return message.content
    pictures = [{"type": "image_url", "image_url": {"url": uri}} for uri in message.images]
    return [{"type": "text", "text": message.content}, *pictures]


def followed(content: str | list[dict[str, Any]], more: str) -> str | list[dict[str, Any]]:
    """Content with more text behind its own."""
    if isinstance(content, str):
        return content + more
    return [{**content[0], "text": content[0]["text"] + more}, *content[1:]]


@dataclass(slots=True)
class Dialect:
    """Grows poorer with every complaint and is kept for the life of the model."""

    tokens_field: str = LIMITS[0]
    json_mode: str = JSON_MODES[0]
    needs_limit: bool = True
    """False where a reply that grows too long can be broken off, so that the endpoint may take no limit at all."""
    dropped: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, *, own_endpoint: bool, streams: bool) -> Dialect:
        return cls(tokens_field=LIMITS[own_endpoint], needs_limit=not streams)

    @property
    def limited(self) -> bool:
        """False where the endpoint takes no limit of the reply under either name."""
        return self.tokens_field not in self.dropped

    def body(self, call: Call) -> dict[str, Any]:
        """The request for a call, ``model`` and ``stream`` left to the sender."""
        messages: list[dict[str, Any]] = [{"role": m.role, "content": content_of(m)} for m in call.messages]
        body: dict[str, Any] = {"messages": messages, **call.params}
        if longest := [body.pop(name) for name in LIMITS if name in body]:
            body[self.tokens_field] = longest[0]
        if "stream_options" not in self.dropped:
            body["stream_options"] = {"include_usage": True}
        if call.schema is not None:
            self._ask_for_json(body, messages, dict(call.schema))
        return {name: value for name, value in body.items() if name not in self.dropped}

    def _ask_for_json(
        self, body: dict[str, Any], messages: list[dict[str, Any]], schema: dict[str, Any]
    ) -> None:
        if self.json_mode == "json_schema":
            # Not "strict": that mode refuses schemas with optional fields. We validate in any case.
            named = {"name": "reply", "schema": schema, "strict": False}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
            return
        if self.json_mode == "json_object":
            body["response_format"] = {"type": "json_object"}
        last = messages[-1]
        messages[-1] = {
            **last,
            "content": followed(last["content"], f"\n\nJSON Schema:\n{canonical(schema)}"),
        }

    def adapt(self, error: Exception, body: dict[str, Any]) -> str:
        """Leave out what this complaint about this body is about; says what, or nothing where nothing
        helps."""
        if is_overflow(error) or is_filtered(error):
            return ""
        text = complaint(error)
        unsupported = bool(_UNSUPPORTED.search(text))
        limit = next((name for name in LIMITS if name in body and name in text), "")
        if limit and unsupported and (changed := self._other_limit(limit)):
            return changed
        for name in sorted(set(body) - set(NEEDED)):
            if name in text and (unsupported or name == "stream_options"):
                self.dropped.add(name)
                return f"does not take {name}"
        return self._poorer_json(body)

    def _other_limit(self, refused: str) -> str:
        """Go over to the other name of the limit, and to none where both are refused. Calls side by side complain about
        the same; only the first of them has something to change."""
        other = LIMITS[refused == LIMITS[0]]
        if self.tokens_field == refused:
            if other not in self.dropped:
                self.tokens_field = other
            elif self.needs_limit:
                return ""
        self.dropped.add(refused)
        if not self.limited:
            return (
                f"takes neither {LIMITS[0]} nor {LIMITS[1]}: replies that grow too long are broken off here"
            )
        return f"takes {other} in place of {refused}"

    def _poorer_json(self, body: dict[str, Any]) -> str:
        """Servers without JSON modes complain in every wording there is, so any complaint counts here."""
        if "response_format" not in body:
            return ""
        used = JSON_MODES.index(body["response_format"]["type"])
        # Calls side by side complain about the same; only the first of them has something to change.
        self.json_mode = JSON_MODES[max(JSON_MODES.index(self.json_mode), used + 1)]
        return f"does not take response_format {JSON_MODES[used]}"
