"""How a run was tuned: in words, as the command that does it, and the model it began as."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

from lexome import languages
from lexome.errors import LexomeError
from lexome.finetuning.asked import Asked
from lexome.finetuning.evaluate import SCORES, usual_settings
from lexome.finetuning.pairs import HeldOut
from lexome.finetuning.recipes import Tuning
from lexome.finetuning.tasks import TASKS
from lexome.languages.pair import Pair
from lexome.model import Transformer, load_model
from lexome.model.growth import grown
from lexome.recipe import StartRecipe, value_from_text
from lexome.report.data import Missing
from lexome.report.reading import RunFiles, command, missing, places, read_object
from lexome.training.start import base_checksum, base_folder

METHODS: Mapping[str, str] = {
    "scratch": "from scratch",
    "full": "full fine-tuning",
    "lora": "LoRA",
    "probe": "probe",
}
"""What the methods are called, in the order in which they are compared."""


def pair_of(run: RunFiles) -> Pair | None:
    """Return the language of the run's pairs, or `None` where run.json does not say it."""
    options = run.fact("options")
    if run.fact("language") != Pair.name or not isinstance(options, Mapping):
        return None
    try:
        pair = languages.get(Pair.name, **options)
        assert isinstance(pair, Pair)
        _ = pair.languages
    except LexomeError:
        return None
    return pair


def tuned_sentence(run: RunFiles) -> str | None:
    """Return what the run was made of and for, or `None` where it was not tuned on pairs."""
    start = run.tuned
    if start is None:
        return None
    pair = pair_of(run)
    way = f" ({pair.asking.language} → {pair.answering.language})" if pair else ""
    trained, parameters = run.fact("trained_parameters"), run.fact("parameters")
    share = f" ({trained / parameters:.2%})" if trained and parameters else ""
    few = f"{trained:,} of its {parameters:,} parameters{share}" if share else "a part of it"
    how = {
        "full": f"from {start.base}, all of its weights moved",
        "lora": f"from {start.base} by LoRA of rank {start.rank}, which trained {few}",
        "probe": f"from {start.base}, which stayed as it is: only new tokens, {few}, were trained",
        "scratch": f"in the shape of {start.base}, but from new weights, to compare with",
    }[start.method]
    return f"Tuned for {_said(start.task)}{way} {how}."


def finetune_command(run: RunFiles, *flags: str) -> str:
    """Return the command that tunes and scores as the run was tuned and scored, with further flags.

    It is empty where run.json does not say what was asked.
    """
    asked = None if isinstance(run.facts, Missing) else Asked.from_facts(run.facts)
    if asked is None:
        return ""
    words = [asked.base, *map(str, asked.data.files), "--task", asked.task]
    words += [*_reading(asked), *_held_out(asked), *_how(asked.tuning), *_answering(run)]
    usual = Path("corpus") / run.folder.name
    if (corpus := run.fact("corpus")) and Path(corpus) != usual:
        words += ["--corpus", str(corpus)]
    return command("finetune", *words, "--out", str(run.folder), *flags)


def base_model(run: RunFiles, start: StartRecipe, model: Transformer) -> Transformer | Missing:
    """Return the base with rows for the new tokens, as `model` was before its first step."""
    for place in places(run.folder, start.base):
        if place.is_dir():
            break
    else:
        return Missing(f"The base, {start.base}, is not there any more.")
    try:
        if base_checksum(start.model_copy(update={"base": str(place)})) != run.fact("base"):
            return Missing(f"The base, {start.base}, has other weights than it had.")
        base = load_model(base_folder(place))
    except LexomeError as error:
        return missing(error)
    if base.config.width != model.config.width:
        return Missing(f"The base, {start.base}, has another width than the model.")
    if model.config.vocab_size > base.config.vocab_size:
        assert not isinstance(run.recipe, Missing)
        with torch.no_grad():
            base = grown(base, model.config.vocab_size, run.recipe.training.seed)
    return base


def _said(task: str) -> str:
    known = {"speech": "speech recognition", "picture": "making pictures", "pair": "pairs"}
    return known.get(task, task)


def summary_of(task: str) -> str:
    """Return what a task is, in words; nothing for one that is not known."""
    return TASKS[task].summary if task in TASKS else ""


def _reading(asked: Asked) -> Iterator[str]:
    """Yield how the pairs were read, as words of the command."""
    data = asked.data
    said = {
        "source": data.source,
        "target": data.target,
        "base-language": asked.base_language,
        "source-language": data.source_language,
        "target-language": data.target_language,
        "source-tokenizer": data.source_tokenizer,
        "target-tokenizer": data.target_tokenizer,
        "group": data.group,
    }
    for name, value in said.items():
        if value:
            yield from (f"--{name}", value)
    sides = {"source": data.source_options, "target": data.target_options}
    for side, options in sides.items():
        for name, value in options.items():
            text = value if isinstance(value, str) else json.dumps(value)
            yield from (f"--{side}-option", f"{name}={text}")


def _held_out(asked: Asked) -> Iterator[str]:
    """Yield what was held out, as words of the command."""
    held_out = asked.held_out
    if held_out.share != HeldOut.share:
        yield from ("--validation", f"{held_out.share}")
    for file in held_out.files:
        yield from ("--validation-files", str(file))
    for name, value in held_out.where.items():
        yield from ("--validation-where", f"{name}={value}")
    if asked.duplicates != Asked.duplicates:
        yield from ("--duplicates", asked.duplicates)


def _how(tuning: Tuning) -> Iterator[str]:
    """Yield how was trained, as words of the command."""
    yield from ("--method", tuning.method)
    if tuning.epochs is not None:
        yield from ("--epochs", f"{tuning.epochs}")
    if tuning.examples is not None:
        yield from ("--examples", f"{tuning.examples}")
    if tuning.balanced:
        yield "--balanced"
    for key, value in tuning.changes.items():
        plain = isinstance(value, str) and value_from_text(value) == value
        yield from ("--set", f"{key}={value if plain else json.dumps(value)}")


def _answering(run: RunFiles) -> Iterator[str]:
    """Yield how the held-out examples were answered, as words of the command."""
    scores = read_object(run.folder / SCORES, "")
    settings = {} if isinstance(scores, Missing) else scores.get("settings")
    if not isinstance(settings, Mapping):
        return
    usual = usual_settings(run.tuned.task if run.tuned else "pair")
    # Beams draw nothing, whatever is usual for the task.
    drawn = () if settings.get("beams", 1) > 1 else ("temperature", "guidance")
    for name in ("beams", "length_penalty", "no_repeat_ngram", *drawn):
        value = settings.get(name, getattr(usual, name))
        if value != getattr(usual, name):
            yield from (f"--{name.replace('_', '-')}", json.dumps(value))
