"""Google's HTML descriptions as plain text, for programs that would show the tags.

Only the tags that Google's editor makes count as tags: `<ada@example.com>` and `a < b` are text.
Linear in the length of the text: an invitation is written by a stranger.
"""

from __future__ import annotations

import html
import re

_TAG = re.compile(
    r"<(/?)(a|b|blockquote|br|code|div|em|font|h[1-6]|html|html-blob|hr|i|li|ol|p|pre|s|small|span"
    r"|strong|sub|sup|table|tbody|td|th|tr|u|ul|wbr)\b([^<>]*)>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|amp|lt|gt|quot|nbsp|apos);", re.IGNORECASE)
_HREF = re.compile(r"""href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_BLOCKS = frozenset(["blockquote", "div", "p", "pre", "ul", "ol", "table", "tr", "hr"]) | {
    f"h{level}" for level in range(1, 7)
}
_SPACES = re.compile(r"[ \t]+\n")
_BLANK_LINES = re.compile(r"\n{3,}")


def is_html(text: str) -> bool:
    """Whether a reader would see tags or entities where words were meant."""
    return _TAG.search(text) is not None or _ENTITY.search(text) is not None


def plain_text(text: str) -> str:
    """Return the words of an HTML description: blocks as lines, items with `- `, links in brackets."""
    pieces: list[str] = []
    link, words_from, end = "", 0, 0
    for tag in _TAG.finditer(text):
        pieces.append(_words(text[end : tag.start()]))
        end = tag.end()
        is_end, name = bool(tag[1]), tag[2].lower()
        if name == "br":
            pieces.append("\n")
        elif name == "li" and not is_end:
            pieces.append("\n- ")
        elif name in _BLOCKS:
            pieces.append("\n")
        elif name == "a" and not is_end:
            link, words_from = _target(tag[3]), len(pieces)
        elif name == "a":
            pieces.append(_bracketed(link, "".join(pieces[words_from:])))
            link = ""
    pieces.append(_words(text[end:]))
    lines = _SPACES.sub("\n", "".join(pieces))
    return _BLANK_LINES.sub("\n\n", lines).strip()


def _words(text: str) -> str:
    return html.unescape(text).replace("\xa0", " ") if "&" in text else text


def _target(attributes: str) -> str:
    found = _HREF.search(attributes)
    return html.unescape(next(filter(None, found.groups()), "")) if found else ""


def _bracketed(link: str, words: str) -> str:
    """Return a link where its words do not say it already."""
    is_said = not link or words.strip() in (link, link.removeprefix("mailto:"))
    return "" if is_said else f" ({link})"
