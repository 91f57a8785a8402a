"""One Transformer: causal or bidirectional, in every shape that `TransformerConfig` can say.

Shapes in comments: B sequences, T positions, W width, H heads, K key-value heads, D head width,
V vocabulary. Parameters are kept in the dtype they were made in (fp32 for training); activations
have the dtype `compute_dtype`, and each weight is cast to it where it is used.

Sources: Vaswani et al. 2017 (attention), Su et al. 2021 (rotary positions), Zhang & Sennrich 2019
(RMS norm), Shazeer 2020 (gated units), So et al. 2021 (squared ReLU), Ainslie et al. 2023
(grouped queries).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lexome.errors import UsageError
from lexome.model.attention import (
    attend,
    attention_mask,
    attention_probabilities,
    places_in_documents,
)
from lexome.model.config import TransformerConfig
from lexome.model.layers import FRONT_END, FrontEnd, Linear, Norm

ESM_TRAINING_MASK_RATE = 0.15 * 0.8


class KeyValueCache(Protocol):
    """What attention asks of a cache during generation."""

    def positions(self, length: int) -> Tensor:
        """Return the positions [T] of the `length` tokens that are now read."""
        ...

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add new keys and values [B, K, T, D]; return all of the layer's, [B, K, S, D]."""
        ...

    def mask(self, length: int, window: int) -> Tensor | None:
        """Return which of the S cached keys each new query sees; `None` if plainly causal."""
        ...


def rotary_angles(config: TransformerConfig, base: float, positions: Tensor) -> Tensor:
    """Return cosines and sines [2, T, D/2] of the rotary angles at `positions` [T], fp32."""
    exponents = torch.arange(0, config.head_width, 2, device=positions.device) / config.head_width
    # 1 / x and not x^-1: the last bit of a frequency shows after a thousand positions.
    angles = torch.outer(positions.float(), 1.0 / base**exponents)
    sines = -angles.sin() if config.rotary_reversed else angles.sin()
    return torch.stack((angles.cos(), sines))


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Rotate each pair (i, i + D/2) of the heads `x` [B, T, H, D] by `rotation` [2, T, D/2]."""
    cosine, sine = rotation.to(x.dtype).unsqueeze(-2).unbind(0)
    # Slices would cost a zero-filled scatter each in the backward pass; unbind and stack do not.
    first, second = x.view(*x.shape[:-1], 2, -1).unbind(-2)
    turned = (first * cosine - second * sine, second * cosine + first * sine)
    return torch.stack(turned, dim=-2).flatten(-2)


class Attention(nn.Module):
    """Multi-head attention with grouped queries, rotary positions and query-key norms."""

    def __init__(self, config: TransformerConfig, layer: int) -> None:
        super().__init__()
        self.config = config
        self.layer = layer
        self.window = config.attention_windows[layer] if config.attention_windows else 0
        query_width = config.heads * config.head_width
        shared_width = config.kv_heads * config.head_width
        self.query = Linear(config.width, query_width, bias=config.qkv_bias)
        self.key = Linear(config.width, shared_width, bias=config.qkv_bias)
        self.value = Linear(config.width, shared_width, bias=config.qkv_bias)
        self.output = Linear(query_width, config.width, bias=config.projection_bias)
        if config.qk_norm != "none":
            self.query_norm = Norm(config, config.head_width)
            self.key_norm = Norm(config, config.head_width)

    def heads(self, x: Tensor, rotation: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries [B, H, T, D], keys and values [B, K, T, D] of `x` [B, T, W]."""
        head_shape = (-1, self.config.head_width)
        query = self.query(x).unflatten(-1, head_shape)
        key = self.key(x).unflatten(-1, head_shape)
        value = self.value(x).unflatten(-1, head_shape)
        if self.config.qk_norm == "before_rotary":
            query, key = self.query_norm(query), self.key_norm(key)
        if rotation is not None:
            query, key = rotate(query, rotation), rotate(key, rotation)
        if self.config.qk_norm == "after_rotary":
            query, key = self.query_norm(query), self.key_norm(key)
        return query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)

    def forward(
        self,
        x: Tensor,
        rotation: Tensor | None,
        mask: Tensor | None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        query, key, value = self.heads(x, rotation)
        if cache is not None:
            key, value = cache.extend(self.layer, key, value)
        causal = self.config.attention == "causal" and mask is None
        mixed = attend(query, key, value, causal=causal, mask=mask)  # [B, H, T, D]
        output: Tensor = self.output(mixed.transpose(1, 2).flatten(-2))
        return output


class FeedForward(nn.Module):
    """The position-wise block: up, non-linearity (gated or not), down."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.kind = config.mlp
        if config.gated:
            self.gate = Linear(config.width, config.mlp_width, bias=config.mlp_bias)
        self.up = Linear(config.width, config.mlp_width, bias=config.mlp_bias)
        self.down = Linear(config.mlp_width, config.width, bias=config.mlp_bias)

    def forward(self, x: Tensor) -> Tensor:
        match self.kind:
            case "swiglu":
                hidden = F.silu(self.gate(x)) * self.up(x)
            case "geglu":
                hidden = F.gelu(self.gate(x)) * self.up(x)
            case "relu_squared":
                hidden = F.relu(self.up(x)).square()
            case "gelu_tanh":
                hidden = F.gelu(self.up(x), approximate="tanh")
            case _:
                hidden = F.gelu(self.up(x))
        output: Tensor = self.down(hidden)
        return output


class Dropout(nn.Module):
    """Zeroes a share of the features at random and scales the others up; with `rate` None, nothing.

    The rate is a tensor, so that scoring with a rate of 0 runs the graph that was compiled.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rate: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.rate is None:
            return x
        kept = torch.rand_like(x, dtype=torch.float32) >= self.rate
        return x * (kept / (1 - self.rate)).to(x.dtype)


class Block(nn.Module):
    """Attention, then feed-forward, each added to the residual stream."""

    def __init__(self, config: TransformerConfig, layer: int) -> None:
        super().__init__()
        self.dropout = Dropout()
        self.pre = config.norm_order == "pre"
        plain_first = layer == 0 and not config.first_attention_norm
        self.attention_norm = nn.Identity() if plain_first else Norm(config, config.width)
        self.attention = Attention(config, layer)
        self.mlp_norm = Norm(config, config.width)
        self.mlp = FeedForward(config)

    def forward(
        self,
        x: Tensor,
        rotation: Tensor | None,
        mask: Tensor | None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        if self.pre:
            x = x + self.dropout(self.attention(self.attention_norm(x), rotation, mask, cache))
            x = x + self.dropout(self.mlp(self.mlp_norm(x)))
        else:
            x = self.attention_norm(x + self.dropout(self.attention(x, rotation, mask, cache)))
            x = self.mlp_norm(x + self.dropout(self.mlp(x)))
        return x


class Head(nn.Module):
    """From the last residual stream to one logit for each token of the vocabulary."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.softcap = config.logit_softcap
        self.transform: Linear | None = None
        if config.head == "transform":
            self.transform = Linear(config.width, config.width, bias=config.head_transform_bias)
            self.norm = Norm(config, config.width, config.head_norm)
        self.unembedding = Linear(config.width, config.vocab_size, bias=config.head_bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.transform is not None:
            x = self.norm(F.gelu(self.transform(x)))
        logits: Tensor = self.unembedding(x)
        if self.softcap is not None:
            logits = self.softcap * torch.tanh(logits.float() / self.softcap)
        return logits


class Transformer(nn.Module):
    """Tokens [B, T], and features where there is a front end, to logits [B, T, V]."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.compute_dtype = torch.float32
        self.embedding = nn.Embedding(config.vocab_size, config.width)
        if config.positions == "learned":
            self.position_embedding = nn.Embedding(config.context, config.width)
        if config.token_types:
            self.token_type_embedding = nn.Embedding(config.token_types, config.width)
        self.embedding_norm = Norm(config, config.width) if config.embedding_norm else None
        self.layers = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.final_norm = Norm(config, config.width) if config.final_norm else None
        self.head = Head(config)
        # Last, so that what stands before is drawn alike with and without it.
        self.front_end = FrontEnd(config) if config.features else None
        if config.tied:
            self.head.unembedding.weight = self.embedding.weight

    def forward(
        self,
        tokens: Tensor,
        segments: Tensor | None = None,
        cache: KeyValueCache | None = None,
        features: Tensor | None = None,
        places: Tensor | None = None,
    ) -> Tensor:
        """Return logits [B, T, V]; with `places` [N], those of N of the B·T positions, [N, V].

        `segments` [B, T] numbers the documents of each row: tokens attend only inside theirs.
        With a `cache`, `tokens` continue what the cache has seen. `features` [B, T, F] are what
        the front end reads, zeros where no frame stands.
        """
        x = self.trunk(tokens, segments, cache, features)
        if places is not None:
            x = x.flatten(0, 1).index_select(0, places)
        logits: Tensor = self.head(x)
        return logits

    def trunk(
        self,
        tokens: Tensor,
        segments: Tensor | None = None,
        cache: KeyValueCache | None = None,
        features: Tensor | None = None,
    ) -> Tensor:
        """Return the last residual stream [B, T, W], normed, before the head."""
        x, positions = self._start(tokens, segments, cache, features)
        for block, rotation, mask in self._layers(tokens, positions, segments, cache):
            x = block(x, rotation, mask, cache)
        return x if self.final_norm is None else self.final_norm(x)

    def set_dropout(self, rate: Tensor | None) -> None:
        """Let every block drop a share `rate` [] of what it adds; `None`, as at first: none."""
        for module in self.modules():
            if isinstance(module, Dropout):
                module.rate = rate

    def attention_maps(self, tokens: Tensor) -> Tensor:
        """Return the attention probabilities [layers, B, H, T, T] of every layer over `tokens`."""
        maps = []
        x, positions = self._start(tokens, None, None)
        for block, rotation, mask in self._layers(tokens, positions, None, None):
            inputs = block.attention_norm(x) if block.pre else x
            query, key, _ = block.attention.heads(inputs, rotation)
            causal = self.config.attention == "causal" and mask is None
            maps.append(attention_probabilities(query, key, causal=causal, mask=mask))
            x = block(x, rotation, mask)
        return torch.stack(maps)

    @torch.no_grad()
    def initialise(self, seed: int) -> None:
        """Draw starting weights: each block begins as the identity, each map keeps the variance.

        Maps into a block are uniform with variance 1 / fan-in, maps back to the residual stream
        are zero, the unembedding is near zero, so the first loss is the logarithm of the
        vocabulary size and depth costs nothing at the start (nanochat's recipe; Zhang et al. 2019).
        A tied unembedding cannot be near zero: a causal model then begins by expecting its input.
        """
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in self.named_parameters():
            if parameter.ndim < 2:
                parameter.fill_(1.0 if name.endswith("norm.weight") else 0.0)
            elif name.endswith(("attention.output.weight", "mlp.down.weight")):
                parameter.zero_()
            elif "embedding" in name:
                parameter.normal_(0.0, self._embedding_scale(name), generator=generator)
            else:
                bound = math.sqrt(3.0 / parameter.shape[1])
                if name == f"{FRONT_END}outer.weight":
                    # What it adds is to be about as large as the embedding that it is added to.
                    bound *= self._embedding_scale("embedding")
                parameter.uniform_(-bound, bound, generator=generator)

    def _embedding_scale(self, name: str) -> float:
        if name.startswith("head.") and not self.config.tied:
            return 0.001
        return 0.02 if self.config.tied else 1.0

    def _start(
        self,
        tokens: Tensor,
        segments: Tensor | None,
        cache: KeyValueCache | None,
        features: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the embedded tokens [B, T, W] and their positions [T]."""
        length = tokens.shape[1]
        if length > self.config.context:
            raise UsageError(
                f"the model reads at most {self.config.context} tokens at once, not {length}",
                where="model",
                fix="cut the sequence, or train a model with a longer context",
            )
        if cache is None:
            positions = torch.arange(length, device=tokens.device)
        else:
            positions = cache.positions(length)
        x = self.embedding(tokens)
        if self.config.mask_dropout_token is not None:
            x = self._drop_masks(x, tokens == self.config.mask_dropout_token, segments)
        if features is not None and self.front_end is not None:
            x = x + self.front_end(features)
        if self.config.positions == "learned":
            # Rotary angles tell distances alone; these would tell where in a row a document is.
            counted = positions if segments is None else places_in_documents(segments)
            x = x + self.position_embedding(counted)
        if self.config.token_types:
            x = x + self.token_type_embedding.weight[0]
        x = x.to(self.compute_dtype)
        return x if self.embedding_norm is None else self.embedding_norm(x), positions

    @staticmethod
    def _drop_masks(x: Tensor, masked: Tensor, segments: Tensor | None) -> Tensor:
        """Return embeddings whose `masked` [B, T] ones are 0 and whose others make up for them.

        As in ESM-2: the sum over a document is what it would be at the mask rate of its training.
        """
        hidden = masked.float()
        if segments is None:
            shown = 1.0 - hidden.mean(dim=1, keepdim=True)
        else:
            same = (segments.unsqueeze(-1) == segments.unsqueeze(-2)).float()
            shown = 1.0 - (same @ hidden.unsqueeze(-1)).squeeze(-1) / same.sum(dim=-1)
        # Where nothing is shown there is nothing to scale, and nothing to divide by.
        scale = (1.0 - ESM_TRAINING_MASK_RATE) / shown.clamp(min=1.0 / masked.shape[1])
        return x.masked_fill(masked.unsqueeze(-1), 0.0) * scale.unsqueeze(-1)

    def _layers(
        self,
        tokens: Tensor,
        positions: Tensor,
        segments: Tensor | None,
        cache: KeyValueCache | None,
    ) -> Iterator[tuple[Block, Tensor | None, Tensor | None]]:
        """Yield each block with its rotation and its attention mask, computed once a kind."""
        config = self.config
        rotations: dict[float, Tensor | None] = {}
        masks: dict[int, Tensor | None] = {}
        length = tokens.shape[1]
        for block in self.layers:
            assert isinstance(block, Block)
            window = block.attention.window
            local_base = config.local_rotary_base if window else None
            base = config.rotary_base if local_base is None else local_base
            if base not in rotations:
                rotary = config.positions == "rotary"
                rotations[base] = rotary_angles(config, base, positions) if rotary else None
            if window not in masks:
                if cache is not None:
                    masks[window] = cache.mask(length, window)
                else:
                    masks[window] = attention_mask(
                        length, config.attention == "causal", window, segments, tokens.device
                    )
            yield block, rotations[base], masks[window]
