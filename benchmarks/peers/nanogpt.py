"""nanoGPT's published recipe for Shakespeare characters on a CPU, and its time to loss.

nanoGPT is not a package, so the model and the loop are written here, after its README and
configuration: a GPT-2 of 4 layers x 128 with 4 heads, no biases, tied embeddings, context 64,
12 windows a step, 2,000 steps of AdamW (1e-3 to 1e-4 by cosine, 100 steps of warm-up, betas
0.9 and 0.99, decay 0.1 on matrices, gradient clipping at 1), no dropout, loss logged each step.
Its own switches for precision and compilation are options here. Validation is over the whole
last 10 %, in windows of 64 without overlap; the clock stands still while it runs, and compiling
is reported apart.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from measure import (
    Characters,
    Interval,
    LoadWatch,
    emit,
    keep_memory,
    rate_summary,
    read_characters,
    tick,
)
from torch import Tensor, nn

CONTEXT, BATCH, LAYERS, WIDTH, HEADS = 64, 12, 4, 128, 4
PEAK_RATE, LAST_RATE, WARMUP, DECAY, CLIP = 1e-3, 1e-4, 100, 0.1, 1.0


class Attention(nn.Module):
    """Causal self-attention of GPT-2: one product for query, key and value."""

    def __init__(self) -> None:
        super().__init__()
        self.joint = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.output = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x_btw: Tensor) -> Tensor:
        query, key, value = (
            t.unflatten(-1, (HEADS, -1)).transpose(1, 2) for t in self.joint(x_btw).chunk(3, -1)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        result: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return result


class Layer(nn.Module):
    """Pre-norm attention and a GELU MLP four times as wide."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(WIDTH, bias=False)
        self.attention = Attention()
        self.mlp_norm = nn.LayerNorm(WIDTH, bias=False)
        self.up = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.output = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x_btw: Tensor) -> Tensor:
        x_btw = x_btw + self.attention(self.attention_norm(x_btw))
        return x_btw + self.output(F.gelu(self.up(self.mlp_norm(x_btw))))


class GPT2(nn.Module):
    """Tokens `[B, T]` and targets `[B, T]` to the mean cross-entropy in nats."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH)
        self.position = nn.Embedding(CONTEXT, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                scale = math.sqrt(2 * LAYERS) if name.endswith("output.weight") else 1.0
                nn.init.normal_(parameter, std=0.02 / scale)

    def forward(self, tokens_bt: Tensor, targets_bt: Tensor) -> Tensor:
        x_btw = self.embedding(tokens_bt) + self.position.weight[: tokens_bt.shape[1]]
        for layer in self.layers:
            x_btw = layer(x_btw)
        logits = F.linear(self.norm(x_btw), self.embedding.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets_bt.flatten())


@dataclass
class Run:
    """What one training gave: seconds are of training alone, without compiling or validating."""

    seconds: float
    compile_seconds: float
    losses: list[tuple[int, float, float]]  # step, seconds, full validation loss
    stretches: list[Interval]  # steps per second between validations


def validation_loss(model: GPT2, ids: Tensor) -> float:
    """Mean nats per character over all windows of `CONTEXT` without overlap, the last one short."""
    total, count = 0.0, 0
    whole = (len(ids) - 1) // CONTEXT * CONTEXT
    windows = list(
        zip(
            ids[:whole].view(-1, CONTEXT).split(256),
            ids[1 : whole + 1].view(-1, CONTEXT).split(256),
            strict=True,
        )
    )
    if whole + 1 < len(ids):
        windows.append((ids[None, whole:-1], ids[None, whole + 1 :]))
    with torch.inference_mode():
        for tokens, targets in windows:
            total += model(tokens, targets).item() * targets.numel()
            count += targets.numel()
    return total / count


def learning_rate(step: int, steps: int) -> float:
    if step < WARMUP:
        return PEAK_RATE * (step + 1) / (WARMUP + 1)
    progress = (step - WARMUP) / (steps - WARMUP)
    return LAST_RATE + 0.5 * (1 + math.cos(math.pi * progress)) * (PEAK_RATE - LAST_RATE)


def train(characters: Characters, arguments: argparse.Namespace) -> Run:
    torch.manual_seed(arguments.seed)
    train_ids, valid_ids = map(torch.from_numpy, (characters.train, characters.valid))
    model = GPT2(len(characters.vocabulary))
    groups = [
        {"params": [p for p in model.parameters() if p.dim() == 2], "weight_decay": DECAY},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        groups, lr=PEAK_RATE, betas=(0.9, 0.99), fused=arguments.fused or None
    )
    call = torch.compile(model) if arguments.compile else model
    precision = (
        torch.autocast("cpu", torch.bfloat16) if arguments.bf16 else contextlib.nullcontext()
    )
    offsets = torch.arange(CONTEXT)

    def batch() -> tuple[Tensor, Tensor]:
        index = torch.randint(len(train_ids) - CONTEXT, (BATCH, 1)) + offsets
        return train_ids[index], train_ids[index + 1]

    start = time.perf_counter()
    with precision:
        loss = call(*batch())
    loss.backward()
    optimizer.zero_grad(set_to_none=True)
    compile_seconds = time.perf_counter() - start if arguments.compile else 0.0
    run = Run(0.0, compile_seconds, [], [])
    mark, marked = tick(), 0
    for step in range(arguments.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, arguments.steps)
        with precision:
            loss = call(*batch())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        done = step + 1
        if done % arguments.validate_every == 0 or done == arguments.steps:
            now = tick()
            run.stretches.append(Interval.between(mark, now, done - marked))
            run.seconds += now.wall - mark.wall
            run.losses.append((done, run.seconds, validation_loss(model, valid_ids)))
            mark, marked = tick(), done
    return run


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--settings", choices=["default", "best"], default="default")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--bf16", action="store_true", help="bf16 autocast")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--fused", action="store_true", help="fused AdamW")
    parser.add_argument("--keep-memory", action="store_true", help="malloc keeps freed blocks")
    parser.add_argument("--matmul-precision", choices=["highest", "high", "medium"])
    parser.add_argument("--validate-every", type=int, default=50)
    parser.add_argument("--target", type=float, default=1.886, help="nats per character")
    arguments = parser.parse_args()
    if arguments.settings == "best":
        arguments.compile = arguments.fused = arguments.keep_memory = arguments.bf16 = True
    return arguments


def main() -> None:
    arguments = parse()
    if arguments.keep_memory:
        keep_memory()
    if arguments.matmul_precision:
        torch.set_float32_matmul_precision(arguments.matmul_precision)
    characters = read_characters(arguments.data)
    watch = LoadWatch()
    run = train(characters, arguments)
    reached = next((seconds for _, seconds, loss in run.losses if loss <= arguments.target), None)
    emit(
        "nanogpt",
        {k: v for k, v in vars(arguments).items() if k != "data"},
        watch,
        seconds=round(run.seconds, 2),
        compile_seconds=round(run.compile_seconds, 2),
        validation_loss=round(run.losses[-1][2], 4),
        seconds_to_target=None if reached is None else round(reached, 2),
        steps_per_second=rate_summary(run.stretches),
        tokens_per_second=round(arguments.steps * BATCH * CONTEXT / run.seconds),
        losses=[[step, round(s, 2), round(loss, 4)] for step, s, loss in run.losses[3::4]],
    )


if __name__ == "__main__":
    main()
