"""`lexome generate` and `lexome fill`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from lexome.cli.console import part, result, result_json
from lexome.cli.options import Json, Run
from lexome.cli.progress import meter
from lexome.errors import LexomeError, UsageError, nearest
from lexome.files import naming

if TYPE_CHECKING:
    from lexome.generation import Settings, Written
    from lexome.languages.base import Language

_SAMPLING = "Sampling"

Prompts = Annotated[
    list[str] | None,
    typer.Argument(metavar="PROMPT", help="How each text starts. (default: empty)"),
]
PromptsFile = Annotated[
    Path | None,
    typer.Option(
        "--prompts",
        metavar="FILE",
        help="Read prompts, one a line, in UTF-8. Blank lines are passed over.",
    ),
]
MaxTokens = Annotated[int, typer.Option(help="Stop after this many tokens.")]
Count = Annotated[int, typer.Option(min=1, help="Continuations of each prompt.")]
Stop = Annotated[list[str] | None, typer.Option(help="Stop where this text comes. Repeatable.")]
Temperature = Annotated[
    float,
    typer.Option(help="0: always the likeliest token; 1: as learned.", rich_help_panel=_SAMPLING),
]
TopK = Annotated[
    int | None, typer.Option(help="Only the K likeliest tokens.", rich_help_panel=_SAMPLING)
]
TopP = Annotated[
    float | None,
    typer.Option(
        help="Only the likeliest tokens that make up this probability.", rich_help_panel=_SAMPLING
    ),
]
MinP = Annotated[
    float | None,
    typer.Option(
        help="Only tokens at least this likely, relative to the likeliest.",
        rich_help_panel=_SAMPLING,
    ),
]
RepetitionPenalty = Annotated[
    float,
    typer.Option(
        help="More than 1 holds back tokens that stood before.", rich_help_panel=_SAMPLING
    ),
]
Seed = Annotated[int, typer.Option(help="The same seed, the same text.", rich_help_panel=_SAMPLING)]


def generate(
    run: Run,
    prompts: Prompts = None,
    prompts_file: PromptsFile = None,
    max_tokens: MaxTokens = 200,
    count: Count = 1,
    stop: Stop = None,
    temperature: Temperature = 1.0,
    top_k: TopK = None,
    top_p: TopP = None,
    min_p: MinP = None,
    repetition_penalty: RepetitionPenalty = 1.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Let a model go on from a prompt, or begin by itself.

    The text comes as it is written; several prompts are worked on side by side. What comes out
    is in the form of the language: text, or FASTA.
    """
    from lexome.generation import Settings

    settings = Settings(
        max_tokens=max_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        stop=tuple(stop or ()),
        seed=seed,
    )
    starts = [*(prompts or ()), *(_lines(prompts_file) if prompts_file else ())] or [""]
    rows = [start for start in starts for _ in range(count)]
    written = _written(run, rows, settings, live=not as_json)
    if as_json:
        named = ("prompt", "text", "tokens", "finish")
        result_json([{name: getattr(one, name) for name in named} for one in written])


def _written(run: Path, prompts: list[str], settings: Settings, *, live: bool) -> list[Written]:
    """Return what the model writes; with `live`, show it, one plain text as it comes."""
    from lexome.generation import write
    from lexome.training import open_run

    opened = open_run(run)
    tokenizer, language, model = opened.tokenizer(), opened.language(), opened.model()
    if live and len(prompts) == 1 and _is_plain(language, prompts[0]):
        part(prompts[0])
        written = write(
            tokenizer, language, model, prompts, settings, on_text=lambda _row, text: part(text)
        )
        part("\n")
        return written
    done = [0] * len(prompts)
    with meter() as shown:

        def count(row: int, text: str) -> None:
            done[row] += len(text)
            shown.show("generate", 0, None, f"{sum(done):,} characters")

        written = write(tokenizer, language, model, prompts, settings, on_text=count)
    if live:
        between = "\n---\n" if _is_plain(language, "") else ""
        result(between.join(one.rendering.text for one in written).rstrip("\n"))
    return written


def _is_plain(language: Language, prompt: str) -> bool:
    """Return whether the language shows its documents as plain text, with nothing around it."""
    from lexome.languages.base import Document, Source

    rendering = language.render(Document(language.parse(prompt), Source("prompt")))
    return rendering.media_type.startswith("text/plain")


def _lines(path: Path) -> list[str]:
    with naming(path):
        raw = path.read_bytes()
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise LexomeError(
            f"this file is not UTF-8: the byte 0x{raw[error.start]:02X} is {error.reason}",
            where=f"{path}, byte {error.start:,} (line {raw.count(10, 0, error.start) + 1:,})",
            fix="save the file as UTF-8",
        ) from error
    # Not `splitlines`: a prompt may hold U+2028 and other characters that it would cut at.
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    prompts = [line for line in lines if line.strip()]
    if not prompts:
        raise LexomeError("this file has no prompt", where=str(path), fix="write one a line")
    return prompts


Top = Annotated[int, typer.Option(help="Candidates to show for each gap.")]
OrderName = Annotated[
    str,
    typer.Option(help="iterative: the surest gap first, then again; one-shot: each for itself."),
]


def fill(
    run: Run,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="A text with _ or <|mask|> at each gap.")
    ],
    top: Top = 5,
    order: OrderName = "iterative",
    as_json: Json = False,
) -> None:
    """Fill gaps with a masked model: one token for each _ (or <|mask|>) of a text."""
    from lexome import generation
    from lexome.generation.fill import Order
    from lexome.training import open_run

    if order not in get_args(Order):
        fix = nearest(order, get_args(Order))
        raise UsageError(f"there is no order {order!r}", where="--order", fix=fix)
    opened = open_run(run)
    filled = generation.fill(
        opened.tokenizer(),
        opened.language(),
        opened.model(),
        text,
        top=top,
        order=cast(Any, order),
    )
    if as_json:
        gaps = [[dataclasses.asdict(one) for one in gap] for gap in filled.masks]
        result_json({"text": filled.text, "order": filled.order, "gaps": gaps})
        return
    result(filled.rendering.text.rstrip())
    for number, gap in enumerate(filled.masks, 1):
        candidates = "  ".join(f"{one.label} {one.probability:.1%}" for one in gap)
        result(f"gap {number}: {candidates}")
