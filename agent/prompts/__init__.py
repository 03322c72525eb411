"""The prompt set: templates with front matter (TOML between ``+++`` lines) and a strict Jinja body.

A workspace's own ``prompts/`` wins file by file over the set that ships. A new section template is one file in
``prompts/sections/`` and no Python.
"""

from agent.prompts.library import Library, SectionTemplate, Template, open_library
from agent.prompts.resources import shipped

__all__ = ["Library", "SectionTemplate", "Template", "open_library", "shipped"]
