"""The ledger key of a call, and its contract."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from agent.records import Call


def canonical(value: Any) -> str:
    """JSON with sorted keys, no spaces, no escapes beyond the necessary, no NaN: one text for one value.

    Raises ValueError or TypeError for what JSON cannot say.
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def sha256(text: str) -> str:
    """Hex digest of the UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def key_of(call: Call) -> str:
    """Ledger key: ``"c1:"`` + SHA-256 (hex) of the canonical JSON (UTF-8) of the object

        {"attempt": int, "messages": [{"content": str, "role": str}, …], "model": str,
         "params": object, "schema": object or null}

    A message with pictures has ``"images": [str, …]`` too, ``data:`` URIs.

    The contract: whatever shapes the answer is inside; ``name``, ``shared``, time-outs and retry knobs are not.
    ``params`` is taken as JSON, so 1 and 1.0 are two values. Another form of key gets another prefix, and
    rows are never rewritten. ``Ledger.verify`` recomputes every key.
    """
    return "c1:" + sha256(canonical({**_asked(call), "model": call.model, "attempt": call.attempt}))


def prompt_hash(call: Call) -> str:
    """``"p1:"`` + SHA-256 (hex) of the canonical JSON of what was asked (messages, params, schema), whoever
    is asked: how a replay notices that a prompt has changed since the recording."""
    return "p1:" + sha256(canonical(_asked(call)))


def _asked(call: Call) -> dict[str, Any]:
    return {
        "messages": [
            {"role": m.role, "content": m.content, **({"images": list(m.images)} if m.images else {})}
            for m in call.messages
        ],
        "params": dict(call.params),
        "schema": None if call.schema is None else dict(call.schema),
    }
