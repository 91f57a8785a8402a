"""From what a person names to the language of the pairs in it: which form, which columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lexome import languages
from lexome.errors import UsageError
from lexome.finetuning.tasks import SOURCE, TARGET, Task
from lexome.languages.base import Unspoken
from lexome.languages.compression import COMPRESSED_SUFFIXES
from lexome.languages.joint import Joint
from lexome.languages.pair import BaseTokens, Pair, PairTokenizer
from lexome.languages.pair.lead import word_lead
from lexome.languages.pair.tables import SUFFIXES, read_rows
from lexome.languages.pair.tokenizer import known_parts
from lexome.languages.sources import content_suffix, find_files

# What options of a language say of files and of splits, and not of what is in them.
_OF_FILES = frozenset(
    {
        "separator",
        "column",
        "delimiter",
        "quotes",
        "encoding",
        "invalid",
        "duplicates",
        "min_length",
        "manifest",
        "windows",
        "windows_elsewhere",
        "names",
        "group",
        "split_by",
    }
)
# What is only read need not be said: frames hold more than codes.
_READ_AS: Mapping[str, str] = MappingProxyType({"sound": "mel"})


@dataclass(frozen=True)
class PairData:
    """The files of a task's pairs, and how they are to be read.

    - `files`: one or several tables; two texts of as many lines, source first; or files of the
      language that is read.
    - `source`, `target`: the column of a table, or what is said of a file (metadata, `file`,
      `folder`); by default what is usual for the task.
    - `source_language`, `target_language`, with `source_options` and `target_options`: by default
      those of the task, and of the base model where it knows the language.
    - `source_tokenizer`, `target_tokenizer`: how a side becomes tokens; by default as the base
      knows it, or, where it knows it not, in its language's usual way, the source in the way that
      suits what is only read.
    - `silence`: beside which share of the training pairs a made one stands, of silence or noise,
      to which nothing is said; by default that of the task.
    """

    files: Sequence[str | Path]
    source: str | None = None
    target: str | None = None
    source_language: str | None = None
    target_language: str | None = None
    source_options: Mapping[str, Any] = field(default_factory=dict)
    target_options: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""
    source_tokenizer: str | None = None
    target_tokenizer: str | None = None
    silence: float | None = None


@dataclass(frozen=True)
class Base:
    """What is known of the model that is tuned: its folder, its tokens, its languages' options.

    `vocabulary` is the checksum of its tokenizer.
    """

    folder: Path
    tokens: BaseTokens
    options: Mapping[str, Mapping[str, Any]]
    vocabulary: str


def pairs_language(task: Task, data: PairData, base: Base) -> tuple[Pair, list[str | Path]]:
    """Return the language that reads a task's data, and the sources in which it finds its files.

    Raises `UsageError` for a language that nothing says, and a column that is not there.
    """
    names = _language_names(task, data, base)
    options = [data.source_options, data.target_options]
    described: dict[str, Any] = {}
    kinds = _kinds(names, data, base)
    lead = _lead(names, kinds, base, task) if task.is_chat else ""
    for role in task.roles:
        side = int(role == task.roles[-1])
        described[role] = {
            "language": names[side],
            "options": {**_base_options(names[side], base), **options[side]},
            "predicted": bool(side),
            **({"lead": lead} if lead else {}),
        }
    roles = json.dumps(described)
    plain = Pair(
        roles,
        kinds=json.dumps(kinds),
        silence=_silence(task, data, names),
        group=data.group,
        vocabulary=base.vocabulary,
        base=base.tokens,
    )
    if task.is_chat:
        _check_no_columns(data)
        if task.objective == "preference":
            _check_assistant(task, base)
            plain = replace(plain, form="preference")
        else:
            plain = replace(plain, form="chat")
        return plain, list(data.files)
    form, columns, header = _form(task, data, described)
    pair = replace(
        plain,
        form=form,
        columns=json.dumps(columns),
        header=header,
        empty=task.empty,
        partners=json.dumps([str(data.files[1])] if form == "parallel" else []),
    )
    # Of parallel texts the first one names the other.
    return pair, list(data.files[:1] if form == "parallel" else data.files)


def _silence(task: Task, data: PairData, names: tuple[str, str]) -> float:
    """Return the share of made pairs in which nothing is said: a source in sound, a target in text.

    Elsewhere there is no such source, or no empty target: a label always says something.
    """
    source, target = names
    possible = isinstance(languages.get(source), Unspoken) and target == "text" and not task.is_chat
    share = data.silence
    if share is None:
        return task.silence if possible else 0.0
    if not 0 <= share <= 1:
        raise UsageError(f"a share lies between 0 and 1, not at {share:g}", where="--silence")
    if share and not possible:
        raise UsageError(
            f"pairs of silence can be made where sound is written down, not of {source} → {target}",
            where="--silence",
            fix="leave it out",
        )
    return share


def _check_no_columns(data: PairData) -> None:
    """Raise `UsageError` if a column is named for a side of conversations."""
    for option, column in (("--source", data.source), ("--target", data.target)):
        if column is not None:
            raise UsageError(
                "a conversation is a list of messages, and has no columns of a source or a target",
                where=option,
                fix="leave it out; a question and its answer may stand in columns prompt and "
                "response",
            )


def _check_assistant(task: Task, base: Base) -> None:
    """Raise `UsageError` unless the base is one who answers already."""
    if _speaking(task, base) is None:
        raise UsageError(
            "preferences are learned by an assistant, and this base is none",
            where=str(base.folder),
            fix=f"tune it first: lexome finetune {base.folder} chats.jsonl --task assistant",
        )


def _speaking(task: Task, base: Base) -> PairTokenizer | None:
    """Return the base's tokenizer if it has the roles of a task already."""
    tokenizer = base.tokens.tokenizer
    if isinstance(tokenizer, PairTokenizer) and set(task.roles) <= tokenizer.roles.keys():
        return tokenizer
    return None


def _kinds(names: tuple[str, str], data: PairData, base: Base) -> dict[str, str]:
    """Return the tokenizers of the languages that do not become tokens as the base has them."""
    source, target = names
    asked = {source: data.source_tokenizer, target: data.target_tokenizer}
    if source == target:
        asked = {source: _one_kind(data)}
    known = known_parts(base.tokens.tokenizer, base.tokens.language)
    if asked[source] is None and source not in known and source != target:
        asked[source] = _READ_AS.get(source)
    return {name: kind for name, kind in asked.items() if kind is not None}


def _one_kind(data: PairData) -> str | None:
    """Return the tokenizer of both sides, which are one language and have one."""
    kinds = {data.source_tokenizer, data.target_tokenizer} - {None}
    if len(kinds) > 1:
        raise UsageError(
            f"source and target are one language, which cannot become tokens as "
            f"{data.source_tokenizer} and as {data.target_tokenizer}",
            where="--target-tokenizer",
            fix="name one of them",
        )
    return next(iter(kinds), None)


def _language_names(task: Task, data: PairData, base: Base) -> tuple[str, str]:
    source = data.source_language or task.source or base.tokens.language
    target = data.target_language or task.target
    if source == Joint.name:
        raise UsageError(
            "the base speaks several languages, and nothing says which one the sources are in",
            fix=f"add --source-language, one of {', '.join(base.options)}",
        )
    if target is None:
        raise UsageError(
            f"nothing says which language the target of the task {task.name!r} is in",
            fix="add --target-language, one of " + ", ".join((*languages.NAMES, "label")),
        )
    return source, target


def _lead(names: tuple[str, str], kinds: Mapping[str, str], base: Base, task: Task) -> str:
    """Return what stands before each turn of a conversation, so that it reads as running text.

    A base that converses already goes on as it learned to. There is none where the base knows not
    these tokens, or where the answers are in another language than what is asked.
    """
    if (speaking := _speaking(task, base)) is not None:
        return speaking.answering.lead
    asking, answering = names
    known = known_parts(base.tokens.tokenizer, base.tokens.language)
    if asking != answering or asking not in known:
        return ""
    tokenizer = known[asking].tokenizer
    return word_lead(tokenizer) if kinds.get(asking, tokenizer.kind) == tokenizer.kind else ""


def _base_options(name: str, base: Base) -> Mapping[str, Any]:
    """Return the options with which the base reads a language, without those of its files."""
    return {
        option: value
        for option, value in base.options.get(name, {}).items()
        if option not in _OF_FILES
    }


def _form(
    task: Task, data: PairData, described: Mapping[str, Any]
) -> tuple[Any, dict[str, str], bool]:
    paths = [Path(file) for file in data.files]
    parallel = _parallel(paths)
    if parallel is not None:
        return "parallel", parallel, True
    files = find_files(data.files, (*SUFFIXES, *_suffixes(described)))[0]
    if all(content_suffix(file) in SUFFIXES for file in files):
        columns, header = _columns(task, data, files[0])
        return "table", columns, header
    for role, asked in ((TARGET, data.target), (SOURCE, data.source)):
        if asked is not None:
            return "files", {role: asked}, True
    raise UsageError(
        "nothing says what the other side of these files is",
        where=", ".join(map(str, paths[:3])),
        fix="add --target folder (or file, or a name from the metadata), or --source; two texts "
        "of as many lines are named alike but for the ending, as talk.en and talk.de",
    )


def _suffixes(described: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for said in described.values():
        language = languages.get(said["language"], **said["options"])
        found += language.suffixes
    return found


def sources_of(pair: Pair, files: Sequence[Path]) -> list[Path]:
    """Return in which of `files` a language of pairs, that was made for others, finds its own.

    Of two parallel texts that is the source's, beside which the target's is found. Two that are not
    named as those that the language was made for are a `UsageError`.
    """
    suffixes = _parallel(files) if pair.form == "parallel" else None
    if suffixes is None:
        return list(files)
    if suffixes != (known := pair.column_of):
        raise UsageError(
            f"the source ends in {known[SOURCE]} and the target in {known[TARGET]}",
            where=", ".join(map(str, files)),
            fix="name the files as those of training, and in their order",
        )
    return list(files[:1])


def _parallel(paths: Sequence[Path]) -> dict[str, str] | None:
    """Return the suffix of each role if two files differ in that alone."""
    if len(paths) != 2 or not all(path.is_file() for path in paths):
        return None
    plain = [_unpacked(path) for path in paths]
    source, target = (path.suffix for path in plain)
    if not source or source == target or plain[0].with_suffix("") != plain[1].with_suffix(""):
        return None
    if {source.lower(), target.lower()} <= set(SUFFIXES):
        return None
    return {SOURCE: source, TARGET: target}


def _unpacked(path: Path) -> Path:
    while path.suffix.lower() in COMPRESSED_SUFFIXES:
        path = path.with_suffix("")
    return path


def _columns(task: Task, data: PairData, table: Path) -> tuple[dict[str, str], bool]:
    """Return the column of each role, and whether the first line of the table names them.

    Columns of CSV and TSV that are asked for by their numbers have no names; nor have the two of
    a TSV whose first line holds no usual one at all.
    """
    first = list(islice(read_rows(table), 1))
    known = list(first[0].values) if first else []
    asked_for = (data.source, data.target)
    if content_suffix(table) in (".csv", ".tsv") and all(
        name is not None and name.isdigit() and name not in known for name in asked_for
    ):
        return dict(zip((SOURCE, TARGET), map(str, asked_for), strict=True)), False
    usual_ones = {name for usual in task.columns for name in usual}
    two = content_suffix(table) == ".tsv" and len(known) == 2
    if two and asked_for == (None, None) and usual_ones.isdisjoint(known):
        return {SOURCE: "1", TARGET: "2"}, False
    columns = {}
    for role, asked, usual in zip((SOURCE, TARGET), asked_for, task.columns, strict=True):
        found = asked or next((name for name in usual if name in known), None)
        if found is None:
            raise UsageError(
                f"none of the columns {', '.join(known) or '(none)'} is usual for the {role} of "
                f"the task {task.name!r}",
                where=str(table),
                fix=f"name it with --{role}"
                + (", or say --source 1 --target 2 if the first line is a pair" if two else ""),
            )
        columns[role] = found
    return columns, True
