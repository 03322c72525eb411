"""The bibliographic resolver against a stand-in on loopback that also answers wrongly."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from agent.sources import SERVICES, Found, Resolver, Wanted, compare, likeness, read_arxiv

TITLE = "Spectral Filters and the Price of Stopping Early"


@dataclass
class Library:
    """A server for all three services; a test sets what each answers."""

    url: str = ""
    bodies: dict[str, bytes | int] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """(service, query, User-Agent) of every request."""


@pytest.fixture
def library() -> Iterator[Library]:
    shelf = Library()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            service = parts.path.strip("/")
            query = urllib.parse.parse_qs(parts.query)["q"][0]
            shelf.asked.append((service, query, self.headers["User-Agent"]))
            body = shelf.bodies.get(service, 503)
            if isinstance(body, int):
                self.send_error(body)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shelf.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield shelf
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def resolver(library: Library, tmp_path: Path) -> Callable[[], Resolver]:
    """A fresh resolver on the same cache; waits are recorded by nobody and never slept."""

    def make() -> Resolver:
        services = [replace(s, url=f"{library.url}/{s.name}?q={{query}}") for s in SERVICES]
        return Resolver(tmp_path / "sources.json", "me@example.org", services, sleep=lambda s: None)

    return make


def arxiv(title: str, author: str, year: int) -> bytes:
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/abs/2101.00001v2</id>'
        f"<title>{title}</title><published>{year}-01-02T00:00:00Z</published>"
        f"<author><name>{author}</name></author></entry></feed>"
    ).encode()


def crossref(title: str, family: str, year: int) -> bytes:
    item = {
        "title": [title],
        "author": [{"given": "A.", "family": family}],
        "issued": {"date-parts": [[year]]},
        "DOI": "10.1/x",
    }
    return json.dumps({"message": {"items": [item]}}).encode()


def openalex(title: str, name: str, year: int) -> bytes:
    item = {
        "title": title,
        "authorships": [{"author": {"display_name": name}}],
        "publication_year": year,
        "id": "W1",
        "doi": None,
    }
    return json.dumps({"results": [item]}).encode()


def test_title_and_author_agree(library: Library, resolver: Callable[[], Resolver]) -> None:
    library.bodies["arXiv"] = arxiv(TITLE.lower() + ".", "Ana Núñez", 2021)
    answer = resolver().confirm(Wanted(TITLE, "Nunez, A.", 2021))
    assert answer.verdict == "confirmed"
    assert answer.work == Found(
        TITLE.lower() + ".",
        ("Ana Núñez",),
        2021,
        "2101.00001",
        "",
        "http://arxiv.org/abs/2101.00001v2",
        "arXiv",
    )
    assert "mailto:me@example.org" in library.asked[0][2]


def test_the_services_year_is_used_and_the_difference_said(
    library: Library, resolver: Callable[[], Resolver]
) -> None:
    library.bodies["arXiv"] = arxiv(TITLE, "Ana Núñez", 2020)
    answer = resolver().confirm(Wanted(TITLE, "Núñez", 2023))
    assert (answer.verdict, answer.work and answer.work.year, answer.note) == (
        "confirmed",
        2020,
        "year 2020, not 2023",
    )


def test_right_title_wrong_author_is_not_confirmed(
    library: Library, resolver: Callable[[], Resolver]
) -> None:
    library.bodies.update(arXiv=arxiv(TITLE, "Somebody Else", 2021), Crossref=crossref(TITLE, "Other", 2021), OpenAlex=openalex(TITLE, "Third Person", 2021))  # fmt: skip
    answer = resolver().confirm(Wanted(TITLE, "Núñez", 2021))
    assert answer.verdict == "different"
    assert "Somebody Else" in answer.note


def test_a_service_that_answers_about_something_else_is_passed_over(
    library: Library, resolver: Callable[[], Resolver]
) -> None:
    library.bodies.update(
        arXiv=arxiv("An Entirely Different Paper", "Ana Núñez", 2021), Crossref=crossref(TITLE, "Núñez", 2022)
    )
    answer = resolver().confirm(Wanted(TITLE, "Núñez"))
    assert answer.work is not None
    assert (answer.verdict, answer.work.service, answer.work.doi) == ("confirmed", "Crossref", "10.1/x")


def test_nobody_knows_it(library: Library, resolver: Callable[[], Resolver]) -> None:
    library.bodies.update(arXiv=b'<feed xmlns="http://www.w3.org/2005/Atom"/>', Crossref=b'{"message":{"items":[]}}', OpenAlex=b'{"results":[]}')  # fmt: skip
    assert resolver().confirm(Wanted(TITLE, "Núñez")).verdict == "unknown"


@pytest.mark.parametrize("body", [b"", b"<feed", b"not json", b'{"message": 3}', b"[]", 500, 429, 404])
def test_broken_answers_say_nothing(
    body: bytes | int, library: Library, resolver: Callable[[], Resolver]
) -> None:
    library.bodies.update(arXiv=body, Crossref=body, OpenAlex=body)
    assert resolver().confirm(Wanted(TITLE, "Núñez")).verdict == "unreachable"


def test_answers_are_cached_but_silence_is_not(library: Library, resolver: Callable[[], Resolver]) -> None:
    assert resolver().confirm(Wanted(TITLE, "Núñez")).verdict == "unreachable"
    library.bodies["arXiv"] = arxiv(TITLE, "Ana Núñez", 2021)
    first = resolver().confirm(Wanted(TITLE, "Núñez"))
    asked = len(library.asked)
    assert resolver().confirm(Wanted(TITLE, "Núñez")) == first
    assert len(library.asked) == asked


def test_requests_to_one_service_keep_their_distance(library: Library, tmp_path: Path) -> None:
    library.bodies["arXiv"] = arxiv(TITLE, "Ana Núñez", 2021)
    waits: list[float] = []
    only = [replace(SERVICES[0], url=f"{library.url}/arXiv?q={{query}}")]
    polite = Resolver(tmp_path / "s.json", None, only, sleep=waits.append, clock=lambda: 100.0)
    polite.confirm(Wanted("One", "A"))
    polite.confirm(Wanted("Two", "A"))
    assert waits == [3.0]


def test_a_feed_with_a_document_type_is_refused() -> None:
    with pytest.raises(ValueError, match="document type"):
        read_arxiv(b'<!DOCTYPE feed [<!ENTITY a "x">]><feed xmlns="http://www.w3.org/2005/Atom"/>')


def test_likeness_ignores_case_spaces_and_marks_but_not_words() -> None:
    assert likeness("The Price  of  Stopping: Early!", "the price of stopping early") == 1.0
    assert likeness("Deep residual learning", "Deep reinforcement learning") < 0.9


def test_without_authors_the_title_alone_decides() -> None:
    assert compare(Wanted(TITLE), [Found(TITLE, ("Anyone",), 2001)]).verdict == "confirmed"
