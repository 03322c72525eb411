"""The exceptions of the packages behind LangChain → ours. They share no class, but nearly all carry the status."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agent.errors import ContextOverflow, ModelError, NotConfigured, Refused, Rejected, Unavailable
from agent.llm.openai_errors import FILTER_HINT, is_filtered, is_of_call
from agent.llm.rates import retry_after, span
from agent.llm.redact import one_line, redact

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


def translate(error: Exception, secrets: Iterable[str], now: Callable[[], float]) -> ModelError:
    """Our error for whatever a vendor's package raised, by the status that it or its cause carries, else by its name.
    ``now``: the wall clock in seconds, for a Retry-After that is a date."""
    chain = _chain(error)
    status = next((code for one in chain if (code := _status(one)) is not None), None)
    message = one_line(redact(f"{type(error).__name__}: {error}", secrets))
    if isinstance(error, ImportError):
        return NotConfigured(message, hint="install the vendor's package")
    if any("ContextOverflow" in ancestor.__name__ for one in chain for ancestor in type(one).__mro__):
        return ContextOverflow(message, hint="use a model with a larger context window")
    if any(is_filtered(one) for one in chain):
        return Refused(message, hint=FILTER_HINT)
    # An error that comes in the middle of an answer carries the status of its beginning.
    if status is None or status < 400:
        return Unavailable(message)
    kind = BY_STATUS.get(status, Unavailable if status >= 500 else Rejected)
    if kind is Rejected:
        return Rejected(message, of_call=is_of_call(status, message))
    if not issubclass(kind, Unavailable):
        return kind(message)
    waits = [retry_after(headers, now()) for headers in headers_of(error)]
    waits += [_asked_for(getattr(one, "details", None)) for one in chain]
    wait = next((w for w in waits if w is not None), None)
    return Unavailable(message, retry_after=wait, limited=status == 429)


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it was raised from: some packages put their own in place of the one with status and headers."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__
    return found


def _status(error: BaseException) -> int | None:
    said = (
        getattr(error, "status_code", None),
        getattr(error, "code", None),
        getattr(getattr(error, "response", None), "status_code", None),
    )
    return next((code for code in said if isinstance(code, int)), None)


def headers_of(error: BaseException) -> list[Mapping[str, str]]:
    """Of the answers that an error and its causes hold."""
    found = (getattr(getattr(one, "response", None), "headers", None) for one in _chain(error))
    return [headers for headers in found if headers is not None]


def _asked_for(details: Any) -> float | None:
    """Seconds of Google's RetryInfo, which stands in the body: ``{"error": {"details": [{"retryDelay": "17s"}]}}``."""
    inner = details.get("error", details) if isinstance(details, dict) else {}
    listed = inner.get("details") if isinstance(inner, dict) else None
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and isinstance(delay := entry.get("retryDelay"), str):
            return span(delay)
    return None
