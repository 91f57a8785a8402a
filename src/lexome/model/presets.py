"""Models by name, each with the place that its shape is from, and one dial of depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lexome.errors import UsageError, nearest
from lexome.model import families
from lexome.model.config import TransformerConfig

_WIDTH_PER_LAYER = 64
_WIDE_HEAD, _NARROW_HEAD = 128, 64


@dataclass(frozen=True)
class Preset:
    """A published shape: `shape` are the arguments of the family's `config`."""

    family: str
    source: str
    shape: dict[str, Any] = field(default_factory=dict)

    def config(self) -> TransformerConfig:
        """Return the config of this shape."""
        return families.get(self.family).config(**self.shape)


def _gpt2(layers: int, width: int, heads: int) -> Preset:
    return Preset(
        "gpt2",
        "Radford et al. 2019, Language Models are Unsupervised Multitask Learners, table 2",
        {
            "vocab_size": 50_257,
            "context": 1_024,
            "layers": layers,
            "width": width,
            "heads": heads,
        },
    )


def _gpt3(layers: int, width: int, heads: int, note: str = "") -> Preset:
    source = "Brown et al. 2020, Language Models are Few-Shot Learners, table 2.1"
    return Preset(
        "gpt2",
        f"{source}; {note}" if note else source,
        {
            "vocab_size": 50_257,
            "context": 2_048,
            "layers": layers,
            "width": width,
            "heads": heads,
        },
    )


def _esm2(layers: int, width: int) -> Preset:
    return Preset(
        "esm",
        "Lin et al. 2023, Evolutionary-scale prediction of atomic-level protein structure",
        {
            "vocab_size": 33,
            "context": 1_026,
            "layers": layers,
            "width": width,
            "heads": 20,
            "mask_dropout_token": 32,
        },
    )


_BERT_BASE = {"context": 512, "layers": 12, "width": 768, "heads": 12}

PRESETS: dict[str, Preset] = {
    "gpt2-124m": _gpt2(12, 768, 12),
    "gpt2-355m": _gpt2(24, 1_024, 16),
    "gpt2-774m": _gpt2(36, 1_280, 20),
    "gpt2-1.5b": _gpt2(48, 1_600, 25),
    "gpt3-125m": _gpt3(12, 768, 12),
    "gpt3-350m": _gpt3(24, 1_024, 16),
    "gpt3-760m": _gpt3(24, 1_536, 16),
    "gpt3-1.3b": _gpt3(
        24, 2_048, 16, "the table prints 24 heads of 128, which is not a width of 2048: 16 are"
    ),
    "gpt3-2.7b": _gpt3(32, 2_560, 32),
    "gpt3-6.7b": _gpt3(32, 4_096, 32),
    "gpt3-13b": _gpt3(
        40, 5_120, 40, "the table prints a width of 5140, which 40 heads of 128 do not give: 5120"
    ),
    "gpt3-175b": _gpt3(96, 12_288, 96),
    "llama3-8b": Preset(
        "llama",
        "Dubey et al. 2024, The Llama 3 Herd of Models, table 3 (the first release, context 8192)",
        {
            "vocab_size": 128_256,
            "context": 8_192,
            "layers": 32,
            "width": 4_096,
            "heads": 32,
            "kv_heads": 8,
            "mlp_width": 14_336,
            "rotary_base": 500_000.0,
        },
    ),
    "qwen3-0.6b": Preset(
        "qwen3",
        "Yang et al. 2025, Qwen3 Technical Report, table 1, and the config.json of its release",
        {
            "vocab_size": 151_936,
            "context": 40_960,
            "layers": 28,
            "width": 1_024,
            "heads": 16,
            "kv_heads": 8,
            "head_width": 128,
            "mlp_width": 3_072,
            "rotary_base": 1_000_000.0,
            "tied": True,
        },
    ),
    "nanochat-d20": Preset(
        "nanochat",
        "Karpathy 2025, nanochat, the model of its speedrun (depth 20)",
        {
            "vocab_size": 65_536,
            "context": 2_048,
            "layers": 20,
            "width": 1_280,
            "heads": 10,
        },
    ),
    "bert-base": Preset(
        "bert",
        "Devlin et al. 2018, BERT, section 3 (the uncased release)",
        {"vocab_size": 30_522, **_BERT_BASE},
    ),
    "modernbert-base": Preset(
        "modernbert",
        "Warner et al. 2024, Smarter, Better, Faster, Longer, table 4",
        {
            "vocab_size": 50_368,
            "context": 8_192,
            "layers": 22,
            "width": 768,
            "heads": 12,
        },
    ),
    "esm2-8m": _esm2(6, 320),
    "esm2-35m": _esm2(12, 480),
    "esm2-150m": _esm2(30, 640),
    "esm2-650m": _esm2(33, 1_280),
    "grover": Preset(
        "bert",
        "Sanabria et al. 2024, DNA language model GROVER learns sequence context in the human "
        "genome: BERT-base on a dictionary of 601 tokens, and BERT's five special tokens",
        {"vocab_size": 606, **_BERT_BASE},
    ),
}


def preset(name: str) -> TransformerConfig:
    """Return the config of a preset; an unknown name is a `UsageError` with the nearest ones."""
    if name not in PRESETS:
        raise UsageError(f"no preset is called {name!r}", where="model", fix=nearest(name, PRESETS))
    return PRESETS[name].config()


def depth(
    layers: int, *, family: str, vocab_size: int, context: int, **options: Any
) -> TransformerConfig:
    """Return the model of one dial: its number of layers, from which the rest follows.

    The width is 64 for each layer, in heads of 128 where these fit and of 64 otherwise (the dial
    of nanochat, without its fractions of a head). `options` are those of the family's `config`.
    """
    if layers < 1:
        raise UsageError(
            f"the depth must be at least 1, not {layers}", where="depth", fix="choose a depth"
        )
    width = _WIDTH_PER_LAYER * layers
    head_width = _NARROW_HEAD if width % _WIDE_HEAD else _WIDE_HEAD
    build: Callable[..., TransformerConfig] = families.get(family).config
    return build(
        vocab_size=vocab_size,
        context=context,
        layers=layers,
        width=width,
        heads=width // head_width,
        **options,
    )
