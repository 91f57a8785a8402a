"""How whoever waits hears how far a measurement is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""How much is done, and how much there is."""

Told = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is."""
