"""The house stands: each floor imports only from the floors below it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_floor_imports_from_above() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_import_from_above_would_be_found(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src")
    with (tmp_path / "src/lexome/model/config.py").open("a") as module:
        module.write("\nfrom lexome.training.schedules import Schedule as Upward\n")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert "lexome.model.config -> lexome.training.schedules" in done.stdout


def test_the_command_line_starts_without_torch() -> None:
    program = (
        "import sys, lexome.cli.app; heavy = {'torch', 'numpy', 'pyarrow', 'transformers'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
