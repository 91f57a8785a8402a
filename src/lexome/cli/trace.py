"""`lexome trace`, and `lexome generate --trace`: what of a text stands in the training split."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lexome.cli.console import result, result_json
from lexome.cli.documents import first_document
from lexome.cli.options import Json, Run
from lexome.errors import UsageError

if TYPE_CHECKING:
    from lexome.corpus import Corpus
    from lexome.corpus.index import CorpusIndex
    from lexome.evaluation.honesty.trace import Overlap, Trace, Usual
    from lexome.generation import Written
    from lexome.languages.base import Ids, Language
    from lexome.training.run import Run as OpenRun

_OPEN, _CLOSE = "⟦", "⟧"
# Of spans such as most held-out text stands in, of longer ones, and of those hardly any does in.
_STYLES = ("cyan", "yellow", "bold red")
_ROWS, _WIDTH = 20, 60

Text = Annotated[
    str | None, typer.Argument(metavar="[TEXT]", help="What is looked up, in the run's language.")
]
From = Annotated[
    Path | None,
    typer.Option(
        "--from", metavar="FILE", help="Instead of a text: the first document that FILE holds."
    ),
]
Shortest = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Leave out spans of fewer tokens. (default: such as half of held-out text is in)",
        show_default=False,
    ),
]


def trace(
    run: Run,
    text: Text = None,
    source: From = None,
    shortest: Shortest = None,
    as_json: Json = False,
) -> None:
    """Show what of a text the model has read word for word: each longest span, how often, where.

    It is overlap, not proof: a span may stand in the record of something else. DNA is looked up
    on both strands, music in other keys, proteins also where some residues differ. The corpus needs
    an index (`lexome index`). Of a run that was tuned on pairs it is the corpus of its base.
    """
    from lexome.training import open_run

    tracer = Tracer.of(open_run(run), shortest)
    content = _content(tracer.corpus.language, text, source)
    found = tracer.trace(tracer.corpus.tokenizer.encode([content])[0])
    if as_json:
        result_json({"run": str(run), **tracer.as_dict(found)})
        return
    tracer.show(found)


@dataclass(frozen=True)
class Tracer:
    """What tracing needs of a run; spans of under `shortest` tokens are left out.

    Of a run that was tuned on pairs, `tuned`, the corpus is that of its base.
    """

    corpus: Corpus
    index: CorpusIndex
    usual: Usual | None
    shortest: int
    tuned: OpenRun | None = None

    @classmethod
    def of(cls, run: OpenRun, shortest: int | None = None) -> Tracer:
        """Open the index of what a run has read, and measure what is usual in held-out text.

        Raises `LexomeError` where nobody knows what the base of a tuned run has read.
        """
        from lexome.corpus.index import CorpusIndex
        from lexome.evaluation.honesty.corpus_says import has_read
        from lexome.evaluation.honesty.trace import usual_lengths

        reads = has_read(run)
        corpus = reads.corpus(verify=True)
        index = CorpusIndex.open(corpus)
        usual = usual_lengths(corpus, index)
        least = shortest or (usual.half + 1 if usual else 1)
        return cls(corpus, index, usual, least, None if reads is run else run)

    def trace(self, ids: Ids) -> Trace:
        """Look up tokens: of an encoded content, or as a model wrote them."""
        from lexome.evaluation.honesty.trace import trace

        return trace(self.corpus, self.index, ids, shortest=self.shortest)

    def as_dict(self, found: Trace) -> dict[str, Any]:
        """Return a trace, and what it was compared with, as JSON holds it."""
        from lexome.evaluation.honesty.trace import NOTE

        return {
            "corpus": str(self.corpus.folder),
            "of_base": self.tuned is not None,
            "note": NOTE,
            "held_out": asdict(self.usual) if self.usual else None,
            "covered": found.covered,
            **asdict(found),
        }

    def traced(self, written: Written) -> Trace | None:
        """Trace what a model wrote, of a tuned one its answer.

        There is `None` of nothing, and of an answer in another language than the base has read.
        """
        import numpy as np

        if not written.text:
            return None
        ids = np.array(written.ids)
        if self.tuned is None:
            return self.trace(ids)
        if self.answers_in_another_language:
            return None
        answer = self.tuned.tokenizer().decode(ids)[-1].content
        return self.trace(self.corpus.tokenizer.encode([answer])[0])

    @property
    def answers_in_another_language(self) -> bool:
        """Whether a tuned run answers in a language in which nothing can be looked up."""
        from lexome.languages.pair.language import Pair

        language = None if self.tuned is None else self.tuned.language()
        if not isinstance(language, Pair):
            return False
        answers = next(one for one in language.speakers.values() if one.predicted)
        return answers.language != self.corpus.language.name

    def show_all(self, written: Sequence[Written]) -> None:
        """Print the trace of each of what a model wrote."""
        for number, one in enumerate(written, 1):
            result(f"\ntrace of {number}:" if len(written) > 1 else "\ntrace:")
            if found := self.traced(one):
                self.show(found)
            else:
                what = "it answers in another language than its base has read, so nothing is traced"
                result(what if self.answers_in_another_language else "nothing was written")

    def show(self, found: Trace) -> None:
        """Print a content with its overlaps marked, and a table of them, the longest first."""
        from lexome.evaluation.honesty.trace import NOTE

        result(f"{marked(found, self.usual)}\n")
        if self.tuned:
            result(
                f"searched is {self.corpus.folder}, which the base has read, and not the pairs on "
                "which the run was tuned"
            )
        least = f"{found.shortest:,} token{'s' * (found.shortest > 1)} or more"
        if found.overlaps:
            share = f"{found.covered:.0%} of {len(found.pieces):,} tokens stand"
            result(f"{share} in the training split in spans of {least}")
        else:
            result(f"no span of {least} stands in the training split")
        if self.usual:
            result(
                f"of held-out text, half stands in spans of over {self.usual.half:,} tokens, "
                f"1 token of 20 in spans of over {self.usual.most:,}"
            )
        if found.overlaps:
            result("\n".join([NOTE, *_table(found)]))
        for line in _spaced(found):
            result(line)


def marked(found: Trace, usual: Usual | None) -> str:
    """Return a content for the terminal: overlaps in colours, or in brackets where it has none.

    The letters stay in the order in which they are stored, which a terminal turns for scripts
    that run from right to left.
    """
    from rich.console import Console
    from rich.style import Style

    from lexome.evaluation.honesty.trace import runs

    console = Console(file=sys.stdout)
    colours = console.is_terminal and not console.no_color and console.color_system is not None
    shown = []
    for text, length in runs(found.pieces, found.covering):
        plain = _harmless(text, "\n\t")
        if not length:
            shown.append(plain)
        elif colours:
            level = (length > usual.half) + (length > usual.most) if usual else 1
            shown.append(Style.parse(_STYLES[level]).render(plain))
        else:
            shown.append(f"{_OPEN}{plain}{_CLOSE}")
    return "".join(shown)


def _table(found: Trace) -> list[str]:
    longest = sorted(found.overlaps, key=lambda one: -one.tokens)
    rows = [("tokens", "count", "first place", "text")]
    rows += [
        (f"{one.tokens:,}", f"{one.count:,}", _place(one, found.unit), _short(one.text))
        for one in longest[:_ROWS]
    ]
    tokens, counts, places, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    # The text stands last: it may run from right to left, or be wider than its letters count.
    lines = [
        f"{row[0]:>{tokens}}  {row[1]:>{counts}}  {row[2]:<{places}}  {row[3]}" for row in rows
    ]
    if len(longest) > _ROWS:
        lines.append(f"and {len(longest) - _ROWS:,} more: --json gives all")
    return lines


def _spaced(found: Trace) -> Iterator[str]:
    """Yield the spans that are alike but not equal, the longest first."""
    longest = sorted(found.spaced, key=lambda one: one.first_unit - one.last_unit)
    if longest:
        yield "alike, but for some places:"
    for one in longest[:_ROWS]:
        at = one.place.source.offset + one.place.unit
        where = f"{one.place.source}, {found.unit} {at:,}"
        yield (
            f"{found.unit}s {one.first_unit:,} to {one.last_unit:,}, {one.identity:.0%} equal to "
            f"{_harmless(where)}: {_short(one.text)}"
        )
    if len(longest) > _ROWS:
        yield f"and {len(longest) - _ROWS:,} more: --json gives all"


def _place(overlap: Overlap, unit: str) -> str:
    first = overlap.places[0]
    form = "" if overlap.reading == "as_written" else f", {overlap.reading}"
    made = ", in a form made by augmentation" if first.augmented else ""
    at = first.source.offset + first.unit
    return _harmless(f"{first.source}, {unit} {at:,}{made}{form}")


def _short(text: str) -> str:
    if len(text) > _WIDTH:
        text = f"{text[: _WIDTH // 2]} … {text[-_WIDTH // 2 :]}"
    return _harmless(text)


def _harmless(text: str, kept: str = "") -> str:
    """Return a text with its control characters, but for those `kept`, spelled out."""
    return "".join(
        ascii(letter)[1:-1]
        if unicodedata.category(letter) == "Cc" and letter not in kept
        else letter
        for letter in text
    )


def _content(language: Language, text: str | None, source: Path | None) -> Any:
    """Return what a person types, of sources and targets a target, or the document of a file."""
    from lexome.languages.pair import Pair, Turn

    if source is not None and text is None:
        return first_document(language, source).content
    if source is not None or text is None:
        raise UsageError(
            "there is nothing to trace, or too much", fix="give a text, or --from FILE"
        )
    if text.isspace():
        raise UsageError(
            "there is nothing but white space to trace", fix="give a text, or --from FILE"
        )
    if isinstance(language, Pair):
        role = language.answering.name
        return (Turn(role, language.languages[role].parse(text)),)
    return language.parse(text)
