"""Tokens per second of Hugging Face `Trainer`, pre-training a 6 x 384 model from scratch.

Random windows of a character corpus, context 256, 32 sequences a step. `--settings default` is
`TrainingArguments` as it comes with the batch size set; each option names one thing changed.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
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
from torch.utils.data import Dataset

CONTEXT, BATCH, LAYERS, WIDTH, HEADS, MLP_WIDTH = 256, 32, 6, 384, 6, 1024


class RandomWindows(Dataset[dict[str, torch.Tensor]]):
    """Windows of `CONTEXT` characters; the start of each is drawn from its index and a seed."""

    def __init__(self, ids: np.ndarray) -> None:
        self._ids = torch.from_numpy(ids)
        self._starts = np.random.default_rng(0).integers(0, len(ids) - CONTEXT, size=1_000_000)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        start = int(self._starts[index])
        window = self._ids[start : start + CONTEXT]
        return {"input_ids": window, "labels": window}


def build_model(
    family: str,
    attention: str,
    *,
    vocabulary: int,
    dropout: bool,
    layers: int = LAYERS,
    width: int = WIDTH,
    heads: int = HEADS,
    mlp_width: int = MLP_WIDTH,
) -> Any:
    """A Llama (10.6 M parameters by default) or a GPT-2 (10.8 M) with random weights."""
    from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig

    config: Any
    if family == "llama":
        config = LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=mlp_width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
        )
    else:
        rates: dict[str, Any] = (
            {} if dropout else {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        )
        config = GPT2Config(
            vocab_size=vocabulary,
            n_embd=width,
            n_layer=layers,
            n_head=heads,
            n_positions=CONTEXT,
            bos_token_id=None,
            eos_token_id=None,
            **rates,
        )
    config.pad_token_id = config.bos_token_id = config.eos_token_id = None
    factory: Any = AutoModelForCausalLM
    return factory.from_config(config, attn_implementation=attention)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=40.0, help="of steady state")
    parser.add_argument("--settings", choices=["default", "best"], default="default")
    parser.add_argument("--family", choices=["llama", "gpt2"], default="llama")
    parser.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa")
    parser.add_argument("--bf16", action="store_true", help="bf16 autocast over fp32 weights")
    parser.add_argument("--bf16-weights", action="store_true")
    parser.add_argument("--matmul-precision", choices=["highest", "high", "medium"])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--compile-mode")
    parser.add_argument("--keep-memory", action="store_true", help="malloc keeps freed blocks")
    parser.add_argument("--accumulate", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--optimizer", default="adamw_torch_fused")
    arguments = parser.parse_args()
    if arguments.settings == "best":
        arguments.bf16_weights = arguments.compile = arguments.keep_memory = True
    return arguments


def main() -> None:
    arguments = parse()
    if arguments.keep_memory:
        keep_memory()
    if arguments.matmul_precision:
        torch.set_float32_matmul_precision(arguments.matmul_precision)
    from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed

    set_seed(0)
    characters = read_characters(arguments.data)
    model = build_model(
        arguments.family,
        arguments.attention,
        vocabulary=len(characters.vocabulary),
        dropout=arguments.settings == "default",
    )
    if arguments.bf16_weights:
        model = model.to(torch.bfloat16)
    ticks: list[Tick] = []
    warm_steps = 4

    class Clock(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            ticks.append(tick())
            steady = ticks[warm_steps:]
            if len(steady) > 4 and steady[-1].wall - steady[0].wall > arguments.seconds:
                control.should_training_stop = True

    changed: dict[str, Any] = {}
    if arguments.compile:
        changed |= {"torch_compile": True, "torch_compile_mode": arguments.compile_mode}
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=BATCH // arguments.accumulate,
                gradient_accumulation_steps=arguments.accumulate,
                max_steps=100_000,
                learning_rate=1e-3,
                bf16=arguments.bf16,
                use_cpu=True,  # asked for before it takes bf16
                optim=arguments.optimizer,
                dataloader_num_workers=arguments.workers,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                **changed,
            ),
            train_dataset=RandomWindows(characters.train),
            callbacks=[Clock()],
        )
        watch = LoadWatch()
        start = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):
            result = trainer.train()
    steady = ticks[warm_steps:]
    emit(
        "trainer",
        {k: v for k, v in vars(arguments).items() if k != "data"},
        watch,
        parameters=model.num_parameters(),
        tokens_per_second=rate_summary(intervals(steady, BATCH * CONTEXT)),
        first_step_seconds=round(ticks[0].wall - start, 2),
        steps=len(ticks),
        mean_loss=round(result.training_loss, 4),
    )


if __name__ == "__main__":
    main()
