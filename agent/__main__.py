"""``python -m agent`` is ``expand``."""

from agent.cli import main

main()
