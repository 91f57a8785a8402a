"""`lexome prepare`: from files to a corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from lexome.cli.console import result, result_json, say
from lexome.cli.gathered import gathered
from lexome.cli.index import indexed
from lexome.cli.index import summary as index_summary
from lexome.cli.options import Json, texts
from lexome.errors import UsageError

if TYPE_CHECKING:
    from lexome.corpus import Corpus, Manifest, PrepareObserver, PrepareRequest

_TOKENIZER = "Tokenizer"
_SPLIT = "Split"
_SWAP = "Counterfactual twins"

Sources = Annotated[
    list[str], typer.Argument(metavar="SOURCES", help="Files, folders and glob patterns.")
]
LanguageName = Annotated[
    str,
    typer.Option(
        "--language", help="What the files hold: text, dna, protein, music, sound or image."
    ),
]
Out = Annotated[Path, typer.Option(metavar="CORPUS", help="The folder to write, as corpus/NAME.")]
Option = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="KEY=VALUE",
        help="How the language reads, as invalid=replace (docs/languages.md). Repeatable.",
    ),
]
Tokenizer = Annotated[
    str | None,
    typer.Option(
        help="How it becomes tokens, see docs/languages.md. (default: the language's own)",
        show_default=False,
        rich_help_panel=_TOKENIZER,
    ),
]
VocabSize = Annotated[
    int | None, typer.Option(help="Tokens of bpe or characters.", rich_help_panel=_TOKENIZER)
]
K = Annotated[
    int | None, typer.Option("--k", help="Letters of a k-mer.", rich_help_panel=_TOKENIZER)
]
KStride = Annotated[
    int | None,
    typer.Option("--stride", help="Letters from k-mer to k-mer.", rich_help_panel=_TOKENIZER),
]
TokenizerOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tokenizer-option",
        metavar="KEY=NUMBER",
        help="An option of the tokenizer, as grid=8 (docs/languages.md). Repeatable.",
        rich_help_panel=_TOKENIZER,
    ),
]
TokenizerFolder = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Use the tokenizer of another corpus or model instead.",
        rich_help_panel=_TOKENIZER,
    ),
]
SampleUnits = Annotated[
    int | None,
    typer.Option(
        help="How much of the data a tokenizer is trained on, in natural units.",
        rich_help_panel=_TOKENIZER,
    ),
]
Validation = Annotated[
    float, typer.Option(help="Share of the data that is held out.", rich_help_panel=_SPLIT)
]
ValidationFiles = Annotated[
    list[str] | None,
    typer.Option(
        help="Hold these out instead: a file, a folder, or a pattern in quotes. Repeatable.",
        rich_help_panel=_SPLIT,
    ),
]
ValidationWhere = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Hold out the documents whose metadata say so instead, as split=valid. Repeatable.",
        rich_help_panel=_SPLIT,
    ),
]
Split = Annotated[
    str,
    typer.Option(
        help="document: whole documents are held out; tail: the end of the data is.",
        rich_help_panel=_SPLIT,
    ),
]
Seed = Annotated[int, typer.Option(help="Draws the documents held out.", rich_help_panel=_SPLIT)]
Workers = Annotated[
    int | None,
    typer.Option(help="Processes. (default: one for each core)", show_default=False),
]
Index = Annotated[
    bool,
    typer.Option("--index", help="Index the training split too, see `lexome index`."),
]
Swap = Annotated[
    Path | None,
    typer.Option(
        "--swap",
        metavar="PAIRS",
        help="Beside each training document that holds one of these terms put its twin, with every "
        "term exchanged for its partner. Two columns (CSV, tabs), or JSON.",
        show_default=False,
        rich_help_panel=_SWAP,
    ),
]
SwapExcept = Annotated[
    Path | None,
    typer.Option(
        "--swap-except",
        metavar="NAMES",
        help="Leave documents alone that name one of these: what is said of somebody is a fact. A "
        "table of facts, or a name a line.",
        show_default=False,
        rich_help_panel=_SWAP,
    ),
]
Licence = Annotated[str, typer.Option(help="What the files may be used for, for the record.")]


@dataclass(frozen=True)
class Tokenized:
    """How documents become tokens."""

    tokenizer: Tokenizer = None
    vocab_size: VocabSize = None
    k: K = None
    stride: KStride = None
    tokenizer_option: TokenizerOption = None
    tokenizer_folder: TokenizerFolder = None
    sample_units: SampleUnits = None

    def options(self) -> dict[str, int]:
        """Return the numbers that are given, those with an option of their own the stronger."""
        own = {"k": self.k, "stride": self.stride}
        return _numbers(self.tokenizer_option) | {
            name: value for name, value in own.items() if value is not None
        }


@dataclass(frozen=True)
class HeldOut:
    """Which documents are held out."""

    validation: Validation = 0.1
    validation_files: ValidationFiles = None
    validation_where: ValidationWhere = None
    split: Split = "document"
    seed: Seed = 0


@gathered
def prepare(
    sources: Sources,
    language: LanguageName,
    out: Out,
    tokenized: Tokenized,
    held: HeldOut,
    option: Option = None,
    workers: Workers = None,
    licence: Licence = "",
    swap: Swap = None,
    swap_except: SwapExcept = None,
    index: Index = False,
    as_json: Json = False,
) -> None:
    """Turn files into a corpus: documents, a tokenizer, tokens on disk, a held-out part.

    Nothing is dropped in silence: what was skipped, and what stands on both sides of the split,
    is counted here and in the corpus's manifest. A run that was stopped goes on where it was.
    """
    from lexome import languages
    from lexome.corpus import PrepareRequest

    request = PrepareRequest(
        sources=sources,
        language=language,
        options=languages.options_from_text(language, texts(option, "--option", "invalid=replace")),
        tokenizer=tokenized.tokenizer,
        vocab_size=tokenized.vocab_size,
        tokenizer_options=tokenized.options(),
        tokenizer_folder=tokenized.tokenizer_folder,
        sample_units=tokenized.sample_units,
        validation=held.validation,
        validation_files=held.validation_files or (),
        validation_where=texts(held.validation_where, "--validation-where", "split=valid"),
        split=cast(Any, held.split),  # the request checks it
        seed=held.seed,
        workers=workers,
        licence=licence,
        swap=swap,
        swap_except=swap_except,
    )
    corpus = prepared(request, out)
    made = indexed(corpus, "train") if index else None
    if as_json:
        described = corpus.manifest.model_dump(mode="json")
        result_json({"corpus": str(out), **described, **({"index": made} if made else {})})
        return
    for line in summary(corpus.manifest):
        result(line)
    if made:
        result(index_summary(made))
    result(f"written: {out}")
    say(f"  next: lexome train --corpus {out} --minutes 5")


def _numbers(given: list[str] | None) -> dict[str, int]:
    found = {}
    for key, text in texts(given, "--tokenizer-option", "grid=8").items():
        try:
            found[key] = int(text)
        except ValueError as error:
            raise UsageError(
                f"{text!r} is not a whole number",
                where=f"--tokenizer-option {key}",
                fix="write a number; 1 for yes, 0 for no",
            ) from error
    return found


def prepared(request: PrepareRequest, out: Path) -> Corpus:
    """Prepare a corpus with a progress bar."""
    from lexome import corpus

    with shown() as observer:
        return corpus.prepare(request, out, observer=observer)


@contextmanager
def shown() -> Iterator[PrepareObserver]:
    """Yield what shows the making of a corpus as a progress bar."""
    from lexome import corpus
    from lexome.cli.progress import meter

    with meter() as bar:

        class Shown(corpus.PrepareObserver):
            def advanced(self, progress: corpus.Progress) -> None:
                note = f"{progress.done:,}/{progress.total:,} {progress.unit}s"
                if progress.tokens:
                    note += f" · {progress.tokens:,} tokens"
                bar.show(progress.stage, progress.done, progress.total, note)

            def told(self, message: str) -> None:
                say(message)

        yield Shown()


def summary(manifest: Manifest) -> Iterator[str]:
    """Yield what a person should know about a corpus, as lines."""
    unit, made = manifest.unit, manifest.tokenizer
    for name, side in (("train", manifest.train), ("valid", manifest.valid)):
        augmented = f" ({side.augmented:,} by augmentation)" if side.augmented else ""
        yield (
            f"{name:9}  {side.documents:,} documents{augmented}, "
            f"{side.units:,} {unit}s, {side.tokens:,} tokens"
        )
    if manifest.train.made:
        names = ", ".join(f"{count:,} × {name}" for name, count in manifest.train.made.items())
        yield f"made       {sum(manifest.train.made.values()):,} of those in train: {names}"
    yield f"tokenizer  {made.kind}, {made.vocab_size:,} tokens"
    for figure, value in manifest.fidelity.items():
        yield f"fidelity   {figure}: {value:,.4g}"
    if manifest.groups is not None:
        yield f"groups     {manifest.groups}"
    if manifest.split.note:
        yield f"split      {manifest.split.note}"
    if (swap := manifest.swap) is not None:
        alone = f"; {swap.left_alone:,} left alone, as they name one of {swap.names:,}"
        yield (
            f"swapped    {swap.swapped:,} training documents have a twin, {swap.terms:,} terms "
            f"exchanged{alone if swap.names else ''}"
        )
        if swap.absent:
            yield (
                f"absent     {len(swap.absent):,} of {swap.declared:,} declared terms stand in no "
                f"training document: {_some(swap.absent)}"
            )
    for reason, skipped in manifest.skipped.items():
        yield f"skipped    {skipped.count:,} × {reason}; the first: {skipped.examples[0]}"
    leak = manifest.leak
    unjudged = f"; {leak.too_short:,} are too short to tell" if leak.too_short else ""
    yield (
        f"leak       {leak.exact_duplicates:,} of {leak.documents:,} held-out documents are also "
        f"in train, {leak.near_duplicates:,} more nearly so{unjudged}"
    )


def _some(names: Sequence[str], most: int = 10) -> str:
    """Return the first of many names, and how many more there are."""
    more = f", and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
