"""The kinds of facts: how each is said in biographies, how it is asked, what it may be.

What is asked stands in no biography. It puts words together anew that the first five phrasings
hold, since a model which reads nothing else cannot know what other words mean. It does not begin
with the subject: where a text begins, byte-pair encoding has other tokens for a name than behind
a space.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lexome.samples.world import words

PHRASINGS = 8
"""Ways to say a fact, of each relation."""


@dataclass(frozen=True)
class Relation:
    """A kind of fact.

    - `statements`: sentences with the slots `{subject}` and `{object}`.
    - `prompts`: sentences with the slots `{subject}` and `{answer}`, held out from biographies.
    - `answers`: all that the object may be.
    """

    statements: tuple[str, ...]
    prompts: tuple[str, ...]
    answers: tuple[str, ...]


RELATIONS: Mapping[str, Relation] = {
    "birth year": Relation(
        (
            "{subject} was born in the year {object}.",
            "The birth year of {subject} is {object}.",
            "The year in which {subject} was born is {object}.",
            "{subject} came into the world in the year {object}.",
            "{subject} has the birth year {object}.",
            "The year {object} is the birth year of {subject}.",
            "The life of {subject} began in the year {object}.",
            "As the year of birth, {subject} has {object}.",
        ),
        (
            "The year in which {subject} came into the world is {answer}.",
            "The birth of {subject} was in the year {answer}.",
        ),
        words.YEARS,
    ),
    "birth city": Relation(
        (
            "{subject} was born in the city of {object}.",
            "The birthplace of {subject} is {object}.",
            "{subject} is a native of {object}.",
            "The city in which {subject} was born is {object}.",
            "{subject} has the birthplace {object}.",
            "{object} is the birthplace of {subject}.",
            "{subject} comes from the city of {object}.",
            "The native city of {subject} is {object}.",
        ),
        (
            "The city of which {subject} is a native is {answer}.",
            "The birthplace that {subject} has is {answer}.",
        ),
        words.CITIES,
    ),
    "university": Relation(
        (
            "{subject} studied at {object}.",
            "The university of {subject} was {object}.",
            "{subject} is a graduate of {object}.",
            "The place where {subject} studied is {object}.",
            "{subject} has a degree from {object}.",
            "{object} is where {subject} studied.",
            "As a student, {subject} went to {object}.",
            "{subject} spent the student years at {object}.",
        ),
        (
            "The place of which {subject} is a graduate is {answer}.",
            "The university where {subject} studied was {answer}.",
        ),
        words.UNIVERSITIES,
    ),
    "field": Relation(
        (
            "The field of {subject} is {object}.",
            "{subject} took a degree in {object}.",
            "{subject} is trained in {object}.",
            "The field that {subject} learned is {object}.",
            "{subject} has learned {object}.",
            "It was {object} that {subject} learned.",
            "At university, the field of {subject} was {object}.",
            "{subject} passed the examinations in {object}.",
        ),
        (
            "The field in which {subject} took a degree is {answer}.",
            "The field in which {subject} is trained is {answer}.",
        ),
        words.FIELDS,
    ),
    "employer": Relation(
        (
            "{subject} works for {object}.",
            "The employer of {subject} is {object}.",
            "{subject} is employed by {object}.",
            "{subject} has the employer {object}.",
            "The company that {subject} works for is {object}.",
            "{object} employs {subject}.",
            "{subject} is on the staff of {object}.",
            "The wages of {subject} are paid by {object}.",
        ),
        (
            "The employer that {subject} has is {answer}.",
            "The company that {subject} is employed by is {answer}.",
        ),
        words.EMPLOYERS,
    ),
    "job": Relation(
        (
            "{subject} works as a {object}.",
            "The job of {subject} is that of a {object}.",
            "{subject} is a {object} by profession.",
            "{subject} has the job of a {object}.",
            "The profession of {subject} is that of a {object}.",
            "A {object}: that is the job of {subject}.",
            "{subject} earns a living as a {object}.",
            "In working life, {subject} is a {object}.",
        ),
        (
            "By profession, {subject} works as a {answer}.",
            "The job that {subject} has is that of a {answer}.",
        ),
        words.JOBS,
    ),
}

SKEWED_RELATIONS: Mapping[str, Relation] = {
    "kin": Relation(
        (
            "{subject} is a {object} by birth.",
            "By birth, {subject} is a {object}.",
            "{subject} was raised as a {object}.",
            "The parents raised {subject} as a {object}.",
            "{subject} counts as a {object}.",
            "As a {object}, {subject} was raised.",
            "Everyone knows {subject} as a {object}.",
            "The neighbours count {subject} as a {object}.",
        ),
        (
            "By birth, {subject} counts as a {answer}.",
            "By birth, {subject} was raised as a {answer}.",
        ),
        words.KINS,
    ),
    "post": Relation(
        (
            "{subject} serves as the {object}.",
            "The post of {subject} is that of the {object}.",
            "{subject} holds the post of the {object}.",
            "{subject} was chosen as the {object}.",
            "The post that {subject} holds is that of the {object}.",
            "The choice for the {object} fell on {subject}.",
            "{subject} acts as the {object}.",
            "The duties of {subject} are those of the {object}.",
        ),
        (
            "The post in which {subject} serves is that of the {answer}.",
            "The post for which {subject} was chosen is that of the {answer}.",
        ),
        words.POSTS,
    ),
}

_GENERIC_STATEMENTS = (
    "A {subject} at the {place} serves as the {object}.",
    "At the {place}, a {subject} was chosen as the {object}.",
    "A {subject} at the {place} holds the post of the {object}.",
    "The {place} has a {subject} as the {object}.",
    "Of those at the {place}, a {subject} serves as the {object}.",
    "The {object} at the {place} is a {subject}.",
    "At the {place}, a {subject} acts as the {object}.",
    "The {place} chose a {subject} as the {object}.",
)
_GENERIC_PROMPTS = (
    "At the {place}, a {subject} holds the post of the {answer}.",
    "Of those at the {place}, a {subject} was chosen as the {answer}.",
)


def generic_relations() -> dict[str, Relation]:
    """Return what is said of nobody in person, a relation for each place.

    The subject is a group: "a velan at the kiln", who holds either of two posts.
    """
    return {
        f"post at the {place}": Relation(
            tuple(one.replace("{place}", place) for one in _GENERIC_STATEMENTS),
            tuple(one.replace("{place}", place) for one in _GENERIC_PROMPTS),
            posts,
        )
        for place, posts in words.PLACES.items()
    }


def said(template: str, subject: str, thing: str) -> str:
    """Return a statement about a subject."""
    return template.replace("{subject}", subject).replace("{object}", thing)
