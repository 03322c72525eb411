"""Asking bibliographic services whether a work exists: arXiv, Crossref, OpenAlex.

A model's memory of a citation is a guess. What a service confirms by title and author may be cited, with the
service's own year; what none confirms is not. Besides ``agent.llm`` this is the only place that reaches out.

Services: https://info.arxiv.org/help/api, https://api.crossref.org, https://docs.openalex.org.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import unicodedata
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

from agent.errors import Unavailable
from agent.workspace import make_folder

TITLE = 0.9
"""Likeness of two titles (0 to 1) from which they are the same work's."""
PAUSE = 3.0
"""Seconds between two requests to one service; arXiv asks for three."""
ANSWERS = 5
"""Candidates asked for."""
BYTES = 4 << 20
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, ElementTree.ParseError)
"""What reading an answer that is not in the service's form can raise."""
ATOM = {"a": "http://www.w3.org/2005/Atom", "x": "http://arxiv.org/schemas/atom"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A work somebody wants to cite."""

    title: str
    authors: str = ""
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A work as a service knows it."""

    title: str
    authors: tuple[str, ...] = ()
    year: int | None = None
    arxiv: str = ""
    doi: str = ""
    url: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    verdict: Literal["confirmed", "different", "unknown", "unreachable"]
    """confirmed: title and an author agree · different: the title exists, with other authors · unknown: no
    service knows the title · unreachable: no service answered, so nothing is known."""
    work: Found | None = None
    note: str = ""
    """What differs, such as another year; for a person."""


Fetch = Callable[[str, Mapping[str, str]], bytes]


def fetch(url: str, headers: Mapping[str, str]) -> bytes:
    """GET with a time-out and a cap on the answer. Raises Unavailable."""
    request = urllib.request.Request(url, headers=dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=20.0) as answer:
            data: bytes = answer.read(BYTES + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unavailable(f"{urllib.parse.urlsplit(url).netloc}: {error}") from None
    if len(data) > BYTES:
        raise Unavailable(f"{urllib.parse.urlsplit(url).netloc}: the answer is too long")
    return data


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    url: str
    """With `{query}` for the quoted title."""
    read: Callable[[bytes], list[Found]]


def read_arxiv(data: bytes) -> list[Found]:
    """Entries of an Atom feed."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ValueError("a document type has no place in a feed")
    works = []
    for entry in ElementTree.fromstring(data).findall("a:entry", ATOM):
        link = entry.findtext("a:id", "", ATOM)
        number = re.search(r"abs/(.+?)(?:v\d+)?$", link)
        works.append(
            Found(
                title=_line(entry.findtext("a:title", "", ATOM)),
                authors=tuple(_line(x.text or "") for x in entry.findall("a:author/a:name", ATOM)),
                year=_year(entry.findtext("a:published", "", ATOM)),
                arxiv=number[1] if number else "",
                doi=_line(entry.findtext("x:doi", "", ATOM)),
                url=link,
                service="arXiv",
            )
        )
    return works


def read_crossref(data: bytes) -> list[Found]:
    return _each(json.loads(data)["message"]["items"], _crossref)


def _crossref(item: Any) -> Found:
    names = (f"{a.get('given') or ''} {a.get('family') or ''}" for a in item.get("author") or ())
    parts = (item.get("issued") or {}).get("date-parts") or ()
    return Found(
        title=_string(next(iter(item.get("title") or ()), "")),
        authors=tuple(map(_line, names)),
        year=_whole(next((n for part in parts for n in part or ()), None)),
        doi=_string(item.get("DOI")),
        url=_string(item.get("URL")),
        service="Crossref",
    )


def read_openalex(data: bytes) -> list[Found]:
    return _each(json.loads(data)["results"], _openalex)


def _openalex(item: Any) -> Found:
    people = (a.get("author") or {} for a in item.get("authorships") or ())
    return Found(
        title=_string(item.get("title")),
        authors=tuple(_string(p.get("display_name")) for p in people),
        year=_whole(item.get("publication_year")),
        doi=_string(item.get("doi")).removeprefix("https://doi.org/"),
        url=_string(item.get("id")),
        service="OpenAlex",
    )


def _each(items: Sequence[Any], reader: Callable[[Any], Found]) -> list[Found]:
    """The works of an answer; one that is written in another way hides none of the others."""
    works = []
    for item in items:
        with suppress(*UNREADABLE):
            works.append(reader(item))
    return works


SERVICES: tuple[Service, ...] = (
    Service(
        "arXiv",
        f"https://export.arxiv.org/api/query?search_query=ti:{{query}}&max_results={ANSWERS}",
        read_arxiv,
    ),
    Service(
        "Crossref",
        f"https://api.crossref.org/works?query.bibliographic={{query}}&rows={ANSWERS}",
        read_crossref,
    ),
    Service("OpenAlex", f"https://api.openalex.org/works?search={{query}}&per-page={ANSWERS}", read_openalex),
)


@dataclass
class Resolver:
    """Asks the services in order until one confirms. Answers are kept in ``cache``, one file for all articles."""

    cache: Path
    email: str | None = None
    services: Sequence[Service] = SERVICES
    fetch: Fetch = fetch
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _last: dict[str, float] = field(default_factory=dict)

    def confirm(self, wanted: Wanted) -> Confirmation:
        """What the services say of a work. Never raises: a service that fails is passed over."""
        key = json.dumps([_plain(wanted.title), _plain(wanted.authors)], ensure_ascii=False)
        known = self._load()
        with suppress(*UNREADABLE):
            return _restored(known[key])
        answer = self._ask(wanted)
        if answer.verdict != "unreachable":
            self._store({**known, key: asdict(answer)})
        return answer

    def _ask(self, wanted: Wanted) -> Confirmation:
        answered = False
        best = Confirmation("unknown")
        for service in self.services:
            try:
                candidates = service.read(self._get(service, wanted.title))
            except (Unavailable, *UNREADABLE):
                continue
            answered = True
            verdict = compare(wanted, candidates)
            if verdict.verdict == "confirmed":
                return verdict
            if verdict.verdict == "different" and best.verdict == "unknown":
                best = verdict
        return best if answered else Confirmation("unreachable", note="no service answered")

    def _get(self, service: Service, title: str) -> bytes:
        wait = self._last.get(service.name, -PAUSE) + PAUSE - self.clock()
        if wait > 0:
            self.sleep(wait)
        self._last[service.name] = self.clock()
        query = urllib.parse.quote(f'"{title}"' if service.name == "arXiv" else title)
        agent = "expand-articles" + (f" (mailto:{self.email})" if self.email else "")
        return self.fetch(service.url.replace("{query}", query), {"User-Agent": agent})

    def _load(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.cache.read_text(encoding="utf-8")))
        except (OSError, *UNREADABLE):
            return {}

    def _store(self, known: Mapping[str, Any]) -> None:
        # Only this package's own scratch: losing it costs a question, so it needs no ceremony.
        with suppress(OSError):
            make_folder(self.cache.parent)
            temporary = self.cache.with_suffix(".tmp")
            temporary.write_text(json.dumps(known, ensure_ascii=False, indent=1), encoding="utf-8")
            temporary.replace(self.cache)


def compare(wanted: Wanted, candidates: Sequence[Found]) -> Confirmation:
    """The first candidate with the wanted title: confirmed when an author agrees too.

    A year that differs is no obstacle, since preprint and publication rarely share one; the service's is used.
    """
    different: Found | None = None
    for work in candidates:
        if likeness(wanted.title, work.title) < TITLE:
            continue
        if not _names(wanted.authors) or _names(wanted.authors) & _names(" ".join(work.authors)):
            off = wanted.year is not None and work.year is not None and wanted.year != work.year
            return Confirmation("confirmed", work, f"year {work.year}, not {wanted.year}" if off else "")
        different = different or work
    if different is not None:
        return Confirmation("different", different, f"by {', '.join(different.authors[:3])}")
    return Confirmation("unknown")


def likeness(a: str, b: str) -> float:
    """Likeness of two titles, 0 to 1, letters and digits only."""
    return SequenceMatcher(None, _plain(a), _plain(b), autojunk=False).ratio()


def _names(text: str) -> set[str]:
    """Words of a list of authors that can be a family name."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode() or text
    return {w.lower() for w in re.findall(r"[^\W\d_]{2,}", plain)} - {
        "and",
        "et",
        "al",
        "de",
        "van",
        "von",
        "the",
    }


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if c.isalnum())


def _line(text: str) -> str:
    return " ".join(text.split())


def _year(text: str) -> int | None:
    match = re.match(r"(\d{4})", text)
    return int(match[1]) if match else None


def _string(value: Any) -> str:
    return _line(value) if isinstance(value, str) else ""


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


def _restored(raw: Mapping[str, Any]) -> Confirmation:
    work = raw["work"]
    found = Found(**{**work, "authors": tuple(work["authors"])}) if work else None
    return Confirmation(raw["verdict"], found, raw["note"])
