"""`lexome index`: what lets a corpus be asked how often, and where, something occurs in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lexome.cli.console import result, result_json, say
from lexome.cli.options import Json

if TYPE_CHECKING:
    from lexome.corpus import Corpus

Folder = Annotated[
    Path, typer.Argument(metavar="CORPUS", help="The folder that `lexome prepare` wrote.")
]
Split = Annotated[str, typer.Option(help="train, or valid for the part that is held out.")]
ShardTokens = Annotated[
    int | None,
    typer.Option(
        help="Tokens that are sorted at once: memory is 5 bytes for each, 10 if more than 256 "
        "different tokens occur. (default: 268,435,456)",
        show_default=False,
    ),
]


def index(
    folder: Folder,
    split: Split = "train",
    shard_tokens: ShardTokens = None,
    as_json: Json = False,
) -> None:
    """Index a corpus: how often any run of tokens occurs in it, and where, is then known at once.

    `prepare --index` does the same at the end. The index lies in the corpus's folder and takes at
    most 4.5 bytes a token; an old one is replaced.
    """
    from lexome.corpus import Corpus

    made = indexed(Corpus.open(folder, verify=True), split, shard_tokens)
    if as_json:
        result_json({"corpus": str(folder), **made})
        return
    result(summary(made))
    result(f"written: {made['folder']}")


def indexed(corpus: Corpus, split: str, shard_tokens: int | None = None) -> dict[str, Any]:
    """Index a split with a progress bar; return figures of what was made."""
    from lexome.cli.progress import meter
    from lexome.corpus.index import SHARD_TOKENS, CorpusIndex, build_memory

    size = shard_tokens or SHARD_TOKENS
    memory = build_memory(corpus, split, size)
    with meter() as bar:

        def told(done: int, total: int) -> None:
            bar.show("index", done, total, f"{done:,}/{total:,} tokens")

        told(0, len(corpus.stream(split)))
        say(f"sorting takes up to {memory / 1e6:,.0f} MB of memory")
        record = CorpusIndex.build(corpus, split, shard_tokens=size, told=told).record
    return {
        "split": split,
        "tokens": record.tokens,
        "shards": len(record.shards),
        "bytes": record.bytes,
        "folder": str(record.folder(corpus)),
    }


def summary(made: dict[str, Any]) -> str:
    """Return the figures of an index as a line."""
    return (
        f"index      {made['tokens']:,} tokens of {made['split']} in {made['shards']:,} parts, "
        f"{made['bytes'] / made['tokens']:.2f} bytes a token"
    )
