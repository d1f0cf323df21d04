"""What the fetcher makes of URIs: files, archives, and archives that would leave the sandbox."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mesosctl.runtime.fetcher.download import FetchError, basename, download
from mesosctl.runtime.fetcher.extract import extract, is_archive
from mesosctl.runtime.fetcher.program import Item, Plan, fetch


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        body = f"got {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (self.path in ("/short", "/stalls"))))
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/stalls":
            self.wfile.flush()
            self.server.released.wait(30)  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.released = threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.released.set()  # type: ignore[attr-defined]
        server.shutdown()


def tar(path: Path, mode: str, *members: tarfile.TarInfo | tuple[str, bytes]) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                entry = tarfile.TarInfo(member[0])
                entry.size, entry.mode, entry.uid = len(member[1]), 0o4755, 12345
                archive.addfile(entry, io.BytesIO(member[1]))
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    path = tmp_path / "sandbox"
    path.mkdir()
    return path


def run(sandbox: Path, *items: Item) -> None:
    fetch(Plan(str(sandbox), items, None, 0.5))


def test_files_of_a_web_server_and_of_the_host(server: str, sandbox: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("a b").write_text("local")
    tmp_path.joinpath("tool").write_text("#!/bin/sh")
    run(
        sandbox,
        Item(f"{server}/dir/file"),
        Item(f"{server}/x", output_file="deep/er/name"),
        Item(f"file://{tmp_path}/a%20b"),
        Item(str(tmp_path / "tool"), executable=True, extract=True),
    )
    assert sandbox.joinpath("file").read_text() == "got /dir/file"
    assert sandbox.joinpath("deep/er/name").read_text() == "got /x"
    assert sandbox.joinpath("a%20b").read_text() == "local"
    assert os.access(sandbox / "tool", os.X_OK)


def test_http_goes_through_the_proxy(server: str, sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server)
    monkeypatch.setenv("no_proxy", "")
    run(sandbox, Item("http://files.corp/a"))
    assert sandbox.joinpath("a").read_text() == "got http://files.corp/a"


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("{server}/missing", "HTTP status 404"),
        ("{server}/short", "ended after 10 of 11 bytes"),
        ("{server}/", "names no file"),
        ("http://127.0.0.1:1/x", "refused"),
        ("hdfs://a/b", "scheme 'hdfs'"),
        ("file:///no/such/file", "No such file"),
        ("file://elsewhere/etc/passwd", "another host"),
        ("relative/path", "framework home was not specified"),
    ],
)
def test_what_cannot_be_fetched(server: str, sandbox: Path, uri: str, problem: str) -> None:
    with pytest.raises(FetchError, match=problem):
        run(sandbox, Item(uri.format(server=server)))
    assert list(sandbox.iterdir()) == []


def test_a_download_that_stands_still_is_given_up(server: str, sandbox: Path) -> None:
    with pytest.raises(FetchError, match=r"stands still|ended after"):
        download(f"{server}/stalls", str(sandbox / "x"), 0.2, "")


def test_relative_paths_and_output_files(sandbox: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("home").mkdir()
    tmp_path.joinpath("home/x").write_text("x")
    fetch(Plan(str(sandbox), (Item("x"),), None, 1.0, str(tmp_path / "home")))
    assert sandbox.joinpath("x").read_text() == "x"
    for name in ("../x", "/etc/x", "a/../../x"):
        with pytest.raises(FetchError, match="leads out"):
            run(sandbox, Item(str(tmp_path / "home/x"), output_file=name))


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar", "w"), ("a.tgz", "w:gz"), ("a.tar.bz2", "w:bz2"), ("a.txz", "w:xz")]
)
def test_tar_archives(sandbox: Path, tmp_path: Path, name: str, mode: str) -> None:
    archive = tar(tmp_path / name, mode, ("d/tool", b"tool"), link("d/alias", "tool"), link("d/up", "../d/tool"))
    run(sandbox, Item(str(archive), extract=True))
    found = sandbox / "d/tool"
    assert found.read_text() == sandbox.joinpath("d/alias").read_text() == sandbox.joinpath("d/up").read_text()
    assert (found.stat().st_mode & 0o7777, found.stat().st_uid) == (0o755, os.getuid())
    assert sandbox.joinpath(name).exists()


def test_zip_and_gz(sandbox: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        entry = zipfile.ZipInfo("d/tool")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, "tool")
    tmp_path.joinpath("b.gz").write_bytes(gzip.compress(b"unpacked"))
    run(sandbox, Item(str(tmp_path / "a.zip"), extract=True), Item(str(tmp_path / "b.gz"), extract=True))
    assert os.access(sandbox / "d/tool", os.X_OK)
    assert sandbox.joinpath("b").read_text() == "unpacked"


def test_an_archive_is_left_alone_where_that_is_wished(sandbox: Path, tmp_path: Path) -> None:
    archive = tar(tmp_path / "a.tgz", "w:gz", ("inside", b""))
    run(sandbox, Item(str(archive), extract=False))
    assert [path.name for path in sandbox.iterdir()] == ["a.tgz"]


def test_a_cached_archive_is_not_copied(sandbox: Path, tmp_path: Path) -> None:
    archive = tar(tmp_path / "c00001-a.tgz", "w:gz", ("inside", b"x"))
    run(sandbox, Item("http://host/a.tgz", extract=True, cached=str(archive)))
    assert [path.name for path in sandbox.iterdir()] == ["inside"]


def evil_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("out")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc")


@pytest.mark.parametrize(
    "make",
    [
        lambda path: tar(path, "w", ("../evil", b"x")),
        lambda path: tar(path, "w", ("/tmp/mesosctl-evil", b"x")),
        lambda path: tar(path, "w", link("out", "/etc")),
        lambda path: tar(path, "w", link("out", "..")),
        lambda path: tar(path, "w", link("d/out", "../../x")),
        lambda path: tar(path, "w", link("hard", "../secret", tarfile.LNKTYPE)),
        lambda path: tar(path, "w", link("pipe", "", tarfile.FIFOTYPE)),
    ],
)
def test_archives_that_leave_the_sandbox(sandbox: Path, tmp_path: Path, make: Callable[[Path], Path]) -> None:
    tmp_path.joinpath("secret").write_text("secret")
    with pytest.raises(FetchError, match=r"leads out of the sandbox|no file, directory or link"):
        extract(str(make(tmp_path / "a.tar")), "a.tar", str(sandbox))
    assert list(sandbox.rglob("*")) in ([], [sandbox / "d"])
    assert not tmp_path.joinpath("evil").exists()


def test_links_of_the_sandbox_are_not_followed_out(sandbox: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("elsewhere").mkdir()
    sandbox.joinpath("d").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FetchError, match="leads out"):
        extract(str(tar(tmp_path / "a.tar", "w", ("d/x", b"x"))), "a.tar", str(sandbox))
    evil_zip(tmp_path / "a.zip")
    with pytest.raises(FetchError, match="leads out"):
        extract(str(tmp_path / "a.zip"), "a.zip", str(sandbox))
    assert list(tmp_path.joinpath("elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["a.tar", "a.tgz", "a.zip", "a.gz"])
def test_broken_archives(sandbox: Path, tmp_path: Path, name: str) -> None:
    tmp_path.joinpath(name).write_bytes(b"this is no archive")
    with pytest.raises(FetchError, match="Failed to extract"):
        extract(str(tmp_path / name), name, str(sandbox))


def test_names() -> None:
    assert basename("http://host/a/b.tgz") == "b.tgz"
    assert basename("/a/b") == "b"
    for wrong in ("http://host", "/a/", "/a/..", ""):
        with pytest.raises(FetchError):
            basename(wrong)
    assert [is_archive(name) for name in ("a.tar.gz", "a.zip", "a.gz", "a.txt", "tar")] == [
        True,
        True,
        True,
        False,
        False,
    ]
