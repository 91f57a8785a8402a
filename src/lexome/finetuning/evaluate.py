"""A tuned run is asked held-out examples, and scored by its task beside simple baselines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Any

from lexome.corpus import Corpus
from lexome.corpus.manifest import TRAIN, VALID
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.progress import Told
from lexome.files import read_json, sha256, write_json, write_text
from lexome.finetuning import tasks
from lexome.finetuning.answering import (
    Answer,
    Question,
    answers,
    contents,
    longest_answer,
    questions,
    read_questions,
)
from lexome.finetuning.gaps import gaps_by, members
from lexome.finetuning.paired import Pairs
from lexome.finetuning.preferring import length as preference_length
from lexome.finetuning.preferring import preference_scores
from lexome.finetuning.scoring import (
    TaskScores,
    resampling_of,
    source_texts,
    spoken,
    task_scores,
)
from lexome.finetuning.standing import baseline_scores
from lexome.finetuning.trained import count_among, originals, trained_documents
from lexome.generation import Settings
from lexome.model import Transformer, TransformerConfig
from lexome.model.folder import WEIGHTS
from lexome.recipe import StartRecipe
from lexome.training import metrics, open_run
from lexome.training.run import FACTS, METRICS, MODEL, Run
from lexome.training.start import adapted

KEPT_SETTINGS = (
    "temperature",
    "guidance",
    "beams",
    "length_penalty",
    "no_repeat_ngram",
    "seed",
)

SCORES, PREDICTIONS = "task.json", "predictions.jsonl"


@dataclass(frozen=True)
class Scoring:
    """How held-out examples are answered and scored.

    `settings` are those of writing, by default the task's; `limit` is the most examples that are
    asked; `group` the metadata over which intervals are drawn, by default that by which the corpus
    was split; with `baselines` those of the field stand beside. Scores are given by group too for
    each of `by`, the names of metadata or `length`.
    """

    settings: Settings | None = None
    limit: int | None = None
    group: str = ""
    baselines: bool = True
    by: Sequence[str] = ()


def is_tuned(run_folder: Path) -> bool:
    """Return whether a run was tuned on pairs, so that it is scored by its task."""
    if not (run_folder / FACTS).is_file():
        return False
    recipe = open_run(run_folder).recipe
    return recipe.start is not None and recipe.objective.of_pairs


def score_task(
    run_folder: Path,
    *,
    scoring: Scoring | None = None,
    split: str = VALID,
    files: Sequence[Path] = (),
    base: Path | None = None,
    told: Told | None = None,
) -> dict[str, Any]:
    """Ask a tuned run the held-out examples of its corpus; write and return task.json.

    What was asked and said, beside what is true, goes to predictions.jsonl. With `files`, which
    are read as the run's pairs were, their examples are asked instead; both names then end in that
    of the first file, with a number where other files of that name were asked before, and those of
    the training split in `-train-split`. With a `base`, a run or a model folder, that answers with
    the run's adapter, and not the run's own model.
    """
    scoring = scoring or Scoring()
    run, start = _tuned(run_folder)
    pairs = Pairs.of(run.corpus(verify=True))
    read = read_questions(pairs, files) if files else (questions(pairs, split, scoring.limit), {})
    every, skipped = read
    model = run.model() if base is None else adapted(base, run)
    asked = fitting(every, model.config, ", ".join(map(str, files)) or str(run_folder))
    scoring = replace(scoring, group=_group(pairs, asked, scoring.group))
    resampling_of(asked, scoring.group)
    for field in scoring.by:
        members(asked, field)
    chosen = scoring.settings or usual_settings(start.task)
    settings = replace(chosen, max_tokens=room(pairs.corpus, every, model.config.context))
    advance = (lambda done, total: told("answer", done, total)) if told else None
    said = answers(model, pairs, asked, settings, advance)
    trained = trained_documents(run, pairs.corpus, model.config.context)
    scores, baselines = TaskScores(()), list[dict[str, Any]]()
    if asked:
        scores, baselines = _scores(run, model, pairs, asked, said, scoring, trained)
    found = {
        "task": start.task,
        "weights": sha256(run_folder / MODEL / WEIGHTS),
        "split": _asked(split, files),
        "examples": len(asked),
        "too_long": len(every) - len(asked),
        "skipped": {reason: record.model_dump() for reason, record in skipped.items()},
        "training_examples": len(originals(pairs.corpus, trained)),
        "among_training": count_among(asked, pairs, TRAIN, trained),
        **_chosen_on(run, pairs, asked),
        "group": scoring.group,
        "settings": {name: getattr(settings, name) for name in KEPT_SETTINGS},
        "method": start.method,
        **{name: run.facts[name] for name in ("trained_parameters", "parameters")},
        **scores.to_dict(),
        "baselines": baselines,
        "by": [gaps_by(scores, asked, field) for field in scoring.by],
    }
    ending = _ending(run_folder, split, files)
    found["kept_in"] = named(SCORES, ending)
    write_json(run_folder / named(SCORES, ending), found)
    _write_predictions(run_folder / named(PREDICTIONS, ending), pairs, asked, said)
    return found


def _tuned(run_folder: Path) -> tuple[Run, StartRecipe]:
    """Return a run and what it started from; one that was not tuned on pairs is a `UsageError`."""
    run = open_run(run_folder)
    start = run.recipe.start
    if start is None or not run.recipe.objective.of_pairs:
        raise UsageError(
            "this run was not tuned on pairs",
            where=str(run_folder),
            fix="score its likelihood: lexome evaluate, without files",
        )
    return run, start


def _group(pairs: Pairs, asked: Sequence[Question], group: str) -> str:
    """Return the metadata over which intervals are drawn: as is said, or as the corpus was split.

    Other files need not have what the corpus was split by.
    """
    usual = pairs.language.group
    return group or (usual if all(usual in one.metadata for one in asked) else "")


def _chosen_on(run: Run, pairs: Pairs, asked: Sequence[Question]) -> dict[str, Any]:
    """Return whether the run's weights were chosen on what is asked, and at how many validations.

    The best weights of several are, and so is when a run of some patience ends.
    """
    training = run.recipe.training
    lines = metrics.read(run.folder / METRICS)
    validations = sum(line.get("validation_loss") is not None for line in lines)
    chosen = training.keep == "best" or training.patience is not None
    seen = chosen and validations > 1 and count_among(asked, pairs, VALID) > 0
    return {"weights_chosen_on_these": seen, "validations": validations}


def _ending(folder: Path, split: str, files: Sequence[Path]) -> str:
    """Return what the names of scores end in; nothing for the corpus's own held-out examples."""
    if not files:
        return "" if split == VALID else f"-{split}-split"
    name, asked = files[0].name.partition(".")[0], _asked(split, files)
    endings = chain([f"-{name}"], (f"-{name}-{number}" for number in count(2)))
    return next(one for one in endings if _scored(folder / named(SCORES, one)) in (None, asked))


def _asked(split: str, files: Sequence[Path]) -> str:
    return ", ".join(map(str, files)) or split


def _scored(path: Path) -> str | None:
    """Return whose scores a file keeps; `None` where there are none that can be read."""
    try:
        return str(read_json(path)["split"])
    except (LexomeError, KeyError, TypeError):
        return None


def _scores(
    run: Run,
    model: Transformer,
    pairs: Pairs,
    asked: Sequence[Question],
    said: Sequence[Answer],
    scoring: Scoring,
    trained: Sequence[int],
) -> tuple[TaskScores, list[dict[str, Any]]]:
    """Return the scores, and what stands beside them."""
    start = run.recipe.start
    assert start is not None
    scores = task_scores(start.task, pairs, asked, said, scoring.group) or TaskScores(())
    if pairs.language.alternatives == 1:
        beside = baseline_scores(start.task, pairs, asked, scoring.group, trained)
        return scores, list(beside) if scoring.baselines else []
    resampling = resampling_of(asked, scoring.group)
    preferred, before = preference_scores(run, model, pairs, asked, resampling)
    statistics = {**scores.statistics, **resampling.statistics(len(asked))}
    scores = replace(scores, figures=(*preferred, *scores.figures), statistics=statistics)
    return scores, [before] if scoring.baselines else []


def usual_settings(task: str) -> Settings:
    """Return how answers to a task are written where nobody says otherwise."""
    known = tasks.get(task)
    return Settings(temperature=known.temperature, guidance=known.guidance)


def named(file: str, ending: str) -> str:
    """Return the name of a file with something added before its suffix."""
    stem, dot, suffix = file.partition(".")
    return f"{stem}{ending}{dot}{suffix}"


def fitting(every: Sequence[Question], config: TransformerConfig, where: str) -> list[Question]:
    """Return the questions that a model has room for; if it has for none, that is a `LexomeError`.

    Where nothing is held out but running text, there are no questions.
    """
    asked = [one for one in every if _fits(one, config)]
    if every and not asked:
        raise LexomeError(
            f"none of the {len(every):,} examples fits into the model's context",
            where=where,
            fix="start from a base with a longer context, or ask shorter examples",
        )
    return asked


def _fits(question: Question, config: TransformerConfig) -> bool:
    """Return whether a model has room for a question and its true answer; both, where it has two.

    What has room is what training has room for.
    """
    if question.rejected:
        return preference_length(question) <= config.context + 1
    # A model that sees both sides reads the end too, which another one only says.
    room = config.context - (config.attention == "bidirectional")
    return len(question.prompt) + len(question.reference) <= room


def room(corpus: Corpus, asked: Sequence[Question], context: int) -> int:
    """Return how many tokens an answer to what is asked may have."""
    shortest = min((len(one.prompt) for one in asked), default=0)
    return max(min(longest_answer(corpus), context - shortest), 1)


def _write_predictions(
    path: Path, pairs: Pairs, asked: Sequence[Question], said: Sequence[Answer]
) -> None:
    outputs, references = spoken(pairs, asked, said)
    sources = source_texts(pairs, asked)
    lines = []
    for question, answer, source, output, reference in zip(
        asked, said, sources, outputs, references, strict=True
    ):
        line: dict[str, Any] = {"place": question.place, "finish": answer.finish}
        if source:
            line["source"] = source
        if isinstance(output, str | float | tuple):
            line |= {"answer": output, "reference": reference}
        else:
            line["ids"] = list(answer.ids)
        if question.rejected:
            line["rejected"] = contents(pairs, [question.rejected])[0]
        if len(answer.probabilities):
            line["probabilities"] = [round(float(p), 6) for p in answer.probabilities]
        lines.append(json.dumps(line, ensure_ascii=False))
    write_text(path, "\n".join(lines) + "\n")
