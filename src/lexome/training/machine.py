"""What this machine does best: precision, compilation, memory, each by measurement."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import torch

from lexome.files import cache_folder

Precision = Literal["fp32", "bf16"]

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_PROBES = (128, 1024)  # sides of the products that measure the speed
_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Speed:
    """What a matrix product reached, in FLOP/s."""

    fp32: float
    bf16: float

    @property
    def best(self) -> Precision:
        """The faster precision."""
        return "bf16" if self.bf16 > self.fp32 else "fp32"

    def choose(self, asked: Precision | Literal["auto"]) -> Precision:
        """Return the precision that is asked for, or for "auto" the faster one."""
        return self.best if asked == "auto" else asked


def prepare() -> None:
    """Set up the process before torch allocates: memory is kept, compiled code is cached.

    glibc gives each large activation back to the system at once, so every step would pay its
    page faults again; kept memory makes a step up to a quarter faster. cuBLAS gives the same bits
    each time only with a workspace of a fixed size.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "inductor"))
    if torch.cuda.is_available():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def default_device() -> torch.device:
    """Return the accelerator if there is one, else the CPU."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return accelerator if accelerator is not None else torch.device("cpu")


@cache
def measure_speed(device: torch.device, seconds: float = 0.3) -> Speed:
    """Return the speed of a square product in both precisions, measured once in a process.

    That takes about twice `seconds`. A precision without instructions of its own may need that
    long for a single product, and is then measured by a smaller one.
    """
    fp32, bf16 = (_rate(DTYPES[name], device, seconds) for name in ("fp32", "bf16"))
    return Speed(fp32, bf16)


def _rate(dtype: torch.dtype, device: torch.device, seconds: float) -> float:
    """Return the FLOP/s of a large product, or of a small one where that says it takes too long."""
    small, large = (torch.randn(side, side, device=device).to(dtype) for side in _PROBES)
    rate = 2 * len(small) ** 3 / _time(partial(torch.mm, small, small), device, 0.0)
    flops = 2 * len(large) ** 3
    if flops / rate > seconds:
        return rate
    return flops / _time(partial(torch.mm, large, large), device, seconds)


@contextmanager
def deterministic() -> Iterator[None]:
    """Make the same inputs give the same bits inside the block: exact resume stands on it."""
    before = torch.are_deterministic_algorithms_enabled()
    settings: Any = torch.utils.deterministic
    filling = settings.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        settings.fill_uninitialized_memory = filling


def forget_peak(device: torch.device) -> None:
    """Let `peak_bytes` tell the most that is held from now on; macOS cannot forget."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif sys.platform == "linux":
        with suppress(OSError):  # a process may be barred from its own /proc
            _FORGET.write_text("5")


def peak_bytes(device: torch.device) -> int:
    """Return the most memory that this process has held, of the accelerator if there is one.

    What Linux's getrusage says of a process is at least what its parent held when it began, so the
    high-water mark of the process's own memory is read there (proc(5), VmHWM).
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "linux":
        with suppress(OSError, StopIteration):
            lines = _STATUS.read_text().splitlines()
            return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024
    kilo = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilo


def synchronize(device: torch.device) -> None:
    """Wait until the device has done its work, so that a clock tells the truth."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _time(call: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Return the seconds of one call: the fastest of several, since noise only slows."""
    call()
    synchronize(device)
    fastest, end = float("inf"), time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        call()
        synchronize(device)
        now = time.perf_counter()
        fastest = min(fastest, now - start)
        if now >= end:
            return fastest
