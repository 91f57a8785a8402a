"""The loop: gradient, judgement, update, record; validation, samples and checkpoints between."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lexome.corpus import BatchSource, Corpus, PackedBatches
from lexome.errors import LexomeError
from lexome.recipe import TrainingRecipe
from lexome.training import checkpoints, guard, machine
from lexome.training.guard import Guard, Stop
from lexome.training.metrics import BEST_KEPT, Log, Metrics
from lexome.training.observer import Observer, Sampler, StepRecord
from lexome.training.outcome import Outcome, end_line
from lexome.training.run import METRICS, SAMPLES, Run, keep_recipe
from lexome.training.schedules import Schedule
from lexome.training.session import Session
from lexome.training.weights import Weights

_RATE_MEMORY = 0.9


@dataclass
class Progress:
    """Where a run stands: everything that a checkpoint keeps beside the tensors.

    `settled` says whether the clock has decided when a timed run ends, `skipped` how many of the
    last steps were skipped in a row; `loss` is the last validation loss and `validated` its step;
    `best_step` is the step with the least one, and `worse` counts the validations since then.
    `peak_bytes` is the most memory that any process of the run has held.
    """

    schedule: Schedule
    step: int = 0
    updates: int = 0
    tokens: int = 0
    seconds: float = 0.0
    elapsed: float = 0.0
    settled: bool = False
    skipped: int = 0
    recent: tuple[float, ...] = ()
    validated: int = 0
    loss: float | None = None
    best_step: int = 0
    best_loss: float | None = None
    worse: int = 0
    peak_bytes: int = 0

    def ended_early(self, training: TrainingRecipe) -> bool:
        """Return whether the run's patience is over."""
        return training.patience is not None and self.worse >= training.patience

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
        self.weights = Weights(run.folder, session, corpus.tokenizer, observer.told)
        self.guard = Guard(self.training, list(progress.recent))
        self.batches = session.batches(corpus, "train", self.training.seed)
        self.validation = self._validation()
        for batches, kind in ((self.batches, ""), (self.validation, "held-out ")):
            if isinstance(batches, PackedBatches) and (left_out := batches.left_out):
                what = f"{left_out:,} {kind}examples are longer than the context"
                observer.told(f"{what}, and are left out")
        self._origin = started - progress.elapsed
        self._rate = 0.0

    def run(self, stop: Stop) -> Outcome:
        """Train to the end, or until `stop` is asked; the state is on the disk either way."""
        folder, progress = self.run_folder.folder, self.progress
        trackers = self.run_folder.recipe.trackers
        path = folder / METRICS if self.world.first else None
        with Metrics(path, progress.step, trackers, folder.name) as metrics:
            self.metrics = metrics
            while progress.step < progress.schedule.steps:
                self._step()
                settled = self._settle()
                last = progress.step == progress.schedule.steps
                stopped = self.world.any(stop.asked) and not last
                if last or _due(progress.step, self.training.evaluate_every):
                    self._validate()
                    last = last or self._ended_early()
                if last or _due(progress.step, self.training.sample_every):
                    self._sample()
                if (
                    last
                    or stopped
                    or settled
                    or _due(progress.step, self.training.checkpoint_every)
                ):
                    self._save()
                if stopped:
                    self.weights.write()
                    step = progress.step
                    return Outcome(folder, step, None, progress.seconds, True, step)
            self._keep_recipe()
            return self._end()

    def _step(self) -> None:
        progress = self.progress
        start = time.perf_counter()
        factor = progress.schedule(progress.step)
        gradient = self.session.gradient(self.batches, progress.step)
        problem = self.guard.problem(gradient)
        event = self._judge(problem, gradient) if problem else None
        if event == "skipped":
            self.session.optimizer.zero_grad()
            progress.skipped += 1
        else:
            self.session.optimizer.step(factor)
            progress.updates += 1
            progress.skipped = 0
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
            learning_rate=factor * self.session.optimizer.groups[0].learning_rate,
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
        if self.progress.skipped + 1 == guard.MOST_SKIPS:
            raise guard.given_up(problem, where)
        self.observer.told(f"step {self.progress.step + 1} is skipped: {problem}; {where}")
        return "skipped"

    def _settle(self) -> bool:
        """Let the clock decide when a timed run decays and ends; return whether it now has.

        All workers keep to the first one's clock. A decision has to be saved at once: a resumed
        run keeps to it.
        """
        progress = self.progress
        timed = self.training.steps is None and progress.schedule.shape == "wsd"
        if not timed or progress.settled:
            return False
        progress.schedule, progress.settled = self.world.agree(self._ending())
        return progress.settled

    def _ending(self) -> tuple[Schedule, bool]:
        """Return the schedule by this worker's clock, and whether it is the last word."""
        assert self.training.minutes is not None
        schedule, done, spent = self.progress.schedule, self.progress.step, self.progress.seconds
        elapsed = time.perf_counter() - self._origin
        left = self.training.minutes * 60 - elapsed
        if done < schedule.warmup:
            return schedule, False
        if left > self.run_folder.recipe.schedule.decay * (left + spent):
            if done + 1 < schedule.decay_start:
                return schedule, False
            # Faster than planned: the plateau gets longer.
            longer = schedule.steps + max(1, schedule.steps // 20)
            return schedule.ending(longer - (schedule.steps - done), longer), False
        tokens = self.session.batch_size * self.batches.context
        busy = spent / max(elapsed - self.run_folder.facts["setup_seconds"], 1e-9)
        usable = left * min(1.0, max(busy, 0.5)) - self.run_folder.facts["step_seconds"]
        return schedule.ending(done, done + max(1, int(usable * self._rate / tokens))), True

    def _keep_recipe(self) -> None:
        """Put what the clock decided into the recipe of a timed run, which then repeats it."""
        if self.training.steps is not None or not self.world.first:
            return
        recipe, schedule = self.run_folder.recipe, self.progress.schedule
        length = {"steps": schedule.steps, "minutes": None}
        changes = {
            "training": recipe.training.model_copy(update=length),
            "schedule": schedule.recipe(recipe.schedule),
        }
        keep_recipe(self.run_folder.folder, recipe.model_copy(update=changes))

    def _validate(self) -> None:
        if self.validation is None:
            return
        loss = self.session.validation_loss(self.validation)
        self.metrics.write({"step": self.progress.step, "validation_loss": loss})
        self.observer.validated(self.progress.step, loss)
        progress = self.progress
        progress.validated, progress.loss = progress.step, loss
        progress.worse += 1
        if progress.best_loss is None or loss < progress.best_loss:
            progress.best_step, progress.best_loss, progress.worse = progress.step, loss, 0
            if self.training.keep == "best" and progress.step < progress.schedule.steps:
                self.weights.write_best(progress.step)

    def _ended_early(self) -> bool:
        """End the run here if its patience is over; return whether it is."""
        progress, patience = self.progress, self.training.patience
        if not progress.ended_early(self.training):
            return False
        if progress.step < progress.schedule.steps:
            start = min(progress.schedule.decay_start, progress.step)
            progress.schedule = progress.schedule.ending(start, progress.step)
            what = f"{patience} validation losses in a row were no better: the run ends here"
            self.metrics.write({"step": progress.step, "event": "ended early", "what": what})
            self.observer.told(what)
        return True

    def _end(self) -> Outcome:
        """Write the weights that are kept and, when all is written, that the run has ended."""
        progress = self.progress
        if progress.step and progress.validated != progress.step:
            self._validate()
        kept, loss = self._keep()
        folder, step, seconds = self.run_folder.folder, progress.step, progress.seconds
        outcome = Outcome(folder, step, loss, seconds, False, kept)
        planned = self.training.steps or progress.schedule.steps
        self.metrics.write(end_line(outcome, planned, self._peak_bytes()))
        return outcome

    def _keep(self) -> tuple[int, float | None]:
        """Write the weights that the run ends with; return their step and their loss."""
        progress, best = self.progress, self.progress.best_step
        if self.training.keep == "best" and best not in (0, progress.step):
            problem = self.world.agree(self.weights.put_best(best) if self.world.first else "")
            if not problem:
                what = f"the weights of step {best} are kept"
                self.metrics.write({"step": progress.step, "event": BEST_KEPT, "what": what})
                return best, progress.best_loss
            self.observer.told(f"the last weights are kept, not the best ones: {problem}")
        self.weights.write()
        return progress.step, progress.loss

    def _peak_bytes(self) -> int:
        return max(self.progress.peak_bytes, machine.peak_bytes(self.world.device))

    def _sample(self) -> None:
        if self.sampler is None or self.world.size > 1:
            return
        samples = self.sampler(self.session.model)
        log = Log(self.run_folder.folder / SAMPLES, self.progress.step - 1)
        for sample in samples:
            log.write({"step": self.progress.step, **asdict(sample)})
        log.close()
        self.observer.sampled(self.progress.step, samples)

    def _save(self) -> None:
        self.progress.elapsed = time.perf_counter() - self._origin
        self.progress.peak_bytes = self._peak_bytes()
        root = self.run_folder.checkpoints
        folder = checkpoints.save(
            root, self.progress.step, self.session.tensors(), self.progress.to_dict(), self.world
        )
        if self.world.first:
            checkpoints.prune(root, self.training.keep_checkpoints)
            # A checkpoint now knows of the newest best weights: the others are of no more use.
            self.weights.prune_best(self.progress.best_step)
        self.observer.saved(self.progress.step, folder)

    def _validation(self) -> BatchSource | None:
        try:
            return self.session.batches(self.corpus, "valid", 0)
        except LexomeError as error:
            self.observer.told(f"no validation loss: {error.what}")
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
