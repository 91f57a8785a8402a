"""The `lexome` command: its commands, and how whatever goes wrong becomes one clear message."""

from __future__ import annotations

import io
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lexome import __version__
from lexome.cli import console
from lexome.cli.audit import audit
from lexome.cli.chat import chat
from lexome.cli.demo import demo
from lexome.cli.embed import embed
from lexome.cli.evaluate import evaluate, report
from lexome.cli.fill import fill
from lexome.cli.finetune import finetune
from lexome.cli.generate import generate
from lexome.cli.index import index
from lexome.cli.ledger import ledger
from lexome.cli.mix import mix
from lexome.cli.prepare import prepare
from lexome.cli.reweigh import reweigh
from lexome.cli.samples import samples
from lexome.cli.score import score
from lexome.cli.trace import trace
from lexome.cli.train import plan, train
from lexome.errors import LexomeError

_AGAIN = "stopped; what was finished is kept: run the command again to go on"
_INTERRUPTED = {
    "chat": "stopped",
    "demo": _AGAIN,
    "index": "stopped; the corpus is as it was, but has no index of this split: run it again",
    "prepare": _AGAIN,
    "train": "stopped; if the run had begun, go on with: lexome train --resume --out RUN",
}


class _Commands(TyperGroup):
    """The group of commands; turns exceptions into a message and an exit status."""

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            return super().main(*args, **extra)
        except LexomeError as error:
            console.failed(error)
            sys.exit(error.exit_status)
        except OSError as error:
            where = error.filename if isinstance(error.filename, str) else None
            console.failed(LexomeError(error.strerror or str(error), where=where))
            sys.exit(LexomeError.exit_status)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            console.say(_INTERRUPTED.get(ctx.invoked_subcommand, "stopped; nothing was written"))
            raise typer.Exit(console.INTERRUPTED) from error


app = typer.Typer(
    cls=_Commands,
    help="Train a language model on anything that reads like a language: text, DNA, proteins.",
    epilog="Start with: lexome demo\n\n"
    "Your own data: lexome prepare FILES --language text --out corpus/mine, then "
    "lexome train --corpus corpus/mine --minutes 5",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        console.result(f"lexome {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None: ...


def _add(command: Any, *examples: str) -> None:
    shown = "\n\n".join(("Example:" if len(examples) == 1 else "Examples:", *examples))
    app.command(epilog=shown)(command)


_add(demo, "lexome demo", "lexome demo --minutes 1 --out demo")
_add(samples, "lexome samples", "lexome samples kjv --out samples/kjv")
_add(
    prepare,
    "lexome prepare letters/*.txt --language text --out corpus/letters",
    "lexome prepare genome.fa.gz --language dna --tokenizer kmer --k 6 --out corpus/genome",
    "lexome prepare proteins.fasta --language protein --out corpus/proteins",
)
_add(mix, "lexome mix corpus/letters=3 corpus/genome=1 --out corpus/both")
_add(reweigh, "lexome reweigh corpus/letters --groups groups.yaml --out corpus/even")
_add(index, "lexome index corpus/letters", "lexome index corpus/genome --shard-tokens 50000000")
_add(
    train,
    "lexome train --corpus corpus/letters --minutes 5 --out runs/letters",
    "lexome train --corpus corpus/letters --depth 6 --steps 2000 --set optimizer.name=adamw",
    "lexome train --resume --out runs/letters",
)
_add(
    finetune,
    "lexome finetune runs/letters pairs.tsv --task translation --out runs/translator",
    "lexome finetune runs/genome promoters.csv --task labels --method lora --out runs/promoters",
)
_add(
    plan,
    "lexome plan --corpus corpus/letters --minutes 5",
)
_add(
    generate,
    'lexome generate runs/letters "Dear friend," --max-tokens 200 --temperature 0.8 --seed 1',
)
_add(
    chat,
    "lexome chat runs/assistant",
    'lexome chat runs/assistant --prompt "What is the capital of France?" --temperature 0',
)
_add(fill, 'lexome fill runs/proteins "MKT_YIAKQR"')
_add(evaluate, "lexome evaluate runs/letters", "lexome evaluate runs/letters --json")
_add(
    score,
    "lexome score runs/genome calls.vcf.gz --reference genome.fa --out scores.tsv",
    "lexome score runs/proteins mutants.csv --reference protein.fasta",
    "lexome score runs/proteins --mutagenesis proteins.fasta:P53 --out map.png",
)
_add(audit, "lexome audit corpus/letters --groups groups.yaml")
_add(
    trace,
    'lexome trace runs/letters "Dear friend, the rain has come"',
    "lexome trace runs/genome --from gene.fa --json",
)
_add(embed, "lexome embed runs/proteins proteins.fasta --out embeddings.parquet")
_add(report, "lexome report runs/letters")
_add(ledger, "lexome ledger gpt3-175b", "lexome ledger runs/letters/model --json")


def main() -> None:
    """Run the command line; the exit status is 0, 1 (it failed) or 2 (bad usage)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a character that the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="lexome")
