"""The sections of a recipe: every field, what it may be, and which fields go together."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator
from pydantic_core import PydanticCustomError

Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=1 << 63)]
PositiveReal = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Method = Literal["full", "lora", "probe", "scratch"]
Beta = Annotated[float, Field(ge=0, lt=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ModelRecipe(_Section):
    """The shape of the Transformer: a preset, a depth, or sizes; a size overrides the other two.

    `family`     the Hugging Face family that the model is saved as; of a preset, its own
    `preset`     a known model by name ("gpt2-124m")
    `depth`      the one dial: layers, and everything else in proportion
    `layers`     Transformer blocks
    `width`      features of the residual stream
    `heads`      query heads of a layer; they divide the width
    `kv_heads`   key-value heads of a layer; they divide the heads
    `mlp_width`  features inside the feed-forward block
    `context`    tokens that the model sees at once
    `tied`       whether the embedding is the unembedding too
    """

    family: str | None = None
    preset: str | None = None
    depth: Positive | None = None
    layers: Positive | None = None
    width: Positive | None = None
    heads: Positive | None = None
    kv_heads: Positive | None = None
    mlp_width: Positive | None = None
    context: Positive | None = None
    tied: bool | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.preset and self.depth:
            raise _conflict(
                "depth",
                f"the preset {self.preset!r} already says the size",
                "keep one of preset and depth",
            )
        if self.width and self.heads and self.width % self.heads:
            raise _conflict(
                "heads",
                f"{self.heads} heads do not divide the width {self.width}",
                f"{_divisors_near(self.width, self.heads)} heads do",
            )
        if self.heads and self.kv_heads and self.heads % self.kv_heads:
            raise _conflict(
                "kv_heads",
                f"{self.kv_heads} key-value heads do not divide the {self.heads} heads",
                f"{_divisors_near(self.heads, self.kv_heads)} key-value heads do",
            )
        return self


class ObjectiveRecipe(_Section):
    """What is predicted.

    `name`                 "next-token", "masked-token" for a bidirectional model, "target" of
                           pairs: what is said to a source; or "preference": which of two answers
                           is said
    `mask_rate`            share of tokens to predict, for "masked-token"; 0.15 is BERT's
                           (Devlin et al. 2019, https://arxiv.org/abs/1810.04805)
    `document_boundaries`  "cross": attention runs over the whole packed row;
                           "respect": it stays inside a document; `None`: as suits the language
    `source_dropout`       share of examples, for "target", whose source is hidden: so a model also
                           learns what is said to no source, which guidance needs (Ho & Salimans
                           2022, https://arxiv.org/abs/2207.12598)
    `word_dropout`         share of tokens, for "target", that are hidden, each by itself, in the
                           source and in what was said before: so neither is learned by heart, and
                           the source is listened to (Bowman et al. 2016,
                           https://arxiv.org/abs/1511.06349)
    `class_weights`        how much a class counts in the loss of "target", by its name; 1 where
                           nothing is said
    `time_masks`           stretches of time of each recording, for "target" of frames, that are
                           not heard (SpecAugment, Park et al. 2019,
                           https://arxiv.org/abs/1904.08779)
    `time_width`           the most steps of such a stretch, 10 ms of sound each; never more than
                           a fifth of the recording
    `band_masks`           stretches of frequency of each recording that are not heard
    `band_width`           the most bands of such a stretch
    `band_warp`            how far bands move at most, up or down, as a share of their place on the
                           mel scale: each recording is heard as other voices would say it (Jaitly
                           & Hinton 2013, Vocal Tract Length Perturbation improves speech
                           recognition)
    `beta`                 of "preference": how near the model stays to what it was; less goes
                           further (Rafailov et al. 2023, https://arxiv.org/abs/2305.18290)
    """

    name: Literal["next-token", "masked-token", "target", "preference"] = "next-token"
    mask_rate: Annotated[float, Field(gt=0, lt=1)] = 0.15
    document_boundaries: Literal["cross", "respect"] | None = None
    source_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    word_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    class_weights: dict[str, PositiveReal] = Field(default_factory=dict)
    time_masks: Count = 0
    time_width: Positive = 40
    band_masks: Count = 0
    band_width: Positive = 10
    band_warp: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    beta: PositiveReal = 0.1

    @property
    def of_pairs(self) -> bool:
        """Whether it is learned from pairs of source and target."""
        return self.name in ("target", "preference")


class OptimizerRecipe(_Section):
    """How weights move.

    `name`                  "muon": Muon for the matrices of the blocks and AdamW for the rest
                            (https://kellerjordan.github.io/posts/muon); "adamw": AdamW for all
    `learning_rate`         AdamW's peak learning rate
    `embedding_learning_rate`  AdamW's peak learning rate of embeddings that are not tied
    `matrix_learning_rate`  Muon's peak learning rate
    `weight_decay`          decoupled decay of matrices, in units of the learning rate
    `embedding_weight_decay`  that of embeddings that are not tied; `None`: `weight_decay`. A row
                            whose token does not come decays all the same
    `betas`                 AdamW's decay of the first and the second moment
    `momentum`              Muon's momentum
    `clip_norm`             the largest norm of the whole gradient; `None` does not clip
    `z_loss`                weight of the squared log-partition (PaLM, section 5); 0 is none, as
                            for "preference"
    """

    name: Literal["muon", "adamw"] = "muon"
    learning_rate: PositiveReal = 0.006
    embedding_learning_rate: PositiveReal = 0.05
    matrix_learning_rate: PositiveReal = 0.03
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    embedding_weight_decay: Annotated[float, Field(ge=0)] | None = None
    betas: Annotated[tuple[Beta, Beta], Strict(False)] = (0.9, 0.95)
    momentum: Beta = 0.9
    clip_norm: PositiveReal | None = 1.0
    z_loss: Annotated[float, Field(ge=0)] = 0.0


class ScheduleRecipe(_Section):
    """How the learning rate moves over the run, as a multiple of its peak.

    `name`    "wsd": warm-up, stable, linear decay (https://arxiv.org/abs/2404.06395);
              "cosine", "linear": decay all the way after the warm-up; "constant": no decay
    `warmup`  share of the steps over which it rises from zero
    `decay`   share of the steps over which "wsd" comes down
    `floor`   what it comes down to: one update after the last would be there
    """

    name: Literal["wsd", "cosine", "linear", "constant"] = "wsd"
    warmup: Share = 0.02
    decay: Share = 0.7
    floor: Share = 0.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.name == "wsd" and self.warmup + self.decay > 1:
            raise _conflict(
                "decay",
                f"a warm-up of {self.warmup} and a decay of {self.decay} are more than the run",
                "their sum may be 1 at most",
            )
        return self


class TrainingRecipe(_Section):
    """The loop: how long, how much at once, how often it looks up.

    `steps`             updates of the weights; `None`: as many as fit into `minutes`
    `minutes`           wall-clock time for the whole run, which sets size and steps that are `None`
    `batch_size`        rows of `context` tokens a step, over all workers; `None`: chosen
    `micro_batch_size`  rows that go through the model at once; `None`: the whole batch
    `dropout`           share of what each block adds that is zeroed, at random; it holds back
                        memorising where a small corpus is read many times (Srivastava et al. 2014)
    `seed`              of the weights, the order of the data, the masks and the dropout
    `precision`         "fp32", "bf16", or "auto": the faster one here, by a short measurement
    `compile`           whether `torch.compile` is used; "auto": where it pays within the run
    `evaluate_every`    steps between two validation losses; `None`: ten times; 0: only at the end
    `sample_every`      steps between two samples; `None`: ten times; 0: only at the end
    `checkpoint_every`  steps between two checkpoints; `None`: five times; 0: only at the end
    `keep`              the weights that a run ends with: "best", those of the least validation
                        loss, or "last"
    `patience`          end after so many validation losses in a row that are no new least one;
                        `None`: go on to the last step
    `keep_checkpoints`  how many of the newest checkpoints stay on the disk
    `nan_policy`        a step whose loss is not finite: "stop" names its data, "skip" leaves it out
    `spike_policy`      the same for a spike; "keep" trains on it
    `spike_threshold`   a loss this many standard deviations above its recent mean is a spike
    """

    steps: Positive | None = None
    minutes: PositiveReal | None = None
    batch_size: Positive | None = None
    micro_batch_size: Positive | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    seed: Seed = 0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: Literal["auto"] | bool = "auto"
    evaluate_every: Count | None = None
    sample_every: Count | None = None
    checkpoint_every: Count | None = None
    keep: Literal["best", "last"] = "best"
    patience: Positive | None = None
    keep_checkpoints: Positive = 2
    nan_policy: Literal["stop", "skip"] = "stop"
    spike_policy: Literal["keep", "skip", "stop"] = "keep"
    spike_threshold: PositiveReal = 6.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.steps is None and self.minutes is None:
            raise _conflict(
                "steps",
                "nothing says how long to train",
                "set training.steps or training.minutes",
            )
        if self.batch_size and self.micro_batch_size and self.micro_batch_size > self.batch_size:
            raise _conflict(
                "micro_batch_size",
                f"{self.micro_batch_size} rows are more than the batch of {self.batch_size}",
                f"{self.batch_size} at most",
            )
        return self


class StartRecipe(_Section):
    """Which model a run starts from, and which of its weights it moves.

    `base`      a run, or a Hugging Face folder
    `task`      what the pairs are, which decides how answers to them are scored
    `method`    "full": all weights move; "lora": low-rank maps beside those of the blocks (Hu et
                al. 2021, https://arxiv.org/abs/2106.09685); "probe": only the tokens that are new;
                "scratch": all, from new weights of the same shape, to compare with
    `rank`      of the low-rank maps
    `alpha`     their scale is alpha / rank; `None`: twice the rank
    `targets`   the maps that get one beside them ("query", "up", ...); none named: all
    `examples`  how many of the training pairs are used; `None`: all
    """

    base: Annotated[str, Field(min_length=1)]
    task: str = "pair"
    method: Method = "full"
    rank: Positive = 8
    alpha: PositiveReal | None = None
    targets: Annotated[tuple[str, ...], Strict(False)] = ()
    examples: Positive | None = None


class Recipe(_Section):
    """Everything that a training run is made of; `corpus` is the folder that `prepare` wrote."""

    corpus: Annotated[str, Field(min_length=1)]
    start: StartRecipe | None = None
    model: ModelRecipe = ModelRecipe()
    objective: ObjectiveRecipe = ObjectiveRecipe()
    optimizer: OptimizerRecipe = OptimizerRecipe()
    schedule: ScheduleRecipe = ScheduleRecipe()
    training: TrainingRecipe
    trackers: Annotated[tuple[Literal["tensorboard", "wandb", "trackio"], ...], Strict(False)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.objective.name == "target" and self.start is None:
            raise _conflict(
                "objective.name",
                "a target is what is said to a source, in the tokens of a base, and there is none",
                "start from one: lexome finetune BASE DATA --task NAME; or choose next-token",
            )
        started = self.start is not None and self.start.method != "scratch"
        if self.objective.name == "preference" and not started:
            raise _conflict(
                "objective.name",
                "a preference is learned beside what the model said before, and there is none",
                "start from an assistant: lexome finetune ASSISTANT DATA --task preference",
            )
        if self.objective.name == "preference" and self.optimizer.z_loss:
            raise _conflict(
                "optimizer.z_loss",
                "a preference is learned from whole answers, which have no z-loss",
                "set it to 0, or leave it out",
            )
        return self


def _conflict(key: str, what: str, fix: str) -> PydanticCustomError:
    context = {"key": key, "what": what, "fix": fix}
    return PydanticCustomError("conflict", "{what}", context)


def _divisors_near(number: int, wanted: int) -> str:
    divisors = [d for d in range(1, number + 1) if number % d == 0]
    below = max(d for d in divisors if d <= wanted)
    above = min((d for d in divisors if d > wanted), default=below)
    return str(below) if below == above else f"{below} or {above}"
