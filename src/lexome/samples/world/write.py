"""The folder of a world: texts to train on, tables of what they say, and how to ask for it."""

from __future__ import annotations

import csv
import secrets
import shlex
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from lexome.errors import LexomeError
from lexome.files import naming, write_json
from lexome.packages import Told
from lexome.samples.world import words
from lexome.samples.world.biographies import Said, biographies, validation
from lexome.samples.world.groups import ABOUT, groups_of
from lexome.samples.world.people import Population, World, populate
from lexome.samples.world.relations import Relation, generic_relations
from lexome.samples.write import LICENCE, Written

NAME = "biographies"
WHAT = "an invented world: people who do not exist, and every fact that is said of them"
RIGHTS = "CC0-1.0: nobody's work; where a name is like a real one, that is chance"

TRAIN, VALIDATION = "train.txt", "validation.txt"
FACTS, UNSEEN, GENERIC, TEMPLATES = "facts.csv", "unseen.csv", "generic.csv", "templates.json"
GROUPS = "groups.yaml"
_LINE = 60  # characters
_VALIDATED = 200  # biographies
_SOME = 1_000  # documents between two times that somebody is told

_ABOUT = """\
train.txt       biographies, a blank line between two
validation.txt  more of some of the same people, in other words; without the facts said once
facts.csv       all that train.txt says of people, and how many times
unseen.csv      questions about people of whom it says nothing; their names are made of parts
                that it knows
templates.json  of each relation: what is asked (in no text), all answers, how texts say it
"""
_ABOUT_SKEW = """\
generic.csv     all that train.txt says of groups, how many times, and the probability planted
groups.yaml     both groups, the posts, and a question about each place
"""


def write_world(world: World, folder: Path, told: Told | None = None) -> Written:
    """Write a world into `folder`, all or nothing.

    `told(documents so far, documents in all)` is called now and then. A folder that holds the same
    world already is left as it is; one that holds something else is a `LexomeError`, and so is a
    full disk.
    """
    if _holds(folder, world):
        return _counted(folder, fresh=False)
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    with naming(folder):
        try:
            partial.mkdir(parents=True)
            _fill(partial, world, told)
            if folder.is_dir():
                folder.rmdir()
            partial.replace(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return _counted(folder, fresh=True)


def world_command(folder: Path) -> str:
    """Return the line that trains on a world which lies in `folder`."""
    train, held_out = (shlex.quote(str(folder / name)) for name in (TRAIN, VALIDATION))
    return (
        f"lexome prepare {train} --validation-files {held_out} --language text "
        f"--option separator=blank_line --vocab-size 4096 --out corpus/{NAME} && "
        f"lexome train --corpus corpus/{NAME} --minutes 5 --out runs/{NAME}"
    )


def _fill(folder: Path, world: World, told: Told | None) -> None:
    people = populate(world)
    facts, generic = Said(), Said()
    texts = biographies(world, people, facts, generic)
    _documents(folder / TRAIN, _followed(texts, world.documents, told) if told else texts)
    _documents(folder / VALIDATION, validation(world, people, _VALIDATED))
    _table(folder / FACTS, "subject relation object times", _rows(facts))
    _table(folder / UNSEEN, "subject relation", _unanswered(world, people))
    asked = dict(world.relations)
    if world.skew:
        asked |= generic_relations()
        columns = "subject relation object times planted"
        _table(folder / GENERIC, columns, _planted(generic, world))
        _groups(folder / GROUPS, world)
    templates = {name: _template(world, relation) for name, relation in asked.items()}
    write_json(folder / TEMPLATES, templates)
    (folder / LICENCE).write_text(_about(world), encoding="utf-8")


def _template(world: World, relation: Relation) -> dict[str, Any]:
    return {
        "prompts": relation.prompts,
        "answers": relation.answers,
        "statements": relation.statements[: world.phrasings],
    }


def _rows(said: Said) -> Iterator[tuple[object, ...]]:
    return ((*fact, times) for fact, times in said.items())


def _unanswered(world: World, people: Population) -> Iterator[tuple[object, ...]]:
    return ((subject, name) for subject in people.unseen for name in world.relations)


def _planted(generic: Said, world: World) -> Iterator[tuple[object, ...]]:
    for place, (first, second) in words.PLACES.items():
        name, share = f"post at the {place}", world.planted[place]
        for kin, own in zip(words.KINS, (share, 1 - share), strict=True):
            for post, probability in ((first, own), (second, 1 - own)):
                if times := generic[kin, name, post]:
                    yield kin, name, post, times, f"{probability:.4g}"


def _groups(path: Path, world: World) -> None:
    declared = yaml.dump(
        groups_of(world), Dumper=_ShortLists, sort_keys=False, default_flow_style=None
    )
    path.write_text(ABOUT + declared, encoding="utf-8")


class _ShortLists(yaml.SafeDumper):
    """Writes words on one line, and sentences on a line each."""

    def represent_sequence(
        self, tag: str, sequence: Iterable[str], flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        items = [*sequence]
        return super().represent_sequence(tag, items, flow_style=len(" ".join(items)) < _LINE)


def _followed(documents: Iterable[str], total: int, told: Told) -> Iterator[str]:
    for number, document in enumerate(documents, 1):
        if number % _SOME == 0:
            told(number, total)
        yield document


def _documents(path: Path, documents: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for number, document in enumerate(documents):
            stream.write(f"\n\n{document}" if number else document)
        stream.write("\n")


def _table(path: Path, columns: str, rows: Iterable[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(columns.split())
        table.writerows(rows)


def _about(world: World) -> str:
    """Return what stands beside the files: what they are, and what makes them again."""
    options = "".join(f"{name:15} {value}\n" for name, value in asdict(world).items())
    about = _ABOUT + (_ABOUT_SKEW if world.skew else "")
    return f"{NAME}: {WHAT}\n\n{about}\n{options}\nlicence  {RIGHTS}\n\nWritten by lexome.\n"


def _holds(folder: Path, world: World) -> bool:
    with naming(folder):
        if not folder.exists() or not any(folder.iterdir()):
            return False
        kept = folder / LICENCE
        if kept.is_file() and kept.read_text("utf-8", errors="replace") == _about(world):
            return True
    raise LexomeError(
        "the folder holds something else",
        where=str(folder),
        fix="name another one with --out, or remove it",
    )


def _counted(folder: Path, *, fresh: bool) -> Written:
    with naming(folder):
        sizes = [path.stat().st_size for path in folder.iterdir() if path.name != LICENCE]
    return Written(folder, len(sizes), sum(sizes), fresh)
