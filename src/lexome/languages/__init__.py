"""Kinds of data that read like a language: one module each, with readers and tokenizers."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from lexome.errors import UsageError, nearest
from lexome.languages import plugins
from lexome.languages.base import Language, Tokenizer
from lexome.languages.options import build, from_text

# Imported when they are asked for: DNA does not wait for what only text needs.
_CLASSES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "text": ("lexome.languages.text", "Text"),
        "dna": ("lexome.languages.dna", "Dna"),
        "protein": ("lexome.languages.protein", "Protein"),
        "music": ("lexome.languages.music", "Music"),
        "sound": ("lexome.languages.sound", "Sound"),
        "image": ("lexome.languages.image", "Image"),
        "label": ("lexome.languages.label", "Label"),
        "joint": ("lexome.languages.joint", "Joint"),
        "pair": ("lexome.languages.pair", "Pair"),
    }
)
# What is put together from others, or stands beside others, nobody prepares by its name.
NAMES = tuple(name for name in _CLASSES if name not in ("label", "joint", "pair"))


def get(name: str, **options: Any) -> Language:
    """Return the language called `name` with its reading options bound in.

    `get(language.name, **language.options)` gives an equal language. An unknown name, an unknown
    option and a value of the wrong type raise `UsageError` with what is near or allowed.
    """
    return cast(Language, build(_class(name), name, options))


def options_from_text(name: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return options of the language called `name` as `get` takes them, from what a person types.

    A text stays as it is where the option takes text, be it `|` or `1`; elsewhere it is read as a
    recipe's values are: `true` a truth value, `3` a number.
    """
    return from_text(_class(name), texts)


def load_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer that was saved in `folder`, by lexome or for plain `transformers`.

    Raises `LexomeError` if there is none and `DamagedFileError` if a file has changed.
    """
    from lexome.languages import tokenizers
    from lexome.languages.tokenizers import folder as folders
    from lexome.languages.tokenizers import foreign

    if not (folder / folders.SPELLING).is_file() and (folder / folders.TOKENIZER).is_file():
        return foreign.adopt(folder)
    described = folders.describe(folder)
    if described.get("kind") == foreign.KIND:
        with folders.damage_named(folder / folders.SPELLING):
            return foreign.load(folder, described)
    if "language" not in described:
        return tokenizers.load(folder)
    language = _class(str(described["language"]))
    with folders.damage_named(folder / folders.SPELLING):
        return cast(Tokenizer, language.load_tokenizer(folder, described))


def _class(name: str) -> type[Any]:
    if name in _CLASSES:
        module, attribute = _CLASSES[name]
        return cast(type[Any], getattr(import_module(module), attribute))
    if name in (further := plugins.find()):
        return further[name]
    raise UsageError(f"there is no language {name!r}", fix=nearest(name, [*NAMES, *further]))


__all__ = ["NAMES", "get", "load_tokenizer", "options_from_text"]
