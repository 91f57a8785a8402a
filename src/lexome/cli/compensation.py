"""What a correction brought and what it cost, as `lexome evaluate --groups --before` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from lexome.cli.console import result, result_json, say, table
from lexome.cli.honesty import both
from lexome.cli.progress import meter
from lexome.errors import UsageError

Before = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN",
        help="With --groups: the run before its skew was corrected, the base or one trained on "
        "the corpus as it was. Says what the correction brought and cost; with --facts and "
        "--templates also which facts it falsified.",
        rich_help_panel="Groups",
        show_default=False,
    ),
]
_MARKS: Mapping[bool | None, str] = {True: "fine", False: "NOT FINE", None: "note"}
_FORMS: Mapping[str, str] = {"text": "as text", "pairs": "as pairs"}
_LEFT: Mapping[str, str] = {"targeted": "", "kept": " (to stay)", "untargeted": ""}
_SUPPOSED = (
    "A target is what was declared, and no recommendation. Facts and statements about groups are "
    "never added into one figure."
)


def by_price(
    run: Path,
    before: Path,
    groups: Path | None,
    facts: tuple[Path | None, Path | None, int | None],
    as_json: bool,
) -> None:
    """Measure a correction and print its price; `facts` are table, templates and subjects."""
    if groups is None:
        raise UsageError(
            "what was corrected is said by a groups file",
            where="--before",
            fix="add --groups FILE, in which questions have a target",
        )
    found = measured(run, before, groups, *facts)
    if as_json:
        result_json(found)
        return
    for line in price_lines(found):
        result(line)
    say(f"written: {run / 'compensation.json'}")


def measured(
    run: Path,
    before: Path,
    groups: Path,
    facts: Path | None,
    templates: Path | None,
    subjects: int | None,
) -> dict[str, Any]:
    """Measure with a progress bar; return what compensation.json says."""
    from lexome.evaluation.honesty.compensation import evaluate_compensation
    from lexome.evaluation.honesty.questions import Questions

    asked = None
    if facts is not None or templates is not None:
        asked = Questions(*both(facts, templates), None, subjects)
    with meter() as bar:
        return evaluate_compensation(run, before, groups, asked, told=bar.show)


def price_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield compensation.json as lines: the verdict, then the table of all that was asked."""
    for one in found["verdict"]:
        yield f"{_MARKS[one['fine']]:<8}  {one['about']}: {one['text']}"
    forms = found["forms"]
    header = ("", "n", "corpus", "target", "before", *(_FORMS[form] for form in forms), "overshoot")
    yield ""
    yield from table([header, *_rows(found, forms)])
    yield ""
    yield from _difference(found["difference"], forms)
    yield _SUPPOSED


def _rows(found: Mapping[str, Any], forms: Sequence[str]) -> Iterator[tuple[str, ...]]:
    bits = found["likelihood"]
    if bits["documents"]:
        rest = [""] * (len(forms) - 1)
        after = f"{bits['after']['value']:.4f}"
        name = f"held-out text, bits per {bits['unit']}"
        yield (name, _n(bits["units"]), "", "", f"{bits['before']['value']:.4f}", after, *rest, "")
    facts = found["facts"]
    for name, asked in _recalls([facts[form] for form in forms] if facts else []):
        own = [_figures(one["figures"]) for one in asked]
        was = own[0]["before"]
        now = [f"{one['after']['value']:.3f}" for one in own]
        yield (name, _n(was["n"]), "", "", f"{was['value']:.3f}", *now, "")
    for row in found["statements"]["rows"]:
        now = [f"{row['after'][form]['value']:.3f}" for form in forms]
        beyond = row["overshoot"] or {}
        yield (
            f"{row['question']}: {row['group']}, {row['answer']}{_LEFT[row['kind']]}",
            _n(row["n"]),
            _share(row["corpus"]),
            _share(row["target"]),
            f"{row['before']['value']:.3f}",
            *now,
            _share(max(beyond.values()) if beyond else None),
        )


def _recalls(
    facts: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Yield what recall is of, with it in each form: relations, and subjects left alone."""
    for relation in facts[0]["relations"] if facts else ():
        yield f"recall of {relation}", [one["relations"][relation] for one in facts]
    if facts and facts[0]["alone"] is not None:
        yield "recall of all, subjects left alone", [one["alone"] for one in facts]


def _difference(difference: Mapping[str, Any], forms: Sequence[str]) -> Iterator[str]:
    """Yield what is told apart, of facts by relation, and of statements."""
    asked = ("before", *forms)
    rows = []
    for relation in difference["before"]["facts"]:
        own = [difference[form]["facts"][relation] for form in asked]
        rows.append((f"facts, {relation}", _n(own[0]["comparisons"]), *map(_aware, own)))
    own = [difference[form]["statements"] for form in asked]
    rows.append(("statements", _n(own[0]["comparisons"]), *map(_aware, own)))
    names = ("before", *(_FORMS[form] for form in forms))
    yield "difference awareness (DiffAware, CtxtAware): what differs is told apart, and only that"
    yield from table([("", "n", *names), *rows])
    yield ""


def _aware(found: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{one['value']:.2f}" if "value" in one else "none" for one in found["figures"]
    )


def _figures(figures: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {one["name"]: one for one in figures}


def _n(value: int) -> str:
    return f"{value:,}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
