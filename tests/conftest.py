"""What every test runs under: one thread, no colours, a cache folder of its own."""

from __future__ import annotations

import os

# Before torch is imported by any test module: workers of pytest-xdist share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

# Up to minutes each: begun last, one of them is alone on a core while others have nothing to do.
_LONGEST = (
    "test_docs.py",
    "test_finetune_command.py",
    "test_rebalance_command.py",
    "test_dropout.py",
    "test_adapters.py",
    "test_workers.py",
)

settings.register_profile("lexome", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("lexome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first."""
    order = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep tests out of the user's cache, and the user's cache out of tests.

    The folder of compiled kernels is the exception: compiling again for each test takes minutes.
    """
    os.environ["LEXOME_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["NO_COLOR"] = "1"
