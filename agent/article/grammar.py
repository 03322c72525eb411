"""Markers in bytes: finding regions, and taking them out again (REGIONS.md, *Grammar*)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from agent.article import frontmatter
from agent.article.frontmatter import body_start
from agent.errors import RegionError

__all__ = ["Edit", "Region", "body_start", "edited", "edits", "find_markers", "regions"]

_MARKER = re.compile(rb"<!--[ \t]*expand:")
"""Whatever looks like a marker must be one."""
_BEGIN = re.compile(
    rb'<!-- expand:begin (?P<id>[^\s"=<>]+)(?: glue=(?P<glue>\d{1,9}))?'
    rb'(?: was="(?P<was>(?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})*)")? -->[ \t]*\r?'
)
_END = re.compile(rb'<!-- expand:end (?P<id>[^\s"=<>]+) -->[ \t]*\r?')
_ID = re.compile(r"[\w.:-]+")
_REPLY_MARKER = re.compile(r"<!--\s*expand\s*:|expand:(?:begin|end)", re.IGNORECASE)


class Edit(NamedTuple):
    """Bytes ``start`` to ``stop`` give way to ``replacement``."""

    start: int
    stop: int
    replacement: bytes


@dataclass(frozen=True, slots=True)
class Region:
    id: str
    glue: int
    """Bytes of line ending before ``start`` that are ours too."""
    was: bytes
    text: str
    """The content, ``\\n`` at line ends, without blank lines around it."""
    begin_line: int
    end_line: int
    """Lines of the two markers."""
    start: int
    """Offset in bytes of the ``<`` of *begin*; the glue stands before it."""
    stop: int
    """Offset in bytes just after the empty line that follows *end*."""


class _Line(NamedTuple):
    number: int
    start: int
    content_stop: int
    stop: int


def find_markers(data: bytes) -> list[int]:
    """Lines (1-based) that hold marker text."""
    found = []
    number, counted = 1, 0
    for marker in _MARKER.finditer(data):
        number += data.count(b"\n", counted, marker.start())
        counted = marker.start()
        found.append(number)
    return found


def _marker_lines(data: bytes) -> list[_Line]:
    found: list[_Line] = []
    number, counted = 1, 0
    for marker in _MARKER.finditer(data):
        if found and marker.start() < found[-1].stop:
            raise _unreadable(found[-1].number)
        start = data.rfind(b"\n", counted, marker.start()) + 1 or counted or body_start(data[:3])
        number += data.count(b"\n", counted, start)
        end = data.find(b"\n", start)
        content_stop = end if end >= 0 else len(data)
        stop = end + 1 if end >= 0 else len(data)
        found.append(_Line(number, start, content_stop, stop))
        counted = start
    return found


def regions(data: bytes) -> tuple[Region, ...]:
    """In file order. Raises RegionError with the line: begin without end, end without begin, nested, an ID
    twice, attributes that cannot be read."""
    found: list[Region] = []
    seen: set[str] = set()
    opened: tuple[_Line, re.Match[bytes]] | None = None
    for line in _marker_lines(data):
        begin = _BEGIN.fullmatch(data, line.start, line.content_stop)
        end = None if begin else _END.fullmatch(data, line.start, line.content_stop)
        identity = _identity(begin or end, line.number)
        if begin:
            if opened:
                raise _error(line.number, f"region {identity} begins inside region {_name(opened[1])}")
            if identity in seen:
                raise _error(line.number, f"a second region called {identity}")
            seen.add(identity)
            opened = line, begin
        elif opened is None or _name(opened[1]) != identity:
            raise _error(line.number, f"region {identity} ends here but does not begin")
        else:
            found.append(_region(data, identity, opened[0], opened[1], line))
            opened = None
    if opened:
        raise _error(opened[0].number, f"region {_name(opened[1])} begins here and never ends")
    return tuple(found)


def _name(marker: re.Match[bytes]) -> str:
    return marker["id"].decode()


def _identity(marker: re.Match[bytes] | None, number: int) -> str:
    if marker is None:
        raise _unreadable(number)
    try:
        identity = _name(marker)
    except UnicodeDecodeError:
        raise _unreadable(number) from None
    if not is_id(identity):
        raise _unreadable(number)
    return identity


def _region(data: bytes, identity: str, first: _Line, begin: re.Match[bytes], last: _Line) -> Region:
    stop = last.stop
    for ending in (b"\r\n", b"\n"):
        if data.startswith(ending, stop):
            stop += len(ending)
            break
    content = data[first.stop : last.start].decode(errors="replace").replace("\r\n", "\n")
    return Region(
        id=identity,
        glue=int(begin["glue"] or 0),
        was=unquote_to_bytes(begin["was"] or b""),
        text=trimmed(content),
        begin_line=first.number,
        end_line=last.number,
        start=first.start,
        stop=stop,
    )


def render(identity: str, text: str, *, glue: int, was: bytes | None, eol: str) -> bytes:
    """A region's bytes, from the ``<`` of *begin* through the empty line after *end*."""
    begin = f"<!-- expand:begin {identity} glue={glue}"
    if was is not None:
        begin += f' was="{quote(was, safe="")}"'
    rows = [f"{begin} -->", "", *text.split("\n"), "", f"<!-- expand:end {identity} -->", "", ""]
    return eol.join(rows).encode()


def trimmed(text: str) -> str:
    """``text`` (``\\n`` at line ends) without blank lines around it and without a final line ending."""
    rows = text.split("\n")
    first, last = 0, len(rows)
    while first < last and not rows[first].strip(" \t\r"):
        first += 1
    while last > first and not rows[last - 1].strip(" \t\r"):
        last -= 1
    return "\n".join(rows[first:last])


def is_id(identity: str) -> bool:
    """Letters, digits and ``. _ : -``; no ``--``, which HTML comments of old cannot hold."""
    return _ID.fullmatch(identity) is not None and "--" not in identity


def has_marker_text(text: str) -> bool:
    """Whether a model's reply holds marker text, which makes it malformed."""
    return _REPLY_MARKER.search(text) is not None


def edits(data: bytes) -> list[Edit]:
    """What turns ``data`` back into the author's bytes, in order. Raises RegionError."""
    found = [Edit(*edit) for edit in frontmatter.unstamp(data)]
    for region in regions(data):
        floor = found[-1].stop if found else 0
        start = region.start
        while start > max(floor, region.start - region.glue) and data[start - 1] in b"\r\n":
            start -= 1
        found.append(Edit(start, region.stop, region.was))
    return found


def edited(data: bytes, changes: list[Edit]) -> bytes:
    return frontmatter.edited(data, [(edit.start, edit.stop, edit.replacement) for edit in changes])


def _error(line: int, message: str) -> RegionError:
    return RegionError(
        f"line {line}: {message}",
        line=line,
        hint="restore the line from version control; `expand strip` needs every marker as it was written",
    )


def _unreadable(line: int) -> RegionError:
    return _error(line, "a marker that cannot be read")
