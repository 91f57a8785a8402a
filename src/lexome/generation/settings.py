"""What a person may choose about generation, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from lexome.errors import UsageError

Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How tokens are drawn and when to stop.

    `max_tokens`          most new tokens of one prompt
    `temperature`         divides the logits; 0 always takes the most probable token
    `top_k`               keep the k most probable tokens
    `top_p`               keep the fewest most probable tokens that hold this share of probability
                          (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751)
    `min_p`               keep tokens at least this many times as probable as the most probable one
                          (Nguyen et al. 2024, https://arxiv.org/abs/2407.01082)
    `repetition_penalty`  divides positive logits of tokens that were there before, multiplies
                          negative ones (Keskar et al. 2019, https://arxiv.org/abs/1909.05858)
    `no_repeat_ngram`     no run of so many tokens comes twice, the prompt included (Paulus et al.
                          2018, https://arxiv.org/abs/1705.04304); 0 lets all come again
    `guidance`            how far to go from what the model writes without the condition, 0, to what
                          it writes with it, 1, and beyond; see `generation.guidance`
    `beams`               above 1, that many continuations of a prompt are followed and the best one
                          is taken; nothing is drawn then, so a temperature other than 0 or 1, a
                          filter (top-k, top-p, min-p) or guidance is an error beside it
    `length_penalty`      beams are ranked by log-probability / length to this power, so more of it
                          prefers longer ones; of no use with one beam; see `generation.beams`
    `stop`                a prompt's output ends before the first of these texts
    `seed`                row i draws with seed + i, so what it draws depends on no other row
    `precision`           of weights and cache; "auto" is the faster one, see `compute_dtype`
    """

    max_tokens: int = 200
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    guidance: float = 1.0
    beams: int = 1
    length_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        _require("max_tokens", self.max_tokens, self.max_tokens >= 1, "1 or more")
        _require("temperature", self.temperature, 0 <= self.temperature < 1e6, "0 or more")
        _require("top_k", self.top_k, self.top_k is None or self.top_k >= 1, "1 or more")
        for name in ("top_p", "min_p"):
            share = getattr(self, name)
            _require(name, share, share is None or 0 < share <= 1, "above 0 and at most 1")
        penalty = self.repetition_penalty
        _require("repetition_penalty", penalty, 0 < penalty < 1e6, "above 0; 1 is none")
        ngram = self.no_repeat_ngram
        _require("no_repeat_ngram", ngram, ngram >= 0, "0, which is none, or more")
        _require("guidance", self.guidance, 0 <= self.guidance < 1e3, "0 or more; 1 is none")
        _require("beams", self.beams, self.beams >= 1, "1 or more")
        penalty = self.length_penalty
        _require("length_penalty", penalty, -10 <= penalty <= 10, "from -10 to 10; 0 is none")
        if self.beams > 1:
            self._check_search()
        _require("stop", self.stop, all(self.stop), "texts that are not empty")
        _require("seed", self.seed, 0 <= self.seed < 1 << 62, "0 or more")

    def _check_search(self) -> None:
        plain = {"temperature": (0, 1), "top_k": (None,), "top_p": (None,), "min_p": (None,)}
        for name, allowed in {**plain, "guidance": (1,)}.items():
            if getattr(self, name) not in allowed:
                raise UsageError(
                    f"{name} = {getattr(self, name)!r} has no meaning with {self.beams} beams",
                    where=name,
                    fix=f"leave {name} as it is, or draw tokens with beams = 1",
                )

    def compute_dtype(self, device: torch.device) -> torch.dtype:
        """Return the dtype to compute in; "auto" is bf16 where the device has units for it."""
        if self.precision == "fp32":
            return torch.float32
        if self.precision == "bf16" or device.type != "cpu" or _cpu_has_bf16():
            return torch.bfloat16
        return torch.float32


def _cpu_has_bf16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _require(name: str, value: object, good: bool, wanted: str) -> None:
    if not good:
        raise UsageError(f"{name} must be {wanted}, not {value!r}", where=name)
