"""Keys and values of what was read, kept so that each new token costs one step.

Shapes: B rows, K key-value heads, D head width, S slots. Each row fills its slots from 0 on, so
rows of different lengths need no padding: the slots past a row's end are never seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lexome.model.attention import attention_mask
from lexome.model.config import TransformerConfig


class Cache:
    """Preallocated keys and values of each layer, [B·K, S, D], a row's heads side by side."""

    def __init__(
        self,
        config: TransformerConfig,
        rows: int,
        slots: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.heads, self.slots = config.kv_heads, slots
        shape = (config.layers, rows * config.kv_heads, slots, config.head_width)
        # Zeros, not whatever was there: a masked slot is multiplied by zero, and NaN stays NaN.
        self._keys = torch.zeros(shape, dtype=dtype, device=device)
        self._values = torch.zeros(shape, dtype=dtype, device=device)
        self.keys = list(self._keys)
        self.values = list(self._values)

    def keep(self, rows: Tensor) -> None:
        """Go on with the rows of these numbers [B], one number as often as wanted."""
        kept = self.places(rows)
        self._keys, self._values = self._keys[:, kept], self._values[:, kept]
        self.keys, self.values = list(self._keys), list(self._values)

    def copy(self, sources: Tensor, start: int, stop: int) -> None:
        """Give each row the slots `start` to `stop` of the row in `sources` [B] at its place.

        Beams of one prompt share the slots before `start`, those from `stop` on are empty.
        """
        origins = self.places(sources)
        for layer in (*self.keys, *self.values):
            part = layer[:, start:stop]
            part.copy_(part.index_select(0, origins))

    def prefill(self, rows: Sequence[int]) -> Prefill:
        """Return what `Transformer.forward` fills with prompts of one length, those of `rows`."""
        return Prefill(self, torch.tensor(rows, device=self._keys.device))

    def places(self, rows: Tensor) -> Tensor:
        """Return where the heads of `rows` stand in the first dimension."""
        return (
            rows.unsqueeze(-1) * self.heads + torch.arange(self.heads, device=rows.device)
        ).flatten()


class Prefill:
    """The `KeyValueCache` of prompts that are read whole, from their first token on."""

    def __init__(self, cache: Cache, rows: Tensor) -> None:
        self._cache = cache
        self._places = cache.places(rows)

    def positions(self, length: int) -> Tensor:
        """Return the positions [T] from 0 on."""
        return torch.arange(length, device=self._places.device)

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Keep keys and values [B, K, T, D]; they are all that there is, so return them."""
        length = key.shape[2]
        keys, values = self._cache.keys[layer], self._cache.values[layer]
        keys[self._places, :length] = key.flatten(0, 1).to(keys.dtype)
        values[self._places, :length] = value.flatten(0, 1).to(values.dtype)
        return key, value

    def mask(self, length: int, window: int) -> Tensor | None:
        """Return which keys each query sees; `None` where the causal kernel knows."""
        return attention_mask(length, True, window, None, self._places.device)


class ReadPrompts:
    """The `KeyValueCache` of prompts of one length that are read once and then gone on from."""

    def __init__(self, length: int, device: torch.device) -> None:
        self.length, self.device = length, device
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def positions(self, length: int) -> Tensor:
        """Return the positions [T] from 0 on."""
        return torch.arange(length, device=self.device)

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Keep the keys and values [B, K, T, D] of the next layer; return them."""
        self.keys.append(key)
        self.values.append(value)
        return key, value

    def mask(self, length: int, window: int) -> Tensor | None:
        """Return which keys each query sees; `None` where the causal kernel knows."""
        return attention_mask(length, True, window, None, self.device)


class BehindPrompts:
    """The `KeyValueCache` of a tree of tokens behind prompts: those of `rows` [B], read before.

    `depths` [T] say how far behind the prompt each token stands, `seen` [T, T] which of them it
    sees. The prompts stay as they were, so all that may follow them can be read side by side.
    """

    def __init__(self, prompts: ReadPrompts, rows: Tensor, depths: Tensor, seen: Tensor) -> None:
        self._prompts, self._rows = prompts, rows
        self._places, self._seen = prompts.length + depths, seen

    def positions(self, length: int) -> Tensor:
        """Return the positions [T] behind the prompts."""
        return self._places

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Return the prompt's keys and values and the new ones, [B, K, L + T, D]."""
        before = self._prompts.keys[layer][self._rows], self._prompts.values[layer][self._rows]
        return torch.cat((before[0], key), 2), torch.cat((before[1], value), 2)

    def mask(self, length: int, window: int) -> Tensor | None:
        """Return which of the keys each new query sees, [T, L + T]."""
        prompt = torch.arange(self._prompts.length, device=self._rows.device)
        seen = torch.cat((self._seen.new_ones(length, len(prompt)), self._seen), 1)
        if window:
            near = self._places[:, None] - torch.cat((prompt, self._places)) <= window
            seen &= near
        return seen
