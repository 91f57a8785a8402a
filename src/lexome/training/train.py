"""From a recipe to a trained model in a run folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import lexome
from lexome.corpus import BatchSource, Corpus
from lexome.corpus.manifest import TRAIN, VALID
from lexome.corpus.packing import left_out
from lexome.errors import LexomeError
from lexome.model import TransformerConfig
from lexome.recipe import Recipe, TrainingRecipe
from lexome.training import checkpoints, machine, parallel, plan
from lexome.training.guard import listening
from lexome.training.loop import Loop, Progress
from lexome.training.observer import Observer, Sampler
from lexome.training.outcome import Outcome, kept_outcome
from lexome.training.parallel import World
from lexome.training.plan import Plan
from lexome.training.run import Run, check_free, create_run, open_run
from lexome.training.schedules import Schedule
from lexome.training.session import Session, make_session
from lexome.training.start import base_checksum, base_config, check_base

_SHARE_FOR_PAUSES = 0.06


def train(
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool = False,
    observer: Observer | None = None,
    sampler: Sampler | None = None,
    more_facts: Mapping[str, Any] | None = None,
) -> Outcome:
    """Train what `recipe` describes in the run folder `folder`.

    With `resume`, the run that lies there goes on from its newest whole checkpoint, by its own
    resolved recipe, and ends with the same losses and weights, bit for bit, as if it had not been
    interrupted; of one that has ended, it returns the outcome and changes nothing. Under `torchrun`
    all workers call this together. Raises `LexomeError` for what a person can mend.
    A new run keeps `more_facts` in its run.json.
    """
    started = time.perf_counter()
    machine.prepare()
    with parallel.world() as world, machine.deterministic(), listening() as stop:
        machine.forget_peak(world.device)
        observer = observer if observer is not None and world.first else Observer()
        folder = Path(folder)
        if resume:
            run = open_run(folder)
            outcome: Outcome | None = world.agree(kept_outcome(run))
            if outcome is not None:
                observer.told(f"the run ended at step {outcome.steps:,}: nothing is left to do")
                return outcome
            session, corpus, progress = _reopen(run, world, observer)
        else:
            if world.first:
                check_free(folder)
            world.wait()
            run, session, corpus, progress = _begin(
                recipe, folder, world, observer, started, more_facts or {}
            )
        loop = Loop(run, session, corpus, progress, observer, sampler, started)
        return loop.run(stop)


def make_plan(recipe: Recipe) -> Plan:
    """Return what `train` would do with a recipe here; the machine's speed is measured."""
    machine.prepare()
    with parallel.world() as world, machine.deterministic():
        return _prepare(recipe, Corpus.open(Path(recipe.corpus)), world, time.perf_counter())[0]


def _begin(
    recipe: Recipe,
    folder: Path,
    world: World,
    observer: Observer,
    started: float,
    more_facts: Mapping[str, Any],
) -> tuple[Run, Session, Corpus, Progress]:
    # One worker reads every byte; a damaged corpus ends it, and with it all the others.
    corpus = Corpus.open(Path(recipe.corpus), verify=world.first)
    made, session = _prepare(recipe, corpus, world, started)
    observer.planned(made)
    asked = recipe.model_dump(mode="json", exclude_defaults=True)
    facts = _facts(made, corpus, session, time.perf_counter() - started)
    facts |= {"asked": asked, **more_facts}
    run = Run(folder, made.recipe, facts)
    if world.first:
        create_run(folder, made.recipe, facts)
    world.wait()
    return run, session, corpus, Progress(Schedule.of(recipe.schedule, made.steps))


def _reopen(run: Run, world: World, observer: Observer) -> tuple[Session, Corpus, Progress]:
    corpus = run.corpus(verify=world.first)
    chosen = run.facts["machine"]
    training = run.recipe.training
    config = TransformerConfig(**_tuples(run.facts["plan"]["model"]))
    if run.recipe.start is not None:
        check_base(run.recipe.start, run.facts["base"])
    session = make_session(config, run.recipe, corpus.tokenizer, chosen["precision"], world)
    session.refer(corpus)
    if chosen["compile"]:
        _compile_as_new(session, session.batches(corpus, "train", training.seed))
    steps = training.steps or run.facts["plan"]["steps"]
    schedule = Schedule.of(run.recipe.schedule, steps)
    found = world.agree(_first(world, lambda: checkpoints.latest(run.checkpoints, observer.told)))
    if isinstance(found, LexomeError):
        raise found
    if found is None:
        observer.told("there is no checkpoint yet: the run starts again from its first step")
        return session, corpus, Progress(schedule)
    path, state = found
    checkpoints.load(path, session.tensors(), world)
    progress = Progress.from_dict(state)
    # A run that its patience has ended keeps the end that it came to.
    if training.steps is not None and not progress.ended_early(training):
        progress.schedule = schedule
    session.optimizer.set_updates(progress.updates)
    if world.first:
        checkpoints.drop_after(run.checkpoints, progress.step)
    observer.told(f"going on from step {progress.step:,}")
    return session, corpus, progress


def _prepare(recipe: Recipe, corpus: Corpus, world: World, started: float) -> tuple[Plan, Session]:
    """Return the plan, and the session with which it was measured, as new."""
    tokenizer, training = corpus.tokenizer, recipe.training
    speed = world.agree(machine.measure_speed(world.device))
    precision = speed.choose(training.precision)
    tokens = len(corpus.stream("train"))
    recipe, because = plan.bounded(recipe, corpus.language.standalone)
    if recipe.start is None:
        config, settled, reasons = plan.sized(
            recipe, tokenizer.vocab_size, tokenizer.special, tokens, speed, world.size
        )
    else:
        config, settled, reasons = plan.started(recipe, base_config(recipe.start, tokenizer))
    reasons += because
    reasons.append(
        f"{precision}: a matrix product reaches {speed.fp32 / 1e12:.2f} TFLOP/s in fp32 and "
        f"{speed.bf16 / 1e12:.2f} in bf16"
    )
    session = make_session(config, settled, tokenizer, precision, world)
    session.refer(corpus)
    batches = session.batches(corpus, "train", training.seed)
    steps, compiled, seconds = _measure(settled, session, batches, reasons, started)
    resolved = plan.resolved(settled, steps, precision, compiled)
    made = Plan(resolved, config, batches.context, steps, precision, compiled, tuple(reasons))
    if seconds:
        made = replace(made, tokens_per_second=session.batch_size * made.row / seconds)
    return made, session


def _measure(
    recipe: Recipe, session: Session, batches: BatchSource, reasons: list[str], started: float
) -> tuple[int, bool, float]:
    """Return the steps, whether to compile, and the seconds a step takes (0: not measured).

    The session is put back to its first state afterwards.
    """
    training = recipe.training
    if training.steps is not None and training.compile != "auto":
        if training.compile:
            _compile_as_new(session, batches)
        return training.steps, training.compile, 0.0
    initial = session.snapshot()
    seconds = session.time_step(batches, 3)
    if training.steps is None:
        expected = (training.minutes or 0.0) * 60 - _since(session, started)
    else:
        expected = seconds * training.steps
    compiled, seconds, reason = _compile_where_it_pays(
        training, session, batches, seconds, expected
    )
    reasons.append(reason)
    session.restore(initial)
    if training.steps is not None:
        return training.steps, compiled, seconds
    assert training.minutes is not None
    left = (training.minutes * 60 - _since(session, started)) * (1 - _SHARE_FOR_PAUSES)
    return plan.steps_within(left, seconds, training.minutes), compiled, seconds


def _compile_where_it_pays(
    training: TrainingRecipe, session: Session, batches: BatchSource, eager: float, expected: float
) -> tuple[bool, float, str]:
    """Compile if that is asked, or is worth it; return whether, the seconds of a step, and why.

    `eager` are the seconds of a step as it is, `expected` those of the whole run.
    """
    if training.compile is False:
        return False, eager, "not compiled, as asked"
    if training.compile == "auto" and plan.compile_gain(expected) <= 0:
        return False, eager, "not compiled: the run is too short to earn the time back"
    try:
        _compile(session, batches)
    except LexomeError as error:
        if training.compile is True:
            raise
        return False, eager, f"not compiled: {error.what}"
    seconds = session.time_step(batches, 4)
    if training.compile is True:
        return True, seconds, "compiled, as asked"
    figures = f"a step takes {1e3 * seconds:,.0f} ms, and {1e3 * eager:,.0f} ms otherwise"
    if seconds >= eager:
        session.run_eagerly()
        return False, eager, f"not compiled: compiled, {figures}"
    return True, seconds, f"compiled: {figures}"


def _compile(session: Session, batches: BatchSource) -> None:
    """Compile the session and make a first step, in which all of the compiling is done.

    Raises `LexomeError` where this machine cannot compile; the session then runs as before.
    """
    session.compile()
    try:
        session.time_step(batches, 1)
    except torch._dynamo.exc.TorchDynamoException as error:
        session.run_eagerly()
        raise LexomeError(
            f"torch.compile failed: {str(error).partition(chr(10))[0]}",
            where="training.compile",
            fix="install a C++ compiler (on Debian and Ubuntu: apt install g++), or set "
            "training.compile to false",
        ) from error


def _compile_as_new(session: Session, batches: BatchSource) -> None:
    """Compile the session and put it back to the state that it had before."""
    initial = session.snapshot()
    _compile(session, batches)
    session.restore(initial)


def _since(session: Session, started: float) -> float:
    return float(session.world.agree(time.perf_counter() - started))


def _facts(made: Plan, corpus: Corpus, session: Session, setup: float) -> dict[str, Any]:
    manifest = corpus.manifest
    batch = session.batch_size * made.row
    return {
        "lexome": lexome.__version__,
        "torch": torch.__version__,
        "corpus": str(corpus.folder),
        "fingerprint": corpus.fingerprint,
        "language": manifest.language,
        "options": dict(manifest.options),
        "unit": manifest.unit,
        "objective": made.recipe.objective.name,
        "parameters": sum(p.numel() for p in session.model.parameters()),
        "trained_parameters": sum(group.weights for group in session.optimizer.groups),
        "left_out": _left_out(made, corpus),
        "base": base_checksum(made.recipe.start) if made.recipe.start else None,
        "groups": [group.to_dict() for group in session.optimizer.groups],
        "plan": made.to_dict(),
        "machine": {"precision": made.precision, "compile": made.compiled},
        "world_size": session.world.size,
        "setup_seconds": setup,
        "step_seconds": batch / made.tokens_per_second if made.tokens_per_second else 0.0,
    }


def _left_out(made: Plan, corpus: Corpus) -> dict[str, int]:
    """Return how many pairs of each split are longer than the model's context."""
    if not made.recipe.objective.of_pairs:
        return {}
    return {split: left_out(corpus.stream(split), made.row) for split in (TRAIN, VALID)}


def _first(world: World, call: Callable[[], Any]) -> Any:
    """Return what `call` gives on the first worker, or the error that it raises there."""
    if not world.first:
        return None
    try:
        return call()
    except LexomeError as error:
        return error


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
