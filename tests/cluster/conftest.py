"""Five real hosts, as the README's first command makes them: three with ZooKeeper, master and Marathon, two agents."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mesosctl.errors import ExitCode
from mesosctl.lab import ImageKind, Lab
from tests.conftest import temporary_lab

PASSWORD = "p@ss: /%&<'\"$ ü"
"""For the proxies of the inventory: everything that some file format gives a meaning to."""

PROXY = {
    "http": "http://192.0.2.1:3128",
    "https": "http://192.0.2.1:3128",
    "username": "anna",
    "password": "env:PROXY_PASSWORD",
    "no_proxy": {"domains": ["corp.example"], "cidrs": ["172.30.0.0/16"]},
}


Broken = set[tuple[str, str]]
"""Hosts and tests of promises that are broken."""


@dataclass
class Cluster:
    """A lab, its inventory, and `mesosctl` as a user runs it."""

    lab: Lab
    inventory: Path

    def mesosctl(self, *arguments: str, expect: int = 0, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        """Run a command on this cluster; `expect` is the exit code that it must end with."""
        done = subprocess.run(
            [sys.executable, "-m", "mesosctl", *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def environment(self) -> dict[str, str]:
        return {**os.environ, "MESOSCTL_INVENTORY": str(self.inventory), "PROXY_PASSWORD": PASSWORD}

    def report(self, *arguments: str, expect: int = 0) -> dict[str, Any]:
        """The JSON document of a command."""
        document: dict[str, Any] = json.loads(self.mesosctl(*arguments, "--output", "json", expect=expect).stdout)
        return document

    def status(self) -> dict[str, Any]:
        """What `status` says, whatever that is."""
        command = [sys.executable, "-m", "mesosctl", "status", "--output", "json"]
        done = subprocess.run(command, env=self.environment(), capture_output=True, stdin=subprocess.DEVNULL)
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def broken(self, *arguments: str) -> Broken:
        """Host and test of what `verify` finds broken; its exit code must say the same."""
        command = [sys.executable, "-m", "mesosctl", "verify", "--output", "json", *arguments]
        done = subprocess.run(command, env=self.environment(), capture_output=True, stdin=subprocess.DEVNULL)
        document = json.loads(done.stdout)
        assert not document["failures"], document["failures"]
        found = {(each["host"], each["test"]) for each in document["promises"] if each["status"] == "broken"}
        assert done.returncode == (ExitCode.FAILED if found else ExitCode.OK)
        assert document["ok"] is not bool(found)
        return found

    def comes_to_break(self, expected: Broken) -> None:
        """Wait until `verify` finds that broken, and nothing else: what is stopped takes a moment to be missed."""
        end = time.monotonic() + 180
        while (found := self.broken()) != expected and time.monotonic() < end:
            time.sleep(1)
        assert found == expected, f"missed: {expected - found}; besides: {found - expected}"

    def changed(self, *arguments: str) -> list[str]:
        """`host resource` for all that a run changed."""
        return with_status(self.report(*arguments), "changed")

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the inventory."""
        document = yaml.safe_load(self.inventory.read_text())
        change(document)
        self.inventory.write_text(yaml.safe_dump(document, sort_keys=False))

    def sh(self, host: str, script: str) -> str:
        """The output of a script on a host, without SSH."""
        done = self.lab.exec(host, ["sh", "-c", script])
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def modes(self) -> dict[str, str]:
        """What each ZooKeeper says of itself, "" for one that does not serve."""
        return {host: srvr_mode(self.lab.host(host).address) for host in ("h1", "h2", "h3")}

    def leader(self) -> str:
        return next(host for host, mode in self.modes().items() if mode == "leader")

    def servers(self) -> str:
        """The connection string of the ensemble."""
        return ",".join(f"{self.lab.host(host).address}:2181" for host in ("h1", "h2", "h3"))


def with_status(report: dict[str, Any], status: str) -> list[str]:
    """`host resource` for all results of that status."""
    return [
        f"{name} {result['resource']}"
        for name, host in report["hosts"].items()
        for stage in host["stages"]
        for result in stage["results"]
        if result["status"] == status
    ]


def srvr_mode(address: str) -> str:
    """Ask a ZooKeeper server by its four-letter word, without any client library."""
    try:
        with socket.create_connection((address, 2181), timeout=2) as connection:
            connection.sendall(b"srvr")
            answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    except OSError:
        return ""
    return next((line.removeprefix("Mode: ") for line in answer.splitlines() if line.startswith("Mode: ")), "")


def page(url: str) -> str:
    """What is served there, "" where nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            body: bytes = answer.read()
            return body.decode()
    except OSError:
        return ""


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something holds; fail after that many seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not come to hold in time"
        time.sleep(0.5)


@pytest.fixture(scope="session")
def untouched(state_home: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Five hosts that nothing was done to yet. Modules that use them have to be named in tests/workers.py."""
    with temporary_lab("five", 5, ImageKind.BAKED) as lab:
        cluster = Cluster(lab, tmp_path_factory.mktemp("cluster") / "inventory.yaml")
        cluster.inventory.write_text(lab.inventory_text())
        cluster.edit(lambda document: document.update(proxy=PROXY))
        yield cluster


@pytest.fixture(scope="session")
def first_run(untouched: Cluster) -> dict[str, Any]:
    """The report of the bootstrap from nothing."""
    return untouched.report("bootstrap", "--yes")


@pytest.fixture(scope="session")
def cluster(untouched: Cluster, first_run: dict[str, Any]) -> Cluster:
    """The same hosts, bootstrapped and started."""
    untouched.mesosctl("start-cluster")
    return untouched
