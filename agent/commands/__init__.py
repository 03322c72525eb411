"""One function a command. Each returns data; ``agent.report`` renders it, as a screen or as JSON."""

from agent.commands.result import Result

__all__ = ["Result"]
