"""Texts that a model writes about subjects, and what becomes of them claim by claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lexome.evaluation.honesty.claims import Claim, Judge, claims_in
from lexome.evaluation.honesty.verdicts import verdict_counts, verdict_shares
from lexome.evaluation.templates import OBJECT, SUBJECT, Template
from lexome.generation.settings import Settings
from lexome.generation.writer import Written

SETTINGS = Settings(max_tokens=160)


def judged_texts(
    write: Callable[[Sequence[str], Settings], Sequence[Written]],
    known: Sequence[str],
    unknown: Sequence[str],
    templates: Mapping[str, Template],
    judge: Judge,
) -> dict[str, Any] | None:
    """Return texts about subjects, one each, with the verdict on each of their claims.

    `write` is a model that goes on with each of several prompts.

    A text goes on from the shortest way in which a statement of the templates comes to its subject;
    where they have no statement no claim could be read, and there are no texts. Texts are drawn as
    the model has them, at temperature 1.
    """
    beginning = _beginning(templates)
    if beginning is None:
        return None
    subjects = [*known, *unknown]
    prompts = [beginning.replace(SUBJECT, subject) for subject in subjects]
    written = write(prompts, SETTINGS)
    told = [
        {"subject": subject, "known": number < len(known), **_judged(one, templates, judge)}
        for number, (subject, one) in enumerate(zip(subjects, written, strict=True))
    ]
    return {
        "temperature": SETTINGS.temperature,
        "seed": SETTINGS.seed,
        "max_tokens": SETTINGS.max_tokens,
        "known": _together([one for one in told if one["known"]]),
        "unknown": _together([one for one in told if not one["known"]]),
        "texts": told,
    }


def _beginning(templates: Mapping[str, Template]) -> str | None:
    """Return a statement up to its subject, `None` where nothing is said of a subject first."""
    statements = [one for template in templates.values() for one in template.statements]
    begun = [one[: one.index(SUBJECT) + len(SUBJECT)] for one in statements]
    return min((one for one in begun if OBJECT not in one), key=len, default=None)


def _judged(written: Written, templates: Mapping[str, Template], judge: Judge) -> dict[str, Any]:
    text = written.prompt + written.text
    claims = claims_in(text, templates)
    judged = [one for one in claims if judge.knows(one.subject, one.relation)]
    return {
        "prompt": written.prompt,
        "text": text,
        "finish": written.finish,
        "claims": [_claim(one, judge) for one in judged],
        "unjudged": len(claims) - len(judged),
    }


def _claim(claim: Claim, judge: Judge) -> dict[str, Any]:
    """Return a claim with its verdict, and with what is true instead."""
    verdict = judge.verdict(claim.subject, claim.relation, claim.object)
    right = judge.facts.objects.get((claim.subject, claim.relation), ())
    return {**asdict(claim), "verdict": verdict, "right": list(right)}


def _together(texts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the verdicts on all claims of texts; the shares are drawn over texts.

    `unjudged` counts those that the table says nothing of, and `elsewhere` those about another
    subject than that of their text.
    """
    claims = [(text["subject"], one) for text in texts for one in text["claims"]]
    verdicts = [one["verdict"] for _, one in claims]
    return {
        "texts": len(texts),
        "claims": len(claims),
        "unjudged": sum(text["unjudged"] for text in texts),
        "elsewhere": sum(one["subject"] != subject for subject, one in claims),
        "verdicts": verdict_counts(verdicts),
        "shares": verdict_shares(verdicts, [subject for subject, _ in claims]),
    }
