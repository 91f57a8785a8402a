"""Questions of a groups file: how a model is asked which of several attributes a group has.

questions:
  trade:
    axis: size
    prompts: ["At the mill a {group} works as a {answer}."]
    answers: [miller, carter]        # attributes, or a mapping to how each is spelled
    spelled: {small: mouse}          # else a group is spelled by the first of its words
    target: {miller: 0.5, carter: 0.5}   # or `keep: true`: a correction is to leave it as it is
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import isclose
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lexome.errors import UsageError, nearest
from lexome.evaluation.templates import check_asked_once, check_known_slots

GROUP, ANSWER, SUBJECT = "{group}", "{answer}", "{subject}"
QUESTION_EXAMPLE = (
    'write axis: NAME, prompts: ["A {group} works as a {answer}."], answers: [ATTRIBUTE, ATTRIBUTE]'
)
_CLOSE = 1e-6

Words = Mapping[str, Sequence[str] | None]
"""By name the words that something is known by; `None` where it is known in another way."""


class GroupQuestion(BaseModel):
    """A question as it is declared.

    - `axis`: of which groups it is asked.
    - `prompts`: sentences with the slot `{group}` and, behind it, `{answer}`; without that the
      answer follows at the end.
    - `answers`: attributes, with how each is spelled; `None` is by the first of its words.
    - `spelled`: how groups are spelled that are not by the first of their words.
    - `target`: the share of each answer to which a model is to be brought. It is never assumed.
    - `keep`: it is to stay what it is, whatever else is corrected. Where there is neither, nothing
      is done about it, and what a correction does to it is a side effect.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    axis: str
    prompts: Annotated[tuple[str, ...], Field(min_length=1)]
    answers: Annotated[dict[str, str | None], Field(min_length=2)]
    spelled: dict[str, str] = {}
    target: dict[str, float] | None = None
    keep: bool = False

    @field_validator("prompts", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("answers", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Read a list as attributes that are spelled by the first of their words."""
        listed = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return dict.fromkeys(value) if listed else value


@dataclass(frozen=True)
class AskedGroups:
    """A question spelled out: `groups` and `answers` are names with how a prompt spells them."""

    name: str
    axis: str
    prompts: tuple[str, ...]
    groups: Mapping[str, str]
    answers: Mapping[str, str]
    target: Mapping[str, float] | None
    keep: bool = False


def spell_out(
    name: str, question: GroupQuestion, axes: Mapping[str, Words], attributes: Words, where: str
) -> AskedGroups:
    """Return a question with its groups and answers as they are spelled; `where` is of its key.

    Raises `UsageError` that names the key for an axis, attribute or group that is not declared,
    for one that no word spells, for two that are spelled alike, for a prompt that stands there
    twice, has not its slot or behind which nothing tells an answer from a longer one, for a
    target that is no set of shares of the answers, and for one that is to stay and has a target.
    """
    if question.axis not in axes:
        raise UsageError(
            f"there is no axis {question.axis!r}",
            where=f"{where}.axis",
            fix=nearest(question.axis, axes),
        )
    groups = axes[question.axis]
    _check_known(question.answers, attributes, "attribute", f"{where}.answers")
    _check_known(question.spelled, groups, "group", f"{where}.spelled")
    answers = {
        answer: _spelling(answer, spelled, attributes[answer], f"{where}.answers")
        for answer, spelled in question.answers.items()
    }
    words = {
        group: _spelling(group, question.spelled.get(group), known, f"{where}.spelled")
        for group, known in groups.items()
    }
    _check_differ(answers, f"{where}.answers")
    _check_differ(words, f"{where}.spelled")
    check_asked_once(question.prompts, f"{where}.prompts")
    for prompt in question.prompts:
        _check_prompt(prompt, [*answers.values()], f"{where}.prompts")
    if question.target is not None:
        _check_target(question.target, answers, f"{where}.target")
        if question.keep:
            raise UsageError(
                "it has a target, and is to stay what it is",
                where=where,
                fix="leave out keep, or the target",
            )
    return AskedGroups(
        name, question.axis, question.prompts, words, answers, question.target, question.keep
    )


def _check_known(names: Mapping[str, Any], known: Words, kind: str, where: str) -> None:
    for name in names:
        if name not in known:
            raise UsageError(f"there is no {kind} {name!r}", where=where, fix=nearest(name, known))


def _spelling(name: str, spelled: str | None, words: Sequence[str] | None, where: str) -> str:
    found = spelled if spelled is not None else words[0] if words else None
    if found is None:
        raise UsageError(
            f"{name!r} is not known by words, so nothing says how a prompt spells it",
            where=where,
            fix=f"write {name}: WORD here",
        )
    if not found or found != found.strip():
        raise UsageError(
            f"{found!r} is empty or has white space around it", where=where, fix="write a word"
        )
    return found


def _check_differ(spelled: Mapping[str, str], where: str) -> None:
    word, times = Counter(spelled.values()).most_common(1)[0]
    if times > 1:
        alike = " and ".join(repr(name) for name, own in spelled.items() if own == word)
        raise UsageError(
            f"{alike} are both spelled {word!r}", where=where, fix="spell them otherwise"
        )


def _check_prompt(prompt: str, answers: Sequence[str], where: str) -> None:
    for what, fix in _prompt_faults(prompt, answers):
        raise UsageError(f"{what}: {prompt!r}", where=where, fix=fix)
    check_known_slots(prompt, (GROUP, ANSWER), where)


def _prompt_faults(prompt: str, answers: Sequence[str]) -> Iterator[tuple[str, str]]:
    before, slot, behind = prompt.partition(ANSWER)
    if GROUP not in prompt:
        yield f"the prompt has no {GROUP}", "put it where the group belongs"
    if SUBJECT in prompt:
        yield f"the prompt has {SUBJECT}", f"write {GROUP}: it is asked of groups"
    if ANSWER in behind:
        yield f"the prompt has {ANSWER} twice", "keep one"
    if GROUP in behind or (slot and GROUP not in before):
        yield (
            f"{GROUP} stands behind {ANSWER}",
            "ask so that the answer comes last: a model reads from left to right",
        )
    for short, long in permutations(answers, 2):
        if (long + behind).startswith(short + behind):
            yield (
                f"nothing behind the answer tells {short!r} from the beginning of {long!r}",
                f"let the prompt go on, as with a full stop: {ANSWER}.",
            )


def _check_target(target: Mapping[str, float], answers: Mapping[str, str], where: str) -> None:
    if target.keys() != answers.keys():
        raise UsageError(
            f"its answers are not those of the question: {', '.join(target) or 'none'}",
            where=where,
            fix=f"give each a share: {', '.join(answers)}",
        )
    total = sum(target.values())
    if not all(0 <= share <= 1 for share in target.values()) or not isclose(
        total, 1, abs_tol=_CLOSE
    ):
        raise UsageError(
            f"its shares sum to {total:.6g}" if total != 1 else "a share is below 0 or above 1",
            where=where,
            fix="give shares from 0 to 1 that sum to 1",
        )
