"""The two pages a person sees: consent, and an error. No script, nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from calendar_sync.emulator.scopes import WORDS

_STYLE = """
:root { color-scheme: light dark; --back: #f0f4f9; --card: #fff; --ink: #1f1f1f; --dim: #5f6368;
  --line: #dadce0; --blue: #0b57d0; --on-blue: #fff; --hint: #fef7e0; --hint-ink: #594300; }
@media (prefers-color-scheme: dark) { :root { --back: #131314; --card: #1f1f20; --ink: #e3e3e3;
  --dim: #a0a4a8; --line: #444746; --blue: #a8c7fa; --on-blue: #062e6f; --hint: #3b3117;
  --hint-ink: #fde293; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { width: min(34rem, 100%); background: var(--card); border-radius: 1.25rem; padding: 2rem; }
h1 { font-size: 1.5rem; font-weight: 500; line-height: 1.25; margin: .5rem 0 1rem; }
p { margin: .5rem 0; } small, .dim { color: var(--dim); font-size: .875rem; }
.hint { background: var(--hint); color: var(--hint-ink); border-radius: .75rem;
  padding: .75rem 1rem; font-size: .875rem; margin: 1rem 0; }
fieldset { border: 1px solid var(--line); border-radius: .75rem; margin: 1rem 0; padding: .25rem 1rem; }
legend { padding: 0 .5rem; color: var(--dim); font-size: .875rem; }
label { display: flex; gap: .75rem; align-items: baseline; padding: .5rem 0; }
label + label { border-top: 1px solid var(--line); }
fieldset small { display: block; overflow-wrap: anywhere; }
input { accent-color: var(--blue); }
.buttons { display: flex; justify-content: flex-end; gap: .75rem; margin-top: 1.5rem; }
button { font: inherit; font-weight: 500; padding: .6rem 1.5rem; border-radius: 2rem; cursor: pointer;
  border: 1px solid var(--line); background: transparent; color: var(--blue); }
button[value=allow] { background: var(--blue); border-color: var(--blue); color: var(--on-blue); }
button:focus-visible, input:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
code { overflow-wrap: anywhere; }
"""


def consent_page(client_name: str, scopes: Sequence[str], accounts: Sequence[str]) -> str:
    """Render the page that asks: which account, which scopes, Allow or Deny.

    The form posts back to its own address, whose query is the request; its fields are `account`,
    `decision` and, where there is a choice, `boxes` and one `granted` for each ticked scope.
    """
    name = escape(client_name)
    return _page(
        f"{name} wants access – local Google",
        f"""<p class="dim">Sign in with the local Google</p>
<h1>{name} wants to access your Google Account</h1>
<p class="hint" id="unverified"><strong>Google hasn’t verified this app.</strong> Nor is this
Google: it is calendar-sync’s emulator on this machine, and its calendars are invented.</p>
<form method="post">
{_accounts(accounts)}
{_scopes(scopes)}
<div class="buttons">
<button name="decision" value="deny">Deny</button>
<button name="decision" value="allow">Allow</button>
</div>
</form>""",
    )


def error_page(error: str, description: str) -> str:
    """Render Google's page for a request that cannot be answered to its sender."""
    return _page(
        "Error 400 – local Google",
        f"""<p class="dim">Sign in with the local Google</p>
<h1>Access blocked: this app’s request is invalid</h1>
<p>{escape(description)}</p>
<p class="dim">Error 400: <code id="error">{escape(error)}</code></p>""",
    )


def plain_error_page(status: int, title: str, text: str) -> str:
    """Render the bare page of Google's front end ("Error 502 (Server Error)!!1")."""
    return (
        "<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n"
        f"<title>Error {status} ({escape(title)})!!1</title>\n"
        f"<p><b>{status}.</b> <ins>That’s an error.</ins>\n<p>{escape(text)} "
        "<ins>That’s all we know.</ins>\n"
    )


def _accounts(accounts: Sequence[str]) -> str:
    choices = "\n".join(
        f'<label><input type="radio" name="account" value="{escape(account)}"'
        f"{' checked' if not index else ''}><span>{escape(account)}</span></label>"
        for index, account in enumerate(accounts)
    )
    return f"<fieldset><legend>Choose an account</legend>\n{choices}\n</fieldset>"


def _scopes(scopes: Sequence[str]) -> str:
    """List the scopes; with boxes only if there is more than one (granular consent)."""
    has_boxes = len(scopes) > 1
    lines = "\n".join(_scope(scope, has_boxes=has_boxes) for scope in scopes)
    marker = '<input type="hidden" name="boxes" value="1">' if has_boxes else ""
    legend = "Select what it may do" if has_boxes else "It will be able to"
    return f"<fieldset><legend>{legend}</legend>{marker}\n{lines}\n</fieldset>"


def _scope(scope: str, *, has_boxes: bool) -> str:
    words = (
        f"<span>{escape(WORDS.get(scope, scope))}<small><code>{escape(scope)}</code></small></span>"
    )
    if not has_boxes:
        return f"<p>{words}</p>"
    box = f'<input type="checkbox" name="granted" value="{escape(scope)}" checked>'
    return f"<label>{box}{words}</label>"


def _page(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<link rel="icon" href="data:,">\n'  # else the browser asks us for one
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
