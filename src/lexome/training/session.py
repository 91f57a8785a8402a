"""One worker's model, loss and optimizer: gradients of a batch, updates, validation."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from lexome.corpus import Batch, Batches, BatchSource, Corpus, PackedBatches
from lexome.errors import LexomeError
from lexome.languages.base import Tokenizer
from lexome.model import Transformer, TransformerConfig
from lexome.model.adapters import merged
from lexome.recipe import Recipe
from lexome.training import machine, objectives
from lexome.training.dropout import Dropout
from lexome.training.example import Array, Example
from lexome.training.loss import make_losses
from lexome.training.machine import Precision
from lexome.training.objectives import Objective
from lexome.training.optimizers import Optimizer
from lexome.training.parallel import World, check_batch, local, shard
from lexome.training.preference import Choices, Preference, PreferenceBatches, reference_margins
from lexome.training.start import starting_model

_VALIDATION_TOKENS = 1 << 15
_VALIDATION_SEED = 0

Packed = TypeVar("Packed", bound=PackedBatches)


class Gradient(NamedTuple):
    """What one batch gave: its loss in nats a token, and its norm before clipping."""

    loss: float
    norm: float

    @property
    def finite(self) -> bool:
        """Whether the weights may be moved by it."""
        return math.isfinite(self.loss) and math.isfinite(self.norm)


class Session:
    """A model in training. Everything here is a function of the weights and the step.

    `batch_size` rows are shared by the workers, and each worker's rows go through the model
    `micro_batch_size` at a time. `objective` is trained, `scored` is what validation measures.
    """

    def __init__(
        self,
        model: Transformer,
        recipe: Recipe,
        objective: Objective,
        scored: Objective,
        precision: Precision,
        world: World,
    ) -> None:
        training = recipe.training
        assert training.batch_size is not None
        check_batch(training.batch_size, world.size)
        self.world = world
        self.objective = objective
        self.scored = scored
        self.batch_size = training.batch_size
        share = self.batch_size // world.size
        self.micro = min(training.micro_batch_size or share, share)
        self.start = recipe.start
        self.seed = training.seed
        self.model = model
        self.model.compute_dtype = machine.DTYPES[precision]
        self.dropout = Dropout(self.model, training.dropout, training.seed, world)
        shard(self.model, world)
        self.losses: nn.Module = make_losses(self.model, recipe)
        self.optimizer = Optimizer(self.model, recipe.optimizer, self.model.compute_dtype)
        self._references: dict[str, Array] = {}

    def refer(self, corpus: Corpus) -> None:
        """Keep what the weights as they are now say of preferences, if such are learned.

        It is called before the first step, and before a checkpoint is loaded: the model is then
        the reference.
        """
        if not isinstance(self.objective, Preference):
            return
        for split, seed in (("train", self.seed), ("valid", _VALIDATION_SEED)):
            with suppress(LexomeError):  # where nothing fits, whoever asks for the batches is told
                batches = self.batches(corpus, split, seed)
                assert isinstance(batches, PreferenceBatches)
                found = reference_margins(self.model, self.objective, batches)
                self._references[split] = found

    def batches(self, corpus: Corpus, split: str, seed: int) -> BatchSource:
        """Return the batches of a split that this model is trained or scored on."""
        context = self.model.config.context
        if self.objective.name == "target":
            return self._packed(PackedBatches, corpus, split, seed)
        if self.objective.name == "preference":
            preferences = self._packed(PreferenceBatches, corpus, split, seed)
            preferences.margins = self._references.get(split)
            return preferences
        return Batches(corpus.stream(split), context, self.batch_size, seed, corpus.fingerprint)

    def _packed(self, kind: type[Packed], corpus: Corpus, split: str, seed: int) -> Packed:
        return kind.of(
            corpus,
            split,
            self.model.config.context,
            batch_size=self.batch_size,
            seed=seed,
            examples=self.start.examples if self.start else None,
        )

    def compile(self) -> None:
        """Compile from now on: the whole loss, or, where it is sharded, block by block."""
        for module in self._compilable():
            module.compile(dynamic=False)

    def run_eagerly(self) -> None:
        """Take back what `compile` did, also where it failed half-way."""
        torch._dynamo.reset()
        for module in self._compilable():
            module._compiled_call_impl = None

    def gradient(self, batches: BatchSource, step: int) -> Gradient:
        """Compute and clip the gradient of batch `step`; it stays on the parameters."""
        examples = self._examples(batches, step)
        total = self._total(examples)
        loss = torch.zeros((), device=self.world.device)
        with self.dropout.drawn(step):
            for example in examples:
                # FSDP averages gradients over the workers; ours are parts of a sum.
                minimised, cross_entropy = self.losses(example, total / self.world.size)
                minimised.backward()
                loss += cross_entropy / self.world.size
        norm = self.optimizer.clip()
        return Gradient(float(self.world.sum(loss)), norm)

    def validation_loss(self, batches: BatchSource) -> float:
        """Return the loss over some windows of a split, in nats a token.

        They are the same windows, with the same masks, whatever the batch size and the seed of
        the run, so that runs can be compared.
        """
        windows = min(math.ceil(_VALIDATION_TOKENS / batches.context), batches.windows_per_epoch)
        nats = weight = 0.0
        one = torch.ones((), device=self.world.device)
        for step in range(math.ceil(windows / batches.batch_size)):
            for batch, numbers in self._micro_batches(batches, step):
                example = self.scored(batch, numbers)
                # The last batch is filled up, since only whole ones fit the compiled graph.
                counted = torch.from_numpy(numbers < windows).unsqueeze(-1)
                example = example._replace(weights=example.weights * counted)
                example = example.to(self.world.device)
                # With gradients on, although none is taken, this is the graph that is compiled.
                nats += float(self.losses(example, one)[1])
                weight += float(example.weights.sum())
        shares = self.world.gather((nats, weight))
        return math.fsum(n for n, _ in shares) / max(math.fsum(w for _, w in shares), 1.0)

    def row_losses(self, batches: BatchSource, step: int) -> list[float]:
        """Return the mean loss of each row of this worker's share of a batch."""
        found = []
        for example in self._examples(batches, step):
            for row in range(len(example.inputs)):
                one = example.rows(slice(row, row + 1))
                total = one.weights.sum().clamp(min=1e-9)
                with torch.no_grad():
                    found.append(float(self.losses.forward(one, total)[1]))
        return found

    def time_step(self, batches: BatchSource, repeats: int) -> float:
        """Return the seconds of one whole step: the median of `repeats`. Weights move."""
        seconds = []
        for step in range(repeats):
            start = time.perf_counter()
            self.gradient(batches, step)
            self.optimizer.step(0.0)
            machine.synchronize(self.world.device)
            seconds.append(time.perf_counter() - start)
        return float(self.world.agree(statistics.median(seconds)))

    def tensors(self) -> dict[str, Tensor]:
        """Return all that a checkpoint holds, by name: live tensors, weights and states."""
        weights = {f"weights/{name}": p.data for name, p in self.optimizer.parameters.items()}
        return weights | self.optimizer.state()

    def snapshot(self) -> list[Tensor]:
        """Return copies of this worker's share of `tensors`."""
        return [local(tensor).clone() for tensor in self.tensors().values()]

    def restore(self, snapshot: list[Tensor]) -> None:
        """Put back what `snapshot` copied, as if no update had been made since the start."""
        for tensor, kept in zip(self.tensors().values(), snapshot, strict=True):
            local(tensor).copy_(kept)
        self.optimizer.set_updates(0)
        self.optimizer.zero_grad()

    def whole_model(self) -> Transformer:
        """Return a plain model, all its weights in one place; all workers call this together."""
        if self.start and self.start.method in ("lora", "probe"):
            return merged(self.model)
        if self.world.size == 1:
            return self.model
        state = {
            name: tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
            for name, tensor in self.model.state_dict().items()
        }
        with torch.device("meta"):
            whole = Transformer(self.model.config)
        whole.load_state_dict(state, assign=True)
        if whole.config.tied:
            whole.head.unembedding.weight = whole.embedding.weight
        return whole

    def _compilable(self) -> list[nn.Module]:
        return [self.losses] if self.world.size == 1 else list(self.model.layers)

    def _examples(self, batches: BatchSource, step: int) -> list[Example | Choices]:
        """Return this worker's rows of a batch, in micro-batches, on its device."""
        return [
            self.objective(batch, numbers).to(self.world.device)
            for batch, numbers in self._micro_batches(batches, step)
        ]

    def _micro_batches(self, batches: BatchSource, step: int) -> Iterator[tuple[Batch, Array]]:
        """Yield this worker's rows of a batch, `micro` at a time, and their numbers in the run."""
        mine = self.world.rows(self.batch_size)
        for start in range(mine.start, mine.stop, self.micro):
            rows = slice(start, min(start + self.micro, mine.stop))
            yield batches(step, rows), np.arange(rows.start, rows.stop) + step * self.batch_size

    def _total(self, examples: list[Example | Choices]) -> Tensor:
        """Return the weight of the whole batch, over all micro-batches and workers."""
        total = torch.stack([example.weights.sum() for example in examples]).sum()
        return self.world.sum(total).clamp(min=1e-9)


def make_session(
    config: TransformerConfig,
    recipe: Recipe,
    tokenizer: Tokenizer,
    precision: Precision,
    world: World,
) -> Session:
    """Return the session of a resolved recipe."""
    plain = {**dict.fromkeys(objectives.CHANGES, 0), "class_weights": {}}
    seen = recipe.objective.model_copy(update=plain)
    objective = objectives.make(recipe.objective, config, tokenizer, recipe.training.seed)
    scored = objectives.make(seen, config, tokenizer, _VALIDATION_SEED)
    model = starting_model(config, recipe, tokenizer, world)
    return Session(model, recipe, objective, scored, precision, world)
