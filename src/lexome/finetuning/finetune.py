"""From a base and pairs to a specialist: trained, asked, scored, beside its baselines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lexome.corpus import Corpus
from lexome.corpus.manifest import VALID
from lexome.errors import LexomeError, UsageError
from lexome.files import sha256, write_json, write_text
from lexome.finetuning import tasks
from lexome.finetuning.answering import (
    Answer,
    Question,
    answers,
    contents,
    longest_answer,
    questions,
    read_questions,
    target_coding,
)
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
from lexome.generation import Settings
from lexome.languages.pair import Pair
from lexome.model import Transformer, TransformerConfig
from lexome.model.folder import WEIGHTS
from lexome.training import open_run
from lexome.training.run import FACTS, MODEL, Run

_KEPT_SETTINGS = ("temperature", "guidance", "beams", "length_penalty", "seed")


SCORES, PREDICTIONS = "task.json", "predictions.jsonl"

Told = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Scoring:
    """How held-out examples are answered and scored.

    `settings` are those of writing, by default the task's; `limit` is the most examples that are
    asked; `group` the metadata over which intervals are drawn; with `baselines` those of the field
    stand beside.
    """

    settings: Settings | None = None
    limit: int | None = None
    group: str = ""
    baselines: bool = True


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
    told: Told | None = None,
) -> dict[str, Any]:
    """Ask a tuned run the held-out examples of its corpus; write and return task.json.

    What was asked and said, beside what is true, goes to predictions.jsonl. With `files`, which
    are read as the run's pairs were, their examples are asked instead, and both names end in that
    of the first file.
    """
    scoring = scoring or Scoring()
    run = open_run(run_folder)
    if run.recipe.start is None or not run.recipe.objective.of_pairs:
        raise UsageError(
            "this run was not tuned on pairs",
            where=str(run_folder),
            fix="score its likelihood: lexome evaluate, without files",
        )
    task = run.recipe.start.task
    corpus, model = run.corpus(), run.model()
    asked = read_questions(corpus, files) if files else questions(corpus, split, scoring.limit)
    chosen = scoring.settings or usual_settings(task)
    settings = replace(chosen, max_tokens=_room(corpus, asked, model.config.context))
    closed = target_coding(corpus) is not None
    fitting = [one for one in asked if _fits(one, model.config, closed)]
    if not fitting:
        raise LexomeError(
            f"none of the {len(asked):,} held-out examples fits into the model's context",
            where=str(run_folder),
            fix="start from a base with a longer context, or hold out shorter examples",
        )
    advance = (lambda done, total: told("answer", done, total)) if told else None
    said = answers(model, corpus, fitting, settings, advance)
    scores, baselines = _scores(run, model, corpus, fitting, said, scoring)
    found = {
        "task": task,
        "weights": sha256(run_folder / MODEL / WEIGHTS),
        "split": ", ".join(map(str, files)) or split,
        "examples": len(fitting),
        "too_long": len(asked) - len(fitting),
        "training_examples": corpus.manifest.train.documents - corpus.manifest.train.augmented,
        "settings": {name: getattr(settings, name) for name in _KEPT_SETTINGS},
        "method": run.recipe.start.method,
        "trained_parameters": run.facts["trained_parameters"],
        "parameters": run.facts["parameters"],
        **scores,
        "baselines": baselines,
    }
    ending = f"-{files[0].name.partition('.')[0]}" if files else ""
    write_json(run_folder / named(SCORES, ending), found)
    _write_predictions(run_folder / named(PREDICTIONS, ending), corpus, fitting, said)
    return found


def _scores(
    run: Run,
    model: Transformer,
    corpus: Corpus,
    asked: Sequence[Question],
    said: Sequence[Answer],
    scoring: Scoring,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the figures and their details, and what stands beside them."""
    start, pair = run.recipe.start, corpus.language
    assert start is not None and isinstance(pair, Pair)
    scores = task_scores(start.task, corpus, asked, said, scoring.group) or TaskScores(())
    if pair.alternatives == 1:
        beside = baseline_scores(start.task, corpus, asked, scoring.group)
        return scores.to_dict(), list(beside) if scoring.baselines else []
    resampling = resampling_of(asked, scoring.group)
    preferred, before = preference_scores(run.recipe, model, corpus, asked, resampling)
    scores = replace(scores, figures=(*preferred, *scores.figures))
    return scores.to_dict(), [before] if scoring.baselines else []


def usual_settings(task: str) -> Settings:
    """Return how answers to a task are written where nobody says otherwise."""
    known = tasks.get(task)
    return Settings(temperature=known.temperature, guidance=known.guidance)


def named(file: str, ending: str) -> str:
    """Return the name of a file with something added before its suffix."""
    stem, dot, suffix = file.partition(".")
    return f"{stem}{ending}{dot}{suffix}"


def _fits(question: Question, config: TransformerConfig, closed: bool) -> bool:
    """Return whether a model sees a question and has room to answer; both answers, where it asks.

    They are those that training has room for; an answer that is not `closed` may be cut short.
    """
    if question.rejected:
        return preference_length(question) <= config.context + 1
    if not closed:
        return len(question.prompt) < config.context
    # A model that sees both sides reads the end too, which another one only says.
    room = config.context - (config.attention == "bidirectional")
    return len(question.prompt) + len(question.reference) <= room


def _room(corpus: Corpus, asked: Sequence[Question], context: int) -> int:
    shortest = min((len(one.prompt) for one in asked), default=0)
    return max(min(longest_answer(corpus), context - shortest), 1)


def _write_predictions(
    path: Path, corpus: Corpus, asked: Sequence[Question], said: Sequence[Answer]
) -> None:
    outputs, references = spoken(corpus, asked, said)
    sources = source_texts(corpus, asked)
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
            line["rejected"] = contents(corpus, [question.rejected])[0]
        if len(answer.probabilities):
            line["probabilities"] = [round(float(p), 6) for p in answer.probabilities]
        lines.append(json.dumps(line, ensure_ascii=False))
    write_text(path, "\n".join(lines) + "\n")
