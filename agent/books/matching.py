"""From the titles and paths that documents use to the files of a workspace. Nothing is guessed."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agent.books.claims import Document, Entry, Mention
from agent.books.index import look_at
from agent.workspace import Workspace, slug_of

_NO_LETTER = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Found:
    """What a mention came to."""

    slug: str = ""
    """Empty where no file, or more than one, answers to it."""
    reason: str = ""
    near: tuple[str, ...] = ()
    """Files that may have been meant, nearest first."""


def normal(title: str) -> str:
    """A title for comparison: compatibility forms, case, punctuation and spaces do not count."""
    return _NO_LETTER.sub("", unicodedata.normalize("NFKC", title).casefold())


class Shelf:
    """The articles of a workspace by every name a document may use for them."""

    def __init__(self, ws: Workspace, entries: Iterable[Entry] = ()) -> None:
        self.ws = ws
        self.files = ws.slugs()
        folder = f"{ws.named(ws.articles)}/"
        self.names = {slug: ws.named(path).removeprefix(folder) for slug, path in self.files.items()}
        """File below the articles folder, by slug."""
        self._slugs = {unicodedata.normalize("NFC", name): slug for slug, name in self.names.items()}
        self._prefix = folder
        self._keys: dict[str, set[str]] = {}
        self._known: dict[Mention, Found] = {}
        for path, entry in look_at(ws, self.files.values()).items():
            slug = slug_of(path)
            self._add(slug, slug)
            self._add(entry.title, slug)
        for line in entries:
            slug = self.by_path(line.path)
            if slug:
                self._add(line.title, slug)

    def _add(self, title: str, slug: str) -> None:
        if normal(title):
            self._keys.setdefault(normal(title), set()).add(slug)

    def by_path(self, written: str) -> str:
        """The slug of the article at a path as documents write it, or nothing."""
        plainly = unicodedata.normalize("NFC", written.strip())
        known = self._slugs.get(plainly.removeprefix(self._prefix))
        if known is not None:
            return known
        path = PurePosixPath(plainly)
        folder = PurePosixPath(self.ws.config.paths.articles)
        if path.is_absolute() or ".." in path.parts:
            return ""
        name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()
        slug = slug_of(Path(name))
        return slug if unicodedata.normalize("NFC", self.names.get(slug, "")) == name else ""

    def find(self, mention: Mention) -> Found:
        """The article a mention names: by its path where it gives one, else by its exact title."""
        if mention not in self._known:
            # Near misses are dear to find, and an audit asks for the same mention again and again.
            self._known[mention] = self._find(mention)
        return self._known[mention]

    def _find(self, mention: Mention) -> Found:
        if mention.file:
            slug = self.by_path(mention.file)
            if slug:
                return Found(slug)
            parts = PurePosixPath(mention.file).parts
            leaves = ".." in parts or mention.file.startswith("/")
            why = "the path leaves the workspace" if leaves else "no such file"
            stem = PurePosixPath(mention.file).stem
            return Found("", f"{why}: {mention.file}", self.near(mention.title, stem))
        slugs = self._keys.get(normal(mention.title), set())
        if len(slugs) == 1:
            return Found(next(iter(slugs)))
        if slugs:
            names = tuple(sorted(self.names[s] for s in slugs))
            return Found("", f"{len(names)} files have this title", names)
        return Found("", "no file has this title", self.near(mention.title))

    def near(self, *names: str) -> tuple[str, ...]:
        """Up to three files with a title or name close to one of ``names``."""
        close = [
            (difflib.SequenceMatcher(None, normal(name), key).ratio(), key)
            for name in names
            for key in difflib.get_close_matches(normal(name), self._keys, n=3, cutoff=0.6)
        ]
        keys = [key for _, key in sorted(close, reverse=True)]
        return tuple(dict.fromkeys(self.names[s] for key in keys for s in sorted(self._keys[key])))[:3]


def shelf_for(ws: Workspace, documents: Iterable[Document]) -> Shelf:
    """A shelf that also knows the titles which the documents' catalogues give to paths."""
    return Shelf(ws, (e for d in documents for e in d.entries))
