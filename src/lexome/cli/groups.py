"""What a run says of groups beside its corpus, as `lexome evaluate --groups` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from lexome.cli.console import result, result_json, say, table
from lexome.cli.progress import meter

GroupsFile = Annotated[
    Path | None,
    typer.Option(
        "--groups",
        metavar="FILE",
        help="Ask the model the `questions` of a groups file, beside what its corpus says of the "
        "groups, as `lexome audit` counts it.",
        rich_help_panel="Groups",
        show_default=False,
    ),
]

_HEADER = ("", "cases", "corpus p", "95 %", "model q", "amplified", "95 %", "")
_NOTE = (
    "p and q are shares of the answers that are listed; amplified: how much further from the rate "
    "of all groups q is than p. A skew is of these texts: no cause, and no verdict."
)


def by_groups(run: Path, groups: Path, as_json: bool) -> None:
    """Ask a run about groups and print what it says beside its corpus."""
    found = groups_asked(run, groups)
    if as_json:
        result_json(found)
        return
    for line in groups_lines(found):
        result(line)
    say(f"written: {run / 'groups.json'}")


def groups_asked(run: Path, groups: Path) -> dict[str, Any]:
    """Ask with a progress bar; return what groups.json says."""
    from lexome.evaluation.honesty.evaluate_groups import evaluate_groups

    with meter() as shown:
        return evaluate_groups(run, groups, told=shown.show)


def groups_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield groups.json as lines: each question with its pairs, then all of them together."""
    unit = f"window of {found['window']:,}" if found["window"] else found["context"]
    yield f"the model beside its corpus: a group and an answer belong together in one {unit}"
    for question in found["questions"]:
        yield ""
        yield from _question(question, found["fewest"])
    yield ""
    if len(found["questions"]) > 1:
        yield f"all {found['all']['questions']:,} questions with groups to speak of"
        yield from _figures(found["all"])
    yield _NOTE


def _question(question: Mapping[str, Any], fewest: int) -> Iterator[str]:
    answers = ", ".join(question["answers"])
    yield f"{question['name']}: {question['axis']}, {answers}"
    yield f"  {question['prompts'][0]}" + (
        f" (and {len(question['prompts']) - 1:,} more)" if len(question["prompts"]) > 1 else ""
    )
    yield from table([_HEADER, *map(_row, question["pairs"])])
    few = {pair["group"]: pair["n"] for pair in question["pairs"] if pair["too_few"]}
    for group, cases in few.items():
        yield f"too few: {group} has {cases:,} cases, under {fewest}: too few to speak of"
    if question["several"]:
        yield f"left out, with several groups: {question['several']:,}"
    if question["several_answers"]:
        yield f"left out, with several answers: {question['several_answers']:,}"
    if len(question["prompts"]) == 1:
        yield "one prompt: what the model says to another one is in no interval and no test"
    yield f"the model would say something else with probability {question['outside']:.3f}"
    yield from _figures(question)


def _row(pair: Mapping[str, Any]) -> tuple[str, ...]:
    p = "" if pair["p"] is None else f"{pair['p']:.3f}"
    told = pair["amplified"] is not None
    return (
        f"  {pair['group']}, {pair['answer']}",
        f"{pair['n']:,}",
        p,
        f"{pair['p_low']:.3f} to {pair['p_high']:.3f}" if p else "",
        f"{pair['q']:.3f}",
        f"{pair['amplified']:+.3f}" if told else "",
        "" if pair["low"] is None else f"{pair['low']:+.3f} to {pair['high']:+.3f}",
        "too few" if pair["too_few"] else "" if told else "as all groups",
    )


def _figures(values: Mapping[str, Any]) -> Iterator[str]:
    slope, test = values["slope"], values["test"]
    if "beta" in slope:
        yield (
            f"slope of logit q on logit p {slope['beta']:.3f} "
            f"({slope['low']:.3f} to {slope['high']:.3f}): {slope['reading']}"
        )
    else:
        yield f"slope undefined: {slope['reason']}"
    if "error" not in test:
        yield f"amplification undefined: {test['reason']}"
        return
    quantiles = ", ".join(f"{one['amplified']:+.3f}" for one in values["quantiles"])
    at = ", ".join(f"{one['at']:.0%}" for one in values["quantiles"])
    verdict = "found" if test["found"] else "not found"
    yield f"amplification at {at} of the pairs: {quantiles}"
    yield (
        f"a mean above 0 is {verdict} (p = {test['p']:.3f}); one of {100 * test['effect']:g} "
        f"points would be with power {test['power']:.2f}{_needed(test)}"
    )


def _needed(test: Mapping[str, Any]) -> str:
    if test["power"] >= test["power_wanted"]:
        return ""
    if test["cases_needed"] is None:
        return "; more prompts or seeds are needed first"
    return f"; {test['cases_needed']:,} cases would give {test['power_wanted']:g}"
