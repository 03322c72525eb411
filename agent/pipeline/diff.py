"""A unified diff that `git apply` takes, also on files with mixed line endings."""

from __future__ import annotations

import difflib

NO_NEWLINE = b"\\ No newline at end of file\n"


def patch(before: bytes, after: bytes, path: str) -> bytes:
    """What changes between two versions of ``path`` (below the workspace, `/` between folders).

    Lines are split at LF only and a CR stays in its line, which is how git sees them.
    """
    if before == after:
        return b""
    # git reads a name up to the first tab; one that holds a space needs the tab to end it.
    end = "\t" if " " in path else ""
    names = (f"a/{path}{end}".encode(), f"b/{path}{end}".encode())
    head = f"diff --git a/{path} b/{path}\n".encode()
    rows = difflib.diff_bytes(difflib.unified_diff, _lines(before), _lines(after), *names, lineterm=b"\n")
    return head + b"".join(_ended(row) for row in rows)


def _lines(data: bytes) -> list[bytes]:
    return [line + b"\n" for line in data.split(b"\n")[:-1]] + (
        [last] if (last := data.split(b"\n")[-1]) else []
    )


def _ended(row: bytes) -> bytes:
    return row if row.endswith(b"\n") else row + b"\n" + NO_NEWLINE
