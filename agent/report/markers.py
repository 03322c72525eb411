"""Rendered entries inside a file that also belongs to a person.

An entry stands between ``<!-- expand:progress SUB DAY begin -->`` and the line that ends alike. Only what
stands between such lines is ours; every other byte is kept as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.errors import UsageError

Key = tuple[str, str]
"""(sub-batch or ``-``, ISO day)"""

_MARKER = re.compile(rb"<!-- expand:progress (\S+) (\d{4}-\d{2}-\d{2}) (begin|end) -->[ \t]*\r?\n?$")
_UNSAFE = re.compile(r"[\s%<>]|--")


@dataclass(frozen=True, slots=True)
class Piece:
    key: Key | None
    """None: a stretch that a person wrote."""
    data: bytes


def key(sub: str, day: str) -> Key:
    """The key of an entry; characters that would break a marker are percent-encoded."""
    return _UNSAFE.sub(lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), sub) or "-", day


def split(data: bytes, name: str) -> list[Piece]:
    """``data`` cut into entries and what stands between them; the pieces joined are ``data`` again.

    Raises UsageError for a begin without its end, an end without its begin, or an entry that stands twice.
    """
    # An entry may follow a byte-order mark on the same line.
    bom = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    pieces = [Piece(None, bom)]
    open_key: Key | None = None
    opened_at = 0
    current: list[bytes] = []
    for number, line in enumerate(_lines(data[len(bom) :]), 1):
        marker = _MARKER.match(line)
        if not marker:
            current.append(line)
            continue
        found = (marker[1].decode("utf-8", "replace"), marker[2].decode())
        if marker[3] == b"begin":
            if open_key is not None:
                raise _broken(name, opened_at, "begins and does not end")
            pieces.append(Piece(None, b"".join(current)))
            open_key, opened_at, current = found, number, [line]
        else:
            if open_key != found:
                raise _broken(name, number, "ends without its begin")
            pieces.append(Piece(open_key, b"".join([*current, line])))
            if sum(p.key == open_key for p in pieces) > 1:
                raise _broken(name, opened_at, f"stands twice ({' '.join(open_key)})")
            open_key, current = None, []
    if open_key is not None:
        raise _broken(name, opened_at, "begins and does not end")
    pieces.append(Piece(None, b"".join(current)))
    return [p for p in pieces if p.data]


def _lines(data: bytes) -> list[bytes]:
    # bytes.splitlines would also split at a lone carriage return, which ends no line here.
    parts = data.split(b"\n")
    return [p + b"\n" for p in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _broken(name: str, line: int, what: str) -> UsageError:
    return UsageError(
        f"{name}:{line}: a progress entry {what}",
        hint="put the marker lines right, or delete them: what is outside markers is kept as yours",
    )


def combine(existing: bytes, entries: Mapping[Key, str], order: Sequence[Key], name: str) -> bytes:
    """``existing`` with its entries brought up to date.

    ``order`` is the order in which entries belong, newest first. An entry that is there is replaced where it
    stands, one that is new goes before the first that comes after it, one that is no longer produced goes.
    Without any entry to write, the file stays as it is: an event log that was lost takes no report with it.
    """
    if not entries:
        return existing
    ending = b"\r\n" if b"\r\n" in existing[: existing.find(b"\n") + 1] else b"\n"
    rank = {k: i for i, k in enumerate(order)}
    pieces = [p for p in split(existing, name) if p.key is None or p.key in entries]
    there = [p.key for p in pieces]
    for wanted in order:
        if wanted in there:
            continue
        later = (i for i, k in enumerate(there) if k is not None and rank[k] > rank[wanted])
        last = max((i + 1 for i, k in enumerate(there) if k is not None), default=None)
        at = next(later, last)
        if at is None:
            at = _open_top(pieces, there)
        pieces.insert(at, Piece(wanted, b""))
        there.insert(at, wanted)
    return b"".join(p.data if p.key is None else _block(p.key, entries[p.key], ending) for p in pieces)


def _open_top(pieces: list[Piece], there: list[Key | None]) -> int:
    """Where the first entry of a file without any goes: the top, but after a byte-order mark and front
    matter, which only mean something at the very start."""
    data = b"".join(p.data for p in pieces)
    head = re.match(rb"(?:\xef\xbb\xbf)?(?:---[ \t]*\r?\n(?:(?!---).*\n)*?---[ \t]*\r?\n)?", data)
    cut = head.end() if head else 0
    pieces[:] = [Piece(None, data[:cut]), Piece(None, data[cut:])]
    there[:] = [None, None]
    return 1


def _block(key: Key, text: str, ending: bytes) -> bytes:
    mark = f"<!-- expand:progress {key[0]} {key[1]} "
    whole = f"{mark}begin -->\n{text.rstrip()}\n\n{mark}end -->\n"
    return whole.encode("utf-8").replace(b"\n", ending)
