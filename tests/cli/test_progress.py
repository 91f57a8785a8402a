"""The meters: what they show, where, and how often."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from lexome.cli import console, progress


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal to show a live bar on."""
    screen = io.StringIO()
    made = Console(file=screen, force_terminal=True, width=100, highlight=False, soft_wrap=True)
    for module in (console, progress):
        monkeypatch.setattr(module, "messages", lambda: made)
    return screen


def test_a_terminal_gets_a_bar_with_the_note(terminal: io.StringIO) -> None:
    with progress.meter() as shown:
        assert isinstance(shown, progress.LiveMeter)
        shown.show("train", 30, 120, "loss 2.5 · 9 tokens/s · 1:10 left")
        console.say("a message [with brackets]")
    text = terminal.getvalue()
    assert "25% · loss 2.5 · 9 tokens/s · 1:10 left" in text
    assert "a message [with brackets]" in text


def test_a_block_with_nothing_to_show_leaves_no_trace(terminal: io.StringIO) -> None:
    with progress.meter():
        pass
    assert terminal.getvalue() == ""


def test_a_log_gets_a_line_every_few_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.meter() as shown:
        assert isinstance(shown, progress.PlainMeter)
        for second in range(12):
            now[0] = 100.0 + second
            shown.show("encode", second * 10, 110)
    assert capsys.readouterr().err.splitlines() == [
        "encode  45% · 6 s left",
        "encode  91% · 1 s left",
    ]


def test_without_a_total_only_the_note_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    with progress.meter() as shown:
        shown.show("report", 0, None)
        shown.show("fetch", 3, None, "3 MB")
    assert capsys.readouterr().err.splitlines() == ["report", "fetch  3 MB"]


def test_what_a_model_writes_gives_no_orders_to_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console.say("a\x1b[2Jb\rc\u202ed and\nlines stay: é 字")
    assert capsys.readouterr().err == "a\\x1b[2Jb\\rc\\u202ed and\nlines stay: é 字\n"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1:00"), (83, "1:23"), (7384, "2:03:04"), (-3, "0 s")],
)
def test_durations_are_said_as_people_do(seconds: float, said: str) -> None:
    assert progress.duration(seconds) == said
