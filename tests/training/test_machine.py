"""The speed of a machine is measured in a moment, however slow one of its precisions is."""

from __future__ import annotations

import time

import pytest
import torch

from lexome.training import machine

CPU = torch.device("cpu")


def test_a_precision_without_instructions_takes_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large product that would take minutes is not begun."""
    sides = {dtype: list[int]() for dtype in machine.DTYPES.values()}
    product = torch.mm

    def slow(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        sides[left.dtype].append(len(left))
        if left.dtype == torch.bfloat16:
            time.sleep(len(left) ** 3 * 1e-8)
        return product(left, right)

    monkeypatch.setattr(torch, "mm", slow)
    speed = machine.measure_speed.__wrapped__(CPU)
    assert speed.best == "fp32" and speed.bf16 < 3e8
    assert max(sides[torch.float32]) == 1024 and max(sides[torch.bfloat16]) == 128


def test_a_process_measures_once() -> None:
    assert machine.measure_speed(CPU) is machine.measure_speed(CPU)
