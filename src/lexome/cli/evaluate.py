"""`lexome evaluate` and `lexome report`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any

import typer

from lexome.cli import compensation, fact_options, honesty
from lexome.cli import copying as copies
from lexome.cli import detached as sources
from lexome.cli import finetune_options as options
from lexome.cli import groups as of_groups
from lexome.cli.console import result, result_json, say, table
from lexome.cli.options import Json, Run
from lexome.cli.progress import meter
from lexome.errors import UsageError

Split = Annotated[str, typer.Option(help="The part of the corpus to score: valid or train.")]
_LIKELIHOOD, _TUNED = "Likelihood", "Answers"

Stride = Annotated[
    int | None,
    typer.Option(
        help="Tokens between two windows: smaller gives each token more context and takes longer. "
        "(default: half the context)",
        show_default=False,
        rich_help_panel=_LIKELIHOOD,
    ),
]
Positions = Annotated[
    int | None,
    typer.Option(
        help="Positions of a masked model that are scored, each hidden by itself "
        "(default: a sample of some thousand).",
        show_default=False,
        rich_help_panel=_LIKELIHOOD,
    ),
]
Baselines = Annotated[
    bool, typer.Option("--baselines/--no-baselines", help="Score the simple baselines beside it.")
]

BothStrands = Annotated[
    bool,
    typer.Option(
        "--both-strands",
        help="DNA: the mean log-likelihood of both strands of each document.",
        rich_help_panel=_LIKELIHOOD,
    ),
]


Examples = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[DATA]", help="Of a tuned run: score it on these pairs, not on its held-out ones."
    ),
]
Adapter = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN",
        help="Score the adapter of a run that was tuned from this one, "
        "which may also be a Hugging Face folder.",
        rich_help_panel=_TUNED,
    ),
]
Group = Annotated[
    str,
    typer.Option(
        help="Metadata over which intervals are drawn, as speaker. "
        "(default: what the pairs were split by)",
        show_default=False,
        rich_help_panel=_TUNED,
    ),
]


def evaluate(
    run: Run,
    data: Examples = None,
    adapter: Adapter = None,
    beams: options.Beams = 1,
    length_penalty: options.LengthPenalty = 1.0,
    no_repeat_ngram: options.NoRepeatNgram = 0,
    temperature: options.Temperature = None,
    guidance: options.Guidance = None,
    group: Group = "",
    split: Split = "valid",
    stride: Stride = None,
    positions: Positions = None,
    baselines: Baselines = True,
    both_strands: BothStrands = False,
    facts: fact_options.FactsTable = None,
    templates: fact_options.Templates = None,
    unseen: fact_options.Unseen = None,
    subjects: fact_options.Subjects = None,
    groups: of_groups.GroupsFile = None,
    before: compensation.Before = None,
    copying: copies.Copying = False,
    samples: copies.Samples = None,
    samples_from: copies.SamplesFrom = None,
    detached: sources.Detached = False,
    examples: sources.Examples = None,
    others: sources.Others = None,
    by: sources.By = None,
    as_json: Json = False,
) -> None:
    """Score a model on held-out data, per natural unit, beside simple baselines.

    Bits per byte, base or residue compare models of different tokenizers; lower is better, and ±
    is one standard error. The figures are kept in the run's evaluation.json. A run that was tuned
    on pairs is scored by its task instead, and the figures are in task.json, or beside it in a file
    that is named after the DATA. With --facts and --templates the model is asked instead what its
    corpus says, and what it does not; with --groups its answers about groups stand beside those of
    its corpus, and with --before also what a correction of them brought and cost; with --copying
    its samples are compared with what it was trained on; with --detached a tuned run is asked
    whether its answers depend on their sources. Those figures are in honesty.json, groups.json,
    compensation.json, copying.json and detached.json.
    """
    given = {name: value for name, value in locals().items() if name not in ("run", "as_json")}
    measure = next(one for one in reversed(_MEASURES) if one.wanted(run, given))
    _check_read(given, measure)
    measure.take(run, given, as_json)


_Given = Mapping[str, Any]


@dataclass(frozen=True)
class _Measure:
    """A way to score a run: what people call it, and the options that it reads.

    It is `wanted` where these ask for it; `take` measures and prints, or prints JSON.
    """

    called: str
    reads: Sequence[str]
    wanted: Callable[[Path, _Given], Any]
    take: Callable[[Path, _Given, bool], None]


def _by_likelihood(run: Path, given: _Given, as_json: bool) -> None:
    told = {} if given["positions"] is None else {"positions": given["positions"]}
    names = ("split", "stride", "baselines", "both_strands")
    found = evaluated(run, **{name: given[name] for name in names}, **told)
    if as_json:
        result_json(found)
        return
    for line in score_lines(found):
        result(line)
    result(f"({found['definition']})")


def _by_answers(run: Path, given: _Given, as_json: bool) -> None:
    """Score a tuned run, or the adapter of one on this base, and print the scores."""
    from lexome.cli import finetune, task_scores

    tuned, base = given["adapter"] or run, run if given["adapter"] else None
    choices = {name: given[name] for name in ("split", "baselines", "group")}
    files, by = given["data"] or (), given["by"] or ()
    scores = finetune.scored(
        tuned, base=base, files=files, by=by, searched=_searched(given), **choices
    )
    if as_json:
        result_json(scores)
        return
    for line in (*task_scores.score_lines(scores), *sources.gap_lines(scores)):
        result(line)
    say(f"written: {tuned / scores['kept_in']}")


def _is_tuned(run: Path) -> bool:
    from lexome.finetuning.evaluate import is_tuned

    return is_tuned(run)


_SEARCHED = ("beams", "length_penalty", "no_repeat_ngram", "temperature", "guidance")


def _searched(given: _Given) -> dict[str, Any]:
    return {name: given[name] for name in _SEARCHED}


# From the usual to the particular: the last one that is wanted is taken, and of two that read the
# same option the first is its home.
_MEASURES = (
    _Measure(
        "the likelihood",
        ("split", "stride", "positions", "baselines", "both_strands"),
        lambda run, given: True,
        _by_likelihood,
    ),
    _Measure(
        "answers, of a run that was tuned on pairs",
        ("data", "adapter", "group", "by", "split", "baselines", *_SEARCHED),
        lambda run, given: given["data"] or given["adapter"] or _is_tuned(run),
        _by_answers,
    ),
    _Measure(
        "sources (--detached)",
        ("detached", "examples", "others", *_SEARCHED),
        lambda run, given: given["detached"],
        lambda run, given, as_json: sources.by_sources(
            run, given["examples"], given["others"], _searched(given), as_json
        ),
    ),
    _Measure(
        "facts (--facts)",
        ("facts", "templates", "unseen", "subjects"),
        lambda run, given: given["facts"] or given["templates"] or given["unseen"],
        lambda run, given, as_json: honesty.by_facts(
            run, given["facts"], given["templates"], given["unseen"], given["subjects"], as_json
        ),
    ),
    _Measure(
        "copying (--copying)",
        ("copying", "samples", "samples_from"),
        lambda run, given: given["copying"],
        lambda run, given, as_json: copies.by_copying(
            run, given["samples"], given["samples_from"] or (), as_json
        ),
    ),
    _Measure(
        "groups (--groups)",
        ("groups",),
        lambda run, given: given["groups"],
        lambda run, given, as_json: of_groups.by_groups(run, given["groups"], as_json),
    ),
    _Measure(
        "a correction (--before)",
        ("before", "groups", "facts", "templates", "subjects"),
        lambda run, given: given["before"],
        lambda run, given, as_json: compensation.by_price(
            run,
            given["before"],
            given["groups"],
            (given["facts"], given["templates"], given["subjects"]),
            as_json,
        ),
    ),
)


def _check_read(given: _Given, measure: _Measure) -> None:
    """Raise `UsageError` for an option that says something and that the measure does not read."""
    usual = inspect.signature(evaluate).parameters
    for name, value in given.items():
        if value != usual[name].default and name not in measure.reads:
            home = next(other.called for other in _MEASURES if name in other.reads)
            flag = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{flag} is of {home}, and this is {measure.called}", where=flag, fix="leave it out"
            )


def report(run: Run) -> None:
    """Write the run's page: data, curves, samples, scores and a look inside the model.

    One file, report/index.html, that needs no network; it shows the scores of `lexome evaluate`.
    """
    result(f"written: {reported(run)}")


def evaluated(run: Path, **choices: Any) -> dict[str, Any]:
    """Evaluate with a progress bar; return what evaluation.json says."""
    from lexome import evaluation

    with meter() as shown:
        return evaluation.evaluate(run, told=shown.show, **choices)


def reported(run: Path) -> Path:
    """Write the report with a progress bar; return the page's path."""
    from lexome import report as reports

    with meter() as shown:
        shown.show("report", 0, None)
        return reports.write_report(run)


def score_lines(found: Mapping[str, Any]) -> list[str]:
    """Return an evaluation as lines of a table, the best score first."""
    unit, model = found["unit"], found["model"]
    masked = model["kind"] == "pseudo-likelihood"
    name = "this model (sees both sides)" if masked else "this model"
    error = model.get("standard_error")
    scores = [(name, model["bits_per_unit"], "" if error is None else f"± {error:.4f}")]
    scores += [(line["name"], line["bits_per_unit"], "") for line in found["baselines"]]
    rows = [(name, f"{bits:.4f}", error) for name, bits, error in sorted(scores, key=itemgetter(1))]
    header = (f"{found['split']} split, {found['units']:,} {unit}s", f"bits/{unit}", "")
    return [
        *table([header, *rows]),
        f"perplexity per {unit} of this model: {model['perplexity_per_unit']:.3f}",
        *(
            f"{reading.replace('_', ' ')}: {figures['bits_per_unit']:.4f} bits/{unit}"
            for reading, figures in found.get("readings", {}).items()
        ),
        *(
            f"{measure} of this model: {factor * model['bits_per_unit']:,.4f}"
            for measure, factor in found.get("measures", {}).items()
        ),
        *(line for part in found.get("parts", ()) for line in _part_lines(part)),
        *(f"warning: {warning}" for warning in found["warnings"]),
    ]


def _part_lines(part: Mapping[str, Any]) -> list[str]:
    """Return the scores of a part of a mixture, in its own unit."""
    scores = [("this model", part["bits_per_unit"])]
    scores += [(line["name"], line["bits_per_unit"]) for line in part["baselines"]]
    rows = [(name, f"{bits:.4f}") for name, bits in sorted(scores, key=itemgetter(1))]
    header = (f"{part['name']}, {part['units']:,} {part['unit']}s", f"bits/{part['unit']}")
    return ["", *table([header, *rows]), *([part["note"]] if "note" in part else [])]
