"""Tarballs of the inventory: fetched from a real server on loopback, refused when they are not what was promised."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mesosctl.distribution.tarball import ensure
from mesosctl.errors import MesosctlError
from mesosctl.inventory.distribution import Tarball
from mesosctl.inventory.model import Cluster, Zookeeper

CONTENT = b"release"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def cluster(tmp_path: Path, location: str, digest: str = DIGEST) -> Cluster:
    zookeeper = Zookeeper(tarball=Tarball(location, digest))
    return Cluster(name="demo", hosts=(), path=tmp_path, state_dir=tmp_path / "state", zookeeper=zookeeper)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "zk.tar.gz").write_bytes(CONTENT)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_local_file_is_verified(tmp_path: Path) -> None:
    (tmp_path / "zk.tar.gz").write_bytes(CONTENT)
    ensure(cluster(tmp_path, str(tmp_path / "zk.tar.gz")))
    with pytest.raises(MesosctlError, match=f"its SHA-256 is {DIGEST}"):
        ensure(cluster(tmp_path, str(tmp_path / "zk.tar.gz"), "0" * 64))
    with pytest.raises(MesosctlError, match="cannot be read"):
        ensure(cluster(tmp_path, str(tmp_path / "other.tar.gz")))


def test_an_address_is_fetched_once(tmp_path: Path, server: str) -> None:
    wanted = cluster(tmp_path, f"{server}/zk.tar.gz")
    ensure(wanted)
    (tmp_path / "www" / "zk.tar.gz").unlink()
    ensure(wanted)
    assert (tmp_path / "state" / "downloads" / DIGEST).read_bytes() == CONTENT


def test_an_address_without_a_file_says_so(tmp_path: Path, server: str) -> None:
    with pytest.raises(MesosctlError, match="cannot be fetched: File not found"):
        ensure(cluster(tmp_path, f"{server}/no.tar.gz"))
    assert not list((tmp_path / "state" / "downloads").glob("*"))
