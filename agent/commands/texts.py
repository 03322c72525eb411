"""Commands on files, without a workspace: measure, check, strip."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from agent.article import read, regions, stamped_sha256, strip
from agent.article.text import decode
from agent.commands.files import named, of_each
from agent.commands.result import Result
from agent.errors import UsageError
from agent.measure import added, measure
from agent.records import Finding


def load(path: Path) -> bytes:
    """Bytes of a file the user named. Raises UsageError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}", hint="check the name and your permission to read it"
        ) from None


def measure_files(paths: Sequence[Path]) -> Result:
    """Measures of each file: its total, and what regions added."""
    from agent.tokens import count

    def row(path: Path) -> dict[str, Any]:
        data = load(path)
        total = measure(read(data, str(path)), count=count)
        original = strip(data)
        before = measure(read(original, str(path)), count=count) if original != data else total
        return {
            "file": str(path),
            **asdict(total),
            "before": asdict(before),
            "added": asdict(added(before, total)),
        }

    rows, errors = of_each(paths, row)
    return Result("measure", rows or None, errors=errors)


def strip_file(path: Path) -> Result:
    """The author's file. Exit code 1 when it is not the one that was recorded. Raises NotUtf8: that is no article."""
    data = load(path)
    decode(data, str(path))
    with named(path):
        original, own = strip(data), [r.id for r in regions(data)]
    recorded = stamped_sha256(data)
    digest = hashlib.sha256(original).hexdigest()
    same = recorded is None or recorded == digest
    facts = {
        "file": str(path),
        "sha256": digest,
        "recorded": recorded,
        "matches": same,
        "regions": own,
    }
    return Result("strip", facts, 0 if same else 1, raw=original)


def check_files(paths: Sequence[Path], *, source: Path | None, from_git: bool) -> Result:
    """Findings of all checks on each file; exit code 1 when one is an error."""
    files, errors = of_each(paths, lambda path: check_file(path, original_of(path, source, from_git)))
    found = [f for findings in files for f in findings]
    bad = any(f.severity == "error" for f in found)
    rows = [finding_row(f) for f in found] if files else None
    return Result("findings", rows, 1 if bad else 0, errors=errors)


def original_of(path: Path, source: Path | None, from_git: bool) -> bytes | None:
    if source is not None:
        return load(source)
    if from_git:
        from agent.books.adopt import original_in_git

        return original_in_git(path)
    data = load(path)
    return strip(data) if regions(data) else None


def check_file(path: Path, original: bytes | None) -> list[Finding]:
    from agent.pipeline.recheck import recheck

    found = [f for verdict in recheck(path, load(path), original) for f in verdict.findings]
    return [replace(f, file=str(path)) for f in sorted(found, key=lambda f: (f.line, f.column, f.check))]


def finding_row(f: Finding) -> dict[str, Any]:
    return {
        "file": f.file,
        "line": f.line,
        "column": f.column,
        "check": f.check,
        "rule": f.rule,
        "severity": f.severity,
        "message": f.message,
    }
