"""Names of HTML elements as Markdown readers sort them (CommonMark 0.31, 4.6)."""

from __future__ import annotations

CONTAINERS = (
    "div|details|section|article|aside|figure|blockquote|table|ul|ol|dl|center|form|fieldset|header|footer"
    "|main|nav|iframe"
)
"""Elements that hold other blocks, so that nothing may be put between their tags."""

BLOCKS = (
    f"{CONTAINERS}|p|h[1-6]|hr|li|dt|dd|tr|td|th|thead|tbody|tfoot|summary|figcaption|link|meta|base|caption|col"
    "|colgroup|frame|frameset|html|head|body|title|legend|menu|menuitem|option|optgroup|param|search|source"
    "|track|address|basefont|dialog|dir|noframes"
)
"""Elements whose tag, at the start of a line, begins an HTML block even in the midst of a paragraph."""

RAW = "script|pre|style|textarea"
"""Elements that begin an HTML block which only their closing tag ends, blank lines or not."""

INTERRUPTS = rf"<(?:!--|(?i:/?(?:{BLOCKS})(?=[\s/>])|(?:{RAW})(?=[\s>])))"
"""Expression for what begins an HTML block in the midst of a paragraph."""
