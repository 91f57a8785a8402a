"""Errors that a person can act on: what is wrong, where it is, how to fix it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_LONGEST = 80


class LexomeError(Exception):
    """Something failed for a reason that the user can see and mend.

    `what` says what is wrong, `where` names the file, record, line or key, and `fix` says what
    to do about it. The command line prints the three and exits with status 1; no traceback.
    """

    exit_status = 1

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix:   {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders by re-calling the class; keyword arguments need help.
        return (_rebuild, (type(self), self.what, self.where, self.fix))


class UsageError(LexomeError):
    """The request itself is wrong: an unknown option, key or name. Exit status 2."""

    exit_status = 2


class DamagedFileError(LexomeError):
    """A file is torn, corrupt, or not what its checksum promised."""


@contextmanager
def located(where: str) -> Iterator[None]:
    """Put `where` before the place that an error of the block names, if it names one."""
    try:
        yield
    except LexomeError as error:
        place = f"{where}, {error.where}" if error.where else where
        raise type(error)(error.what, where=place, fix=error.fix) from error


def _rebuild(kind: type[LexomeError], what: str, where: str | None, fix: str | None) -> LexomeError:
    return kind(what, where=where, fix=fix)


def quoted(value: object) -> str:
    """Return a value in quotes, as errors show it: of a long one the beginning."""
    text = value if isinstance(value, str) else repr(value)
    if len(text) <= _LONGEST:
        return repr(value)
    return f"{text[:_LONGEST]!r}… ({len(text):,} characters)"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a phrase that suggests the known names closest to `name`, or lists them all."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(repr(c) for c in close)}?"
    return f"known: {', '.join(names)}"
