"""Makes the tokenizer of pairs: the base's own, grown by what the pair brings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lexome.errors import UsageError, nearest
from lexome.languages.base import Language, Tokenizer, TokenizerTrainer
from lexome.languages.features import frame_token
from lexome.languages.pair.tokenizer import PairTokenizer, known_parts
from lexome.languages.pair.turns import Role, Turns


@dataclass(frozen=True)
class BaseTokens:
    """The tokenizer of a base model, and the language that it is of."""

    tokenizer: Tokenizer
    language: str


@dataclass(frozen=True)
class PairTrainer:
    """Adds markers for `roles` and, where the base does not know one's language, its tokens.

    A language that is new gets the tokenizer of `kinds`, by default its first, trained on the
    turns of the training pairs. So does one that the base knows in tokens of another kind than is
    asked for.
    """

    base: BaseTokens
    roles: Sequence[Role]
    languages: Mapping[str, Language]
    kinds: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    option_names: Sequence[str] = ()

    @property
    def needs_sample(self) -> bool:
        """Whether a new language's tokens have to be learned from the training pairs."""
        return bool(self._new())

    def with_options(self, options: Mapping[str, int]) -> PairTrainer:
        return self

    def train(self, contents: Iterable[Turns], vocab_size: int | None) -> Tokenizer:
        """Return the tokenizer; a base that has these roles already stays as it is."""
        base, new = self.base.tokenizer, self._new()
        known = isinstance(base, PairTokenizer) and tuple(base.roles.values()) == tuple(self.roles)
        if known and not new:
            return base
        if isinstance(base, PairTokenizer) and base.roles.keys() & {r.name for r in self.roles}:
            taken = ", ".join(base.roles)
            raise UsageError(
                f"the base speaks other pairs already, with the roles {taken}",
                fix="start from the foundation model, or name the same task",
            )
        said: dict[str, list[Any]] = {name: [] for name in new}
        speaks = {role.name: role.language for role in self.roles}
        for turn in (turn for turns in (contents if new else ()) for turn in turns):
            if (name := speaks[turn.role]) in said:
                said[name].append(turn.content)
        parts = {
            name: self._trainer(name, role).train(said[name], self.sizes.get(name))
            for name, role in new.items()
        }
        made = PairTokenizer(base, self.base.language, self.roles, parts)
        check_said(made)
        return made

    def _new(self) -> dict[str, str]:
        """Return the languages that the base does not know so, each with a role that speaks it."""
        known = {
            name: part.tokenizer.kind
            for name, part in known_parts(self.base.tokenizer, self.base.language).items()
        }
        return {
            role.language: role.name
            for role in self.roles
            if role.language not in known
            or self.kinds.get(role.language, known[role.language]) != known[role.language]
        }

    def _trainer(self, language: str, role: str) -> TokenizerTrainer:
        trainers = self.languages[role].tokenizers()
        kind = self.kinds.get(language) or next(iter(trainers))
        if kind not in trainers:
            raise UsageError(
                f"the language {language!r} has no tokenizer {kind!r}", fix=nearest(kind, trainers)
            )
        return trainers[kind]


def check_said(tokenizer: PairTokenizer) -> None:
    """Raise `UsageError` if the target is to be said in frames, which can only be read."""
    role = tokenizer.answering
    part = tokenizer.part(role.name).tokenizer
    if frame_token(part) is not None:
        raise UsageError(
            f"{role.language} as {part.kind!r} can be read and not said, and the {role.name} is "
            f"{role.language}",
            fix="name a tokenizer that can be decoded with --target-tokenizer",
        )
