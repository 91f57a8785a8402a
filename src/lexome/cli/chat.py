"""`lexome chat`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lexome.cli.console import failed, part, result_json, say
from lexome.cli.generate import Adapter, MinP, RepetitionPenalty, Seed, Stop, TopK, TopP
from lexome.cli.options import Json, Run
from lexome.errors import LexomeError

if TYPE_CHECKING:
    from lexome.generation.chat import Conversation, Reply

_CLEAR = "/clear"
_YOU = "> "

System = Annotated[
    str, typer.Option(metavar="TEXT", help="A system message, which stands before all others.")
]
Prompt = Annotated[
    list[str] | None,
    typer.Option("--prompt", metavar="TEXT", help="Say this, and end. Repeatable."),
]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        help="End an answer after this many tokens. (default: up to the context)",
        show_default=False,
    ),
]
Temperature = Annotated[
    float,
    typer.Option(help="0: always the likeliest token; 1: as learned.", rich_help_panel="Sampling"),
]


def chat(
    run: Run,
    system: System = "",
    prompt: Prompt = None,
    max_tokens: MaxTokens = None,
    stop: Stop = None,
    temperature: Temperature = 0.7,
    top_k: TopK = None,
    top_p: TopP = None,
    min_p: MinP = None,
    repetition_penalty: RepetitionPenalty = 1.0,
    adapter: Adapter = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Talk with an assistant, which `lexome finetune --task assistant` makes.

    Ctrl-C ends an answer, Ctrl-D the talk, /clear begins a new one. Where stdin is no terminal,
    each of its lines is a message.
    """
    from lexome.generation import Settings
    from lexome.generation.chat import Conversation, assistant_tokenizer
    from lexome.languages.pair import Pair
    from lexome.languages.pair.chat import PLAIN
    from lexome.training import open_run
    from lexome.training.start import adapted

    opened = open_run(adapter or run)
    tokenizer = assistant_tokenizer(opened.tokenizer(), str(adapter or run))
    model = adapted(run, opened) if adapter else opened.model()
    settings = Settings(
        max_tokens=model.config.context if max_tokens is None else max_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        stop=tuple(stop or ()),
        seed=seed,
    )
    pair = opened.language()
    read_as = pair.languages if isinstance(pair, Pair) else PLAIN
    conversation = Conversation(tokenizer, model, settings, system, read_as)
    if prompt or as_json or not sys.stdin.isatty():
        _answer_all(conversation, prompt or _lines(), as_json)
    else:
        _talk(conversation)


def _answer_all(
    conversation: Conversation, messages: Iterator[str] | list[str], as_json: bool
) -> None:
    """Answer messages that are known before, in one talk."""
    said: list[dict[str, Any]] = []
    for message in messages:
        if as_json:
            said.append({"prompt": message, **asdict(conversation.ask(message))})
        else:
            _shown(conversation, message)
    if as_json:
        result_json(said)


def _lines() -> Iterator[str]:
    """Yield the lines of stdin that say something."""
    for line in sys.stdin:
        if line.strip():
            yield line.rstrip("\r\n")


def _talk(conversation: Conversation) -> None:
    """Read messages from the terminal until it is closed."""
    with suppress(ImportError):
        import readline  # noqa: F401  # so that `input` knows arrow keys and what was typed before
    say(f"Ctrl-C ends an answer, Ctrl-D the talk; {_CLEAR} begins a new one.", style="dim")
    while True:
        try:
            message = input(_YOU)
        except EOFError:
            part("\n")
            return
        except KeyboardInterrupt:
            part("\n")
            continue
        if message.strip() == _CLEAR:
            conversation.clear()
            say("all of it is forgotten", style="dim")
        elif message.strip():
            try:
                _shown(conversation, message)
            except LexomeError as error:
                failed(error)


def _shown(conversation: Conversation, message: str) -> None:
    """Answer a message in the terminal, as the answer comes."""
    with _interruptible() as interrupted:
        reply = conversation.ask(message, part, interrupted)
    part("\n")
    for note in _notes(reply, conversation):
        say(note, style="dim")


def _notes(reply: Reply, conversation: Conversation) -> Iterator[str]:
    """Yield what a person has to know of an answer."""
    context = conversation.decoder.config.context
    if reply.left_out:
        yield (
            f"The context of {context:,} tokens is full: the first {reply.left_out} messages were "
            f"left out. {_CLEAR} begins a new talk."
        )
    if reply.finish == "context":
        yield f"The context of {context:,} tokens is full: the answer ends here."
    if reply.finish == "length":
        yield "The answer ends here: it has as many tokens as --max-tokens allows."


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C into the end of an answer; a second one does not wait for it."""
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)
