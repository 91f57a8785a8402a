"""How facts are asked for: of each relation prompts with slots, and the answers to choose from."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lexome.errors import DamagedFileError, UsageError, nearest, quoted
from lexome.files import naming

SUBJECT, OBJECT, ANSWER = "{subject}", "{object}", "{answer}"
_KEYS = ("prompts", "answers", "statements")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A sentence with the slot `{subject}` and, behind it, `{answer}`.

    Without `{answer}` the answer follows at the end, behind a space.
    """

    text: str

    def around(self, subject: str) -> tuple[str, str, str]:
        """Return the prompt for a subject, the space before its answer, and what stands behind.

        White space at the end of a prompt belongs to the answer, as byte-pair encoding has it.
        """
        before, slot, behind = self.text.partition(ANSWER)
        prompt = before.rstrip()
        lead = before[len(prompt) :] if slot else " "
        return prompt.replace(SUBJECT, subject), lead, behind


@dataclass(frozen=True, slots=True)
class Template:
    """How one relation is asked for.

    `answers` is its closed set, empty where a table's objects make it up. `statements` are
    sentences with the slots `{subject}` and `{object}` by which texts say it.
    """

    prompts: tuple[Prompt, ...]
    answers: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()


def read_templates(path: Path) -> dict[str, Template]:
    """Read a JSON or YAML file that gives each relation a template.

    That is one prompt, or `prompts`, `answers` and `statements`, the latter two optional. Raises
    `DamagedFileError` where the file cannot be read, `UsageError` that names file and relation for
    a prompt or statement without its slots, an empty answer, a repeated prompt or answer and an
    unknown key.
    """
    with naming(path):
        data = path.read_bytes()
    try:
        content = json.loads(data) if path.suffix == ".json" else yaml.safe_load(data)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise DamagedFileError(
            f"this is no {'JSON' if path.suffix == '.json' else 'YAML'}: {error}",
            where=str(path),
            fix="mend the file",
        ) from error
    if not isinstance(content, dict) or not content:
        raise UsageError(
            "the file names no relation",
            where=str(path),
            fix="write for each: RELATION: The birthplace of {subject} is {answer}.",
        )
    return {str(name): _template(value, f"{path}, {name!r}") for name, value in content.items()}


def template(
    prompts: Sequence[str],
    answers: Sequence[str] = (),
    statements: Sequence[str] = (),
    where: str | None = None,
) -> Template:
    """Return a template, checked as `read_templates` says; `where` is named in errors."""
    if not prompts:
        raise UsageError("there is no prompt", where=where, fix=f"write one with {SUBJECT}")
    for prompt in prompts:
        _check_slots(prompt, {SUBJECT: (1, None), ANSWER: (0, 1)}, where)
        if ANSWER in prompt and prompt.rindex(SUBJECT) > prompt.index(ANSWER):
            raise UsageError(
                f"the subject stands behind the answer: {quoted(prompt)}",
                where=where,
                fix="ask so that the answer comes last: a model reads from left to right",
            )
    check_asked_once(prompts, where)
    for statement in statements:
        _check_slots(statement, {SUBJECT: (1, None), OBJECT: (1, None)}, where)
    for answer, times in Counter(answers).items():
        if times > 1 or answer != answer.strip() or not answer:
            wrong = "stands there twice" if times > 1 else "is empty or has white space around it"
            raise UsageError(
                f"the answer {quoted(answer)} {wrong}", where=where, fix="mend the answers"
            )
    return Template(tuple(map(Prompt, prompts)), tuple(answers), tuple(statements))


def check_asked_once(prompts: Sequence[str], where: str | None) -> None:
    """Refuse prompts of which one stands there twice: it would count as two ways of asking."""
    for prompt, times in Counter(prompts).items():
        if times > 1:
            raise UsageError(
                f"the prompt stands there {times} times: {quoted(prompt)}",
                where=where,
                fix="keep one",
            )


def _template(value: Any, where: str) -> Template:
    if isinstance(value, str):
        return template([value], where=where)
    if not isinstance(value, dict):
        raise UsageError(
            "a template is a prompt, or a mapping",
            where=where,
            fix=f"write a sentence with {SUBJECT}, or {', '.join(_KEYS)}",
        )
    for key in value:
        if key not in _KEYS:
            raise UsageError(f"unknown key {key!r}", where=where, fix=nearest(str(key), _KEYS))
    lists = {key: _texts(value.get(key, []), f"{where}, {key}") for key in _KEYS}
    return template(**lists, where=where)


def _texts(value: Any, where: str) -> list[str]:
    """Return a list of texts; numbers that YAML has read, as years, are texts again."""
    if not isinstance(value, list):
        raise UsageError("this is no list", where=where, fix="write a list of texts")
    for one in value:
        if not isinstance(one, str | int) or isinstance(one, bool):
            raise UsageError(f"this is no text: {quoted(one)}", where=where, fix="put it in quotes")
    return [str(one) for one in value]


def check_known_slots(text: str, known: Iterable[str], where: str | None) -> None:
    """Refuse a text with a slot that nothing fills: it would be asked for as it stands there."""
    for slot in re.findall(r"\{\w*\}", text):
        if slot not in known:
            raise UsageError(
                f"nothing fills {slot}: {quoted(text)}",
                where=where,
                fix=f"use {' and '.join(known)}",
            )


def _check_slots(text: str, slots: dict[str, tuple[int, int | None]], where: str | None) -> None:
    check_known_slots(text, slots, where)
    for slot, (least, most) in slots.items():
        times = text.count(slot)
        if times < least:
            raise UsageError(
                f"{quoted(text)} has no {slot}", where=where, fix=f"put {slot} in its place"
            )
        if most is not None and times > most:
            raise UsageError(
                f"{quoted(text)} has {slot} {times} times", where=where, fix="keep one"
            )
