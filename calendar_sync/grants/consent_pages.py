"""What the browser shows at the end of a consent: the truth, in two sentences, without a secret."""

from __future__ import annotations

from enum import Enum
from html import escape


class Page(Enum):
    """The possible ends, each a sign, a title, what happened and what to do next."""

    GRANTED = (
        "✓",
        "Granted",
        "calendar-sync may read your calendars now.",
        "You can close this page and go back to the terminal.",
    )
    DENIED = (
        "×",
        "Not granted",
        "You (or a policy) declined. Nothing was stored and nothing was changed.",
        "If that was a mistake, run `calendar-sync consent` again.",
    )
    WRONG_SCOPE = (
        "!",
        "Not enough was granted",
        "The box that allows seeing your calendars was not ticked. Nothing was changed.",
        "Run `calendar-sync consent` again and tick it.",
    )
    FAILED = (
        "!",
        "It did not work",
        "Google said yes, but the grant could not be completed.",
        "The terminal says why.",
    )
    UNKNOWN = (
        "?",
        "Please look at the terminal",
        "This page does not know how the consent ended.",
        "The terminal does.",
    )
    NOT_FOUND = (
        "?",
        "Nothing here",
        "This address only waits for Google's answer to a consent.",
        "Open the address that the terminal shows.",
    )


_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · calendar-sync</title>
<style>
:root {{ color-scheme: light dark; --page: #f1f3f4; --card: #fff; --text: #202124; --soft: #5f6368;
  --sign: {light}; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --page: #121212; --card: #202124; --text: #e8eaed; --soft: #9aa0a6; --sign: {dark}; }}
}}
body {{ font: 1.05rem/1.5 system-ui, sans-serif; margin: 0; padding: 1rem; box-sizing: border-box;
  min-height: 100vh; display: grid; place-items: center; background: var(--page);
  color: var(--text); }}
main {{ max-width: 26rem; padding: 2rem; border-radius: .75rem; background: var(--card);
  box-shadow: 0 1px 4px #0004; }}
.sign {{ width: 3rem; height: 3rem; border-radius: 50%; border: .2rem solid; color: var(--sign);
  font: 700 1.75rem/3rem system-ui, sans-serif; text-align: center; }}
h1 {{ font-size: 1.5rem; line-height: 1.25; margin: 1rem 0 .5rem; }}
p {{ margin: 0 0 .75rem; }}
p + p {{ color: var(--soft); margin: 0; }}
code {{ color: var(--text); white-space: nowrap; }}
footer {{ margin-top: 1.5rem; font-size: .85rem; color: var(--soft); }}
</style></head>
<body><main><div class="sign" aria-hidden="true">{sign}</div>
<h1>{title}</h1><p>{text}</p><p>{next}</p>
<footer>calendar-sync</footer></main></body></html>
"""


def render(page: Page) -> bytes:
    """Render a page; it loads nothing from anywhere."""
    sign, title, text, next_ = (escape(part) for part in page.value)
    before, *command = next_.split("`")
    if command:
        next_ = f"{before}<code>{command[0]}</code>{command[1]}"
    light, dark = ("#188038", "#81c995") if page is Page.GRANTED else ("#b06000", "#fdd663")
    html = _TEMPLATE.format(sign=sign, title=title, text=text, next=next_, light=light, dark=dark)
    return html.encode()
