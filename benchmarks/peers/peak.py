"""What a large matrix product reaches on this machine now: the denominator of model FLOP/s.

`peak(dtype, sizes)` can be imported; run as a script it prints one JSON line per precision and way.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from measure import Interval, LoadWatch, emit, rate_summary, tick

Shape = tuple[int, int, int]

LARGE: Shape = (4096, 4096, 4096)
CACHED: tuple[Shape, ...] = (
    (512, 512, 512),
    (1024, 1024, 1024),
    (2048, 2048, 2048),
    (8192, 384, 384),
    (8192, 384, 1024),
    (8192, 384, 1536),
    (8192, 1536, 384),
)


def rates(product: Callable[[], torch.Tensor], flops: float, seconds: float) -> list[Interval]:
    """TFLOP/s of repeated calls, in samples of 0.2 s or one call, for about `seconds`."""
    product()
    start = time.perf_counter()
    product()
    calls = max(1, int(0.2 / (time.perf_counter() - start)))
    samples: list[Interval] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 3:
        began = tick()
        for _ in range(calls):
            product()
        samples.append(Interval.between(began, tick(), calls * flops / 1e12))
    return samples


def matmul(m: int, k: int, n: int, dtype: torch.dtype) -> Callable[[], torch.Tensor]:
    """`[m, k] @ [n, k].T` as a linear layer calls it: MKL in fp32, oneDNN in bf16."""
    x, w = torch.randn(m, k).to(dtype), torch.randn(n, k).to(dtype)
    return lambda: F.linear(x, w)


def pointwise_convolution(m: int, k: int, n: int, dtype: torch.dtype) -> Callable[[], torch.Tensor]:
    """The same product as a 1 x 1 convolution, which PyTorch gives to oneDNN in fp32 too."""
    x = torch.randn(1, k, m, 1).to(dtype).contiguous(memory_format=torch.channels_last)
    w = torch.randn(n, k, 1, 1).to(dtype).contiguous(memory_format=torch.channels_last)
    return lambda: F.conv2d(x, w)


WAYS = {"matmul": matmul, "convolution": pointwise_convolution}


def peak(
    dtype: torch.dtype,
    shapes: Sequence[Shape] = (LARGE,),
    way: str = "matmul",
    seconds: float = 3.0,
) -> dict[Shape, list[Interval]]:
    """Samples of TFLOP/s for each shape (m, k, n); a product counts 2 m k n operations."""
    with torch.inference_mode():
        return {
            shape: rates(WAYS[way](*shape, dtype), 2.0 * shape[0] * shape[1] * shape[2], seconds)
            for shape in shapes
        }


def typical(samples: list[Interval]) -> float:
    """The median of the quiet samples, or of all where none was."""
    found = rate_summary(samples)
    return float((found["quiet"] or found)["median"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each shape")
    parser.add_argument("--way", choices=sorted(WAYS), nargs="+", default=["matmul"])
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], nargs="+")
    parser.add_argument("--precision", choices=["highest", "high", "medium"], default="highest")
    arguments = parser.parse_args()
    torch.set_float32_matmul_precision(arguments.precision)
    for dtype in arguments.dtype or ["bfloat16", "float32"]:
        for way in arguments.way:
            watch = LoadWatch()
            found = peak(getattr(torch, dtype), (LARGE, *CACHED), way, arguments.seconds)
            medians = {shape: typical(samples) for shape, samples in found.items()}
            best = max(medians, key=medians.__getitem__)
            emit(
                "peak",
                {"dtype": dtype, "way": way, "float32_matmul_precision": arguments.precision},
                watch,
                tflops_4096=rate_summary(found[LARGE]),
                tflops_best=rate_summary(found[best]),
                best_shape=best,
                tflops_by_shape={"x".join(map(str, s)): round(m, 3) for s, m in medians.items()},
            )


if __name__ == "__main__":
    main()
