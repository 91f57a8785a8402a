"""Tokenizers of bases, pairs that speak their languages and others, and files of pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lexome import languages
from lexome.languages.base import Document, Tokenizer
from lexome.languages.joint import JointTokenizer
from lexome.languages.pair import BaseTokens, Pair, PairTokenizer, Role, Turn, Turns
from lexome.languages.pair.training import PairTrainer
from lexome.languages.tokenizers import BpeTrainer, BytesTrainer

WORDS = "the cat sat on the mat and the dog ran to the sea " * 20


def of(language: str, kind: str) -> Tokenizer:
    """Return a small tokenizer of a language that needs no sample."""
    return languages.get(language).tokenizers()[kind].train([], None)


TEXT = BpeTrainer().train([WORDS], 300)
BASES: Mapping[str, BaseTokens] = {
    "text": BaseTokens(TEXT, "text"),
    "bytes": BaseTokens(BytesTrainer().train(), "text"),
    "dna": BaseTokens(of("dna", "symbols"), "dna"),
    "joint": BaseTokens(JointTokenizer({"text": TEXT, "dna": of("dna", "symbols")}), "joint"),
}


def roles(source: str, target: str, names: tuple[str, str] = ("source", "target")) -> list[Role]:
    """Return two roles, of which the second one is predicted."""
    return [Role(names[0], source, False), Role(names[1], target, True)]


def picture(seed: int) -> Any:
    """Return a picture of few colours, [4, 4, 3]."""
    draw = np.random.default_rng(seed)
    return draw.choice(np.array([0, 90, 255], np.uint8), (4, 4, 3))


def turns(source: Any, target: Any) -> Turns:
    """Return a source and its target."""
    return Turn("source", source), Turn("target", target)


def grown(base: str, source: str, target: str, pairs: list[Turns], **options: Any) -> PairTokenizer:
    """Return the tokenizer of a base, grown by what pairs bring; `options` are of the target."""
    spoken = {"source": languages.get(source), "target": languages.get(target, **options)}
    made = PairTrainer(BASES[base], roles(source, target), spoken).train(pairs, None)
    assert isinstance(made, PairTokenizer)
    return made


COLUMNS = {"source": "source", "target": "target"}


def pair(
    source: str = "text",
    target: str = "text",
    form: str = "table",
    columns: dict[str, str] | None = None,
    source_options: dict[str, Any] | None = None,
    target_options: dict[str, Any] | None = None,
    **options: Any,
) -> Pair:
    """Return a language of pairs; `options` are its own."""
    roles = {
        "source": {"language": source, "options": source_options or {}, "predicted": False},
        "target": {"language": target, "options": target_options or {}, "predicted": True},
    }
    said = json.dumps(columns or COLUMNS)
    found = languages.get("pair", roles=json.dumps(roles), form=form, columns=said, **options)
    assert isinstance(found, Pair)
    return found


def said(language: Pair, path: Path) -> list[tuple[Any, Any]]:
    """Return the sources and targets of a file, all of which have to be pairs."""
    entries = list(language.read(path))
    assert all(isinstance(entry, Document) for entry in entries)
    return [tuple(turn.content for turn in entry.content) for entry in entries]  # type: ignore[union-attr, misc]


def written(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
