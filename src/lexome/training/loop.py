"""The loop: gradient, judgement, update, record; validation, samples and checkpoints between."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexome.corpus import Batches, Corpus
from lexome.model import save_model
from lexome.training import checkpoints, guard
from lexome.training.guard import Guard, Stop
from lexome.training.metrics import Log, Metrics
from lexome.training.observer import Observer, Sampler, StepRecord
from lexome.training.run import METRICS, MODEL, SAMPLES, Run
from lexome.training.schedules import Schedule
from lexome.training.session import Session

_RATE_MEMORY = 0.9


@dataclass
class Progress:
    """Where a run stands: everything that a checkpoint keeps beside the tensors."""

    schedule: Schedule
    step: int = 0
    updates: int = 0
    tokens: int = 0
    seconds: float = 0.0
    elapsed: float = 0.0
    settled: bool = False
    recent: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        plain = {name: value for name, value in vars(self).items() if name != "schedule"}
        return {**plain, "recent": list(self.recent), "schedule": vars(self.schedule)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Progress:
        """Return what `to_dict` wrote."""
        schedule = Schedule(**state["schedule"])
        recent = tuple(state["recent"])
        return cls(**{**state, "schedule": schedule, "recent": recent})


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `stopped` by a signal, with its state saved, or at its last step.

    `validation_loss` is in nats a token; `None` where the validation split is shorter than one
    context, or the run was stopped.
    """

    folder: Path
    steps: int
    validation_loss: float | None
    seconds: float
    stopped: bool


class Loop:
    """Trains from where `progress` stands to the end of its schedule.

    `started` is the clock's reading at which the run, or its resumption, began: what was spent
    since then counts as well.
    """

    def __init__(
        self,
        run: Run,
        session: Session,
        corpus: Corpus,
        progress: Progress,
        observer: Observer,
        sampler: Sampler | None,
        started: float,
    ) -> None:
        self.run_folder = run
        self.training = run.recipe.training
        self.session = session
        self.world = session.world
        self.corpus = corpus
        self.progress = progress
        self.observer = observer
        self.sampler = sampler
        self.guard = Guard(self.training, list(progress.recent))
        self.batches = session.batches(corpus, "train", self.training.seed)
        self.validation = self._validation()
        self._origin = started - progress.elapsed
        self._rate = 0.0

    def run(self, stop: Stop) -> Outcome:
        """Train to the end, or until `stop` is asked; the state is on the disk either way."""
        folder, progress = self.run_folder.folder, self.progress
        trackers = self.run_folder.recipe.trackers
        path = folder / METRICS if self.world.first else None
        with Metrics(path, progress.step, trackers, folder.name) as metrics:
            self.metrics = metrics
            loss = None
            while progress.step < progress.schedule.steps:
                self._settle()
                self._step()
                last = progress.step == progress.schedule.steps
                if self.world.any(stop.asked) and not last:
                    self._save()
                    self._export()
                    return Outcome(folder, progress.step, None, progress.seconds, True)
                if last or _due(progress.step, self.training.evaluate_every):
                    loss = self._validate()
                if last or _due(progress.step, self.training.sample_every):
                    self._sample()
                if last or _due(progress.step, self.training.checkpoint_every):
                    self._save()
            self._export()
            if progress.step and loss is None:
                loss = self._validate()
            return Outcome(folder, progress.step, loss, progress.seconds, False)

    def _step(self) -> None:
        progress = self.progress
        start = time.perf_counter()
        factor = progress.schedule(progress.step)
        gradient = self.session.gradient(self.batches, progress.step)
        problem = self.guard.problem(gradient)
        event = self._judge(problem, gradient) if problem else None
        if event == "skipped":
            self.session.optimizer.zero_grad()
        else:
            self.session.optimizer.step(factor)
            progress.updates += 1
        seconds = time.perf_counter() - start
        tokens = self.session.batch_size * self.batches.context
        progress.step += 1
        progress.tokens += tokens
        progress.seconds += seconds
        progress.recent = tuple(self.guard.recent)
        memory = _RATE_MEMORY if self._rate else 0.0
        self._rate = memory * self._rate + (1 - memory) * tokens / seconds
        record = StepRecord(
            step=progress.step,
            steps=progress.schedule.steps,
            loss=gradient.loss,
            learning_rate=factor,
            gradient_norm=gradient.norm,
            tokens=progress.tokens,
            tokens_per_second=self._rate,
            seconds=progress.seconds,
            seconds_left=(progress.schedule.steps - progress.step) * tokens / self._rate,
        )
        self.metrics.write(_line(record))
        if event:
            self.metrics.write({"step": progress.step, "event": event, "what": problem})
        self.observer.stepped(record)

    def _judge(self, problem: str, gradient: Any) -> str | None:
        """Act on a bad step by the recipe's policy; return the event that it was."""
        policy = self.guard.policy(gradient)
        if policy == "keep":
            return "spike"
        where = guard.blame(self.corpus, self.session, self.batches, self.progress.step)
        if policy == "stop":
            self.metrics.write(
                {"step": self.progress.step, "event": "stopped", "what": problem, "where": where}
            )
            raise guard.stopped(problem, where)
        self.observer.told(f"step {self.progress.step + 1} is skipped: {problem}; {where}")
        return "skipped"

    def _settle(self) -> None:
        """With a budget of time, decide when the decay has to begin, and with it the last step.

        The decision rests on a clock, so it is saved at once: a resumed run keeps to it.
        """
        minutes, schedule = self.training.minutes, self.progress.schedule
        if minutes is None or self.progress.settled or schedule.shape != "wsd":
            return
        elapsed = time.perf_counter() - self._origin
        left = minutes * 60 - elapsed
        done = self.progress.step
        if done < schedule.warmup or not self._rate:
            return
        share = self.run_folder.recipe.schedule.decay
        if left > share * (left + self.progress.seconds):
            if done + 1 >= schedule.decay_start:  # faster than planned: the plateau gets longer
                longer = schedule.steps + max(1, schedule.steps // 20)
                self.progress.schedule = schedule.ending(longer - (schedule.steps - done), longer)
            return
        tokens = self.session.batch_size * self.batches.context
        busy = self.progress.seconds / max(elapsed - self.run_folder.facts["setup_seconds"], 1e-9)
        usable = left * min(1.0, max(busy, 0.5)) - self.run_folder.facts["step_seconds"]
        steps = done + max(1, int(usable * self._rate / tokens))
        self.progress.schedule = schedule.ending(done, steps)
        self.progress.settled = True
        if done:
            self._save()

    def _validate(self) -> float | None:
        if self.validation is None:
            return None
        loss = self.session.validation_loss(self.validation)
        self.metrics.write({"step": self.progress.step, "validation_loss": loss})
        self.observer.validated(self.progress.step, loss)
        return loss

    def _sample(self) -> None:
        if self.sampler is None or self.world.size > 1:
            return
        samples = self.sampler(self.session.model)
        log = Log(self.run_folder.folder / SAMPLES, self.progress.step - 1)
        for sample in samples:
            log.write({"step": self.progress.step, "prompt": sample.prompt, "text": sample.text})
        log.close()
        self.observer.sampled(self.progress.step, samples)

    def _save(self) -> None:
        self.progress.elapsed = time.perf_counter() - self._origin
        root = self.run_folder.checkpoints
        folder = checkpoints.save(
            root, self.progress.step, self.session.tensors(), self.progress.to_dict(), self.world
        )
        if self.world.first:
            checkpoints.prune(root, self.training.keep_checkpoints)
        self.observer.saved(self.progress.step, folder)

    def _export(self) -> None:
        model = self.session.whole_model()
        if self.world.first:
            save_model(self.run_folder.folder / MODEL, model, tokenizer=self.corpus.tokenizer)
        self.world.wait()

    def _validation(self) -> Batches | None:
        context, tokens = self.session.model.config.context, len(self.corpus.stream("valid"))
        if tokens > context:
            return self.session.batches(self.corpus, "valid", 0)
        self.observer.told(
            f"no validation loss: the validation split has {tokens} tokens, fewer than one "
            f"context of {context}"
        )
        return None


def _due(step: int, every: int | None) -> bool:
    return bool(every) and step % (every or 1) == 0


def _line(record: StepRecord) -> dict[str, float]:
    return {
        "step": record.step,
        "loss": record.loss,
        "learning_rate": record.learning_rate,
        "gradient_norm": record.gradient_norm,
        "tokens": record.tokens,
        "tokens_per_second": round(record.tokens_per_second, 1),
        "seconds": round(record.seconds, 4),
    }
