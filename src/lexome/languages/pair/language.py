"""Pairs as a language: a source and the target that is said to it, each in its own language."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from lexome.errors import LexomeError, UsageError, nearest
from lexome.languages.base import (
    Document,
    Language,
    Rendering,
    Skipped,
    Tokenizer,
    TokenizerTrainer,
    Unspoken,
    View,
)
from lexome.languages.common import Common
from lexome.languages.label import Label
from lexome.languages.pair.chat import Chats
from lexome.languages.pair.preferences import Preferences
from lexome.languages.pair.reading import Files, Parallel, Table
from lexome.languages.pair.tables import SUFFIXES
from lexome.languages.pair.tokenizer import PairTokenizer, load
from lexome.languages.pair.training import PairTrainer
from lexome.languages.pair.turns import Role, Turn, Turns, answering, unprompted
from lexome.languages.tokenizers.foreign import ForeignTokenizer

NAME = "pair"


@dataclass(frozen=True)
class Pair(Common):
    """Sources with their targets; a document's content is `Turns`.

    Options:

    - `roles`: JSON, by the name of each role in the order in which they speak: its `language`,
      the language's `options`, whether its turns are `predicted`, and the `lead` of its texts.
    - `form`: where pairs stand: `table` (columns of JSON lines, CSV, TSV or Parquet), `parallel`
      (two files of as many lines), `files` (a file, and what is said of it), `chat` (lists of
      messages), `preference` (messages, and two answers: the chosen one, then the rejected one).
    - `columns`: JSON, by role: the column of a table; for `parallel` the suffix of the file; for
      `files` the metadata, `file` or `folder` for the one role that is not read from the file.
    - `header`: whether the first line of CSV and TSV names the columns.
    - `kinds`: JSON, by language: which of its tokenizers it gets where the base knows it not, or
      otherwise.
    - `empty`: a pair of a table whose target is an empty text is left out (`skip`, counted), or is
      learned from (`keep`): of silence nothing is said, and the model ends at once.
    - `silence`: beside such a share of the training pairs, forms that augmentation makes of them
      included, stands a made one: as long a source in which nothing is said, and an empty target.
    - `group`: pairs with one value in this metadata stay on one side of the split; by default
      those with one source do.
    - `partners`: JSON, the files of the targets where those of the sources are named: they too
      decide what is read.
    - `vocabulary`: the checksum of the base's tokenizer: another one makes another corpus.
    """

    name: ClassVar[str] = NAME

    roles: str = ""
    form: Literal["table", "parallel", "files", "chat", "preference"] = "table"
    columns: str = "{}"
    header: bool = True
    kinds: str = "{}"
    empty: Literal["skip", "keep"] = "skip"
    silence: float = 0.0
    group: str = ""
    partners: str = "[]"
    vocabulary: str = ""
    base: Any = field(default=None, compare=False, repr=False)

    @classmethod
    def load_tokenizer(cls, folder: Path, described: Mapping[str, Any]) -> PairTokenizer:
        """Return the tokenizer that `PairTokenizer.save` wrote."""
        return load(folder, described)

    @cached_property
    def speakers(self) -> Mapping[str, Role]:
        """Return the roles by name, in the order in which they speak."""
        return {
            name: Role(
                name, str(said["language"]), bool(said["predicted"]), str(said.get("lead", ""))
            )
            for name, said in self._described.items()
        }

    @cached_property
    def languages(self) -> Mapping[str, Language]:
        """Return the language of each role."""
        from lexome import languages

        return {
            name: languages.get(said["language"], **said.get("options", {}))
            for name, said in self._described.items()
        }

    @cached_property
    def _described(self) -> Mapping[str, Any]:
        try:
            found = json.loads(self.roles)
            predicted = [said["predicted"] for said in found.values()]
        except (ValueError, TypeError, KeyError, AttributeError):
            predicted = []
        if sum(map(bool, predicted)) != 1:
            raise UsageError(
                "this does not say who speaks which language, and whose turns are predicted",
                where=f"language {NAME!r}, option 'roles'",
                fix="let `lexome finetune` write it",
            )
        return dict(found)

    @cached_property
    def column_of(self) -> Mapping[str, str]:
        """Return `columns` by role."""
        return {name: str(column) for name, column in json.loads(self.columns).items()}

    @cached_property
    def target_files(self) -> Sequence[Path]:
        """Return `partners`, the files of the targets."""
        return tuple(map(Path, json.loads(self.partners)))

    @property
    def options(self) -> Mapping[str, Any]:
        """Return the fields that are not as by default; the base's tokenizer is none."""
        return {name: value for name, value in super().options.items() if name != "base"}

    @property
    def option_files(self) -> Sequence[Path]:
        """Return the files of the targets, and those that options of the languages name."""
        named = (path for one in self.languages.values() for path in one.option_files)
        return tuple(dict.fromkeys((*self.target_files, *named)))

    @property
    def answering(self) -> Role:
        """Return the role whose turns are predicted."""
        return answering(self.speakers)

    @property
    def alternatives(self) -> int:
        """Return with how many answers a document ends: the chosen and the rejected one, or one."""
        return 2 if self.form == "preference" else 1

    @property
    def asking(self) -> Role:
        """Return the role that the answer is given to."""
        return [role for role in self.speakers.values() if not role.predicted][-1]

    @property
    def unit(self) -> str:
        """Return the unit that all roles have, or "unit", which stands for each one's own."""
        units = {one.unit for one in self.languages.values()}
        return units.pop() if len(units) == 1 else "unit"

    @property
    def suffixes(self) -> Sequence[str]:
        """Return those of tables, of the source's file, or of the language that is read."""
        if self.form == "parallel":
            return (self.column_of[self.asking.name],)
        if self.form == "files":
            return self.languages[self._read_role].suffixes
        return SUFFIXES

    @property
    def run_units(self) -> int:
        """Return the longest of the languages' runs."""
        return max(one.run_units for one in self.languages.values())

    @property
    def standalone(self) -> bool:
        """Return true: a pair knows nothing of other pairs."""
        return True

    @property
    def _read_role(self) -> str:
        return next(name for name in self.languages if name not in self.column_of)

    @property
    def target_column(self) -> str:
        """Return where the metadata keep what was written for the target."""
        return self.column_of.get(self.answering.name, self.answering.name)

    def read(self, path: Path) -> Iterator[Document | Skipped]:
        """Yield the pairs of a file."""
        columns = self.column_of
        match self.form:
            case "chat":
                yield from Chats(self.languages).read(path)
            case "preference":
                yield from Preferences(self.languages).read(path)
            case "parallel":
                source, target = (columns[name] for name in self.languages)
                yield from Parallel(self.languages, (source, target)).read(path)
            case "files":
                (column,) = columns.values()
                yield from Files(self.languages, self._read_role, column).read(path)
            case _:
                yield from self._table.read(path)

    def named_files(self, path: Path) -> Iterator[Path]:
        """Yield the files that the records of a table name: recordings, pictures."""
        if self.form == "table":
            yield from self._table.files(path)

    @property
    def _table(self) -> Table:
        may_be_empty = self.answering.name if self.empty == "keep" else None
        return Table(self.languages, self.column_of, self.header, may_be_empty)

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        if self.base is None:
            return {}
        roles = tuple(self.speakers.values())
        return {NAME: PairTrainer(self.base, roles, self.languages, json.loads(self.kinds))}

    def parse(self, text: str) -> Turns:
        """Return what is asked, without an answer; a file where the language reads files."""
        from lexome.languages.pair.reading import content_of

        language = self.languages[self.asking.name]
        return (Turn(self.asking.name, content_of(language, text, Path())),)

    def units(self, document: Document) -> int:
        """Return the units of all the turns together, with those of their leads."""
        plain = unprompted(document.content, self.speakers)
        return sum(
            self.languages[turn.role].units(
                Document(
                    turn.content if plain else self.speakers[turn.role].led(turn.content),
                    document.source,
                )
            )
            for turn in document.content
        )

    def cut(self, document: Document, start: int, stop: int) -> Document:
        """Return the whole pair, as the part that begins at 0, and nothing as any other."""
        content = document.content if start <= 0 < stop else ()
        return Document(content, document.source, document.metadata)

    def split_key(self, document: Document) -> str:
        """Return the group, or what the source says: one source has all its targets on one side."""
        if self.group:
            if self.group not in document.metadata:
                raise LexomeError(
                    f"nothing is known of this pair under {self.group!r}",
                    where=str(document.source),
                    fix=nearest(self.group, document.metadata),
                )
            return document.metadata[self.group]
        digest = blake2b(digest_size=16)
        for turn in document.content:
            if not self.speakers[turn.role].predicted:
                digest.update(as_bytes(turn.content))
        return digest.hexdigest()

    def augment(self, document: Document) -> Iterable[Document]:
        """Yield the pair with each other form of its source, and pairs in which nothing is said.

        The first ones mean the same; of the others there is the share `silence`.
        """
        turns: Turns = document.content
        if self.form in ("chat", "preference") or len(turns) != len(self.languages):
            return
        forms = [document, *self._other_forms(document)]
        yield from forms[1:]
        yield from filter(None, map(self._nothing_said, forms))

    def _other_forms(self, document: Document) -> Iterator[Document]:
        """Yield the pair with other forms of its source.

        There is none where the target has a label for each part of the source, in their order.
        """
        target = self.languages[self.answering.name]
        if isinstance(target, Label) and target.form == "each":
            return
        first, *rest = document.content
        source = Document(first.content, document.source, document.metadata)
        for other in self.languages[first.role].augment(source):
            yield Document(
                (Turn(first.role, other.content), *rest), document.source, document.metadata
            )

    def _nothing_said(self, document: Document) -> Document | None:
        """Return a pair whose source says nothing, if one is drawn to stand beside this one.

        The draw follows from what the source says: the same on any machine, in any piece.
        """
        first, last = document.content[0], document.content[-1]
        language = self.languages[first.role]
        if not (self.silence and isinstance(language, Unspoken)):
            return None
        seed = blake2b(as_bytes(first.content), digest_size=8).digest()
        random = np.random.default_rng(int.from_bytes(seed, "little"))
        if random.random() >= self.silence:
            return None
        name, content = language.unspoken(first.content, random)
        turns = (Turn(first.role, content), Turn(last.role, ""))
        return Document(turns, document.source, {"made": name}, made=name)

    def fidelity(self, tokenizer: Tokenizer, documents: Sequence[Document]) -> Mapping[str, float]:
        """Return the share of tokens that stand for what the base's tokenizer does not know."""
        base = tokenizer
        while isinstance(base, PairTokenizer):
            base = base.base
        if not isinstance(base, ForeignTokenizer) or base.unknown is None or not documents:
            return {}
        ids = np.concatenate(tokenizer.encode([document.content for document in documents]))
        return {"unknown tokens": float((ids == base.unknown).mean())}

    def render(self, document: Document) -> Rendering:
        """Return what the last turn shows, and in writing what stands before it too."""
        shown = [
            self.languages[turn.role].render(Document(turn.content, document.source))
            for turn in document.content
        ]
        if not shown:
            return Rendering("", b"", "text/plain; charset=utf-8", ".txt")
        *before, last = shown
        views = [
            View(f"{turn.role} {view.name}", view.data, view.media_type, view.suffix)
            for turn, one in zip(document.content, before, strict=False)
            for view in one.views
        ]
        text = "\n".join(
            f"{turn.role}: {one.text}" for turn, one in zip(document.content, shown, strict=True)
        )
        return Rendering(text, last.data, last.media_type, last.suffix, (*last.views, *views))


def as_bytes(content: Any) -> bytes:
    """Return bytes that are equal for equal contents, and hardly ever for others."""
    if hasattr(content, "tobytes"):
        return bytes(content.tobytes())
    if is_dataclass(content):
        return b"\0".join(as_bytes(getattr(content, one.name)) for one in fields(content))
    return repr(content).encode("utf-8", "surrogatepass")
