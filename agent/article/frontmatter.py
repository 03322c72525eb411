"""Front matter: the flat ``key: value`` lines between two ``---`` at the very start of a file.

It is read line by line, as many blog generators do, and in bytes, because the stamp may change nothing
but the bytes it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from agent.article.parts import FrontMatter
from agent.errors import RegionError

_BOM = b"\xef\xbb\xbf"
_RULE = re.compile(rb"---[ \t]*\r?\n?")
# Blank, comment, continuation or `key:`. Prose or a marker between two rules means that they are no front
# matter.
_FLAT = re.compile(rb"[ \t]*\r?\n|#[^\n]*\n|[ \t-][^\n]*\n|[^\s:<>`$\\#|*!\[\](){}-][^:\n]*+:[^\n]*\n")
_STATUS = re.compile(rb"status[ \t]*+:([^\r\n]*(?:\r(?!\n)[^\r\n]*)*)")
_STAMP_KEY = re.compile(rb"expand[ \t]*+:")
_STAMP = re.compile(
    rb"expand: sha256=(?P<sha256>[0-9a-f]{64})(?: status=(?P<status>(?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})*))?\r?\n"
)


@dataclass(frozen=True, slots=True)
class Head:
    """Where the front matter's lines stand, in bytes."""

    lines: tuple[tuple[int, int], ...]
    """Start and end (line ending included) of each line between the two rules."""
    closing: int
    """Start of the closing ``---``."""
    body: int
    """Just after the closing line."""


@dataclass(frozen=True, slots=True)
class Stamp:
    sha256: str
    status: bytes | None
    """The author's bytes after ``status:``; None where he has no such line."""
    start: int
    stop: int


def locate(data: bytes) -> Head | None:
    """The front matter of ``data``, or None where it has none (or never closes it)."""
    pos = len(_BOM) if data.startswith(_BOM) else 0
    opening = _RULE.match(data, pos)
    if opening is None or not opening[0].endswith(b"\n"):
        return None
    lines: list[tuple[int, int]] = []
    pos = opening.end()
    while pos < len(data):
        rule = _RULE.match(data, pos)
        if rule and (rule[0].endswith(b"\n") or rule.end() == len(data)):
            return Head(tuple(lines), pos, rule.end())
        flat = _FLAT.match(data, pos)
        if flat is None:
            return None
        lines.append(flat.span())
        pos = flat.end()
    return None


def body_start(data: bytes) -> int:
    """Offset in bytes at which the body begins: after the front matter, else after a byte order mark."""
    head = locate(data)
    if head:
        return head.body
    return len(_BOM) if data.startswith(_BOM) else 0


def front_matter(data: bytes) -> FrontMatter | None:
    """Raises UnicodeDecodeError where it is not UTF-8."""
    head = locate(data)
    if head is None:
        return None
    fields: dict[str, str] = {}
    for start, stop in head.lines:
        line = data[start:stop].decode()
        key, colon, value = line.partition(":")
        if colon and not line.startswith((" ", "\t", "#", "-")):
            fields.setdefault(key.strip(), _unquoted(value.strip()))
    return FrontMatter(first=1, last=len(head.lines) + 2, fields=fields)


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def read_stamp(data: bytes, head: Head | None) -> Stamp | None:
    """The stamp, or None. Raises RegionError for one that cannot be read, or a second one."""
    found: Stamp | None = None
    for number, (start, stop) in enumerate(head.lines if head else (), start=2):
        if not _STAMP_KEY.match(data, start, stop):
            continue
        match = _STAMP.fullmatch(data, start, stop)
        if match is None or found is not None:
            what = "a second expand: line" if found else "an expand: line that cannot be read"
            raise RegionError(
                f"line {number}: {what} in the front matter",
                line=number,
                hint="restore the line `expand: sha256=… status=…`, or the whole file from version control",
            )
        status = match["status"]
        old = None if status is None else unquote_to_bytes(status)
        found = Stamp(match["sha256"].decode(), old, start, stop)
    return found


def stamp_line(data: bytes) -> int:
    """Line (1-based) of an ``expand:`` key, readable or not; 0 where there is none."""
    head = locate(data)
    for number, (start, stop) in enumerate(head.lines if head else (), start=2):
        if _STAMP_KEY.match(data, start, stop):
            return number
    return 0


def status_value(data: bytes, head: Head) -> tuple[int, int] | None:
    """Where the bytes between ``status:`` and its line ending stand."""
    for start, stop in head.lines:
        match = _STATUS.match(data, start, stop)
        if match:
            return match.span(1)
    return None


def unstamp(data: bytes) -> list[tuple[int, int, bytes]]:
    """What turns stamped front matter back into the author's: (start, stop, replacement), in order."""
    head = locate(data)
    old = read_stamp(data, head)
    if head is None or old is None:
        return []
    edits = [(old.start, old.stop, b"")]
    value = status_value(data, head) if old.status is not None else None
    if value and old.status is not None:
        edits.append((*value, old.status))
    return sorted(edits)


def stamp(data: bytes, *, sha256: str, status: str) -> bytes:
    """Front matter: ``status:`` gets the new value, and a flat line ``expand: sha256=… status=…`` (the
    source's hash and the old bytes, percent-encoded) goes before the closing ``---``.

    Without a status line none is added; without front matter ``data`` comes back as it is. Stamping again
    keeps the first status. Raises RegionError for a stamp that cannot be read."""
    if not re.fullmatch("[0-9a-f]{64}", sha256) or not re.fullmatch(r"[\w-]+", status):
        raise ValueError(f"not a sha256 and a status: {sha256!r}, {status!r}")
    head = locate(data)
    if head is None:
        return data
    old = read_stamp(data, head)
    value = status_value(data, head)
    author = data[slice(*value)] if value else None
    if old and old.status is not None:
        author = old.status
    line = f"expand: sha256={sha256}".encode()
    if author is not None:
        line += b" status=" + quote(author, safe="").encode()
    line += b"\r\n" if data.endswith(b"\r\n", 0, head.closing) else b"\n"
    edits = [(old.start, old.stop, line) if old else (head.closing, head.closing, line)]
    if value:
        edits.append((*value, b" " + status.encode()))
    return edited(data, sorted(edits))


def stamped_sha256(data: bytes) -> str | None:
    """The source's sha256 from the stamp, or None where there is none.

    Raises RegionError for a stamp that cannot be read."""
    found = read_stamp(data, locate(data))
    return found.sha256 if found else None


def edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """``data`` with (start, stop, replacement) applied; they come in order and do not overlap."""
    out = []
    pos = 0
    for start, stop, replacement in edits:
        out += [data[pos:start], replacement]
        pos = stop
    out.append(data[pos:])
    return b"".join(out)
