"""The command line: options, progress and messages; what a command does lives on lower floors."""

from __future__ import annotations

from lexome.cli.app import main

__all__ = ["main"]
