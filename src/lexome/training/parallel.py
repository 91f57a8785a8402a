"""Several workers on one model: started by `torchrun`, sharded by FSDP2, quiet when alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from lexome.errors import LexomeError
from lexome.model import Transformer
from lexome.training.machine import default_device


@dataclass(frozen=True)
class World:
    """This worker among its fellows."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this worker is the one that writes and speaks."""
        return self.rank == 0

    def rows(self, count: int) -> slice:
        """Return which of `count` rows of a batch are this worker's."""
        share = count // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def sum(self, values: Tensor) -> Tensor:
        """Return `values` summed over all workers."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def agree(self, value: Any) -> Any:
        """Return the first worker's value on every worker."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def gather(self, value: Any) -> list[Any]:
        """Return every worker's value, in the order of the workers."""
        if self.size == 1:
            return [value]
        values = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def any(self, flag: bool) -> bool:
        """Return whether the flag is up on any worker."""
        if self.size == 1:
            return flag
        return bool(self.sum(torch.tensor(float(flag), device=self.device)).item())

    def wait(self) -> None:
        """Wait until all workers are here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def world() -> Iterator[World]:
    """Yield this process's place in the world; under `torchrun` join the others first."""
    device = default_device()
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(0, 1, device)
        return
    if device.type != "cpu":
        device = torch.device(device.type, int(os.environ["LOCAL_RANK"]))
        torch.accelerator.set_device_index(device.index)
    dist.init_process_group("gloo" if device.type == "cpu" else None)
    try:
        yield World(dist.get_rank(), size, device)
    finally:
        dist.destroy_process_group()


def local(tensor: Tensor) -> Tensor:
    """Return this worker's share of a tensor; all of it where it is not sharded."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def check_batch(rows: int, workers: int) -> None:
    """Raise `LexomeError` unless the workers can share `rows` evenly."""
    if rows % workers:
        raise LexomeError(
            f"{workers} workers cannot share a batch of {rows} rows evenly",
            where="training.batch_size",
            fix=f"choose a multiple of {workers}",
        )


def shard(model: Transformer, world: World) -> None:
    """Move a model to this worker's device, or its share where there are several workers.

    Parameters, gradients and optimizer state are sharded block by block, so a model that no
    single device could hold moves too.
    """
    if world.size == 1:
        model.to(world.device)
        return
    mesh = init_device_mesh(world.device.type, (world.size,))
    policy = MixedPrecisionPolicy(param_dtype=model.compute_dtype, reduce_dtype=torch.float32)
    for block in model.layers:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)
