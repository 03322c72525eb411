"""What generated or borrowed HTML may hold on a review page.

Everything is parsed and written anew by nh3 (the Rust library ammonia): no script, no handler, no style, no id, no
form; links to http(s) and mailto only; classes under a prefix of their own, so that no text can dress up as a button
of the review.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote, urlsplit

TAGS = frozenset(
    [
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
        "var",
    ]
)
ATTRIBUTES: dict[str, set[str]] = {
    "*": {"class", "title", "lang"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "ol": {"start"},
    "details": {"open"},
}
GONE = frozenset(
    {"script", "style", "template", "iframe", "object", "embed", "svg", "math", "noscript", "title"}
)
"""Elements that go with all they hold."""
PREFIX = "md-"
CLASS = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
PRIVATE = re.compile("[\ue000-\uf8ff]")
"""Characters that stand for formulas on the way; they may not get into attributes."""
ENCODED = re.compile("%EE%80%8[0-2]")
"""The same as Markdown writes them in an address."""
ADDRESS = ";/?:@&=+$,-_.!~*'()#%"
"""What Markdown leaves as it is in an address, beside letters and digits."""


def clean(
    html: str,
    image: Callable[[str], str | None],
    link: Callable[[str], str | None] = lambda url: None,
    source: Callable[[str], str] = lambda text: text,
) -> str:
    """Sanitised HTML, balanced by itself. ``source`` gives a text with its formulas as they were written, which is how
    they stand in attributes. ``image`` gives the address an image is loaded from, or None for one that
    is not ours: nothing is ever loaded from elsewhere (`data:` only ever comes out of ``image``). ``link`` gives the
    place on the page that a file of ours is shown at."""
    import nh3

    def attribute(tag: str, name: str, value: str) -> str | None:
        value = PRIVATE.sub("", _written(value, source))
        if name == "class":
            return " ".join(PREFIX + c for c in CLASS.findall(value)) or None
        if name == "src":
            return image(PRIVATE.sub("", unquote(value)))
        if name == "href":
            return (
                value if value.startswith("#") or _outside(value) else link(PRIVATE.sub("", unquote(value)))
            )
        return value

    return nh3.clean(
        html,
        tags=set(TAGS),
        clean_content_tags=set(GONE),
        attributes=ATTRIBUTES,
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noreferrer noopener",
        strip_comments=True,
    )


def _written(value: str, source: Callable[[str], str]) -> str:
    plain = ENCODED.sub(lambda m: unquote(m[0]), value)
    return source(value) if plain == value else quote(source(plain), safe=ADDRESS)


def _outside(url: str) -> bool:
    """A link of the author's site without its host would lead into this program; it is shown as text."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return False
    return (parts.scheme in ("http", "https") and bool(parts.netloc)) or parts.scheme == "mailto"
