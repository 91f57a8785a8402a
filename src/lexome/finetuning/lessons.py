"""What pairs made of questions have in common: who is taught, and the file that they stand in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from lexome.corpus import Corpus
from lexome.evaluation.facts import Question
from lexome.evaluation.honesty.questions import drawn, subjects_of
from lexome.files import read_json, sha256, write_json, write_text
from lexome.languages.pair.chat import ASSISTANT, TEXT, USER
from lexome.model.folder import WEIGHTS
from lexome.training.run import MODEL, Run

ABOUT = "about"
"""What the metadata call who or what a pair is about: such pairs stand on one side of the split."""
SIDE = "side"
"""What the metadata call the side of the split on which a pair stands, where its maker says it."""
MOST = 2400
"""Questions of each kind: one about each subject more is worth more than another about each."""


def about_share(
    questions: Sequence[Question], share: float, most: int, purpose: str
) -> list[Question]:
    """Return the questions about a share of the subjects, at most so many, spread over all."""
    names = subjects_of(questions, purpose)
    chosen = frozenset(names[: int(share * len(names))])
    return spread([one for one in questions if one.subject in chosen], most, purpose)


def spread(questions: Sequence[Question], most: int, purpose: str) -> list[Question]:
    """Return at most so many questions: of each subject one, then of each another one, and on."""
    turns: Counter[str] = Counter()
    rounds = []
    for one in sorted(questions, key=lambda one: drawn(one.prompt, purpose)):
        rounds.append((turns[one.subject], one))
        turns[one.subject] += 1
    return [one for _, one in sorted(rounds, key=itemgetter(0))[:most]]


def lesson(prompt: str, answer: str, /, **metadata: str) -> dict[str, Any]:
    """Return a pair as a record of messages, with what is known of it."""
    turns = ((USER, prompt), (ASSISTANT, answer))
    messages = [{"role": role, "content": content} for role, content in turns]
    return {"messages": messages, **metadata}


def text_lesson(text: str, **metadata: str) -> dict[str, Any]:
    """Return running text as a record, with what is known of it."""
    return {TEXT: text, **metadata}


def made_from(
    run: Run, rule: int, files: Iterable[Path | None], corpus: Corpus | None, indexed: bool
) -> dict[str, Any]:
    """Return all that decides what is written, to be compared with what was asked before.

    That is the rule, the weights that are asked, the files of questions, and what the model has
    read, as far as it can be looked up.
    """
    return {
        "rule": rule,
        "weights": sha256(run.folder / MODEL / WEIGHTS),
        "files": [None if file is None else sha256(file) for file in files],
        "corpus": None if corpus is None else corpus.fingerprint,
        "indexed": indexed,
    }


def kept_lessons(file: Path, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what was said of the pairs in a file, if the same was `asked` and none has changed."""
    record = file.with_suffix(".json")
    if not (file.is_file() and record.is_file()):
        return None
    kept = read_json(record)
    if not isinstance(kept, dict):
        return None
    same = (kept.get("asked"), kept.get("sha256")) == (asked, sha256(file))
    return dict(kept["lessons"]) if same else None


def keep_lessons(
    file: Path, rows: Iterable[Mapping[str, Any]], asked: Mapping[str, Any], said: Mapping[str, Any]
) -> None:
    """Write pairs as JSON lines, and beside them what was asked and what is `said` of them."""
    write_text(file, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
    write_json(
        file.with_suffix(".json"),
        {"asked": dict(asked), "sha256": sha256(file), "lessons": dict(said)},
    )
