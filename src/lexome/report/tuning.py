"""How a run was tuned: in words, as the command that does it, and the model it began as."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from lexome import languages
from lexome.corpus import Manifest
from lexome.errors import LexomeError
from lexome.finetuning.tasks import TASKS
from lexome.languages.pair import Pair
from lexome.model import Transformer, load_model
from lexome.model.growth import grown
from lexome.recipe import StartRecipe
from lexome.report.data import Missing
from lexome.report.reading import RunFiles, command, missing, places
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


def finetune_command(run: RunFiles, start: StartRecipe, *flags: str) -> str:
    """Return the command that tunes as the run was tuned, with further flags."""
    words = [start.base, *_data(run), "--task", start.task, "--method", start.method]
    if start.examples is not None:
        words += ["--examples", str(start.examples)]
    for name in ("rank", "alpha", "targets"):
        if (value := getattr(start, name)) != StartRecipe.model_fields[name].default:
            words += ["--set", f"start.{name}={json.dumps(value)}"]
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


def _data(run: RunFiles) -> Iterator[str]:
    """Yield the pairs, and how they were read and held out, as words of the command."""
    manifest = run.manifest
    if not isinstance(manifest, Manifest):
        yield "DATA"
        return
    request, pair = manifest.request, pair_of(run)
    files = [str(file) for file in request.get("sources") or ()]
    columns = _columns(pair)
    held_out = [str(file) for file in request.get("validation_files") or ()]
    if pair is not None and pair.form == "parallel":
        source, target = (columns[name] for name in pair.languages)
        files = [name for file in files for name in (file, _other(file, source, target))]
        held_out = [name for file in held_out for name in (file, _other(file, source, target))]
    yield from files
    if pair is not None:
        yield from _reading(pair, columns)
    for file in held_out:
        yield from ("--validation-files", file)
    if request.get("validation") not in (None, 0.1):
        yield from ("--validation", f"{request['validation']}")
    for name, value in (request.get("validation_where") or {}).items():
        yield from ("--validation-where", f"{name}={value}")


def _columns(pair: Pair | None) -> dict[str, str]:
    return {} if pair is None else dict(json.loads(pair.columns))


def _reading(pair: Pair, columns: Mapping[str, str]) -> Iterator[str]:
    described: Mapping[str, Any] = json.loads(pair.roles)
    kinds: Mapping[str, str] = json.loads(pair.kinds)
    for side, role in (("source", pair.asking), ("target", pair.answering)):
        if pair.form in ("table", "files") and role.name in columns:
            yield from (f"--{side}", columns[role.name])
        yield from (f"--{side}-language", role.language)
        if role.language in kinds:
            yield from (f"--{side}-tokenizer", kinds[role.language])
        for name, value in (described[role.name].get("options") or {}).items():
            said = value if isinstance(value, str) else json.dumps(value)
            yield from (f"--{side}-option", f"{name}={said}")
    if pair.group:
        yield from ("--group", pair.group)


def _other(file: str, source: str, target: str) -> str:
    """Return the file of targets beside one of sources: the last of its suffixes differs."""
    before, found, after = file.rpartition(source)
    return f"{before}{target}{after}" if found else file
