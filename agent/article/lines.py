"""Lines of a text, and which line an offset is in."""

from __future__ import annotations

from bisect import bisect_right


class Lines:
    """The lines of one text. ``\\n`` and ``\\r\\n`` end a line, a lone ``\\r`` does not."""

    __slots__ = ("rows", "starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        parts = text.split("\n")
        starts = []
        pos = 0
        for part in parts:
            starts.append(pos)
            pos += len(part) + 1
        if not parts[-1]:
            parts.pop()
        self.starts: list[int] = starts
        """Offset of each line, and of what would follow a final line ending."""
        self.rows: tuple[str, ...] = tuple(part.removesuffix("\r") for part in parts)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column (1-based) of an offset."""
        index = bisect_right(self.starts, offset) - 1
        return index + 1, offset - self.starts[index] + 1

    def is_blank(self, line: int) -> bool:
        """Whether a line (1-based) holds nothing but spaces and tabs, as Markdown has it."""
        return not self.rows[line - 1].strip(" \t\r\ufeff" if line == 1 else " \t\r")
