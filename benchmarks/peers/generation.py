"""Tokens per second of `transformers` `generate` with a 6 x 384 Llama on a CPU.

200 new tokens after a prompt of 32, random weights or those of a Hugging Face folder (`--model`).
One warm-up generation (which compiles) is not counted; each sample is one whole `generate` call,
prompt included.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from measure import LoadWatch, emit, keep_memory, summary

PROMPT, NEW = 32, 200


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a Hugging Face folder")
    parser.add_argument("--family", choices=["llama", "gpt2"], default="llama")
    parser.add_argument("--vocabulary", type=int, default=65)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--sample", action="store_true", help="sampling instead of greedy")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--cache", choices=["dynamic", "static"], default="dynamic")
    parser.add_argument("--compile", action="store_true", help="compile the forward pass")
    parser.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--keep-memory", action="store_true", help="malloc keeps freed blocks")
    parser.add_argument("--matmul-precision", choices=["highest", "high", "medium"])
    return parser.parse_args()


def load(arguments: argparse.Namespace) -> Any:
    from trainer import build_model
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if arguments.bf16 else torch.float32
    if arguments.model:
        return AutoModelForCausalLM.from_pretrained(
            arguments.model, dtype=dtype, attn_implementation=arguments.attention
        ).eval()
    model = build_model(arguments.family, arguments.vocabulary, arguments.attention, dropout=False)
    return model.to(dtype).eval()


def main() -> None:
    arguments = parse()
    if arguments.keep_memory:
        keep_memory()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.matmul_precision:
        torch.set_float32_matmul_precision(arguments.matmul_precision)
    torch.manual_seed(0)
    model = load(arguments)
    if arguments.compile:
        model.forward = torch.compile(model.forward, dynamic=None)
    prompt = torch.randint(model.config.vocab_size, (arguments.batch, PROMPT))
    options: dict[str, Any] = {
        "attention_mask": torch.ones_like(prompt),
        "max_new_tokens": NEW,
        "min_new_tokens": NEW,
        "do_sample": arguments.sample,
        "pad_token_id": 0,
    }
    if arguments.cache == "static":
        options["cache_implementation"] = "static"
    watch = LoadWatch()
    start = time.perf_counter()
    model.generate(prompt, **options)
    model.generate(prompt, **options)
    first = time.perf_counter() - start
    samples: list[float] = []
    end = time.perf_counter() + arguments.seconds
    while time.perf_counter() < end or len(samples) < 3:
        start = time.perf_counter()
        produced = model.generate(prompt, **options)
        samples.append(arguments.batch * NEW / (time.perf_counter() - start))
    if produced.shape != (arguments.batch, PROMPT + NEW):
        raise SystemExit(f"generate gave {tuple(produced.shape)}: not {NEW} new tokens a row")
    emit(
        "generate",
        {k: str(v) if isinstance(v, Path) else v for k, v in vars(arguments).items()},
        watch,
        tokens_per_second=summary(samples),
        warm_up_seconds=round(first, 2),
    )


if __name__ == "__main__":
    main()
