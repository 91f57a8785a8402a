"""Files: written whole or not at all, with real full, read-only and damaged disks."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lexome import files
from lexome.errors import DamagedFileError, LexomeError


@contextmanager
def full_disk(folder: Path, size: int) -> Iterator[Path]:
    """Give a folder that holds `size` bytes: a small disk for root, a file limit for others."""
    disk = folder / "disk"
    disk.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk],
            capture_output=True,
            check=False,
        ).returncode
    )
    if mounted:
        try:
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)
        return
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield disk
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path: Path) -> None:
    with full_disk(tmp_path, 65536) as disk:
        path = disk / "state.json"
        files.write_text(path, "old")
        with pytest.raises(LexomeError, match=r"disk is full|[Ff]ile too large") as caught:
            files.write_text(path, "x" * 200_000)
        assert caught.value.where == str(path)
        assert path.read_text() == "old"
        assert names(disk) == ["state.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not hold root back")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(LexomeError, match="permission denied"):
        files.write_text(tmp_path / "a", "text")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_read_only_disk_is_named(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(LexomeError, match="the file system is read-only") as caught:
            files.write_json(disk / "a.json", {})
        assert caught.value.where == str(disk / "a.json")
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_what_fails_half_way_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.atomic_path(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    program = (
        "import os, signal, sys; from pathlib import Path; from lexome.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('new'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.json"
    files.write_json(path, {"ä": [1, 2.5, None]})
    assert files.read_json(path) == {"ä": [1, 2.5, None]}
    assert "ä" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_says_who_may_read(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        files.write_text(tmp_path / "a", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "no such file or folder"),
        (lambda path: path.mkdir(), "this is a folder"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, make: object, reason: str) -> None:
    path = tmp_path / "a.json"
    make(path)  # type: ignore[operator]
    with pytest.raises(LexomeError, match=reason) as caught:
        files.read_json(path)
    assert caught.value.where == str(path)


def test_a_path_through_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(LexomeError, match="part of the path is a file"):
        files.read_json(tmp_path / "a" / "b.json")
    with pytest.raises(LexomeError, match=r"is a file|File exists"):
        files.write_text(tmp_path / "a" / "b.json", "")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"a": 1} x'])
def test_broken_json_is_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match="not valid JSON") as caught:
        files.read_json(path)
    assert caught.value.where == str(path)


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    content = bytearray(os.urandom(300_000))
    path.write_bytes(content)
    digest = files.sha256(path)
    files.check_sha256(path, digest)
    content[123_456] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match="the file has changed"):
        files.check_sha256(path, digest)


def test_the_cache_folder_is_the_users_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXOME_CACHE", "/named")
    assert files.cache_folder() == Path("/named")
    monkeypatch.delenv("LEXOME_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert files.cache_folder() == Path("/xdg/lexome")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "/home/me")
    assert files.cache_folder() == Path("/home/me/.cache/lexome")


def test_json_is_written_for_people_too(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"b": 1})
    assert (tmp_path / "a.json").read_text() == json.dumps({"b": 1}, indent=2) + "\n"
