"""A tokenizer that lexome did not make: the tokenizer.json of any Hugging Face folder.

Ids and texts are what `tokenizers` gives for it, with two differences. No special token is added
to a content: begin and end are put around it. And pad, begin, end and mask are four tokens: one
that the folder does not name, or names for two purposes (GPT-2 ends where it begins), gets a token
of its own behind the vocabulary, as a token must be where a model is to learn what it means.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import tokenizers

from lexome.errors import LexomeError
from lexome.files import naming, read_json
from lexome.languages.base import Ids, SpecialTokens, UnitCodes
from lexome.languages.tokenizers import folder as folders
from lexome.languages.tokenizers.vocabulary import SPECIAL_NAMES, byte_alphabet

KIND = "foreign"

# What stands in tokenizer_config.json, special_tokens_map.json and config.json for each of the
# four, the more usual one first: models of the family of BERT call begin and end `cls` and `sep`.
_ROLES = {
    "pad": ("pad_token",),
    "begin": ("bos_token", "cls_token"),
    "end": ("eos_token", "sep_token"),
    "mask": ("mask_token",),
}
_BYTE_LEVEL = "ByteLevel"
# Decoders of which each token's share of the text is known without its neighbours.
_DECODERS = {_BYTE_LEVEL, "Metaspace", "WordPiece", "Replace", "ByteFallback", "Fuse", "Strip"}
_BYTES = {character: byte for byte, character in enumerate(byte_alphabet())}
_BROKEN = "\ufffd"


class ForeignTokenizer:
    """A tokenizer of text as `tokenizers` runs it; `json` is the text of a tokenizer.json.

    `special` are the ids of its special tokens. `unit_lengths` [vocab_size] counts UTF-8 bytes of
    the text; a tokenizer that is `lossy` may change white space, case or the form of characters,
    and what it does not know becomes its `unknown` token.
    """

    kind = KIND
    overlapping = False

    def __init__(self, json: str, special: SpecialTokens) -> None:
        self.json = json
        self.special = special
        self.backend = tokenizers.Tokenizer.from_str(json)
        self.backend.encode_special_tokens = True
        described = _parsed(json)
        names = self.backend.get_vocab(with_added_tokens=True)
        self._names = sorted(names, key=names.__getitem__)
        self.unknown = names.get(_unknown(described) or "")
        self.lossy = not _lossless(described, names)
        self._bytes = _token_bytes(self._names, described, special, self.unknown)
        self.unit_lengths: npt.NDArray[np.int64] = np.array(
            [len(added) for added in self._bytes], np.int64
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return ForeignTokenizer, (self.json, self.special)

    @property
    def vocab_size(self) -> int:
        """Return the number of tokens, those that were added behind them included."""
        return len(self._names)

    def encode(self, contents: Sequence[str]) -> list[Ids]:
        """Encode each content to ids; content that looks like a special token is text."""
        kind = np.uint16 if self.vocab_size <= 1 << 16 else np.uint32
        found = self.backend.encode_batch_fast(list(contents), add_special_tokens=False)
        return [np.array(one.ids, kind) for one in found]

    def decode(self, ids: Ids) -> str:
        """Return the text that `ids` stand for; special tokens stand for nothing."""
        whole = np.asarray(ids).astype(np.int64)
        kept = whole[~np.isin(whole, self.special.ids)]
        return self.backend.decode(kept.tolist(), skip_special_tokens=False)

    def unit_codes(self, ids: Ids) -> UnitCodes:
        """Return the bytes that the tokens spell, as numbers."""
        spelled = b"".join([self._bytes[index] for index in np.asarray(ids).tolist()])
        return np.frombuffer(spelled, np.uint8)

    def token_label(self, token: int) -> str:
        """Return the name of a token."""
        if not 0 <= token < self.vocab_size:
            raise LexomeError(f"there is no token {token}, only 0 to {self.vocab_size - 1}")
        return self._names[token]

    def text_stream(self) -> ForeignStream:
        """Return what decodes ids as they are generated."""
        return ForeignStream(self)

    def save(self, folder: Path) -> None:
        """Write tokenizer.json, tokenizer_config.json and lexome_tokenizer.json."""
        names = [self._names[index] for index in self.special.ids]
        described = {"kind": KIND, "special": list(self.special.ids)}
        config = folders.special_config(names)
        folders.save_coding(folder, self.json, described, {}, config)


class ForeignStream:
    """Decodes ids as they are generated, and gives out what later ids no longer change."""

    def __init__(self, tokenizer: ForeignTokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._written = 0

    def push(self, ids: Iterable[int]) -> str:
        """Return the characters that `ids` complete; an open one is kept for the next call."""
        self._ids += ids
        return self._more(self._tokenizer.decode(np.array(self._ids, np.int64)).rstrip(_BROKEN))

    def finish(self) -> str:
        """Return what is left."""
        return self._more(self._tokenizer.decode(np.array(self._ids, np.int64)))

    def _more(self, text: str) -> str:
        # A decoder that mends the text behind it cannot take back what was written.
        more = text[self._written :]
        self._written = max(self._written, len(text))
        return more


def load(folder: Path, described: Mapping[str, Any]) -> ForeignTokenizer:
    """Return the tokenizer that `ForeignTokenizer.save` wrote; its files have been checked."""
    pad, begin, end, mask = map(int, described["special"])
    text = (folder / folders.TOKENIZER).read_text("utf-8")
    return ForeignTokenizer(text, SpecialTokens(pad, begin, end, mask))


def adopt(folder: Path) -> ForeignTokenizer:
    """Return the tokenizer of a Hugging Face folder, with tokens of its own for what it lacks.

    Raises `DamagedFileError` where a file cannot be read, and `LexomeError` for a tokenizer whose
    ids have gaps, whose decoder is of an unknown kind, or that a lost file of lexome belongs to.
    """
    path = folder / folders.TOKENIZER
    with naming(path), folders.damage_named(path):
        described = _parsed(path.read_text("utf-8"))
        backend = tokenizers.Tokenizer.from_str(json.dumps(_plain(described)))
    names = backend.get_vocab(with_added_tokens=True)
    _check(described, names, path)
    given = _given(folder, names)
    if unknown := _unknown(described):
        given = {role: name for role, name in given.items() if name != unknown}
    chosen: dict[str, str] = {}
    for role in ("begin", "end", "pad", "mask"):
        name = given.get(role)
        if name is None or name in chosen.values():
            name = _free(f"<|{role}|>", names)
            backend.add_special_tokens([name])
        chosen[role] = name
    ids = {role: backend.token_to_id(name) for role, name in chosen.items()}
    return ForeignTokenizer(backend.to_str(), SpecialTokens(**cast(dict[str, int], ids)))


def _plain(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tokenizer.json that adds, cuts and fills up nothing.

    Where a space is put before the first word of a text, it is so for each content, also for one
    that stands behind another one's marker.
    """
    plain = {**described, "post_processor": None, "truncation": None, "padding": None}
    for part in _parts(plain["pre_tokenizer"], "pretokenizers"):
        if part.get("prepend_scheme") == "first":
            part["prepend_scheme"] = "always"
    return plain


def _check(described: Mapping[str, Any], names: Mapping[str, int], path: Path) -> None:
    if all(names.get(name) == number for number, name in enumerate(SPECIAL_NAMES)):
        raise LexomeError(
            f"this tokenizer is lexome's, and its {folders.SPELLING} is missing",
            where=str(path),
            fix="bring the file back, or prepare the corpus again",
        )
    if sorted(names.values()) != list(range(len(names))):
        raise LexomeError(
            "the token ids are not 0, 1, 2, … without a gap",
            where=str(path),
            fix="choose another base: this tokenizer is not supported",
        )
    kinds = {str(part["type"]) for part in _parts(described["decoder"], "decoders")}
    if strange := sorted(kinds - _DECODERS):
        raise LexomeError(
            f"tokens that are decoded by {strange[0]!r} are not supported",
            where=f"{path}, key decoder",
            fix=f"choose a base whose tokenizer decodes by {', '.join(sorted(_DECODERS))}",
        )


def _given(folder: Path, names: Mapping[str, int]) -> dict[str, str]:
    """Return which of the four special tokens the files of a folder name."""
    by_id = {index: name for name, index in names.items()}
    files = [_object(folder / name) for name in (folders.CONFIG, "special_tokens_map.json")]
    config = _object(folder / "config.json")
    found: dict[str, str] = {}
    for role, keys in _ROLES.items():
        said = [_content(file.get(key)) for file in files for key in keys]
        said += [by_id.get(_first(config.get(f"{key}_id"))) for key in keys]
        known = [name for name in said if name is not None and name in names]
        if known:
            found[role] = known[0]
    return found


def _object(path: Path) -> dict[str, Any]:
    found = read_json(path) if path.is_file() else {}
    return found if isinstance(found, dict) else {}


def _content(value: Any) -> str | None:
    """Return a token's name, which some files write as an object with its `content`."""
    name = value.get("content") if isinstance(value, dict) else value
    return name if isinstance(name, str) else None


def _first(value: Any) -> Any:
    """Return an id; of several that end a text, the first."""
    return next(iter(value), None) if isinstance(value, list) else value


def _free(name: str, names: Mapping[str, int]) -> str:
    while name in names:
        name = name.replace("<|", "<|_", 1)
    return name


def _parsed(text: str) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(text))


def _parts(described: Any, key: str) -> list[dict[str, Any]]:
    """Return the steps of a normalizer, pre-tokenizer or decoder: one, those of a list, or none."""
    if not described:
        return []
    if described["type"] == "Sequence":
        return [step for part in described[key] for step in _parts(part, key)]
    return [described]


def _unknown(described: Mapping[str, Any]) -> str | None:
    model = described["model"]
    if "unk_id" in model and model["unk_id"] is not None:
        return str(model["vocab"][model["unk_id"]][0])
    return cast("str | None", model.get("unk_token"))


def _lossless(described: Mapping[str, Any], names: Mapping[str, int]) -> bool:
    """Return whether every text comes back to the byte."""
    steps = _parts(described["pre_tokenizer"], "pretokenizers")
    levels = [step for step in steps if step["type"] == _BYTE_LEVEL]
    decoders = [part["type"] for part in _parts(described["decoder"], "decoders")]
    return (
        described["normalizer"] is None
        and decoders == [_BYTE_LEVEL]
        and len(levels) == 1
        and not levels[0]["add_prefix_space"]
        and all(character in names for character in _BYTES)
        and not any(added["lstrip"] or added["rstrip"] for added in described["added_tokens"])
    )


def _token_bytes(
    names: Sequence[str], described: Mapping[str, Any], special: SpecialTokens, unknown: int | None
) -> list[bytes]:
    """Return by id the bytes of text that each token adds; special tokens add none."""
    decoders = [part["type"] for part in _parts(described["decoder"], "decoders")]
    added = {str(one["content"]) for one in described["added_tokens"]}
    prefix = described["model"].get("continuing_subword_prefix") or ""
    silent = {*special.ids, unknown}

    def spelled(index: int, name: str) -> bytes:
        if index in silent:
            return b""
        if name in added:
            return name.encode()
        if _BYTE_LEVEL in decoders:
            return bytes(_BYTES[character] for character in name if character in _BYTES)
        if "ByteFallback" in decoders and name.startswith("<0x") and len(name) == 6:
            return bytes([int(name[3:5], 16)])
        return name.removeprefix(prefix).replace("▁", " ").encode()

    return [spelled(index, name) for index, name in enumerate(names)]
