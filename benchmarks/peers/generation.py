"""Tokens per second of `transformers` `generate` with a small model on a CPU.

200 new tokens after a prompt of 32, random weights or those of a Hugging Face folder (`--model`).
6 layers x 384, or 12 x 768 with 12 heads and a vocabulary of 50,257 (`--size large`).
One warm-up generation (which compiles) is not counted; each sample is one whole `generate` call,
prompt included.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from measure import Interval, LoadWatch, emit, keep_memory, rate_summary, tick

PROMPT, NEW = 32, 200
SIZES: dict[str, dict[str, int]] = {
    "small": {"layers": 6, "width": 384, "heads": 6, "mlp_width": 1024, "vocabulary": 65},
    "large": {"layers": 12, "width": 768, "heads": 12, "mlp_width": 2048, "vocabulary": 50257},
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a Hugging Face folder")
    parser.add_argument("--settings", choices=["default", "best"], default="default")
    parser.add_argument("--size", choices=sorted(SIZES), default="small")
    parser.add_argument("--family", choices=["llama", "gpt2"], default="llama")
    parser.add_argument("--vocabulary", type=int, help="of random weights, instead of the size's")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--sample", action="store_true", help="sampling instead of greedy")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--cache", choices=["dynamic", "static"], default="dynamic")
    parser.add_argument(
        "--compile", choices=["forward", "decode"], help="every forward pass, or generate's own way"
    )
    parser.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--keep-memory", action="store_true", help="malloc keeps freed blocks")
    parser.add_argument("--matmul-precision", choices=["highest", "high", "medium"])
    arguments = parser.parse_args()
    arguments.vocabulary = arguments.vocabulary or SIZES[arguments.size]["vocabulary"]
    if arguments.settings == "best":
        arguments.bf16 = arguments.keep_memory = True
        arguments.cache, arguments.compile = "static", "decode"
    return arguments


def load(arguments: argparse.Namespace) -> Any:
    from trainer import build_model
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if arguments.bf16 else torch.float32
    if arguments.model:
        return AutoModelForCausalLM.from_pretrained(
            arguments.model, dtype=dtype, attn_implementation=arguments.attention
        ).eval()
    shape = SIZES[arguments.size] | {"vocabulary": arguments.vocabulary}
    model = build_model(arguments.family, arguments.attention, dropout=False, **shape)
    return model.to(dtype).eval()


def decode_compilation() -> Any:
    """`generate` compiles its decoding step by itself on accelerators only; ask for a CPU too."""
    from transformers import CompileConfig

    config: Any = CompileConfig(mode="default")
    config._compile_all_devices = True
    return config


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
    if arguments.compile == "forward":
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
    if arguments.compile == "decode":
        options["compile_config"] = decode_compilation()
    watch = LoadWatch()
    start = time.perf_counter()
    model.generate(prompt, **options)
    model.generate(prompt, **options)
    first = time.perf_counter() - start
    samples: list[Interval] = []
    end = time.perf_counter() + arguments.seconds
    while time.perf_counter() < end or len(samples) < 3:
        began = tick()
        produced = model.generate(prompt, **options)
        samples.append(Interval.between(began, tick(), arguments.batch * NEW))
    if produced.shape != (arguments.batch, PROMPT + NEW):
        raise SystemExit(f"generate gave {tuple(produced.shape)}: not {NEW} new tokens a row")
    emit(
        "generate",
        {k: str(v) if isinstance(v, Path) else v for k, v in vars(arguments).items()},
        watch,
        tokens_per_second=rate_summary(samples),
        warm_up_seconds=round(first, 2),
    )


if __name__ == "__main__":
    main()
