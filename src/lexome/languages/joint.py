"""Several languages in one vocabulary: what a model that reads text and music, say, speaks.

A document is in one of the languages, and its first token names which: `<|text|>`, `<|music|>`.
Behind the special tokens come these names, then the tokens of each language in turn.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tokenizers
from tokenizers import models, pre_tokenizers

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import (
    Document,
    Ids,
    Language,
    Rendering,
    Skipped,
    TextStream,
    Tokenizer,
    TokenizerTrainer,
    UnitCodes,
)
from lexome.languages.common import Common
from lexome.languages.prompts import encode_prompt
from lexome.languages.sources import content_suffix
from lexome.languages.tokenizers import SPECIAL, SPECIAL_NAMES
from lexome.languages.tokenizers import folder as folders
from lexome.languages.tokenizers.vocabulary import FIRST

NAME = "joint"


@dataclass(frozen=True, slots=True)
class Said:
    """Content, and the language that it is in.

    What is not `named` goes on with a document that has said its language before.
    """

    language: str
    content: Any
    named: bool = True


@dataclass(frozen=True)
class Joint(Common):
    """Several languages at once, each with its own reading options.

    `parts` is JSON: the options of each language by its name. A document's content is `Said`;
    its unit is that of its own language, so likelihoods are to be read for each language alone.
    """

    name: ClassVar[str] = NAME

    parts: str = ""

    @classmethod
    def load_tokenizer(cls, folder: Path, described: Mapping[str, Any]) -> JointTokenizer:
        """Return the tokenizer that `JointTokenizer.save` wrote."""
        from lexome import languages

        names = [str(name) for name in described["parts"]]
        # What is loaded names folders of its own only, and none that holds another such tokenizer.
        if strange := [name for name in names if not name.isidentifier() or name == NAME]:
            raise LexomeError(f"{strange[0]!r} is no language that a joint vocabulary can hold")
        return JointTokenizer({name: languages.load_tokenizer(folder / name) for name in names})

    def __post_init__(self) -> None:
        try:
            chosen = json.loads(self.parts)
            sound = isinstance(chosen, dict) and all(isinstance(v, dict) for v in chosen.values())
        except ValueError:
            sound = False
        if not sound or not chosen or NAME in chosen:
            raise UsageError(
                "this does not say which languages are joined",
                where=f"language {NAME!r}, option 'parts'",
                fix="let `lexome mix` join them",
            )

    @cached_property
    def languages(self) -> Mapping[str, Language]:
        """Return the languages by name, in the order of their tokens."""
        from lexome import languages

        options: Mapping[str, Mapping[str, Any]] = json.loads(self.parts)
        return {name: languages.get(name, **chosen) for name, chosen in options.items()}

    @property
    def unit(self) -> str:
        """Return "unit", which stands for each language's own."""
        return "unit"

    @property
    def suffixes(self) -> Sequence[str]:
        """Return those of all the languages."""
        return [suffix for one in self.languages.values() for suffix in one.suffixes]

    @property
    def run_units(self) -> int:
        """Return the longest of the languages' runs."""
        return max(one.run_units for one in self.languages.values())

    def read(self, path: Path) -> Iterator[Document | Skipped]:
        """Yield the documents of a file in the first language that has its suffix."""
        for name, language in self.languages.items():
            if content_suffix(path) in language.suffixes:
                for entry in language.read(path):
                    yield entry if isinstance(entry, Skipped) else _said(name, entry)
                return
        raise LexomeError(
            "none of the languages reads this file",
            where=str(path),
            fix=f"name a file that ends in {', '.join(self.suffixes)}",
        )

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        """Return none: a joint tokenizer is put together from others, by `lexome mix`."""
        return {}

    def parse(self, text: str) -> Said:
        """Return content from `LANGUAGE: what is typed`, in which the second part may be empty."""
        name, colon, rest = text.partition(":")
        if not colon or name not in self.languages:
            names = tuple(self.languages)
            raise UsageError(
                "the prompt does not say which language it is in",
                fix=f"begin it with {' or '.join(f'{one}:' for one in names)}",
            )
        rest = rest.removeprefix(" ")
        return Said(name, self.languages[name].parse(rest) if rest else None)

    def parse_behind(self, text: str, first: Any) -> Said:
        """Return content that goes on, behind a gap, with `first`, which says its language."""
        if first is None:
            return self.parse(text)
        inner = self.languages[first.language]
        return Said(first.language, inner.parse(text), named=False)

    def units(self, document: Document) -> int:
        """Return the size in units of the document's own language."""
        language, inner = self._inner(document)
        return language.units(inner)

    def cut(self, document: Document, start: int, stop: int) -> Document:
        """Return a part, as the document's own language cuts it."""
        language, inner = self._inner(document)
        return _said(document.content.language, language.cut(inner, start, stop))

    def split_key(self, document: Document) -> str:
        """Return what the document's own language says."""
        language, inner = self._inner(document)
        return language.split_key(inner)

    def mirrored(self, codes: UnitCodes) -> UnitCodes | None:
        """Return all codes backwards, each as its own language mirrors it.

        Those of a language without a mirrored form become numbers that no code has.
        """
        count, found = len(self.languages), None
        owners = codes % count
        for number, language in enumerate(self.languages.values()):
            own = owners == number
            mirrored = language.mirrored(codes[own] // count)
            if mirrored is not None:
                found = ~codes[::-1] if found is None else found
                found[own[::-1]] = mirrored.astype(np.uint64) * count + number
        return found

    def render(self, document: Document) -> Rendering:
        """Return what the document's own language shows."""
        language, inner = self._inner(document)
        return language.render(inner)

    def _inner(self, document: Document) -> tuple[Language, Document]:
        said: Said = document.content
        inner = Document(said.content, document.source, document.metadata, document.weights)
        return self.languages[said.language], inner


class JointTokenizer:
    """The tokenizers of several languages side by side.

    `parts` are the tokenizers by the name of their language. A document without the name of a
    language in front, as a model may write it, is in that of its first token; tokens of other
    languages than its own stand for nothing.
    """

    kind = NAME
    special = SPECIAL

    def __init__(self, parts: Mapping[str, Tokenizer]) -> None:
        if others := [name for name, one in parts.items() if one.special != SPECIAL]:
            raise UsageError(
                f"the special tokens of the tokenizer of {others[0]} are not lexome's",
                fix="prepare its corpus with a tokenizer of lexome, and mix then",
            )
        self.parts = dict(parts)
        first = FIRST + len(parts)
        sizes = [tokenizer.vocab_size - FIRST for tokenizer in parts.values()]
        self.offsets = dict(zip(parts, accumulate([first, *sizes[:-1]]), strict=True))
        self.markers = {name: FIRST + number for number, name in enumerate(parts)}
        self.lossy = any(tokenizer.lossy for tokenizer in parts.values())
        self.overlapping = any(tokenizer.overlapping for tokenizer in parts.values())
        self.unit_lengths: npt.NDArray[np.int64] = np.concatenate(
            [np.zeros(first, np.int64), *(one.unit_lengths[FIRST:] for one in parts.values())]
        )

    @property
    def vocab_size(self) -> int:
        """Return the number of tokens, special ones and names of languages included."""
        return len(self.unit_lengths)

    def encode(self, contents: Sequence[Said]) -> list[Ids]:
        """Encode each content to ids, the name of its language first."""
        return [
            self._encode(said, lambda own, content: own.encode([content])[0]) for said in contents
        ]

    def encode_prompt(self, said: Said) -> Ids:
        """Encode content that is gone on with, as the tokenizer of its language does."""
        return self._encode(said, encode_prompt)

    def _encode(self, said: Said, encode: Callable[[Tokenizer, Any], Ids]) -> Ids:
        name, kind = said.language, np.uint16 if self.vocab_size <= 1 << 16 else np.uint32
        parts = [np.array([self.markers[name]] if said.named else [], kind)]
        if said.content is not None:
            ids = encode(self.parts[name], said.content)
            parts.append(self.shifted(name, ids).astype(kind))
        return np.concatenate(parts)

    def shifted(self, name: str, ids: Ids) -> Ids:
        """Return the ids of a language's own tokenizer as they are here; special ones stay."""
        shifted = np.asarray(ids).astype(np.int64)
        shifted[shifted >= FIRST] += self.offsets[name] - FIRST
        return shifted

    def decode(self, ids: Ids) -> Said:
        """Return the content that `ids` stand for, and its language."""
        name = self._language(ids)
        return Said(name, self.parts[name].decode(self._own(name, ids)))

    def unit_codes(self, ids: Ids) -> UnitCodes:
        """Return a number for each natural unit; those of two languages are never equal."""
        whole = np.asarray(ids)
        owners = np.searchsorted([*self.offsets.values()], whole, side="right")
        # A block of a stream may hold the documents of several languages, one behind the other.
        borders = np.flatnonzero(np.diff(_last_known(owners))) + 1
        parts = [np.zeros(0, np.uint64)]
        for run in np.split(whole, borders):
            name = self._owner(run)
            codes = self.parts[name].unit_codes(self._own(name, run)).astype(np.uint64)
            parts.append(codes * len(self.parts) + self.markers[name] - FIRST)
        return np.concatenate(parts)

    def token_label(self, token: int) -> str:
        """Return the name that a token has in its own language."""
        for name, marker in self.markers.items():
            if token == marker:
                return f"<|{name}|>"
            if token >= self.offsets[name] and token - self.offsets[name] < self._size(name):
                return self.parts[name].token_label(token - self.offsets[name] + FIRST)
        if 0 <= token < FIRST:
            return SPECIAL_NAMES[token]
        raise LexomeError(f"there is no token {token}, only 0 to {self.vocab_size - 1}")

    def text_stream(self) -> TextStream:
        """Return what writes ids down in the language that the first of them names."""
        return _JointStream(self)

    def save(self, folder: Path) -> None:
        """Write the parts, each in a folder of its name, and the files that name them.

        For plain `transformers` the ids, as words with spaces between, are the text.
        """
        for name, tokenizer in self.parts.items():
            tokenizer.save(folder / name)
        words = [*SPECIAL_NAMES, *(f"<|{name}|>" for name in self.parts)]
        words += [str(index) for index in range(len(words), self.vocab_size)]
        vocabulary = {word: index for index, word in enumerate(words)}
        backend = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token=SPECIAL_NAMES[0]))
        backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        backend.add_special_tokens([*SPECIAL_NAMES, *(f"<|{name}|>" for name in self.parts)])
        described = {"language": NAME, "kind": NAME, "parts": list(self.parts)}
        folders.save_coding(folder, backend.to_str(), described, {})

    def _size(self, name: str) -> int:
        return self.parts[name].vocab_size - FIRST

    def _own(self, name: str, ids: Ids) -> Ids:
        """Return the tokens of one language as its own tokenizer knows them."""
        shifted = np.asarray(ids).astype(np.int64) - self.offsets[name] + FIRST
        return shifted[(shifted >= FIRST) & (shifted < FIRST + self._size(name))]

    def _language(self, ids: Ids) -> str:
        """Return the language that the first name or token of content in `ids` tells."""
        whole = np.asarray(ids)
        telling = whole[whole >= FIRST][:1].tolist()
        return self._telling(telling[0]) if telling else next(iter(self.parts))

    def _telling(self, token: int) -> str:
        """Return the language of a token that is not a special one."""
        names = list(self.parts)
        if token < FIRST + len(names):
            return names[token - FIRST]
        return names[int(np.searchsorted([*self.offsets.values()], token, side="right")) - 1]

    def _owner(self, ids: Ids) -> str:
        """Return the language to which the first token of content belongs."""
        whole = np.asarray(ids)
        return self._language(whole[whole >= FIRST + len(self.parts)])


class _JointStream:
    """Writes down the tokens of the language that came first, and nothing of the others."""

    def __init__(self, tokenizer: JointTokenizer) -> None:
        self._tokenizer = tokenizer
        self._name = ""
        self._stream: TextStream | None = None

    def push(self, ids: Iterable[int]) -> str:
        """Return the characters that `ids` complete."""
        return "".join(self._push(index) for index in ids)

    def _push(self, index: int) -> str:
        if index < FIRST:
            return ""
        if self._stream is None:
            self._name = self._tokenizer._telling(index)
            self._stream = self._tokenizer.parts[self._name].text_stream()
        own = self._tokenizer._own(self._name, np.array([index]))
        return self._stream.push(own.tolist())

    def finish(self) -> str:
        """Return what is left."""
        return self._stream.finish() if self._stream else ""


def _last_known(owners: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return, for each place, the last owner before it that is one, or the first behind."""
    known = np.flatnonzero(owners)
    if not len(known):
        return owners
    place = np.searchsorted(known, np.arange(len(owners)), side="right") - 1
    return owners[known[np.maximum(place, 0)]]


def _said(name: str, document: Document) -> Document:
    said = Said(name, document.content)
    return Document(said, document.source, document.metadata, document.weights)
