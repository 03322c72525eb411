"""Who may talk to the review server: the browser that was given the token, from the page it was given, and nobody
else. One ASGI layer in front of everything.

Against other sites open in the same browser: the Host must be ours (DNS rebinding), the session cookie is
`SameSite=Strict` and `HttpOnly`, a change needs our Origin, a JSON body (no form can send one) and a token that only
our own page holds. Against a change made twice: each names the revision it was made for (see `agent.web.app`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 4 << 20
"""Bytes of a request; an edited section is far smaller."""
ENTER = "/enter"


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Secrets:
    """What one run of the server is protected by."""

    port: int
    token: str = field(default_factory=_secret, repr=False)
    """In the address printed on the terminal."""
    session: str = field(default_factory=_secret, repr=False)
    """In the cookie."""
    csrf: str = field(default_factory=_secret, repr=False)
    """In the page."""

    @property
    def hosts(self) -> tuple[str, ...]:
        return (f"127.0.0.1:{self.port}", f"localhost:{self.port}")

    @property
    def cookie(self) -> str:
        # Cookies do not tell ports apart: two reviews side by side need two names.
        return f"expand_review_{self.port}"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}{ENTER}?token={self.token}"


def policy(nonce: str) -> str:
    """Content policy of a page: our own scripts and files, nothing from elsewhere, nothing inline but what bears the
    nonce. MathJax sets widths through style attributes, which run nothing and load nothing."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
        "style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """Lets through what bears the session, and gives every page its policy."""

    def __init__(self, app: ASGIApp, secrets: Secrets) -> None:
        self._app = app
        self._secrets = secrets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(b"content-security-policy", policy(nonce).encode()), *HEADERS]
                names = {k.lower() for k, _ in message["headers"]}
                if b"cache-control" not in names:
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await _answer(guarded, *refusal)
        elif scope["path"] == ENTER:
            await self._enter(scope, guarded)
        else:
            await self._app(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason where a request is not to be answered."""
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        if headers.get("host", "") not in self._secrets.hosts:
            return 421, "wrong host"
        if scope["path"] == ENTER:
            return None if scope["method"] == "GET" else (405, "wrong method")
        if not self._has_session(headers.get("cookie", "")):
            return 403, "open the address that `expand review --web` printed"
        if scope["method"] in ("GET", "HEAD"):
            return None
        return self._refused_change(headers)

    def _refused_change(self, headers: dict[str, str]) -> tuple[int, str] | None:
        if headers.get("origin", "") not in {f"http://{host}" for host in self._secrets.hosts}:
            return 403, "wrong origin"
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return 415, "changes are JSON"
        if not secrets.compare_digest(headers.get("x-csrf-token", "").encode(), self._secrets.csrf.encode()):
            return 403, "wrong token"
        length = headers.get("content-length", "")
        if not length.isdigit() or int(length) > MAX_BODY:
            return 413, "too long"
        return None

    def _has_session(self, header: str) -> bool:
        try:
            cookie = SimpleCookie(header).get(self._secrets.cookie)
        except CookieError:
            return False
        return cookie is not None and secrets.compare_digest(
            cookie.value.encode(), self._secrets.session.encode()
        )

    async def _enter(self, scope: Scope, send: Send) -> None:
        """The token becomes a cookie and leaves the address bar."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if not secrets.compare_digest(given.encode(), self._secrets.token.encode()):
            await _answer(send, 403, "wrong token")
            return
        cookie = f"{self._secrets.cookie}={self._secrets.session}; Path=/; HttpOnly; SameSite=Strict"
        # A redirect would still count as coming from where the address was clicked, and a strict cookie stay away.
        page = b'<!doctype html><link rel="icon" href="data:,"><meta http-equiv="refresh" content="0; url=/">'
        await _answer(send, 200, page, (b"set-cookie", cookie.encode()))


async def _answer(send: Send, status: int, body: str | bytes, *headers: tuple[bytes, bytes]) -> None:
    kind = b"text/html; charset=utf-8" if isinstance(body, bytes) else b"text/plain; charset=utf-8"
    data = body if isinstance(body, bytes) else f"{body}\n".encode()
    length = (b"content-length", str(len(data)).encode())
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", kind), length, *headers],
        }
    )
    await send({"type": "http.response.body", "body": data})
