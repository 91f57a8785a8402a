"""`lexome finetune`: from a base and pairs of source and target to a specialist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lexome.cli import finetune_options as options
from lexome.cli.console import result, result_json, say
from lexome.cli.gathered import gathered
from lexome.cli.lessons import Lessons
from lexome.cli.options import Json, numbers, sets_tuning, texts
from lexome.errors import UsageError

if TYPE_CHECKING:
    from lexome.corpus import Corpus
    from lexome.finetuning.asked import Asked
    from lexome.finetuning.compare import Contender
    from lexome.finetuning.data import Base, PairData
    from lexome.finetuning.tasks import Task
    from lexome.generation import Settings
    from lexome.recipe import Recipe


@sets_tuning
@gathered
def finetune(
    changed: dict[str, Any],
    base: options.Base,
    task: options.TaskName,
    out: options.Out,
    read_as: options.ReadAs,
    held: options.HeldOut,
    tuned: options.Tuned,
    answered: options.Searched,
    lessons: Lessons,
    data: options.Data = None,
    corpus: options.CorpusFolder = None,
    as_json: Json = False,
) -> None:
    """Tune a model on pairs of source and target, and score it on pairs that it has not seen.

    The vocabulary grows by the tokens that the pairs bring. The weights with the least validation
    loss are kept; Ctrl-C saves the state and stops, and the same command goes on.
    """
    from lexome.cli.task_scores import score_lines
    from lexome.finetuning import pairs, recipes, tasks
    from lexome.finetuning.asked import Asked

    # What is wrong in any of these is said before hours of training, not after them.
    chosen, few = tasks.get(task), numbers(tuned.sizes, "--sizes")
    method = recipes.method(tuned.method)
    tuning = recipes.Tuning(method, tuned.epochs, tuned.examples, changed, tuned.balanced)
    searched = asdict(answered)
    settings_of(task, **searched)
    known = pairs.open_base(base, read_as.base_language, read_as.source_language)
    folder = corpus or Path("corpus") / out.name
    files, held = lessons.pairs(base, folder, task, data or [], held)
    described = _described(read_as, files, held.group, chosen, known.tokens.language)
    split = texts(held.validation_where, "--validation-where", "split=valid")
    held_out = pairs.HeldOut(held.validation, held.validation_files or (), split)
    asked = Asked(
        str(base), task, described, held_out, tuning, read_as.base_language, held.duplicates
    )
    found = _tuned(asked, known, folder, out, few if tuned.compare or few else None, searched)
    if as_json:
        result_json(found)
        return
    for line in score_lines(found):
        result(line)
    say(f"  next: lexome report {out}")


def _described(
    read_as: options.ReadAs, files: Sequence[str], group: str, task: Task, base_language: str
) -> PairData:
    """Return what the pairs are and how they are read."""
    from lexome.finetuning.data import PairData

    source = read_as.source_language or task.source or base_language
    target = read_as.target_language or task.target
    return PairData(
        files,
        read_as.source,
        read_as.target,
        read_as.source_language,
        read_as.target_language,
        _options("--source-option", source, read_as.source_option),
        _options("--target-option", target, read_as.target_option),
        group,
        read_as.source_tokenizer,
        read_as.target_tokenizer,
        read_as.silence,
    )


def _tuned(
    asked: Asked,
    base: Base,
    corpus: Path,
    run: Path,
    sizes: list[int] | None,
    searched: Mapping[str, Any],
) -> dict[str, Any]:
    """Prepare, train and score what is asked; compare it where there are `sizes`, even none."""
    from lexome.cli.train import stopped
    from lexome.cli.training_progress import TrainingProgress
    from lexome.finetuning import compare, recipes, tasks
    from lexome.finetuning.asked import check_begun
    from lexome.training.apart import train_apart

    made = _prepared(asked, base, corpus)
    recipe = recipes.tuning_recipe(tasks.get(asked.task), made, asked.base, asked.tuning)
    check_begun(run, recipe)
    rivals = {} if sizes is None else _rivals(asked, made, sizes)
    compare.check(run, rivals)
    # As its rivals are, so that its memory compares with theirs.
    outcome = train_apart(recipe, run, TrainingProgress, more_facts=asked.to_facts())
    if outcome.stopped:
        stopped(outcome)
    found = scored(run, group=asked.data.group, searched=searched)
    if rivals:
        _compared(run, rivals, settings_of(asked.task, **searched), asked.data.group)
    return found


def _options(flag: str, language: str | None, given: list[str] | None) -> dict[str, Any]:
    from lexome import languages

    if language is None:
        if given:
            fix = f"add {flag.replace('option', 'language')}"
            raise UsageError("nothing says which language the options are of", where=flag, fix=fix)
        return {}
    return languages.options_from_text(language, texts(given, flag, "form=number"))


def _prepared(asked: Asked, base: Base, folder: Path) -> Corpus:
    from lexome.cli.prepare import shown, summary
    from lexome.finetuning import pairs, tasks

    with shown() as observer:
        made = pairs.prepare_pairs(
            tasks.get(asked.task),
            asked.data,
            base,
            folder,
            held_out=asked.held_out,
            duplicates=asked.duplicates,
            observer=observer,
        )
    for line in summary(made.manifest):
        say(line)
    return made


def scored(
    run: Path,
    *,
    searched: Mapping[str, Any] = MappingProxyType({}),
    group: str = "",
    baselines: bool = True,
    by: Sequence[str] = (),
    **choices: Any,
) -> dict[str, Any]:
    """Score a tuned run with a progress bar; return what task.json says.

    `searched` says how answers are looked for, where that is not as is usual for the task.
    """
    from lexome.cli.progress import meter
    from lexome.finetuning.evaluate import Scoring, score_task
    from lexome.training import open_run

    start = open_run(run).recipe.start
    task = start.task if start else "pair"
    settings = settings_of(task, **searched)
    scoring = Scoring(settings, group=group, baselines=baselines, by=by)
    with meter() as bar:
        return score_task(
            run,
            scoring=scoring,
            told=lambda what, done, total: bar.show(what, done, total, f"{done:,}/{total:,}"),
            **choices,
        )


def settings_of(
    task: str,
    beams: int = 1,
    length_penalty: float = 1.0,
    no_repeat_ngram: int = 0,
    temperature: float | None = None,
    guidance: float | None = None,
) -> Settings:
    """Return how a task is answered; beams look for what is likeliest, and draw nothing."""
    from dataclasses import replace

    from lexome.finetuning.evaluate import usual_settings

    if beams == 1 and length_penalty != 1.0:
        raise UsageError(
            "a length penalty ranks beams, and there is one alone",
            where="--length-penalty",
            fix="add --beams 5, or leave it out",
        )
    drawn: dict[str, Any] = {"temperature": 0.0, "guidance": 1.0} if beams > 1 else {}
    drawn |= {} if temperature is None else {"temperature": temperature}
    drawn |= {} if guidance is None else {"guidance": guidance}
    return replace(
        usual_settings(task),
        beams=beams,
        length_penalty=length_penalty,
        no_repeat_ngram=no_repeat_ngram,
        **drawn,
    )


def _rivals(asked: Asked, corpus: Corpus, sizes: list[int]) -> dict[Contender, Recipe]:
    """Return the recipe of each way to train the task that the run is compared with."""
    from dataclasses import replace

    from lexome.finetuning import compare, recipes, tasks

    task, tuning, train = tasks.get(asked.task), asked.tuning, corpus.manifest.train
    originals = train.documents - train.augmented
    if beyond := [size for size in sizes if size >= originals]:
        listed = ", ".join(f"{size:,}" for size in beyond)
        say(f"  not compared with {listed} examples: {originals:,} are all there are")
    rivals = compare.contenders(compare.methods(task), sizes, originals)
    tunings = [replace(tuning, method=one.method, examples=one.examples) for one in rivals]
    return {
        rival: recipes.tuning_recipe(task, corpus, asked.base, tuning)
        for rival, tuning in zip(rivals, tunings, strict=True)
    }


def _compared(
    run: Path, rivals: Mapping[Contender, Recipe], settings: Settings, group: str
) -> None:
    from lexome.cli.training_progress import TrainingProgress
    from lexome.finetuning import compare
    from lexome.finetuning.evaluate import Scoring

    scoring = Scoring(settings, group=group, baselines=False)
    found = compare.compare(run, rivals, scoring=scoring, shown=TrainingProgress)
    for row in found["rows"]:
        say(comparison_line(row))


def comparison_line(row: dict[str, Any]) -> str:
    """Return a row of compare.json as a line."""
    figure = row["figure"] or {}
    value = f"{figure['name']} {figure['value']:.3f}" if "value" in figure else "no figure"
    trained = f"{row['trained_parameters']:,} of {row['parameters']:,} parameters"
    return f"  {row['method']:<8} {row['examples']:>8,} examples   {value}   {trained}"
