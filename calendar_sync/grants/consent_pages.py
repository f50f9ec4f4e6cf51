"""What the browser shows at the end of a consent: the truth, in one sentence, without a secret."""

from __future__ import annotations

from enum import Enum
from html import escape


class Page(Enum):
    """The possible ends, each a title and a sentence."""

    GRANTED = (
        "Granted",
        "calendar-sync may read your calendars now. You can close this page.",
    )
    DENIED = (
        "Not granted",
        "You (or a policy) declined. Nothing was stored and nothing was changed.",
    )
    WRONG_SCOPE = (
        "Not enough was granted",
        "The box that allows seeing your calendars was not ticked. Nothing was changed; run"
        " calendar-sync consent again and tick it.",
    )
    FAILED = (
        "It did not work",
        "Google said yes, but the grant could not be completed. The terminal says why.",
    )
    UNKNOWN = ("Please look at the terminal", "This page does not know how the consent ended.")
    NOT_FOUND = ("Nothing here", "This address only waits for Google's answer to a consent.")


_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · calendar-sync</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.5 system-ui, sans-serif; margin: 0; min-height: 100vh; display: grid;
  place-items: center; background: Canvas; color: CanvasText; }}
main {{ max-width: 28rem; padding: 2rem; border-top: .4rem solid {colour}; }}
h1 {{ font-size: 1.6rem; margin: 0 0 .5rem; }}
p {{ margin: 0; }}
</style></head>
<body><main><h1>{title}</h1><p>{text}</p></main></body></html>
"""


def render(page: Page) -> bytes:
    """Render a page; it loads nothing from anywhere."""
    title, text = page.value
    colour = "#188038" if page is Page.GRANTED else "#b06000"
    html = _TEMPLATE.format(title=escape(title), text=escape(text), colour=colour)
    return html.encode()
