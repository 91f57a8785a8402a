"""What a Transformer is made of: every option that a family known to `transformers` can express."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from lexome.errors import LexomeError

_SIZES = (
    "vocab_size",
    "context",
    "layers",
    "width",
    "heads",
    "kv_heads",
    "head_width",
    "mlp_width",
)


@dataclass(frozen=True)
class TransformerConfig:
    """The shape and the options of one Transformer.

    `family` names the Hugging Face family that expresses these options; `lexome.model.families`
    builds a config of a family. `attention_windows` gives each layer's window: 0 attends to
    everything, w > 0 to keys at most w positions away (ModernBERT's local layers).
    `mask_dropout_token` is ESM-2's way with masked inputs: their embedding is zero, and the others
    are scaled by (1 - 0.12) / (1 - share of masked tokens). `features` is the width of the rows
    that a front end reads beside the tokens (log-mel frames, say), 0 where there is none; no
    family's `config.json` has it.
    """

    family: str
    vocab_size: int
    context: int
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    mlp_width: int

    attention: Literal["causal", "bidirectional"] = "causal"
    positions: Literal["rotary", "learned"] = "rotary"
    rotary_base: float = 10_000.0
    local_rotary_base: float | None = None
    rotary_reversed: bool = False
    attention_windows: tuple[int, ...] = ()

    norm: Literal["rms", "rms_plain", "layer", "layer_no_bias"] = "rms"
    norm_eps: float = 1e-5
    norm_order: Literal["pre", "post"] = "pre"
    embedding_norm: bool = False
    first_attention_norm: bool = True
    final_norm: bool = True
    qk_norm: Literal["none", "before_rotary", "after_rotary"] = "none"

    mlp: Literal["gelu", "gelu_tanh", "relu_squared", "swiglu", "geglu"] = "swiglu"
    qkv_bias: bool = False
    projection_bias: bool = False
    mlp_bias: bool = False
    token_types: int = 0

    tied: bool = False
    head: Literal["linear", "transform"] = "linear"
    head_norm: Literal["layer", "layer_no_bias"] = "layer"
    head_transform_bias: bool = True
    head_bias: bool = False
    logit_softcap: float | None = None
    mask_dropout_token: int | None = None
    initializer_range: float = 0.02
    features: int = 0

    def __post_init__(self) -> None:
        for name in _SIZES:
            if getattr(self, name) < 1:
                raise LexomeError(
                    f"{name} must be at least 1, not {getattr(self, name)}",
                    where=f"model.{name}",
                    fix=f"set a positive {name}",
                )
        if self.heads % self.kv_heads:
            raise LexomeError(
                f"{self.heads} heads cannot share {self.kv_heads} key-value heads evenly",
                where="model.kv_heads",
                fix="choose a number of key-value heads that divides the number of heads",
            )
        if self.positions == "rotary" and self.head_width % 2:
            raise LexomeError(
                f"rotary positions need an even head width, not {self.head_width}",
                where="model.head_width",
                fix="choose a width that is an even multiple of the number of heads",
            )
        if self.attention_windows and len(self.attention_windows) != self.layers:
            raise LexomeError(
                f"{len(self.attention_windows)} attention windows for {self.layers} layers",
                where="model.attention_windows",
                fix="give one window for each layer, 0 for full attention",
            )

    @property
    def gated(self) -> bool:
        """Whether the feed-forward block has a gate beside its up-projection."""
        return self.mlp in ("swiglu", "geglu")

    def to_dict(self) -> dict[str, Any]:
        """Return the options as plain JSON values."""
        return asdict(self)
