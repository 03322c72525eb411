"""Many articles at once: one loop, and engines that write what it takes up."""

from agent.batch.engine import Engine, Opener, here
from agent.batch.loop import Ended, Whole, expand_all

__all__ = ["Ended", "Engine", "Opener", "Whole", "expand_all", "here"]
