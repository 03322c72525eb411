"""A workspace: a folder with ``config.toml``, its files, locks and event log.

This package alone writes the user's files, each through a temporary file, fsync and a rename.
"""

from agent.plan import slug_of
from agent.workspace.events import Event, EventLog
from agent.workspace.files import make_folder, remove, write_bytes, write_json, write_text
from agent.workspace.layout import Workspace, find
from agent.workspace.locks import hold
from agent.workspace.state import State, derive

__all__ = [
    "Event",
    "EventLog",
    "State",
    "Workspace",
    "derive",
    "find",
    "hold",
    "make_folder",
    "remove",
    "slug_of",
    "write_bytes",
    "write_json",
    "write_text",
]
