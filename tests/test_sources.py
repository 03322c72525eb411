"""The bibliographic resolver against a stand-in on loopback that also answers wrongly."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import Unavailable
from agent.sources import SERVICES, Found, Resolver, Wanted, compare, fetch, likeness, read_arxiv

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


@pytest.mark.parametrize(
    "body", [b"", b"<feed", b"not json", b'{"message": 3}', b"[]", b"[" * 100_000, 500, 429, 404]
)
def test_broken_answers_say_nothing(
    body: bytes | int, library: Library, resolver: Callable[[], Resolver]
) -> None:
    library.bodies.update(arXiv=body, Crossref=body, OpenAlex=body)
    assert resolver().confirm(Wanted(TITLE, "Núñez")).verdict == "unreachable"


ODD = json.dumps({"title": [TITLE], "author": None, "issued": {"date-parts": [[]]}, "DOI": 7})


@pytest.mark.parametrize(
    "item", ["null", "[]", "{}", '{"title": null}', '{"title": [null]}', '{"author": [null]}', ODD]
)
def test_an_item_in_another_form_hides_no_other(
    item: str, library: Library, resolver: Callable[[], Resolver]
) -> None:
    good = json.loads(crossref(TITLE, "Núñez", 2021))["message"]["items"][0]
    library.bodies["Crossref"] = json.dumps({"message": {"items": [json.loads(item), good]}}).encode()
    answer = resolver().confirm(Wanted(TITLE, "Núñez"))
    assert answer.work is not None
    assert (answer.verdict, answer.work.year) == ("confirmed", 2021)


KEYS = st.sampled_from(
    [
        "title",
        "author",
        "issued",
        "date-parts",
        "DOI",
        "given",
        "family",
        "authorships",
        "display_name",
        "doi",
    ]
)
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just(TITLE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(SHAPES)
def test_an_answer_of_any_form_is_read_or_passed_over(shape: object) -> None:
    """The cache cannot be written either."""
    data = json.dumps({"message": {"items": shape}, "results": shape}).encode()
    silent = Resolver(Path(__file__) / "sources.json", None, fetch=lambda *_: data, sleep=lambda s: None)
    assert silent.confirm(Wanted(TITLE, "Núñez")).verdict in (
        "confirmed",
        "different",
        "unknown",
        "unreachable",
    )


@pytest.mark.parametrize(
    "cache", ["[1]", "3", '{"%s": {}}', '{"%s": {"verdict": "confirmed", "work": {"x": 1}}}']
)
def test_a_damaged_cache_costs_a_question(
    cache: str, library: Library, resolver: Callable[[], Resolver], tmp_path: Path
) -> None:
    library.bodies["arXiv"] = arxiv(TITLE, "Ana Núñez", 2021)
    resolver().confirm(Wanted(TITLE, "Núñez"))
    (key,) = json.loads((tmp_path / "sources.json").read_text())
    (tmp_path / "sources.json").write_text(cache.replace("%s", key.replace('"', '\\"')))
    assert resolver().confirm(Wanted(TITLE, "Núñez")).verdict == "confirmed"


def test_a_service_that_speaks_no_http_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"nonsense\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Unavailable):
            fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/", {})
        thread.join()


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
