"""From files to pairs: columns of a table, two files side by side, files and what is said of them.

Each reader yields documents whose content is `Turns`. What has no source or no target is
`Skipped`, and so are labels that are not as many as what they are for; a column or a file that is
not there is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, zip_longest
from pathlib import Path
from typing import Any

from lexome.errors import LexomeError, located, nearest
from lexome.languages.base import Document, Language, Skipped, Source
from lexome.languages.compression import COMPRESSED_SUFFIXES
from lexome.languages.label import Label
from lexome.languages.pair.tables import Row, lines, read_rows
from lexome.languages.pair.turns import Turn
from lexome.languages.sources import content_suffix, file_name
from lexome.languages.text import Text

Entry = Document | Skipped

FILE, FOLDER = "file", "folder"
"""What can stand for a column of metadata: the name of the file, or of the folder it lies in."""

# A longer text is no name: the system would refuse to look for it.
_LONGEST_NAME = 255


@dataclass(frozen=True)
class Table:
    """Pairs in the columns of a table; `columns` names that of each role, in order.

    What the role `may_be_empty` says may be an empty text; a value that is missing is not.
    """

    languages: Mapping[str, Language]
    columns: Mapping[str, str]
    header: bool = True
    may_be_empty: str | None = None

    def read(self, path: Path) -> Iterator[Entry]:
        """Yield a pair for each record; the other columns are its metadata."""
        for row in read_rows(path, header=self.header):
            yield self._pair(row, path.parent)

    def files(self, path: Path) -> Iterator[Path]:
        """Yield the files that the records name: recordings, pictures."""
        for row in read_rows(path, header=self.header):
            for role, column in self.columns.items():
                named = _named_file(self.languages[role], row.values.get(column), path.parent)
                if named is not None and named.is_file():
                    yield named

    def _pair(self, row: Row, folder: Path) -> Entry:
        turns = []
        for role, column in self.columns.items():
            if column not in row.values:
                raise missing_column(column, row)
            value, language = row.values[column], self.languages[role]
            empty = Skipped(row.source, f"empty {role}", f"the column {column!r}")
            needed = role != self.may_be_empty and not _names_none(language)
            if value is None or (needed and isinstance(value, str) and not value.strip()):
                return empty
            with located(str(row.source)):
                turns.append(Turn(role, content_of(language, value, folder)))
            if needed and not language.units(Document(turns[-1].content, row.source)):
                return empty
        # A number stays as it was written: its token is only near it.
        used = {
            column
            for role, column in self.columns.items()
            if not isinstance(self.languages[role], Label)
        }
        return _paired(self.languages, turns, row.source, metadata(row, used))


@dataclass(frozen=True)
class Parallel:
    """Pairs in two files of as many lines: `suffixes` of source and target, as `.en` and `.de`."""

    languages: Mapping[str, Language]
    suffixes: tuple[str, str]

    def read(self, path: Path) -> Iterator[Entry]:
        """Yield a pair for each line of the source's file and its partner's."""
        roles, partner = tuple(self.languages), self._partner(path)
        pairs = zip_longest(lines(path), lines(partner))
        for number, (source, target) in enumerate(pairs, start=1):
            place = Source(file_name(path), str(number), number)
            if source is None or target is None:
                raise LexomeError(
                    f"the file ends at line {number - 1}, and its partner goes on",
                    where=file_name(path if source is None else partner),
                    fix="both files need the same number of lines",
                )
            said = dict(zip(roles, (source, target), strict=True))
            needed = [role for role in roles if not _names_none(self.languages[role])]
            if empty := [role for role in needed if not said[role].strip()]:
                yield Skipped(place, f"empty {empty[0]}")
                continue
            with located(str(place)):
                turns = [Turn(role, self.languages[role].parse(said[role])) for role in roles]
            texts = zip(self.languages.values(), self.suffixes, (source, target), strict=True)
            labels = {suffix: text for one, suffix, text in texts if isinstance(one, Label)}
            yield _paired(self.languages, turns, place, labels)

    def _partner(self, path: Path) -> Path:
        tail = "".join(s for s in path.suffixes if s.lower() in COMPRESSED_SUFFIXES)
        stem = path.name.removesuffix(tail).removesuffix(self.suffixes[0])
        for ending in ("", *COMPRESSED_SUFFIXES):
            if (partner := path.with_name(f"{stem}{self.suffixes[1]}{ending}")).is_file():
                return partner
        raise LexomeError(
            f"there is no {stem}{self.suffixes[1]} beside this file",
            where=file_name(path),
            fix="put the two files into one folder, named alike but for the language",
        )


@dataclass(frozen=True)
class Files:
    """Pairs of which one role, `read_role`, is what a file holds, and the other is said of it.

    The other comes from `column` of the document's metadata (a caption, a field of the name), or
    is the name of its file without suffix (`file`) or of its folder (`folder`).
    """

    languages: Mapping[str, Language]
    read_role: str
    column: str

    def read(self, path: Path) -> Iterator[Entry]:
        """Yield a pair for each document of a file."""
        other = next(role for role in self.languages if role != self.read_role)
        for entry in self.languages[self.read_role].read(path):
            if isinstance(entry, Skipped):
                yield entry
                continue
            said = self._said(path, entry)
            if not said.strip():
                yield Skipped(entry.source, f"empty {other}", f"{self.column!r} says nothing")
                continue
            with located(str(entry.source)):
                contents = {
                    self.read_role: entry.content,
                    other: self.languages[other].parse(said),
                }
            turns = [Turn(role, contents[role]) for role in self.languages]
            known = {**entry.metadata, self.column: said}
            yield _paired(self.languages, turns, entry.source, known)

    def _said(self, path: Path, document: Document) -> str:
        if self.column in document.metadata:
            return document.metadata[self.column]
        if self.column == FILE:
            return path.name.partition(".")[0]
        if self.column == FOLDER:
            return path.parent.name
        if not document.metadata:
            return ""
        raise LexomeError(
            f"nothing called {self.column!r} is known of this document",
            where=str(document.source),
            fix=nearest(self.column, [*document.metadata, FILE, FOLDER]),
        )


def content_of(language: Language, value: Any, folder: Path) -> Any:
    """Return what a value of a table says in a language: itself, or the file that it names."""
    if isinstance(value, list) and isinstance(language, Label):
        return language.gathered(value)
    text = value if isinstance(value, str) else _spelled(value)
    if (path := _named_file(language, value, folder)) is not None:
        if path.is_file():
            return _only(language, path)
        if not _typed(language, text):
            raise LexomeError(
                f"there is no file {text!r}",
                fix=f"paths are read from the folder of the table, {file_name(folder)}",
            )
    elif language.suffixes and not _typed(language, ""):
        raise LexomeError(
            f"{text!r} does not end as a file of the language {language.name!r} does",
            fix=f"name files that end in {', '.join(language.suffixes)}",
        )
    return language.parse(text)


def metadata(row: Row, used: set[str]) -> dict[str, str]:
    """Return the columns of a row that are no turn, as text."""
    return {
        name: value if isinstance(value, str) else _spelled(value)
        for name, value in row.values.items()
        if name not in used and value is not None
    }


def missing_column(column: str, row: Row) -> LexomeError:
    """Return the error for a column that a table does not have."""
    return LexomeError(
        f"there is no column {column!r}",
        where=str(row.source),
        fix=f"the columns are {', '.join(row.values)}: name one with --source or --target",
    )


def _paired(
    languages: Mapping[str, Language],
    turns: Sequence[Turn],
    source: Source,
    known: Mapping[str, str],
) -> Entry:
    """Return turns as a pair, unless it has a label for each part, and other parts than labels."""
    for asked, said in permutations(turns, 2):
        label = languages[said.role]
        if isinstance(label, Label) and label.form == "each":
            parts = _parts(languages[asked.role], asked.content)
            if parts and len(said.content) not in parts.values():
                counts = " or ".join(f"{count} {name}" for name, count in parts.items())
                detail = f"{len(said.content)} labels for {counts}"
                return Skipped(source, f"labels that do not fit the {asked.role}", detail)
    return Document(tuple(turns), source, known)


def _parts(language: Language, content: Any) -> dict[str, int]:
    """Return how many parts there are in what is written, by what they are called.

    Nobody knows which parts of a recording or of a picture a person has labels for.
    """
    if isinstance(language, Text):
        return {"words": len(content.split()), "characters": len(content)}
    if isinstance(content, str):
        return {f"{language.unit}s": language.units(Document(content, Source("")))}
    return {}


def _names_none(language: Language) -> bool:
    """Return whether nothing is content too: of several classes, none."""
    return isinstance(language, Label) and language.form == "several"


def _named_file(language: Language, value: Any, folder: Path) -> Path | None:
    """Return the path that a value is, if it ends as files of the language do."""
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        return None
    return folder / value if content_suffix(Path(value)) in language.suffixes else None


def _only(language: Language, path: Path) -> Any:
    documents = list(language.read(path))
    if len(documents) == 1 and isinstance(document := documents[0], Document):
        return document.content
    if documents and isinstance(documents[0], Skipped):
        raise LexomeError(f"this file is left out: {documents[0].reason}", where=file_name(path))
    raise LexomeError(
        f"this file holds {len(documents)} documents, and a pair needs one",
        where=file_name(path),
        fix="cut it, or choose an option of the language that reads it as one",
    )


def _typed(language: Language, text: str) -> bool:
    """Return whether a text is content by itself; not even the empty one is in some languages."""
    try:
        language.parse(text)
    except LexomeError:
        return False
    return True


def _spelled(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=str)
