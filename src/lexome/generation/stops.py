"""Stop texts: they end the output, also when they span tokens, and never show in it."""

from __future__ import annotations

from collections.abc import Sequence


class StopText:
    """Passes text on up to the first stop text; what could be the start of one waits.

    `stopped` says whether a stop text came. Of several, the one that ends first counts, and of
    those that end together the longest.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = sorted(set(stops), key=len, reverse=True)
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """Return the text that is now sure to stand before every stop text."""
        if self.stopped:
            return ""
        if not self._stops:
            return text
        seen = len(self._held)
        self._held += text
        for end in range(seen + 1, len(self._held) + 1):
            for stop in self._stops:
                if self._held.endswith(stop, 0, end):
                    self.stopped = True
                    before, self._held = self._held[: end - len(stop)], ""
                    return before
        return self._release(self._open())

    def finish(self) -> str:
        """Return what waited: no more text comes, so it is no stop text."""
        return self._release(0)

    def _open(self) -> int:
        """Return the length of the longest end of the held text that a stop text starts with."""
        longest = min(len(self._held), max(map(len, self._stops)) - 1)
        for length in range(longest, 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self._stops):
                return length
        return 0

    def _release(self, kept: int) -> str:
        cut = len(self._held) - kept
        released, self._held = self._held[:cut], self._held[cut:]
        return released
