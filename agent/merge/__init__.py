"""Merging accepted sections into an article, and undoing it. The only writer of articles.

A merge is planned whole before a byte is written, its plan and the old bytes are on disk before the article is, and the
article changes by one rename. What a crash cut off is finished, or taken back, by the next merge or undo.
"""

from agent.merge.apply import Merged, check, merge
from agent.merge.choose import DanglingReference
from agent.merge.undo import undo

__all__ = ["DanglingReference", "Merged", "check", "merge", "undo"]
