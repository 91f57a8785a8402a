"""A causal Transformer packed for one purpose: the next token of each row, soonest.

At one token a row, a step is bound by the reading of weights and by the number of small
operations. So the weights are cast once, queries, keys and values come from one product, gate and
up-projection too, and queries and keys are normed and rotated together. The mathematics are those
of `lexome.model.transformer`; prompts are read by that class itself.

Shapes: B rows, W width, H heads, K key-value heads, D head width, S slots read, V vocabulary.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lexome.errors import UsageError
from lexome.generation.cache import Cache
from lexome.generation.features import PromptFeatures, beside
from lexome.model.layers import Linear, Norm
from lexome.model.transformer import Block, FeedForward, Transformer, rotary_angles

Map = Callable[[Tensor], Tensor]

_FEW_ROWS = 4


class Place:
    """Where the rows stand: their positions, with what follows from them for every layer.

    `positions` is one number where all rows are equally long, else one a row, [B].
    """

    def __init__(self, decoder: Decoder, positions: int | Tensor, cache: Cache) -> None:
        dtype = cache.keys[0].dtype
        self.rotation = None
        if decoder.rotation is not None:
            cosine, sine = decoder.rotation
            self.rotation = cosine[positions].to(dtype), sine[positions].to(dtype)
        if isinstance(positions, int):
            self.slots = positions + 1
            self.index: tuple[slice | Tensor, int | Tensor] = (slice(None), positions)
            # Multiplied by a factor of zero, so that it is never read.
            self.mask, self.masked = torch.empty(1, dtype=dtype, device=decoder.device), 0
            return
        positions = positions.repeat_interleave(cache.heads)
        place = torch.arange(max(len(positions), cache.slots), device=positions.device)
        self.slots = int(positions.max()) + 1
        self.index = (place[: len(positions)], positions)
        hidden = place[: self.slots] > positions.unsqueeze(-1)
        mask = torch.zeros(hidden.shape, dtype=dtype, device=positions.device)
        self.mask, self.masked = mask.masked_fill(hidden, -torch.inf).unsqueeze(-1), 1


class Decoder:
    """The weights of a causal `Transformer`, in one dtype, in the form that a step wants."""

    def __init__(self, model: Transformer, dtype: torch.dtype) -> None:
        config = model.config
        if config.attention != "causal":
            raise UsageError(
                f"a {config.family} model sees both sides of a token, it cannot go on with a text",
                where="model",
                fix="let it fill in masked tokens: lexome fill",
            )
        if any(config.attention_windows) or config.token_types or config.mask_dropout_token:
            raise UsageError(
                "generation knows no causal model with windows, token types or mask dropout",
                where="model",
                fix="load this model with transformers",
            )
        self.config = config
        self.dtype = dtype
        self.model = model
        self.embedding = model.embedding.weight.detach().to(dtype)
        self.learned = None
        if config.positions == "learned":
            self.learned = model.position_embedding.weight.detach()
            self.embedding = model.embedding.weight.detach()
        self.embedding_norm = _norm(model.embedding_norm, dtype)
        self.layers = [_Layer(cast(Block, block), dtype) for block in model.layers]
        self.final_norm = _norm(model.final_norm, dtype)
        self.head = copy.deepcopy(model.head).to(dtype)
        self.rotation = None
        if config.positions == "rotary":
            positions = torch.arange(config.context, device=self.device)
            cosine, sine = rotary_angles(config, config.rotary_base, positions).unbind(0)
            # A pair (a, b) turns to (a cos - b sin, b cos + a sin): the flipped pair gets ∓ sin.
            self.rotation = cosine[:, None, None], torch.stack((-sine, sine), 1)[:, None]

    @property
    def device(self) -> torch.device:
        """Return the device of the weights."""
        return self.embedding.device

    def cache(self, rows: int, slots: int) -> Cache:
        """Return an empty cache for `rows` of up to `slots` tokens.

        On a CPU small batched products in bf16 take several times as long as in fp32, so few
        rows have a cache in fp32; many are bound by reading it.
        """
        small = self.device.type == "cpu" and rows <= _FEW_ROWS
        dtype = torch.float32 if small else self.dtype
        return Cache(self.config, rows, slots, dtype, self.device)

    def read(
        self,
        prompts: Sequence[Sequence[int]],
        cache: Cache,
        features: PromptFeatures | None = None,
    ) -> Tensor:
        """Read whole prompts into the cache; return the logits [B, V] after each one's last token.

        Prompts of one length go through the model together, so none of them is padded. `features`
        are what a front end reads beside each of them.
        """
        logits = torch.empty(len(prompts), self.config.vocab_size, device=self.device)
        lengths = sorted({len(prompt) for prompt in prompts})
        with computing_in(self.model, self.dtype):
            for length in lengths:
                rows = [row for row, prompt in enumerate(prompts) if len(prompt) == length]
                tokens = torch.tensor([list(prompts[row]) for row in rows], device=self.device)
                heard = None
                if features is not None:
                    heard = beside(tokens, [features[row] for row in rows], self.model)
                filled = cache.prefill(rows)
                last = self.model.trunk(tokens, cache=filled, features=heard)[:, -1]
                logits[rows] = self.head(last).float()
        return logits

    def step(self, tokens: Tensor, positions: int | Tensor, cache: Cache) -> Tensor:
        """Add one token [B] a row at `positions`; return the logits [B, V] after it."""
        place = Place(self, positions, cache)
        x = F.embedding(tokens, self.embedding)
        if self.learned is not None:
            x = (x + self.learned[positions]).to(self.dtype)
        x = self.embedding_norm(x)
        for layer, keys, values in zip(self.layers, cache.keys, cache.values, strict=True):
            x = layer(x, place, keys, values)
        logits: Tensor = self.head(self.final_norm(x))
        return logits


class _Layer:
    """One block with its products joined."""

    def __init__(self, block: Block, dtype: torch.dtype) -> None:
        attention, config = block.attention, block.attention.config
        self.pre = block.pre
        self.heads, self.kv_heads, self.width = config.heads, config.kv_heads, config.head_width
        self.scale = config.head_width**-0.5
        self.turned = (config.heads + config.kv_heads) * config.head_width
        self.attention_norm = _norm(block.attention_norm, dtype)
        self.mlp_norm = _norm(block.mlp_norm, dtype)
        self.query_key_value = _linear(dtype, attention.query, attention.key, attention.value)
        self.output = _linear(dtype, attention.output)
        self.norm_after = config.qk_norm == "after_rotary"
        self.head_norm: Map | None = None
        if config.qk_norm != "none":
            self.head_norm = _head_norm(
                attention.query_norm, attention.key_norm, config.heads, config.kv_heads, dtype
            )
        self.feed_forward = _feed_forward(block.mlp, dtype)

    def __call__(self, x: Tensor, place: Place, keys: Tensor, values: Tensor) -> Tensor:
        if self.pre:
            x = x + self.attend(self.attention_norm(x), place, keys, values)
            return x + self.feed_forward(self.mlp_norm(x))
        x = self.attention_norm(x + self.attend(x, place, keys, values))
        return self.mlp_norm(x + self.feed_forward(x))

    def attend(self, x: Tensor, place: Place, keys: Tensor, values: Tensor) -> Tensor:
        """Return attention's output [B, W]; `keys` and `values` [B·K, S, D] get the new ones."""
        rows, slots = x.shape[0], place.slots
        joined = self.query_key_value(x).to(keys.dtype)
        turned = joined[:, : self.turned].view(rows, self.heads + self.kv_heads, self.width)
        if self.head_norm is not None and not self.norm_after:
            turned = self.head_norm(turned)
        if place.rotation is not None:
            turned = _rotate(turned, *place.rotation)
        if self.head_norm is not None and self.norm_after:
            turned = self.head_norm(turned)
        query = turned[:, : self.heads].reshape(rows * self.kv_heads, -1, self.width)
        keys[place.index] = turned[:, self.heads :].reshape(-1, self.width)
        values[place.index] = joined[:, self.turned :].reshape(-1, self.width)
        # Keys stand first in the product: that way each is read in one piece.
        scores = torch.baddbmm(
            place.mask,
            keys[:, :slots],
            query.transpose(1, 2),
            beta=place.masked,
            alpha=self.scale,
        )
        shares = scores.transpose(1, 2).softmax(-1)  # [B·K, H / K, S]
        mixed = torch.bmm(shares, values[:, :slots])
        return self.output(mixed.view(rows, -1).to(x.dtype))


def _linear(dtype: torch.dtype, *parts: Linear) -> Map:
    """Return one map that gives the outputs of all `parts` side by side."""
    weight = torch.cat([part.weight.detach() for part in parts]).to(dtype)
    biases = [part.bias.detach() for part in parts if isinstance(part.bias, Tensor)]
    bias = torch.cat(biases).to(dtype) if biases else None
    if _packs(weight):
        # oneDNN's own layout, as in torch.compile's code: up to twice as fast as a plain product.
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, 1)
        product = torch.ops.mkldnn._linear_pointwise.default
        return lambda x: cast(Tensor, product(x, packed, bias, "none", [], ""))
    # One row times a wide matrix is read fastest along the outputs, times a tall one along the
    # inputs (fp32 on a CPU; nothing lost elsewhere).
    wide = weight.shape[0] > weight.shape[1]
    matrix = weight.t().contiguous() if wide else weight.contiguous().t()
    if bias is None:
        return lambda x: torch.mm(x, matrix)
    return lambda x: torch.addmm(bias, x, matrix)


def _packs(weight: Tensor) -> bool:
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    on_cpu = weight.device.type == "cpu" and available
    bf16 = weight.dtype == torch.bfloat16
    return on_cpu and bf16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _norm(norm: nn.Module | None, dtype: torch.dtype) -> Map:
    if not isinstance(norm, Norm):
        return lambda x: x
    return _normed(norm, _cast(norm.weight, dtype), _cast(norm.bias, dtype))


def _normed(norm: Norm, weight: Tensor | None, bias: Tensor | None) -> Map:
    """Return a norm of the kind of `norm` with a scale and a shift of its own."""
    shape, eps = norm.shape, norm.eps
    if norm.kind in ("rms", "rms_plain"):
        return lambda x: F.rms_norm(x, shape, weight, eps)
    return lambda x: F.layer_norm(x, shape, weight, bias, eps)


def _head_norm(query: Norm, key: Norm, heads: int, kv_heads: int, dtype: torch.dtype) -> Map:
    """Return the norms of queries and keys as one map of [B, H + K, D]."""
    norm = _normed(query, None, None)
    if query.weight is None or key.weight is None:
        return norm
    scale = torch.cat((query.weight.expand(heads, -1), key.weight.expand(kv_heads, -1)))
    scale = scale.detach().to(dtype)
    if query.bias is None or key.bias is None:
        return lambda x: norm(x) * scale
    shift = torch.cat((query.bias.expand(heads, -1), key.bias.expand(kv_heads, -1)))
    shift = shift.detach().to(dtype)
    return lambda x: torch.addcmul(shift, norm(x), scale)


def _feed_forward(mlp: FeedForward, dtype: torch.dtype) -> Map:
    down = _linear(dtype, mlp.down)
    if mlp.kind in ("swiglu", "geglu"):
        both = _linear(dtype, mlp.gate, mlp.up)
        middle = mlp.up.out_features
        curve = F.silu if mlp.kind == "swiglu" else F.gelu

        def gated(x: Tensor) -> Tensor:
            joined = both(x)
            return down(curve(joined[:, :middle]).mul_(joined[:, middle:]))

        return gated
    up = _linear(dtype, mlp.up)
    match mlp.kind:
        case "relu_squared":
            return lambda x: down(F.relu(up(x)).square_())
        case "gelu_tanh":
            return lambda x: down(F.gelu(up(x), approximate="tanh"))
        case _:
            return lambda x: down(F.gelu(up(x)))


def _rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotate each pair (i, i + D/2) of the heads [B, H, D]; see `Decoder.rotation`."""
    pairs = x.view(*x.shape[:-1], 2, -1)
    return torch.addcmul(pairs * cosine, pairs.flip(-2), sine).flatten(-2)


def _cast(weight: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    return None if weight is None else weight.detach().to(dtype)


@contextmanager
def computing_in(model: Transformer, dtype: torch.dtype) -> Iterator[None]:
    """Let `model` compute in `dtype` inside the block, without gradients."""
    before = model.compute_dtype
    model.compute_dtype = dtype
    try:
        with torch.inference_mode():
            yield
    finally:
        model.compute_dtype = before
