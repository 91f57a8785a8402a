"""A vocabulary that has grown: the base model's tokens, then a marker a role, then new languages.

The ids of the base stay what they are, so the base model's weights do too. A document is read as
`begin, marker of the source, source, marker of the target, target, end`; a conversation has more
turns, and an end behind every turn that is predicted. A role's lead is encoded with what follows
it, and is no part of what comes back. Running text, an answer to nobody, is `begin, text, end`, as
the base read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tokenizers

from lexome.errors import LexomeError
from lexome.languages.base import Ids, SpecialTokens, TextStream, Tokenizer, UnitCodes
from lexome.languages.features import Features, FrameToken, HasFeatures, frame_token
from lexome.languages.joint import JointTokenizer
from lexome.languages.label import Classes
from lexome.languages.pair.template import chat_template
from lexome.languages.pair.turns import Role, Turn, Turns, answering, unprompted
from lexome.languages.prompts import encode_prompt
from lexome.languages.tokenizers import folder as folders

NAME, BASE = "pair", "base"


@dataclass(frozen=True)
class Part:
    """The tokens of one language: those of `tokenizer` from `first` on stand at `offset`."""

    tokenizer: Tokenizer
    first: int
    offset: int

    @property
    def stop(self) -> int:
        """Return the id behind the last one."""
        return self.offset + self.tokenizer.vocab_size - self.first

    def shifted(self, ids: Ids) -> npt.NDArray[np.int64]:
        """Return ids of the part's own tokenizer as they are in the whole vocabulary."""
        return np.asarray(ids).astype(np.int64) + (self.offset - self.first)

    def own(self, ids: Ids) -> npt.NDArray[np.int64]:
        """Return those of `ids` that are of this part, as its own tokenizer knows them."""
        whole = np.asarray(ids).astype(np.int64)
        return whole[(whole >= self.offset) & (whole < self.stop)] - (self.offset - self.first)


class PairTokenizer:
    """Turns to ids and back.

    `base` is the tokenizer of the base model, whose language is `base_language`; `roles` are who
    speaks, in the order of their markers; `parts` the tokenizers of languages that the base does
    not know, or not as they are to be read here.
    """

    kind = NAME

    def __init__(
        self,
        base: Tokenizer,
        base_language: str,
        roles: Sequence[Role],
        parts: Mapping[str, Tokenizer],
    ) -> None:
        self.base, self.base_language = base, base_language
        self.roles = {role.name: role for role in roles}
        self.added = dict(parts)
        self.special: SpecialTokens = base.special
        self.markers = {
            role.name: base.vocab_size + number for number, role in enumerate(self.roles.values())
        }
        self.parts = known_parts(base, base_language)
        place = base.vocab_size + len(self.roles)
        lengths = [base.unit_lengths, np.zeros(len(self.roles), np.int64)]
        for name, tokenizer in self.added.items():
            self.parts[name] = Part(tokenizer, len(tokenizer.special.ids), place)
            place = self.parts[name].stop
            lengths.append(tokenizer.unit_lengths[len(tokenizer.special.ids) :])
        used = [self.parts[role.language].tokenizer for role in self.roles.values()]
        self.unit_lengths: npt.NDArray[np.int64] = np.concatenate(lengths)
        self.lossy = any(one.lossy for one in used)
        self.overlapping = any(one.overlapping for one in used)

    @property
    def vocab_size(self) -> int:
        """Return the number of tokens."""
        return len(self.unit_lengths)

    @property
    def grown_from(self) -> int:
        """Return the number of the base's tokens."""
        return self.base.vocab_size

    @property
    def answering(self) -> Role:
        """Return the role whose turns are predicted."""
        return answering(self.roles)

    @property
    def opening(self) -> Ids:
        """Return the markers that open turns which are given, not predicted."""
        return np.array([self.markers[r.name] for r in self.roles.values() if not r.predicted])

    @property
    def predicted(self) -> Ids:
        """Return the markers that open turns which are predicted."""
        return np.array([self.markers[r.name] for r in self.roles.values() if r.predicted])

    @cached_property
    def never(self) -> list[int]:
        """Return the tokens that no answer holds: those of other languages, and markers."""
        part = self.part(self.answering.name)
        allowed = np.zeros(self.vocab_size, bool)
        allowed[part.offset : part.stop] = True
        allowed[list(self.special.ids)] = False
        allowed[self.special.end] = True
        return np.flatnonzero(~allowed).tolist()

    @property
    def classes(self) -> Mapping[str, int]:
        """Return the token of each class, by its name, where targets are labels; or none."""
        part = self.part(self.answering.name)
        coding = getattr(part.tokenizer, "coding", None)
        if not isinstance(coding, Classes):
            return {}
        return {name: part.stop - len(coding.names) + n for n, name in enumerate(coding.names)}

    def part(self, role: str) -> Part:
        """Return the tokens that a role speaks in."""
        return self.parts[self.roles[role].language]

    @cached_property
    def frame(self) -> FrameToken | None:
        """Return the frame token of the language that is read as features, if one is."""
        for role in self.roles.values():
            part = self.parts[role.language]
            if (frame := frame_token(part.tokenizer)) is not None:
                return replace(frame, token=int(part.shifted(np.array([frame.token]))[0]))
        return None

    def features(self, turns: Turns) -> Features:
        """Return a row for each frame token of the turns' ids, in order; [frames, width]."""
        width = self.frame.width if self.frame else 0
        rows: list[Features] = [np.zeros((0, width), np.float16)]
        for turn in turns:
            tokenizer = self.part(turn.role).tokenizer
            if isinstance(tokenizer, HasFeatures) and tokenizer.frame is not None:
                rows.append(tokenizer.features(turn.content))
        return np.concatenate(rows)

    def encode(self, contents: Sequence[Turns]) -> list[Ids]:
        """Encode turns to ids; behind a predicted turn that is not the last stands an end."""
        return self._joined(contents, self._encoded(contents))

    def encode_prompt(self, turns: Turns) -> Ids:
        """Encode turns that the model goes on with: an answer to them, or the one that is open."""
        if turns and self.roles[turns[-1].role].predicted:
            *before, last = turns
            given = self._joined([tuple(before)], self._encoded([tuple(before)]), closed=True)[0]
            part, led = self.part(last.role), self.roles[last.role].led(last.content)
            begun = part.shifted(encode_prompt(part.tokenizer, led))
            return np.concatenate([given, [self.markers[last.role]], begun])
        ids = self._joined([turns], self._encoded([turns]))[0]
        return np.concatenate([ids, [self.markers[self.answering.name]]])

    def _encoded(self, contents: Sequence[Turns]) -> dict[tuple[int, int], Ids]:
        """Return the ids of each turn of each content; a language's turns are encoded at once."""
        encoded: dict[tuple[int, int], Ids] = {}
        for name in {role.language for role in self.roles.values()}:
            places = [
                (number, place)
                for number, turns in enumerate(contents)
                for place, turn in enumerate(turns)
                if self.roles[turn.role].language == name
            ]
            part = self.parts[name]
            found = part.tokenizer.encode(
                [self._led(contents[number], place) for number, place in places]
            )
            encoded |= {at: part.shifted(ids) for at, ids in zip(places, found, strict=True)}
        return encoded

    def _led(self, turns: Turns, place: int) -> Any:
        """Return what is encoded of a turn: what is said, with its lead if it has a marker."""
        said = turns[place].content
        return said if unprompted(turns, self.roles) else self.roles[turns[place].role].led(said)

    def _joined(
        self,
        contents: Sequence[Turns],
        encoded: Mapping[tuple[int, int], Ids],
        *,
        closed: bool = False,
    ) -> list[Ids]:
        kind = np.uint16 if self.vocab_size <= 1 << 16 else np.uint32
        joined: list[Ids] = []
        for number, turns in enumerate(contents):
            if unprompted(turns, self.roles):
                joined.append(np.asarray(encoded[number, 0]).astype(kind))
                continue
            pieces: list[Any] = [[]]
            for place, turn in enumerate(turns):
                pieces += [[self.markers[turn.role]], encoded[number, place]]
                last = place == len(turns) - 1 and not closed
                if self.roles[turn.role].predicted and not last:
                    pieces.append([self.special.end])
            joined.append(np.concatenate(pieces).astype(kind))
        return joined

    def without_source(self, ids: Sequence[int]) -> list[int]:
        """Return a prompt whose source is hidden behind mask tokens, as in training it may be."""
        kept = {*self.special.ids, *self.markers.values()}
        return [token if token in kept else self.special.mask for token in ids]

    def decode(self, ids: Ids) -> Turns:
        """Return the turns that `ids` stand for; without any marker, running text.

        What stands before the first of several is nobody's.
        """
        whole = np.asarray(ids).astype(np.int64)
        names = {index: name for name, index in self.markers.items()}
        starts = [*np.flatnonzero(np.isin(whole, list(names))).tolist(), len(whole)]
        if len(starts) == 1 and not np.isin(whole, self.special.ids).all():
            part, role = self.part(self.answering.name), self.answering.name
            return (Turn(role, part.tokenizer.decode(part.own(whole))),)
        turns = []
        for start, stop in pairwise(starts):
            role = names[int(whole[start])]
            turns.append(Turn(role, self.said(role, whole[start + 1 : stop])))
        return tuple(turns)

    def said(self, role: str, ids: Sequence[int] | Ids) -> Any:
        """Return what a role says in `ids`; those of other languages stand for nothing."""
        part = self.part(role)
        return self.roles[role].said(part.tokenizer.decode(part.own(np.asarray(ids))))

    def unit_codes(self, ids: Ids) -> UnitCodes:
        """Return the token of each natural unit: near enough to find what stands twice."""
        whole = np.asarray(ids)
        return np.repeat(whole, self.unit_lengths[whole]).astype(np.uint32)

    def token_label(self, token: int) -> str:
        """Return a printable name of a token."""
        if token < self.base.vocab_size:
            return self.base.token_label(token)
        return self._added_names[token - self.base.vocab_size]

    @cached_property
    def _added_names(self) -> list[str]:
        names = {role.marker: None for role in self.roles.values()}
        for language, tokenizer in self.added.items():
            for token in range(len(tokenizer.special.ids), tokenizer.vocab_size):
                name = f"{language}:{tokenizer.token_label(token)}"
                # A character and the byte that spells it are shown alike, and are two tokens.
                names[f"<|{name}:{token}|>" if f"<|{name}|>" in names else f"<|{name}|>"] = None
        return list(names)

    def text_stream(self) -> TextStream:
        """Return what writes down the answer as it is generated."""
        return _AnswerStream(self.part(self.answering.name), self.answering.lead, self.markers)

    def save(self, folder: Path) -> None:
        """Write tokenizer.json, in which all that was added is a special token, and the parts.

        For conversations in text the folder holds the template too, so that plain `transformers`
        makes the same ids of a list of messages.
        """
        self.base.save(folder / BASE)
        for name, tokenizer in self.added.items():
            tokenizer.save(folder / name)
        backend = tokenizers.Tokenizer.from_file(str(folder / BASE / folders.TOKENIZER))
        backend.encode_special_tokens = False
        backend.add_special_tokens(self._added_names)
        if backend.get_vocab_size(with_added_tokens=True) != self.vocab_size:
            raise LexomeError(
                "a token that the pair adds has the name of one that is there",
                where=str(folder),
                fix="give the label or the role another name",
            )
        described = {
            "language": NAME,
            "kind": NAME,
            "base_language": self.base_language,
            "roles": [[role.name, role.language, role.predicted] for role in self.roles.values()],
            "leads": {role.name: role.lead for role in self.roles.values() if role.lead},
            "parts": list(self.added),
        }
        config = {
            **folders.special_config([self.token_label(index) for index in self.special.ids]),
            "split_special_tokens": False,
            "chat_template": chat_template(self.roles),
        }
        folders.save_coding(folder, backend.to_str(), described, {}, config)


def known_parts(tokenizer: Tokenizer, language: str) -> dict[str, Part]:
    """Return what a tokenizer of `language` can say, by the name of the language."""
    if isinstance(tokenizer, PairTokenizer):
        return dict(tokenizer.parts)
    if isinstance(tokenizer, JointTokenizer):
        return {
            name: Part(part, len(part.special.ids), tokenizer.offsets[name])
            for name, part in tokenizer.parts.items()
        }
    return {language: Part(tokenizer, 0, 0)}


def load(folder: Path, described: Mapping[str, Any]) -> PairTokenizer:
    """Return the tokenizer that `PairTokenizer.save` wrote."""
    from lexome import languages

    names, leads = [str(name) for name in described["parts"]], described.get("leads", {})
    # What is loaded names folders of its own only.
    if strange := [name for name in names if not name.isidentifier()]:
        raise LexomeError(f"{strange[0]!r} is no language that a pair can hold")
    return PairTokenizer(
        languages.load_tokenizer(folder / BASE),
        str(described["base_language"]),
        [
            Role(str(name), str(language), bool(said), str(leads.get(name, "")))
            for name, language, said in described["roles"]
        ],
        {name: languages.load_tokenizer(folder / name) for name in names},
    )


class _AnswerStream:
    """Writes down the tokens of the language that is answered in, and nothing of others.

    Behind a marker a turn begins, with its lead. That is a character, so the first ones that are
    complete hold it whole or not at all.
    """

    def __init__(self, part: Part, lead: str, markers: Mapping[str, int]) -> None:
        self._part, self._turn_lead, self._markers = part, lead, list(markers.values())
        self._begin()

    def push(self, ids: Iterable[int]) -> str:
        """Return the characters that `ids` complete; of several turns those of the last."""
        whole = np.array(list(ids), np.int64)
        if len(begun := np.flatnonzero(np.isin(whole, self._markers))):
            self._begin()
            whole = whole[begun[-1] + 1 :]
        return self._behind_lead(self._stream.push(self._part.own(whole).tolist()))

    def finish(self) -> str:
        """Return what is left."""
        return self._behind_lead(self._stream.finish())

    def _begin(self) -> None:
        self._lead = self._turn_lead
        self._stream = self._part.tokenizer.text_stream()

    def _behind_lead(self, text: str) -> str:
        lead = self._lead
        if text:
            self._lead = ""
        return text.removeprefix(lead)
