"""What counts towards the caps of an article and of a day: what is spent, and what calls under way may still cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Standing:
    """How a cap stands, in US dollars."""

    spent: float = 0.0
    reserved: float = 0.0
    """What the calls under way may cost at most."""
    under_way: int = 0
    """How many there are."""


class Accounts(Protocol):
    """Kept by article and by day. A call under way counts towards today, whenever it was sent: it may end today."""

    @property
    def shared(self) -> bool:
        """True where others write here too, who do not tell us when they are done."""

    def exclusive(self) -> AbstractContextManager[None]:
        """While it is held nobody else reserves or releases: what is read stays true until it was acted on."""

    def article(self, slug: str) -> Standing: ...

    def day(self, day: str) -> Standing:
        """``day`` as ``2025-01-31``, UTC."""

    def reserve(self, slug: str, dollars: float) -> int:
        """Gives what `release` takes."""

    def release(self, number: int) -> None: ...

    def stored(self, slug: str, day: str, dollars: float) -> None:
        """A reply that is in the ledger was paid for."""

    def lost(self, slug: str, day: str, dollars: float) -> None:
        """An answer that broke off was paid for; the ledger knows nothing of it."""

    def clear(self) -> bool:
        """Drop what processes that have died still reserve; True where there was any. Within `exclusive`."""

    def close(self) -> None: ...


@dataclass(slots=True, eq=False)
class OwnAccounts:
    """Of one process, in memory."""

    shared = False
    articles: dict[str, float] = field(default_factory=dict)
    """Slug → spent."""
    days: dict[str, float] = field(default_factory=dict)
    """Day → spent."""
    _under_way: dict[int, tuple[str, float]] = field(default_factory=dict)
    _last: int = 0

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        yield

    def article(self, slug: str) -> Standing:
        return self._standing(
            self.articles.get(slug, 0.0), [d for s, d in self._under_way.values() if s == slug]
        )

    def day(self, day: str) -> Standing:
        return self._standing(self.days.get(day, 0.0), [d for _, d in self._under_way.values()])

    def reserve(self, slug: str, dollars: float) -> int:
        self._last += 1
        self._under_way[self._last] = (slug, dollars)
        return self._last

    def release(self, number: int) -> None:
        del self._under_way[number]

    def stored(self, slug: str, day: str, dollars: float) -> None:
        self.articles[slug] = self.articles.get(slug, 0.0) + dollars
        self.days[day] = self.days.get(day, 0.0) + dollars

    lost = stored

    def clear(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _standing(spent: float, held: list[float]) -> Standing:
        return Standing(spent, sum(held), len(held))
