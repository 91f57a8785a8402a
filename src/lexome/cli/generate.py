"""`lexome generate`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lexome.cli.console import part, result, result_json, say
from lexome.cli.documents import beginning, make_folder, write_rendering, write_sheet
from lexome.cli.gathered import gathered
from lexome.cli.options import Json, Run
from lexome.cli.progress import meter
from lexome.cli.trace import Tracer
from lexome.errors import LexomeError
from lexome.files import naming

if TYPE_CHECKING:
    from lexome.generation import Settings, Written
    from lexome.languages.base import Document, Language, Tokenizer
    from lexome.model import Transformer
    from lexome.training.run import Run as OpenRun

_SAMPLING = "Sampling"
_PLAIN_TOKENS = 200

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
From = Annotated[
    Path | None,
    typer.Option(
        "--from", metavar="FILE", help="Go on with a document: the first one that FILE holds."
    ),
]
Keep = Annotated[
    float, typer.Option(min=0, max=1, help="How much of the document of --from is given.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Write each as a file of the language, with pictures and sound beside it.",
    ),
]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        help="Stop after this many tokens. (default: 200 of plain text, else up to the context)",
        show_default=False,
    ),
]
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
NoRepeatNgram = Annotated[
    int, typer.Option(help="No run of so many tokens comes twice.", rich_help_panel=_SAMPLING)
]
Beams = Annotated[
    int,
    typer.Option(
        help="Above 1: nothing is drawn, the likeliest of so many continuations is taken.",
        rich_help_panel=_SAMPLING,
    ),
]
LengthPenalty = Annotated[
    float, typer.Option(help="Of beams: more of it prefers longer ones.", rich_help_panel=_SAMPLING)
]
Guidance = Annotated[
    float,
    typer.Option(
        help="Of a tuned run: above 1, keep closer to the source.", rich_help_panel=_SAMPLING
    ),
]
Adapter = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN",
        help="Use the adapter of a run that was tuned from this one, "
        "which may also be a Hugging Face folder.",
    ),
]
Traced = Annotated[
    bool,
    typer.Option("--trace", help="Show below what of it the model has read, as `lexome trace`."),
]
Seed = Annotated[int, typer.Option(help="The same seed, the same text.", rich_help_panel=_SAMPLING)]


@dataclass(frozen=True)
class Sampled:
    """How tokens are drawn, as in the settings of generation."""

    temperature: Temperature = 1.0
    top_k: TopK = None
    top_p: TopP = None
    min_p: MinP = None
    repetition_penalty: RepetitionPenalty = 1.0
    no_repeat_ngram: NoRepeatNgram = 0
    beams: Beams = 1
    length_penalty: LengthPenalty = 1.0
    guidance: Guidance = 1.0
    seed: Seed = 0


@gathered
def generate(
    run: Run,
    sampled: Sampled,
    prompts: Prompts = None,
    prompts_file: PromptsFile = None,
    source: From = None,
    keep: Keep = 0.5,
    out: Out = None,
    max_tokens: MaxTokens = None,
    count: Count = 1,
    stop: Stop = None,
    adapter: Adapter = None,
    trace: Traced = False,
    as_json: Json = False,
) -> None:
    """Let a model go on from a prompt, or begin by itself.

    Text comes as it is written; several prompts are worked on side by side. What comes out is in
    the form of the language: text, FASTA, a score, a recording or a picture, which --out writes.
    """
    from lexome.generation import Settings
    from lexome.training import open_run

    if out is not None:
        make_folder(out)
    own = open_run(adapter or run)
    tracer = Tracer.of(own) if trace else None
    opened = Opened.adapted(run, own) if adapter else Opened.of(own)
    settings = Settings(
        max_tokens=opened.most_tokens if max_tokens is None else max_tokens,
        stop=tuple(stop or ()),
        **asdict(sampled),
    )
    starts: list[str | Document] = [*(prompts or ())]
    starts += _lines(prompts_file) if prompts_file else ()
    starts += [beginning(opened.language, source, keep)] if source else ()
    rows = [start for start in starts or [""] for _ in range(count)]
    written = _written(opened, rows, settings, live=not as_json)
    if as_json:
        result_json([_as_dict(one, tracer) for one in written])
    elif tracer:
        tracer.show_all(written)
    if out is not None:
        _write_files(out, opened.language, written)


@dataclass(frozen=True)
class Opened:
    """What generating needs of a run."""

    language: Language
    tokenizer: Tokenizer
    model: Transformer

    @classmethod
    def of(cls, run: OpenRun) -> Opened:
        """Load it."""
        return cls(run.language(), run.tokenizer(), run.model())

    @classmethod
    def adapted(cls, base: Path, tuned: OpenRun) -> Opened:
        """Load a base, a run or a model folder, with what a run `tuned` from it has of its own."""
        from lexome.training.start import adapted

        return cls(tuned.language(), tuned.tokenizer(), adapted(base, tuned))

    @property
    def most_tokens(self) -> int:
        """Return how much is written where nobody says how much."""
        return _PLAIN_TOKENS if self.is_plain else self.model.config.context

    @property
    def is_plain(self) -> bool:
        """Return whether the language shows its documents as plain text, with nothing around."""
        import numpy as np

        from lexome.languages.base import Document, Source

        content = self.tokenizer.decode(np.zeros(0, np.int64))
        if not isinstance(content, str):
            return False
        rendering = self.language.render(Document(content, Source("prompt")))
        return rendering.media_type.startswith("text/plain")


def _written(
    opened: Opened, prompts: list[str | Document], settings: Settings, *, live: bool
) -> list[Written]:
    """Return what the model writes; with `live`, show it, one plain text as it comes."""
    from lexome.generation import write

    tokenizer, language, model = opened.tokenizer, opened.language, opened.model
    if live and len(prompts) == 1 and opened.is_plain:
        part(prompts[0] if isinstance(prompts[0], str) else prompts[0].content)
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
        between = "\n---\n" if opened.is_plain else "\n"
        result(between.join(one.rendering.text for one in written).rstrip("\n"))
    return written


def _write_files(out: Path, language: Language, written: list[Written]) -> None:
    for number, one in enumerate(written, 1):
        for path in write_rendering(out, f"{number:04d}", one.rendering):
            say(f"written: {path}")
    if sheet := write_sheet(out, language, [one.rendering for one in written]):
        say(f"written: {sheet}")


def _as_dict(one: Written, tracer: Tracer | None) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in ("prompt", "text", "tokens", "finish")}
    if tracer:
        found = tracer.traced(one)
        row["trace"] = tracer.as_dict(found) if found else None
    return row


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
