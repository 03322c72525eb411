"""Running the review server: loopback only, a free port, until Ctrl-C."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from agent.errors import UsageError
from agent.web.app import Review, create_app
from agent.web.guard import Secrets
from agent.workspace import Workspace

if TYPE_CHECKING:
    import uvicorn

HOST = "127.0.0.1"


def serve(
    ws: Workspace,
    *,
    slug: str = "",
    spec: str | None = None,
    port: int = 0,
    announce: Callable[[str], None] = lambda address: None,
    on_change: Callable[[], object] = lambda: None,
) -> None:
    """Serve the review until it is interrupted. ``announce`` is told the address once the port is open."""
    with listening(port) as listener:
        review = Review(ws, Secrets(listener.getsockname()[1]), slug, spec, on_change=on_change)
        announce(review.secrets.address)
        try:
            # Ctrl-C is how a review ends, not a failure. A redo under way is waited for; a second Ctrl-C leaves it:
            # its replies are stored, and `expand redo SLUG` goes on with them.
            with suppress(KeyboardInterrupt):
                server(review).run(sockets=[listener])
            review.jobs.wait()
        finally:
            on_change()


def listening(port: int = 0) -> socket.socket:
    """A socket on the loopback interface; port 0 takes a free one. Raises UsageError for one that cannot be had."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        why = error.strerror if isinstance(error, OSError) else "no such port"
        raise UsageError(
            f"port {port} of {HOST} cannot be opened ({why})", hint="leave out --port: a free one is taken"
        ) from None
    return listener


def server(review: Review) -> uvicorn.Server:
    import uvicorn

    config = uvicorn.Config(
        create_app(review), log_level="warning", access_log=False, server_header=False, lifespan="off",
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    return uvicorn.Server(config)
