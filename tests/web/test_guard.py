"""Who may talk to the review server, over real HTTP on loopback."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from agent.errors import UsageError
from agent.merge import merge, undo
from agent.review.decide import accept
from agent.web.guard import MAX_BODY
from agent.web.server import listening
from tests.pipeline.desk import Service
from tests.review.desk import ROOT, Desk, make
from tests.web.conftest import Served, serving


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Caller:
    """Speaks HTTP to the server as a browser with the session would, unless told otherwise."""

    served: Served

    def ask(
        self, method: str, path: str, body: bytes | None = None, *, drop: str = "", **headers: str
    ) -> Answer:
        secrets = self.served.review.secrets
        own = {
            "Host": f"127.0.0.1:{secrets.port}",
            "Cookie": f"{secrets.cookie}={secrets.session}",
            "Origin": self.served.origin,
            "Content-Type": "application/json",
            "X-CSRF-Token": secrets.csrf,
        }
        sent = {**own, **{k.replace("_", "-"): v for k, v in headers.items()}}
        sent = {k: v for k, v in sent.items() if k != drop.replace("_", "-")}
        connection = http.client.HTTPConnection("127.0.0.1", secrets.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                connection.putheader(name, value)
            if body is not None and "Content-Length" not in sent:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    @property
    def base(self) -> str:
        return f"/a/{quote(self.served.desk.slug)}"

    def revision(self) -> str:
        return str(self.ask("GET", f"{self.base}/state").json["revision"])

    def accept(self, *, revision: str | None = None, drop: str = "", **headers: str) -> Answer:
        asked = {"sections": ["theory.1"], "revision": revision or self.revision()}
        return self.ask("POST", f"{self.base}/accept", json.dumps(asked).encode(), drop=drop, **headers)


@pytest.fixture
def caller(served: Served) -> Caller:
    return Caller(served)


def unchanged(caller: Caller) -> bool:
    return "accepted" not in caller.served.desk.kinds()


def test_a_decision_from_our_own_page(caller: Caller) -> None:
    answer = caller.accept()
    assert answer.status == 200
    assert answer.json["sections"] == {"theory.1": "accepted"}
    assert caller.served.desk.kinds()[-1] == "accepted"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"drop": "Origin"},
        {"X_CSRF_Token": "guessed"},
        {"drop": "X_CSRF_Token"},
        {"Cookie": "expand_review=guessed"},
        {"drop": "Cookie"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"drop": "Host"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": "text/plain"},
        {"drop": "Content_Type"},
    ],
    ids=lambda h: " ".join(f"{k}={v}" for k, v in h.items()),
)
def test_anything_else_changes_nothing(caller: Caller, headers: dict[str, str]) -> None:
    answer = caller.accept(revision=caller.revision(), **headers)
    assert answer.status in (400, 403, 415, 421)
    assert unchanged(caller)


def test_a_request_sent_again_changes_nothing(caller: Caller) -> None:
    revision = caller.revision()
    assert caller.accept(revision=revision).status == 200
    events = caller.served.desk.kinds()
    answer = caller.accept(revision=revision)
    assert answer.status == 409
    assert caller.served.desk.kinds() == events


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_a_wrong_token_gets_no_session(caller: Caller, token: str) -> None:
    answer = caller.ask("GET", f"/enter?token={quote(token)}", drop="Cookie")
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


def test_the_token_becomes_a_strict_cookie(caller: Caller) -> None:
    answer = caller.ask("GET", f"/enter?token={caller.served.review.secrets.token}", drop="Cookie")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert caller.served.review.secrets.token not in cookie
    assert caller.served.review.secrets.token.encode() not in answer.body


@pytest.mark.parametrize("path", ["/", "/static/review.js", "/static/mathjax/tex-chtml-full.js"])
def test_nothing_is_served_without_the_session(caller: Caller, path: str) -> None:
    assert caller.ask("GET", path, drop="Cookie").status == 403
    assert caller.ask("GET", caller.base, drop="Cookie").status == 403


def test_every_answer_bears_the_policy(caller: Caller) -> None:
    for path in ("/", caller.base, "/static/review.js", "/nowhere", f"{caller.base}/assets/none.png"):
        headers = caller.ask("GET", path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-eval" not in policy
        assert "'unsafe-inline'" not in policy.replace("style-src-attr 'unsafe-inline'", "")
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "http:" not in policy
        assert "https:" not in policy
    first, second = (caller.ask("GET", caller.base).headers["content-security-policy"] for _ in range(2))
    assert first != second, "a nonce serves one page"


@pytest.mark.parametrize(
    "path",
    [
        "assets/..%2f..%2freport.json",
        "assets/%2e%2e/report.json",
        "assets/.hidden.png",
        "assets/none.png",
        "text/..%2findex",
        "versions/..%2f..%2fx",
        "diff/other/../../x",
    ],
)
def test_paths_that_lead_out(caller: Caller, path: str) -> None:
    secret = caller.served.desk.folder / "report.json"
    answer = caller.ask("GET", f"{caller.base}/{path}")
    assert answer.status in (404, 422) or path.startswith("versions")
    assert secret.read_bytes()[:80] not in answer.body


def test_a_link_out_of_the_workspace_is_not_followed(caller: Caller) -> None:
    folder = caller.served.desk.folder / "assets" / caller.served.desk.slug
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "x.png").symlink_to("/etc/passwd")
    answer = caller.ask("GET", f"{caller.base}/assets/x.png")
    assert answer.status == 422
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"null", b'{"revision": 1}', b"\xff", b'{"revision": "x", "sections": ["theory.1"]}'],
)
def test_bodies_that_are_no_request(caller: Caller, body: bytes) -> None:
    answer = caller.ask("POST", f"{caller.base}/accept", body)
    assert answer.status in (409, 422)
    assert unchanged(caller)


@pytest.mark.parametrize("sections", [[], "theory.1", ["theory.9"], [1], None, ["index"]])
def test_sections_that_are_none(caller: Caller, sections: Any) -> None:
    asked = {"sections": sections, "revision": caller.revision()}
    answer = caller.ask("POST", f"{caller.base}/accept", json.dumps(asked).encode())
    assert answer.status == 422
    assert unchanged(caller)


@pytest.mark.parametrize("number", [{}, {"number": "x"}, {"number": None}, {"number": 99}, {"number": [1]}])
def test_a_version_that_is_none(caller: Caller, number: Any) -> None:
    asked = {"sections": ["theory.1"], "revision": caller.revision(), **number}
    assert caller.ask("POST", f"{caller.base}/restore", json.dumps(asked).encode()).status == 422
    assert unchanged(caller)


@pytest.mark.parametrize("port", [65_536, -1])
def test_a_port_that_is_none(port: int) -> None:
    with pytest.raises(UsageError, match=f"port {port}"):
        listening(port)


def test_a_port_that_another_has() -> None:
    with listening() as one, pytest.raises(UsageError, match="port"):
        listening(one.getsockname()[1])


def test_a_body_that_is_too_long_is_not_read(caller: Caller) -> None:
    answer = caller.ask("POST", f"{caller.base}/edit", b"{}", Content_Length=str(MAX_BODY + 1))
    assert answer.status == 413


def test_the_server_listens_on_loopback_alone(served: Served) -> None:
    assert served.review.secrets.address.startswith("http://127.0.0.1:")
    assert len(served.review.secrets.token) >= 32


def test_ctrl_c_ends_a_review_as_it_should(desk: Desk) -> None:
    """The command as a person runs it: the address on stderr, until Ctrl-C; that is no failure."""
    command = [sys.executable, "-m", "agent", "review", desk.slug, "--web", "--no-open"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=desk.root, stderr=subprocess.PIPE, text=True, env=environment
    ) as server:
        assert server.stderr is not None
        address = server.stderr.readline().split()[-1]
        assert address.startswith("http://127.0.0.1:")
        place, _, query = address.removeprefix("http://").partition("/")
        connection = http.client.HTTPConnection(place, timeout=60)
        connection.request("GET", f"/{query}")
        assert connection.getresponse().status == 200
        connection.close()
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) == 0
        assert "Traceback" not in server.stderr.read()


def test_an_article_of_any_name(tmp_path: Path) -> None:
    """A file's name is somebody's text too."""
    slug = "100% “a&b”?#'+;=<b> {{x}} é"
    with Service() as service:
        desk = make(tmp_path / "ws", service, slug=slug)
        desk.repository()
    with serving(desk) as site:
        caller = Caller(site)
        page = caller.ask("GET", caller.base)
        assert page.status == 200
        assert b"<b> {{x}}" not in page.body
        assert caller.accept().json["sections"] == {"theory.1": "accepted"}
        accept(desk.ws, slug)
        done = merge(desk.ws, slug, commit=True, branch="")
        assert done.commit
        assert desk.git("show", "--name-only", "--format=", "-z", "HEAD").count(f"blogs_raw/{slug}.md") == 1
        assert undo(desk.ws, slug) == f"blogs_raw/{slug}.md"
