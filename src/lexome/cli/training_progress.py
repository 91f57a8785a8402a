"""What a person sees while a model trains: the bar, the losses, the samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lexome import training
from lexome.cli.console import say
from lexome.cli.progress import duration, meter
from lexome.corpus import Corpus
from lexome.generation import Settings, write
from lexome.languages.tokenizers import StringTokenizer

if TYPE_CHECKING:
    from lexome.model import Transformer
    from lexome.recipe import Recipe

_SAMPLE_TOKENS, _SAMPLE_CODES, _SAMPLE_LINES = 120, 512, 6


class TrainingProgress(training.Observer):
    """Shows a run as it goes; a `with` block, so that the bar ends whatever happens."""

    def __init__(self) -> None:
        self._meter = meter()

    def __enter__(self) -> Self:
        self._meter.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._meter.__exit__(kind, error, trace)

    def planned(self, plan: training.Plan) -> None:
        for line in plan_lines(plan):
            say(line)

    def stepped(self, record: training.StepRecord) -> None:
        self._meter.show(
            "train",
            record.step,
            record.steps,
            f"step {record.step:,}/{record.steps:,} · loss {record.loss:.3f} · "
            f"{record.tokens_per_second:,.0f} tokens/s · {duration(record.seconds_left)} left",
        )

    def validated(self, step: int, loss: float) -> None:
        say(f"step {step:,}: validation loss {loss:.4f}")

    def sampled(self, step: int, samples: Sequence[training.Sample]) -> None:
        for sample in samples:
            say(f"step {step:,}: the model writes", style="dim")
            for line in f"{sample.prompt}{sample.text}".strip().splitlines()[:_SAMPLE_LINES]:
                say(f"  {line}")

    def saved(self, step: int, folder: Path) -> None:
        say(f"step {step:,}: state saved", style="dim")

    def told(self, message: str) -> None:
        say(message)


def plan_lines(plan: training.Plan) -> list[str]:
    """Return a plan as lines: what will be trained, for how long, and why so."""
    config, batch = plan.config, plan.recipe.training.batch_size
    compiled = "compiled" if plan.compiled else "not compiled"
    lines = [
        f"model     {config.family}: {config.layers} layers, {config.width} wide, "
        f"{config.heads} heads, context {config.context:,}, {config.vocab_size:,} tokens",
        f"training  {plan.steps:,} steps of {batch:,} × {plan.row:,} tokens, "
        f"{plan.tokens:,} in all; {plan.precision}, {compiled}",
    ]
    return lines + [f"because   {reason}" for reason in plan.reasons]


def sampler(recipe: Recipe) -> training.Sampler | None:
    """Return what writes a sample with the model as it is now; a masked model writes none."""
    if recipe.objective.name != "next-token":
        return None
    corpus = Corpus.open(Path(recipe.corpus))
    spelled = isinstance(corpus.tokenizer, StringTokenizer)
    tokens = _SAMPLE_TOKENS if spelled else _SAMPLE_CODES
    settings = Settings(max_tokens=tokens, temperature=0.8)

    def sample(model: Transformer) -> list[training.Sample]:
        written = write(corpus.tokenizer, corpus.language, model, [""], settings)
        return [
            training.Sample(one.prompt, one.text if spelled else one.rendering.text, one.ids)
            for one in written
        ]

    return sample
