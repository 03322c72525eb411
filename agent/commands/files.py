"""Commands on several files: one that cannot be used hides nothing of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from agent.errors import RegionError, UsageError

T = TypeVar("T")


def of_each(paths: Iterable[Path], work: Callable[[Path], T]) -> tuple[list[T], tuple[UsageError, ...]]:
    """What ``work`` gives of each file it can be done on, and the errors of the others, each naming its file."""
    done: list[T] = []
    failed: list[UsageError] = []
    for path in paths:
        try:
            with named(path):
                done.append(work(path))
        except UsageError as error:
            failed.append(error)
    return done, tuple(failed)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Raise errors about markers with the file they are about: the grammar of regions knows lines, and no file."""
    try:
        yield
    except RegionError as error:
        raise RegionError(f"{path}: {error}", line=error.line, hint=error.hint) from None
