"""Tokens per second of `lexome` and of `transformers` `generate`, paired in one process.

One model of 6 layers x 384 (a Llama), the same weights on both sides, greedy, prompts of 32 tokens
and 200 new ones, the reading of the prompts included. The peers run at their defaults (fp32,
growing cache) and at other settings; each round runs every candidate once, one after another, and
gives one ratio to each peer, so that a drift of the machine's speed falls on both. Printed are one
line of JSON a shape: medians and extremes of the rates and of the ratios, and the load of others.

    python benchmarks/generate.py --rows 1 32 --vocabulary 65 4096
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent / "peers"))

from measure import LoadWatch, emit, summary

from lexome.generation import Decoder, Settings, generate
from lexome.model import Transformer, families

LAYERS, WIDTH, HEADS, MLP_WIDTH, CONTEXT = 6, 384, 6, 1024, 256
PROMPT, NEW = 32, 200
DEFAULT = "transformers"
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--vocabulary", type=int, nargs="+", default=[65, 4096])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--sample", action="store_true", help="sampling instead of greedy")
    parser.add_argument("--compile", action="store_true", help="add a compiled peer (slow start)")
    return parser.parse_args()


def models(vocabulary: int) -> tuple[Any, Transformer]:
    """Return the same random weights twice."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        intermediate_size=MLP_WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=CONTEXT,
    )
    config.pad_token_id = config.bos_token_id = config.eos_token_id = None
    theirs = LlamaForCausalLM(config).eval()
    llama = families.get("llama")
    model = Transformer(llama.from_hf(theirs.config.to_dict()))
    model.load_state_dict(llama.unpack(model.config, theirs.state_dict(), "benchmark"))
    return theirs, model


def candidates(
    arguments: argparse.Namespace, vocabulary: int, rows: int
) -> dict[str, Callable[[], int]]:
    """Return by name what is measured; each call returns how many tokens it made."""
    theirs, model = models(vocabulary)
    prompt = torch.randint(vocabulary, (rows, PROMPT))
    temperature = 1.0 if arguments.sample else 0.0
    found: dict[str, Callable[[], int]] = {}

    def ours(precision: str) -> Callable[[], int]:
        settings = Settings(NEW, temperature, precision=precision)  # type: ignore[arg-type]

        def run() -> int:
            # The packing of the weights is a part of the work.
            decoder = Decoder(model, DTYPES[precision])
            made = generate(decoder, prompt.tolist(), settings)
            return sum(len(result.ids) for result in made)

        return run

    def peer(dtype: str, compiled: bool = False, **options: Any) -> Callable[[], int]:
        loaded = type(theirs)(theirs.config)
        loaded.load_state_dict(theirs.state_dict())
        loaded = loaded.to(DTYPES[dtype]).eval()
        if compiled:
            loaded.forward = torch.compile(loaded.forward)

        def run() -> int:
            made = loaded.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=NEW,
                min_new_tokens=NEW,
                do_sample=arguments.sample,
                pad_token_id=0,
                **options,
            )
            return int(made[:, PROMPT:].numel())

        return run

    for precision in DTYPES:
        found[f"lexome {precision}"] = ours(precision)
    found[DEFAULT] = peer("fp32")
    found[f"{DEFAULT} bf16"] = peer("bf16")
    found[f"{DEFAULT} static cache"] = peer("fp32", cache_implementation="static")
    found[f"{DEFAULT} bf16 static cache"] = peer("bf16", cache_implementation="static")
    if arguments.compile:
        static = {"cache_implementation": "static"}
        found[f"{DEFAULT} compiled static cache"] = peer("fp32", compiled=True, **static)
        found[f"{DEFAULT} bf16 compiled static cache"] = peer("bf16", compiled=True, **static)
    return found


def measure(arguments: argparse.Namespace, vocabulary: int, rows: int) -> None:
    """Measure one shape and print its line."""
    runs = candidates(arguments, vocabulary, rows)
    for run in runs.values():
        run()
    watch = LoadWatch()
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            tokens = run()
            rates[name].append(tokens / (time.perf_counter() - start))
            if tokens != rows * NEW:
                raise SystemExit(f"{name} made {tokens} tokens, not {rows * NEW}")
    medians = {name: summary(values)["median"] for name, values in rates.items()}
    best = max((name for name in runs if name.startswith("lexome")), key=medians.__getitem__)
    ratios = {
        name: summary([a / b for a, b in zip(rates[best], values, strict=True)])
        for name, values in rates.items()
        if not name.startswith("lexome")
    }
    emit(
        "generate",
        {"rows": rows, "vocabulary": vocabulary, "threads": torch.get_num_threads()},
        watch,
        tokens_per_second={name: summary(values) for name, values in rates.items()},
        best=best,
        times_faster_than=ratios,
    )


def main() -> None:
    arguments = parse()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    for vocabulary in arguments.vocabulary:
        for rows in arguments.rows:
            measure(arguments, vocabulary, rows)


if __name__ == "__main__":
    main()
