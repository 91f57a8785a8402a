"""Where words go: results to stdout, progress and messages to stderr."""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from lexome.errors import LexomeError

INTERRUPTED = 128 + 2  # what a shell reports for a command ended by Ctrl-C


@cache
def messages() -> Console:
    """Return the console on stderr: a live bar and the words above it must share one."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str, style: str | None = None) -> None:
    """Write a message to stderr: nothing in it is markup, or an order to the terminal."""
    messages().print(_harmless(text), style=style, markup=False)


def result(text: str) -> None:
    """Write a line of the result to stdout."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def part(text: str) -> None:
    """Write a part of a line of the result to stdout, at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def result_json(value: Any) -> None:
    """Write the result to stdout as JSON."""
    result(json.dumps(value, indent=2, ensure_ascii=False))


def failed(error: LexomeError) -> None:
    """Write what is wrong, where, and how to fix it, to stderr."""
    say(f"error: {error}", style="bold red" if messages().is_terminal else None)


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """Return rows as lines with aligned columns, the first flush left and the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _harmless(text: str) -> str:
    """Return a text that a model or a file name may hold, its control characters spelled out."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else ascii(letter)[1:-1]
        for letter in text
    )
