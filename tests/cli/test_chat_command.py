"""`lexome chat`: messages as options, as lines, and from a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lexome.cli import chat as command
from lexome.cli.app import app

Lexome = Callable[..., Any]
GREEDY = ("--temperature", "0", "--max-tokens", "6")


@pytest.fixture(scope="module")
def assistant(lexome: Lexome, run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assistant")
    data = folder / "chats.jsonl"
    records = [{"prompt": f"q {n}", "response": f"a {n}"} for n in range(20)]
    data.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    where = ("--corpus", folder / "corpus", "--out", folder / "run")
    done = lexome("finetune", run, data, "--task", "assistant", "--steps", 2, *where)
    assert done.exit_code == 0, done.output
    return folder / "run"


@pytest.fixture(scope="module")
def adapted(lexome: Lexome, run: Path, assistant: Path) -> Path:
    """An assistant that is an adapter beside the base."""
    folder = assistant.parent
    data, tuned = folder / "chats.jsonl", folder / "adapted"
    where = ("--corpus", folder / "corpus", "--out", tuned)
    done = lexome(
        "finetune", run, data, "--task", "assistant", "--method", "lora", "--steps", 2, *where
    )
    assert done.exit_code == 0, done.output
    return tuned


def spoken(*arguments: object, lines: str | None = None) -> Any:
    done = CliRunner().invoke(app, ["chat", *map(str, arguments)], input=lines)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_a_prompt_is_answered_and_the_talk_ends(assistant: Path) -> None:
    plain = spoken(assistant, "--prompt", "q 1", *GREEDY)
    (said,) = json.loads(spoken(assistant, "--prompt", "q 1", "--json", *GREEDY).stdout)
    assert plain.exit_code == 0 and plain.stdout == f"{said['text']}\n"
    assert (said["prompt"], said["tokens"], said["left_out"]) == ("q 1", 6, 0)
    assert said["finish"] == "length" and "--max-tokens" in plain.stderr


def test_lines_are_messages_of_one_talk(assistant: Path) -> None:
    said = json.loads(spoken(assistant, "--json", *GREEDY, lines="q 1\n\nq 2\r\n").stdout)
    twice = ("--prompt", "q 1", "--prompt", "q 2")
    assert said == json.loads(spoken(assistant, *twice, "--json", *GREEDY).stdout)
    assert [one["prompt"] for one in said] == ["q 1", "q 2"]
    plain = spoken(assistant, *GREEDY, lines="q 1\nq 2\n").stdout
    assert plain == "".join(f"{one['text']}\n" for one in said)


def test_an_assistant_is_tuned_on_preferences(
    lexome: Lexome, assistant: Path, run: Path, tmp_path: Path
) -> None:
    data = tmp_path / "preferences.jsonl"
    records = [{"prompt": f"q {n}", "chosen": "yes", "rejected": "no"} for n in range(20)]
    data.write_text("".join(f"{json.dumps(record)}\n" for record in records))

    def tuned(base: Path, *more: object) -> Any:
        how = ("--task", "preference", "--corpus", tmp_path / "corpus", "--json", *more)
        return lexome("finetune", base, data, *how, "--out", tmp_path / "run")

    refused = tuned(run)
    assert refused.exit_code == 2 and "--task assistant" in refused.stderr
    done = tuned(assistant, "--steps", 4, "--compile", "false", "--compare")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    named = [one["name"] for one in found["figures"]]
    assert named[:3] == ["preference accuracy", "reward margin", "chosen is likelier"]
    rows = json.loads((tmp_path / "run/compare.json").read_text())["rows"]
    assert [row["method"] for row in rows] == ["full", "lora"]
    assert spoken(tmp_path / "run", "--prompt", "q 1", *GREEDY).exit_code == 0


@pytest.mark.parametrize("base", ["run", "folder"])
def test_an_adapter_talks_on_its_base(lexome: Lexome, run: Path, adapted: Path, base: str) -> None:
    plain = run if base == "run" else run / "model"
    said = spoken(plain, "--adapter", adapted, "--prompt", "q 1", "--json", *GREEDY).stdout
    assert json.loads(said) == json.loads(
        spoken(adapted, "--prompt", "q 1", "--json", *GREEDY).stdout
    )
    written = lexome("generate", plain, "q 1", "--adapter", adapted, *GREEDY)
    assert written.exit_code == 0, written.output
    before = json.loads((adapted / "task.json").read_text())
    done = lexome("evaluate", plain, "--adapter", adapted, "--json")
    assert done.exit_code == 0, done.output
    scores = json.loads(done.stdout)
    assert [one["value"] for one in scores["figures"]] == pytest.approx(
        [one["value"] for one in before["figures"]]
    )


def test_an_adapter_of_another_base_and_no_adapter(
    assistant: Path, run: Path, masked_run: Path, adapted: Path
) -> None:
    for base, tuned, message in (
        (masked_run, adapted, "another base"),
        (run, assistant, "not an adapter"),
        (run / "checkpoints", adapted, "not a model folder"),
    ):
        done = CliRunner().invoke(
            app, ["chat", str(base), "--adapter", str(tuned), "--prompt", "q"]
        )
        assert done.exit_code == 1, done.output
        assert message in done.stderr, done.stderr


def test_a_full_context_is_told(assistant: Path) -> None:
    many = spoken(assistant, *GREEDY, lines="question\n" * 4)
    assert "context of 32 tokens is full: the first 2 messages were left out" in many.stderr
    cut = spoken(assistant, "--prompt", "x" * 20, "--temperature", "0")
    assert "the answer ends here" in cut.stderr


def test_a_system_message_changes_the_answer(assistant: Path) -> None:
    def drawn(*more: str) -> str:
        options = ("--prompt", "q 1", "--temperature", "1", "--max-tokens", "6")
        return str(spoken(assistant, *options, *more).stdout)

    assert drawn() == drawn() != drawn("--system", "be other")


def test_who_is_no_assistant_is_told_what_to_do(run: Path, masked_run: Path) -> None:
    for folder in (run, masked_run):
        done = CliRunner().invoke(app, ["chat", str(folder), "--prompt", "q"])
        assert done.exit_code == 2
        assert "no assistant" in done.stderr and "--task assistant" in done.stderr


@pytest.fixture
def heard_ctrl_c() -> Iterator[None]:
    """Hear Ctrl-C also where the shell that started the tests has let them ignore it, as by `&`."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_ctrl_c")
def test_ctrl_c_ends_an_answer_and_not_the_talk(
    assistant: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    def interrupting(text: str) -> None:
        shown.append(text)
        if len(shown) == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(command, "part", interrupting)
    done = spoken(assistant, *GREEDY, lines="q 1\nq 2\n")
    assert done.exit_code == 0
    assert shown[1] == "\n" and len(shown) > 3 and shown[-1] == "\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait() -> None:
    with pytest.raises(KeyboardInterrupt), command._interruptible() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("heard_ctrl_c")
def test_a_talk_in_a_terminal(assistant: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lexome", "chat", str(assistant), *GREEDY],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "dumb"},
        start_new_session=True,
    )
    os.close(theirs)
    seen = ""

    def expect(text: str, *, after: signal.Signals | None = None) -> None:
        """Read until `text` comes; a signal that fell between two reads is sent once more."""
        nonlocal seen
        for _ in range(120):
            if text in seen:
                seen = seen.partition(text)[2]
                return
            if select.select([ours], [], [], 1.0)[0]:
                seen += os.read(ours, 1024).decode("utf-8", "replace")
            elif after is not None:
                process.send_signal(after)
        raise AssertionError(f"{text!r} does not come behind {seen!r}")

    try:
        expect("Ctrl-D the talk")
        expect("> ")
        os.write(ours, b"q 1\n")
        expect("--max-tokens")
        expect("> ")
        process.send_signal(signal.SIGINT)
        expect("> ", after=signal.SIGINT)
        os.write(ours, b"/clear\n")
        expect("forgotten")
        expect("> ")
        os.write(ours, b"x" * 60 + b"\n")
        expect("the model sees 32 at once")
        expect("> ")
        os.write(ours, b"\x04")
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
