"""A small base, and pairs of texts for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from small import copies, prepared, text_base

from lexome.corpus import Corpus


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_base(tmp_path_factory.mktemp("text") / "base")


@pytest.fixture(scope="session")
def pairs(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Texts, and the same in capitals."""
    folder = tmp_path_factory.mktemp("pairs")
    return prepared(folder / "corpus", base, "translation", copies(folder))
