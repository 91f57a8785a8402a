"""Tokens per second of `litgpt`'s own pre-training command, called through Python.

A Llama-like model of 6 x 384, context 256, 32 sequences an optimizer step, random windows of a
character corpus. The clock is read where litgpt asks its data for the next micro-batch, so its
loop runs untouched; the run is ended from there too. `--settings default` is what `litgpt
pretrain` does with the batch set to 32 and nothing else: bf16-mixed, micro-batches of 4, compiled.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measure import (
    LoadWatch,
    Tick,
    emit,
    intervals,
    keep_memory,
    rate_summary,
    read_characters,
    tick,
)

CONTEXT, BATCH, LAYERS, WIDTH, HEADS, MLP_WIDTH = 256, 32, 6, 384, 6, 1024
WARM_STEPS = 3


class Enough(Exception):
    """Raised from the data to end a run that would go on for ever."""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=40.0, help="of steady state")
    parser.add_argument("--settings", choices=["default", "best"], default="default")
    parser.add_argument("--precision", choices=["bf16-true", "bf16-mixed", "32-true"])
    parser.add_argument("--micro-batch", type=int, default=4)
    parser.add_argument("--fused", action="store_true", help="fused AdamW")
    parser.add_argument("--keep-memory", action="store_true", help="malloc keeps freed blocks")
    parser.add_argument("--matmul-precision", choices=["highest", "high", "medium"])
    arguments = parser.parse_args()
    if arguments.settings == "best":
        arguments.precision = arguments.precision or "bf16-true"
        arguments.micro_batch = BATCH
        arguments.fused = arguments.keep_memory = True
    return arguments


def run(arguments: argparse.Namespace, folder: Path) -> tuple[list[Tick], str, float]:
    """Train until time is up: times of the optimizer steps, what litgpt printed, the start."""
    import torch
    from litgpt.args import EvalArgs, TrainArgs
    from litgpt.config import Config
    from litgpt.data import DataModule
    from litgpt.pretrain import setup
    from torch.utils.data import DataLoader, IterableDataset

    if arguments.matmul_precision:
        torch.set_float32_matmul_precision(arguments.matmul_precision)
    characters = read_characters(arguments.data)
    ids = torch.from_numpy(characters.train)
    accumulate = BATCH // arguments.micro_batch
    ticks: list[Tick] = []

    class Windows(IterableDataset[Any]):
        def __init__(self, timed: bool) -> None:
            self._timed = timed

        def __iter__(self) -> Iterator[Any]:
            generator = torch.Generator().manual_seed(0)
            offsets = torch.arange(CONTEXT + 1)
            for i in range(10**9):
                if self._timed and i % accumulate == 0:
                    ticks.append(tick())
                    steady = ticks[WARM_STEPS:]
                    if len(steady) > 4 and steady[-1].wall - steady[0].wall > arguments.seconds:
                        raise Enough
                shape = (arguments.micro_batch, 1)
                yield ids[torch.randint(len(ids) - CONTEXT, shape, generator=generator) + offsets]

    class RandomWindows(DataModule):
        def connect(self, **_: Any) -> None:
            pass

        def train_dataloader(self) -> DataLoader[Any]:
            return DataLoader(Windows(timed=True), batch_size=None)

        def val_dataloader(self) -> DataLoader[Any]:
            return DataLoader(Windows(timed=False), batch_size=None)

    config = Config(
        name="peer",
        block_size=CONTEXT,
        vocab_size=len(characters.vocabulary),
        padded_vocab_size=len(characters.vocabulary),
        n_layer=LAYERS,
        n_head=HEADS,
        n_embd=WIDTH,
        intermediate_size=MLP_WIDTH,
        rotary_percentage=1.0,
        parallel_residual=False,
        bias=False,
        norm_class_name="RMSNorm",
        mlp_class_name="LLaMAMLP",
    )
    optimizer: str | dict[str, Any] = "AdamW"
    if arguments.fused:
        init = {"lr": 1e-3, "fused": True}
        optimizer = {"class_path": "torch.optim.AdamW", "init_args": init}
    printed = io.StringIO()
    start = time.perf_counter()
    with contextlib.suppress(Enough), contextlib.redirect_stdout(printed):
        setup(
            "peer",
            model_config=config,
            out_dir=folder,
            precision=arguments.precision,
            data=RandomWindows(),
            train=TrainArgs(
                save_interval=None,
                log_interval=1,
                global_batch_size=BATCH,
                micro_batch_size=arguments.micro_batch,
                max_tokens=10**12,
                max_norm=1.0,
                min_lr=4e-5,
                lr_warmup_steps=20,
                tie_embeddings=True,
            ),
            eval=EvalArgs(interval=10**9, max_iters=1),
            optimizer=optimizer,
            devices=1,
            logger_name="csv",
        )
    return ticks, printed.getvalue(), start


def main() -> None:
    arguments = parse()
    if arguments.keep_memory:
        keep_memory()
    watch = LoadWatch()
    with tempfile.TemporaryDirectory() as folder:
        ticks, printed, start = run(arguments, Path(folder) / "out")
    losses = re.findall(r"loss train: ([0-9.]+)", printed)
    parameters = re.search(r"Total parameters: ([0-9,]+)", printed)
    if not losses or parameters is None:
        sys.exit(f"litgpt printed no loss:\n{printed[-2000:]}")
    emit(
        "litgpt",
        {k: v for k, v in vars(arguments).items() if k != "data"},
        watch,
        parameters=int(parameters[1].replace(",", "")),
        tokens_per_second=rate_summary(intervals(ticks[WARM_STEPS:], BATCH * CONTEXT)),
        first_step_seconds=round(ticks[1].wall - start, 2),
        steps=len(ticks) - 1,
        last_loss=float(losses[-1]),
    )


if __name__ == "__main__":
    main()
