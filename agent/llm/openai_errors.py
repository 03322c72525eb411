"""The openai SDK's exceptions → ours: the only place that knows both.

The table holds names, so that it can stand here without importing the SDK. A test walks the SDK's exceptions
and fails when one is missing.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agent.errors import ContextOverflow, CutOff, ModelError, NotConfigured, Refused, Rejected, Unavailable
from agent.llm.rates import retry_after
from agent.llm.redact import one_line, redact

TABLE: dict[str, type[ModelError]] = {
    # No answer, or not a whole one.
    "APITimeoutError": Unavailable,
    "APIConnectionError": Unavailable,
    "APIResponseValidationError": Unavailable,
    "WebSocketConnectionClosedError": Unavailable,
    "WebSocketQueueFullError": Unavailable,
    # By status.
    "BadRequestError": Rejected,
    "AuthenticationError": Rejected,
    "OAuthError": Rejected,
    "PermissionDeniedError": Rejected,
    "NotFoundError": Rejected,
    "ConflictError": Unavailable,
    "UnprocessableEntityError": Rejected,
    "RateLimitError": Unavailable,
    "InternalServerError": Unavailable,
    "APIStatusError": Rejected,
    # An error event in the middle of a stream.
    "APIError": Unavailable,
    # Raised by helpers that we do not call.
    "LengthFinishReasonError": CutOff,
    "ContentFilterFinishReasonError": Refused,
    "InvalidWebhookSignatureError": Rejected,
    # Credentials that are missing or cannot be exchanged.
    "SubjectTokenProviderError": NotConfigured,
    "OpenAIError": NotConfigured,
}

BY_STATUS: dict[int, type[ModelError]] = {
    402: Rejected,
    408: Unavailable,
    413: ContextOverflow,
    425: Unavailable,
}
"""For statuses to which the SDK gives no class of their own."""

HINTS: dict[int, str] = {
    401: "check the key (OPENAI_API_KEY, or api_key_env in config.toml) and that it belongs to this endpoint",
    402: "the account has no credit left",
    403: "the key may not use this model",
    404: "check the model's name and base_url (most end in /v1)",
}

COMPLAINTS = (400, 422)
"""Statuses that are about what was sent."""

FILTER_HINT = "a filter declined the text: another model may take it (--model), or the article in other words"

FILTERED = (
    "content_filter",  # Azure, and the finish_reason of most
    "content_policy_violation",
    "data_inspection_failed",  # DashScope, which has two forms of it
    "datainspectionfailed",
    "content filtering policy",  # Anthropic, which has words for it and no code
)
"""Codes and words by which services say that a filter declined the prompt or what was written to it."""

_OF_SETTINGS = ("api key", "api_key", "model not exist", "model_not_found", "arrearage")
"""What some services answer 400 to, where others have 401, 402 and 404."""

_OVERFLOW = (
    "context_length_exceeded",
    "maximum context length",
    "exceed_context_size",
    "context window",
    "prompt is too long",
)


def translate(error: Exception, *, secrets: Iterable[str], now: Callable[[], float]) -> ModelError | None:
    """Our error for one of the SDK or of what it stands on; None for what is neither, a mistake of ours.

    secrets are cut out of the message, also where the service echoes them. now: the wall clock in seconds,
    for a Retry-After that is a date.
    """
    kind = _kind(error)
    if kind is None:
        return None
    status = getattr(error, "status_code", None)
    reason = _reason(error)
    # Before it is shortened: half a key would not be found.
    message = one_line(redact(f"HTTP {status}: {reason}" if status else reason, secrets))
    if is_overflow(error):
        return ContextOverflow(message, hint="use a model with a larger context window")
    if is_filtered(error):
        return Refused(message, hint=FILTER_HINT)
    if getattr(error, "code", None) == "insufficient_quota":
        return Rejected(message, hint=HINTS[402])
    if issubclass(kind, Unavailable):
        hint = (
            "" if status else "check base_url, the network and that the service is running, then run it again"
        )
        headers = getattr(getattr(error, "response", None), "headers", None)
        wait = None if headers is None else retry_after(headers, now())
        return kind(message, retry_after=wait, limited=status == 429, hint=hint)
    hint = HINTS.get(status or 0, "")
    if kind is Rejected:
        code = getattr(error, "code", "")
        return Rejected(message, of_call=is_of_call(status, f"{code} {reason}"), hint=hint)
    return kind(message, hint=hint)


def error_of(status: int, body: Any) -> Exception:
    """The SDK's exception for a status and the body of an answer that came in a file."""
    import httpx2
    import openai

    kinds = {getattr(kind, "status_code", None): kind for kind in openai.APIStatusError.__subclasses__()}
    kind = openai.InternalServerError if status >= 500 else kinds.get(status, openai.APIStatusError)
    said = body.get("error", body) if isinstance(body, dict) else body
    response = httpx2.Response(status, request=httpx2.Request("POST", "http://batch/"))
    message = said.get("message") if isinstance(said, dict) else said
    return kind(str(message or f"HTTP {status}"), response=response, body=said)


def is_complaint(error: Exception) -> bool:
    """True for an answer by which an endpoint may say that it does not know a field."""
    return getattr(error, "status_code", None) in COMPLAINTS


def is_overflow(error: Exception) -> bool:
    text = complaint(error).lower()
    return is_complaint(error) and any(words in text for words in _OVERFLOW)


def is_filtered(error: BaseException) -> bool:
    """True where a filter declined the text, whatever the status: some say so in the middle of an answer."""
    said = _said(error)
    named = (getattr(error, "code", None), said.get("code"), said.get("type"), said.get("message"))
    return any(words in str(one).lower() for one in named for words in FILTERED)


def is_of_call(status: int | None, said: str) -> bool:
    """True for a complaint about the one request, not about key, account or model."""
    return status in COMPLAINTS and not any(words in said.lower() for words in _OF_SETTINGS)


def complaint(error: Exception) -> str:
    """All that the service said, as one text to search in."""
    return f"{getattr(error, 'message', error)} {json.dumps(getattr(error, 'body', None), default=str)}"


def _kind(error: Exception) -> type[ModelError] | None:
    if status := BY_STATUS.get(getattr(error, "status_code", None) or 0):
        return status
    for ancestor in type(error).__mro__:
        if ancestor.__module__.partition(".")[0] == "openai" and ancestor.__name__ in TABLE:
            return TABLE[ancestor.__name__]
    # What the SDK lets through of the layers below: a body that breaks off while an error is read, an event
    # that is not JSON, a TLS failure.
    below = type(error).__module__.partition(".")[0] in ("httpx2", "httpcore2", "anyio")
    broken = isinstance(error, (json.JSONDecodeError, UnicodeDecodeError, ssl.SSLError, OSError))
    return Unavailable if below or broken else None


def _said(error: BaseException) -> Mapping[str, Any]:
    """The error object of a body, by itself or under its usual name; of a mere text, that as the message."""
    body: Any = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else {}
    return inner if isinstance(inner, dict) else {"message": inner}


def _reason(error: Exception) -> str:
    if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
        return "it sent something that is no JSON"
    said = _said(error).get("message")
    if isinstance(said, str) and said:
        return said
    cause = error.__cause__
    detail = f" ({type(cause).__name__})" if cause is not None else ""
    return f"{getattr(error, 'message', None) or error or type(error).__name__}{detail}"
