"""`python -m lexome` and `torchrun -m lexome` are the `lexome` command."""

from __future__ import annotations

from lexome.cli import main

main()
