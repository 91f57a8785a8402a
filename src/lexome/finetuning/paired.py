"""A corpus of pairs, with what is known of one alone: how sources and targets become tokens."""

from __future__ import annotations

from dataclasses import dataclass

from lexome.corpus import Corpus
from lexome.errors import LexomeError
from lexome.languages.label import Classes, Scale
from lexome.languages.pair import Pair, PairTokenizer
from lexome.languages.pair.tokenizer import Part
from lexome.languages.tokenizers import CodedTokenizer


@dataclass(frozen=True)
class Pairs:
    """A corpus whose documents are pairs. Make one with `of`."""

    corpus: Corpus
    language: Pair
    tokenizer: PairTokenizer

    @classmethod
    def of(cls, corpus: Corpus) -> Pairs:
        """Return a corpus as what it is; one that holds no pairs is a `LexomeError`."""
        language, tokenizer = corpus.language, corpus.tokenizer
        if not isinstance(language, Pair) or not isinstance(tokenizer, PairTokenizer):
            raise LexomeError(
                f"this corpus holds no pairs, but {language.name}",
                where=str(corpus.folder),
                fix="make one of pairs: lexome finetune",
            )
        return cls(corpus, language, tokenizer)

    @property
    def target(self) -> Part:
        """Return the tokens in which answers are said."""
        return self.tokenizer.part(self.tokenizer.answering.name)

    @property
    def coding(self) -> Classes | Scale | None:
        """Return how the target's label becomes tokens; `None` where it is no closed label."""
        tokenizer = self.target.tokenizer
        coding = tokenizer.coding if isinstance(tokenizer, CodedTokenizer) else None
        return coding if isinstance(coding, Classes | Scale) else None
