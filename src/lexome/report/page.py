"""One self-contained HTML file: styles, scripts and data inside, nothing fetched, ever."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib import resources
from typing import Any

from lexome.report.report_data import ReportData

STYLES = (
    *("page.css", "figures.css", "traced.css", "task.css"),
    *("honesty.css", "honesty_parts.css", "groups.css"),
)
SCRIPTS = (
    *("dom.js", "curves.js", "facts.js", "traced.js", "task.js", "comparison.js", "said.js"),
    *("honesty.js", "honesty_plots.js", "honesty_texts.js", "groups.js", "compensation.js"),
    *("honesty_copying.js", "honesty_audit.js", "sources.js", "gaps.js", "honesty_section.js"),
    *("predictions.js", "attention.js", "embeddings.js"),
)
ENTRY = "page.js"


def render(data: ReportData) -> str:
    """Return the page as HTML text that is pure ASCII inside its data.

    The page's own security policy allows exactly its own script, by hash, and no request.
    """
    script = _script()
    values = {
        "policy": _policy(script),
        "title": html.escape(_sayable(data.summary.name)),
        "verdict": html.escape(_sayable(data.summary.verdict)),
        "style": "\n".join(_asset(name) for name in STYLES),
        "data": embed(data.to_json()),
        "script": script,
    }
    page = _asset("page.html")
    parts = page.split("{{")
    filled = [parts[0]]
    for part in parts[1:]:  # one pass: what a value holds is never taken for a place
        name, rest = part.split("}}", 1)
        filled += [values[name], rest]
    return "".join(filled)


def embed(value: Any) -> str:
    """Return JSON that can stand inside a script element, whatever its strings hold.

    Nothing in it can end the element or open a comment: `<`, `>` and `&` are escaped, as is all
    that is not ASCII, lone surrogates among it. Raises `ValueError` for NaN and infinities.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _script() -> str:
    body = "\n".join(_asset(name) for name in (*SCRIPTS, ENTRY))
    return f'(() => {{\n"use strict";\n{body}\n}})();'


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; "
        "style-src 'unsafe-inline'; img-src data:; media-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _sayable(text: str) -> str:
    """Return text that UTF-8 can hold: a folder's name need not be valid."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _asset(name: str) -> str:
    return (resources.files("lexome.report") / "assets" / name).read_text(encoding="utf-8")
